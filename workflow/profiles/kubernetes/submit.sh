#!/bin/sh
# Submit a job script as a Kubernetes job and print the job's name.
cache=${XDG_CACHE_HOME:-$HOME/.cache}
quoted() { # for YAML between double quotes, then for sed
    printf '%s' "$1" | sed -e 's/[\\"]/\\&/g' -e 's/[\\|&]/\\&/g'
}
sed -e "s|\"SCRIPT\"|\"$(quoted "$1")\"|" -e "s|\"ROOT\"|\"$(quoted "$PWD")\"|" \
    -e "s|\"CACHE\"|\"$(quoted "$cache")\"|" "$(dirname "$0")/job.yaml" | kubectl create -f - -o name
