#!/bin/sh
# Print success, failed or running for a job's id, as Snakemake asks. A job that is gone and left no exit code was
# killed with its shell. Its command line is looked at, too: another process may have its number by now.
if { cat "/proc/$1/cmdline" 2>/dev/null || ps -o args= -p "$1"; } | grep -q snakejob; then
    echo running
elif [ "$(cat ".snakemake/submitted/$1" 2>/dev/null)" = 0 ]; then
    echo success
else
    echo failed
fi
