#!/bin/sh
# Start a job script in the background and print its id, as a batch system's submit command does.
sh "$1" >/dev/null 2>&1 </dev/null &
echo $!
