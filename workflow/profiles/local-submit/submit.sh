#!/bin/sh
# Start a job script in the background and print its id, as a batch system's submit command does. Its exit code
# is kept where status.sh looks for it.
mkdir -p .snakemake/submitted
sh -c 'rm -f ".snakemake/submitted/$$"; sh "$0"; echo $? > ".snakemake/submitted/$$"' "$1" >/dev/null 2>&1 </dev/null &
echo $!
