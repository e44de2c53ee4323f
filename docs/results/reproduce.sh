#!/usr/bin/env bash
# SPDX-License-Identifier: MIT
# docs/results/reproduce.sh URL SET DIR — submits one set of the jobs behind docs/results to a running daemon, waits, and
# stores each run's JSON in DIR. The daemon knows the data sets "mnist" and "cifar10" (see README.md beside this script).
set -euo pipefail

url=$1 set=$2 dir=$3
mkdir -p "$dir"

# submit DATASET METHOD PROTOCOL CLASS HELD_OUT TRACE HYPERPARAMETERS — prints the job's id.
submit() {
    jq -n --arg dataset "$1" --arg method "$2" --arg protocol "$3" --arg class "$4" --argjson held_out "$5" \
        --argjson trace "$6" --argjson hyperparameters "$7" --arg model "$1-$2-$3-$4" \
        '{kind: "train", $method, $dataset, $protocol, $class, seed: 0, $held_out, $trace, $model, $hyperparameters}' |
        curl -fsS -X POST "$url/jobs" -H 'Content-Type: application/json' --data-binary @- | jq -r .id
}

# finish JOB FILE — waits for the job and stores its run.
finish() {
    local job state
    while :; do
        job=$(curl -fsS "$url/jobs/$1")
        state=$(jq -r .state <<<"$job")
        case $state in
        succeeded) break ;;
        queued | running) sleep 1 ;;
        *)
            echo "job $1 $state: $(jq -r .failure <<<"$job")" >&2
            return 1
            ;;
        esac
    done
    curl -fsS "$url/runs/$(jq -r .run <<<"$job")" | jq -c . >"$dir/$2.json"
    jq -r '[.method, .dataset, .protocol, .class, (.auroc * 10000 | round / 10000), .chosen_epoch] | @tsv' "$dir/$2.json"
}

# each DATASET METHOD PROTOCOL HYPERPARAMETERS CLASS... — one run a class, all training normals, last epoch's model.
each() {
    local dataset=$1 method=$2 protocol=$3 hyperparameters=$4 class
    shift 4
    for class in "$@"; do
        finish "$(submit "$dataset" "$method" "$protocol" "$class" 0 false "$hyperparameters")" \
            "$dataset-$method-$protocol-$class"
    done
}

digits=(0 1 2 3 4 5 6 7 8 9)
things=(airplane automobile bird cat deer dog frog horse ship truck)
case $set in
baselines)
    each mnist pca one-class '{"components": 16}' "${digits[@]}"
    each mnist pca one-vs-rest '{"components": 16}' "${digits[@]}"
    each mnist kde one-class '{"preprocess": "gcn", "bandwidth": 0.1}' "${digits[@]}"
    each cifar10 kde one-class '{"preprocess": "gcn", "bandwidth": 32}' "${things[@]}"
    each mnist kde one-vs-rest '{"preprocess": "raw", "bandwidth": 0.354}' "${digits[@]}"
    ;;
ganomaly)
    # Presets: averaged weights, the epoch chosen without labels.
    for class in 0 8; do
        finish "$(submit mnist ganomaly one-class "$class" 0.1 true '{}')" "mnist-ganomaly-one-class-$class"
    done
    ;;
author)
    # The author's settings: the weights of the last epoch, all training normals.
    finish "$(submit mnist ganomaly one-class 0 0 true '{"selection": "last", "average_decay": 0}')" \
        mnist-ganomaly-author-one-class-0
    ;;
*)
    echo "SET is one of baselines, ganomaly, author" >&2
    exit 2
    ;;
esac
