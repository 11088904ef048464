#!/bin/sh
# Submit a job script as a Kubernetes job and print the job's name.
cache=${XDG_CACHE_HOME:-$HOME/.cache}
sed -e "s|\"SCRIPT\"|\"$1\"|" -e "s|\"ROOT\"|\"$PWD\"|" -e "s|\"CACHE\"|\"$cache\"|" "$(dirname "$0")/job.yaml" |
    kubectl create -f - -o name
