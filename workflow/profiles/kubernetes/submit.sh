#!/bin/sh
# Submit a job script as a Kubernetes job and print the job's name.
sed -e "s|SCRIPT|$1|" -e "s|\"ROOT\"|\"$PWD\"|" "$(dirname "$0")/job.yaml" | kubectl create -f - -o name
