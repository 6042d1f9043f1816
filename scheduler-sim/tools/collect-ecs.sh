#!/usr/bin/env bash
# Collects the state of an Amazon ECS cluster for `scheduler-sim import ecs`. It only reads: ecs:List… and ecs:Describe….
#
#   tools/collect-ecs.sh CLUSTER FOLDER [options of the AWS command line, such as --region eu-west-1 --profile ops]
#   scheduler-sim import ecs FOLDER/*.json -o cluster.json
#
# Needs bash and version 2 of the AWS command line. The files hold what AWS prints, the environment of containers included,
# so they are readable by you alone; the trace made of them does not hold it.
set -euo pipefail
umask 077

if [ "$#" -lt 2 ]; then
    echo "usage: $0 CLUSTER FOLDER [options of the AWS command line]" >&2
    exit 2
fi
cluster=$1 folder=$2
shift 2
mkdir -p "$folder"

ecs() {
    aws ecs "$@" --output json
}

# Lists names, one a line: the command line follows the pages itself.
list() { # QUERY COMMAND [OPTIONS]
    local query=$1
    shift
    aws ecs "$@" --query "$query" --output text | tr '\t' '\n' | grep -v -e '^None$' -e '^$' || [ "$?" -eq 1 ]
}

# Describes what standard input lists, so many at a time, a file each.
describe() { # SIZE FILE COMMAND OPTION [OPTIONS]
    local size=$1 file=$2 command=$3 option=$4 number=0
    shift 4
    local -a batch=()
    flush() {
        [ "${#batch[@]}" -gt 0 ] || return 0
        ecs "$command" --cluster "$cluster" "$option" "${batch[@]}" "$@" >"$folder/$file-$(printf %04d "$number").json"
        number=$((number + 1))
        batch=()
    }
    while IFS= read -r name; do
        batch+=("$name")
        [ "${#batch[@]}" -lt "$size" ] || flush "$@"
    done
    flush "$@"
}

ecs describe-clusters --clusters "$cluster" "$@" >"$folder/cluster.json"
list 'containerInstanceArns[]' list-container-instances --cluster "$cluster" "$@" |
    describe 100 instances describe-container-instances --container-instances "$@"
list 'serviceArns[]' list-services --cluster "$cluster" "$@" |
    describe 10 services describe-services --services "$@"
list 'taskArns[]' list-tasks --cluster "$cluster" "$@" |
    describe 100 tasks describe-tasks --tasks "$@"

# The task definitions that tasks and services name.
number=0
find "$folder" -name 'tasks-*.json' -o -name 'services-*.json' | sort |
    while IFS= read -r file; do
        grep -o 'arn:[^"]*:task-definition/[^"]*' "$file" || [ "$?" -eq 1 ]
    done | sort -u |
    while IFS= read -r definition; do
        ecs describe-task-definition --task-definition "$definition" "$@" >"$folder/definition-$(printf %04d "$number").json"
        number=$((number + 1))
    done

echo "next: scheduler-sim import ecs $folder/*.json -o cluster.json" >&2
