#!/usr/bin/env bash
# SPDX-License-Identifier: MIT
# docs/results/reproduce.sh URL SET DIR — submits one set of the jobs behind docs/results to a running daemon, waits, and
# writes their runs to DIR/SET.jsonl, one on each line. The daemon must have the data sets "mnist" and "cifar10" (see
# README.md beside this script).
set -euo pipefail

url=$1 set=$2 dir=$3
mkdir -p "$dir"
file=$dir/$set.jsonl

# queue MODEL DATASET METHOD PROTOCOL CLASS HELD_OUT TRACE HYPERPARAMETERS [TEST_IMAGES] — submits a job.
jobs=()
queue() {
    jobs+=("$(jq -n --arg model "$1" --arg dataset "$2" --arg method "$3" --arg protocol "$4" --arg class "$5" \
        --argjson held_out "$6" --argjson trace "$7" --argjson hyperparameters "$8" --argjson test_images "${9:-0}" \
        '{kind: "train", $method, $dataset, $protocol, $class, seed: 0, $held_out, $test_images, $trace, $model,
          $hyperparameters}' |
        curl -fsS -X POST "$url/jobs" -H 'Content-Type: application/json' --data-binary @- | jq -r .id)")
}

# finish JOB — waits for the job and appends its run to the file.
finish() {
    local job state run
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
    run=$(curl -fsS "$url/runs/$(jq -r .run <<<"$job")")
    printf '%s\n' "$run" >>"$file"
    jq -r '[.method, .dataset, .protocol, .class, (.auroc * 10000 | round / 10000), .chosen_epoch] | @tsv' <<<"$run"
}

collect() {
    local job
    : >"$file"
    for job in "${jobs[@]}"; do
        finish "$job"
    done
}

# each DATASET METHOD PROTOCOL HYPERPARAMETERS CLASS... — one run a class, all training normals, last epoch's model.
each() {
    local dataset=$1 method=$2 protocol=$3 hyperparameters=$4 class
    shift 4
    for class in "$@"; do
        queue "$dataset-$method-$protocol-$class" "$dataset" "$method" "$protocol" "$class" 0 false "$hyperparameters"
    done
}

# three METHOD PROTOCOL HYPERPARAMETERS — the digits that the methods are compared on: 1 tells the two protocols apart, 5
# and 8 are the hardest of the published one-class rows.
three() {
    local class
    for class in 1 5 8; do
        queue "mnist-$1-$2-$class" mnist "$1" "$2" "$class" 0.1 true "$3"
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
    queue mnist-ganomaly-one-class-0 mnist ganomaly one-class 0 0.1 true '{}'
    three ganomaly one-class '{}'
    three ganomaly one-vs-rest '{"epochs": 2}'
    ;;
author)
    # The author's settings: the weights of the last epoch, all training normals.
    for class in 0 8; do
        queue "mnist-ganomaly-author-one-class-$class" mnist ganomaly one-class "$class" 0 true \
            '{"selection": "last", "average_decay": 0}'
    done
    ;;
fencegan)
    # The authors' rates are for 27,000 steps: these make a tenth of them, at ten times the rate.
    rates='"batch": 64, "rate_generator": 2e-4, "rate_discriminator": 1e-4'
    three fencegan one-class '{"epochs": 16, "pretrain": 2, '"$rates"'}'
    three fencegan one-vs-rest '{"epochs": 4, "pretrain": 0, '"$rates"'}'
    ;;
anogan)
    # A fifth of the search's steps at five times the rate, so that a code can go as far; 2,000 test images, the same for
    # every run. Each image held out for calibration costs a search too.
    search='"iterations": 100, "search_rate": 0.05'
    for class in 1 5 8; do
        queue "mnist-anogan-one-class-$class" mnist anogan one-class "$class" 0.05 false '{"epochs": 20, '"$search"'}' 2000
        queue "mnist-anogan-one-vs-rest-$class" mnist anogan one-vs-rest "$class" 0.01 false \
            '{"epochs": 2, '"$search"'}' 2000
    done
    ;;
alad)
    three alad one-class '{"epochs": 6}'
    three alad one-vs-rest '{"epochs": 1}'
    ;;
ocgan)
    # Presets, but for the digit 1, which half the epochs do.
    queue mnist-ocgan-one-class-1 mnist ocgan one-class 1 0.1 true '{"epochs": 12, "mining_from": 720}'
    for class in 5 8; do
        queue "mnist-ocgan-one-class-$class" mnist ocgan one-class "$class" 0.1 true '{}'
    done
    three ocgan one-vs-rest '{"epochs": 1, "mining_from": 550}'
    ;;
*)
    echo "SET is one of baselines, ganomaly, author, fencegan, ocgan, alad, anogan" >&2
    exit 2
    ;;
esac
collect
