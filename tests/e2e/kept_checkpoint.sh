#!/usr/bin/env bash
# SPDX-License-Identifier: MIT
# tests/e2e/kept_checkpoint.sh — what stays of a job that collapses: `anomalyd train --checkpoint` goes on from it, to
# the weights of a run that nothing has stopped, and the newest eight of such checkpoints stay.
# ANOMALYD_BINARY and ANOMALYD_TEST_DATA say where the program and the data are.
set -euo pipefail

data=${ANOMALYD_TEST_DATA:?}
# shellcheck source-path=SCRIPTDIR source=daemon.sh
. "${BASH_SOURCE[0]%/*}/daemon.sh"
jobs=$work/state/jobs

learning=(width=4 latent=8 batch=32 epochs=4 rate=0.002 collapse=0)
watch=(collapse_steps=6 collapse_won=0.1)

run_alone() { # FILE [OPTION…] — the same training without a daemon and without the watch; its result into FILE
    local result=$1 setting
    shift
    for setting in "${learning[@]}" collapse_won=0; do set -- "$@" --set "$setting"; done
    "$binary" train "$data/mnist-sample" --class 3 --seed 7 --threads 2 -o "$work/model" "$@" \
        >"$result" 2>"$work/told" || fail "train $*: $(cat "$work/told")"
}

start --import-root "$data" --threads 2 --checkpoint 0
jq -n --arg path "$data/mnist-sample" '{name: "digits", $path}' |
    ask -H 'Content-Type: application/json' --data-binary @- "$url/datasets" >"$work/answer"

# Eight that failed long ago, one that left nothing, and a folder that is no job's.
for n in 1 2 3 4 5 6 7 8 9; do mkdir "$jobs/00000000-000$n-7000-8000-000000000000"; done
for n in 1 2 3 4 5 6 7 8; do echo old >"$jobs/00000000-000$n-7000-8000-000000000000/kept"; done
mkdir "$jobs/notes"
echo mine >"$jobs/notes/kept"

options=$(printf '%s\n' "${learning[@]}" "${watch[@]}" | jq -nR '[inputs / "=" | {(.[0]): .[1] | tonumber}] | add')
id=$(jq -n --argjson options "$options" '{kind: "train", method: "ganomaly", dataset: "digits",
    protocol: "one-class", class: "3", seed: 7, model: "won", hyperparameters: $options}' |
    ask -H 'Content-Type: application/json' --data-binary @- "$url/jobs" | jq -r .id)
curl -sSN "$url/jobs/$id/events" >"$work/events"
failure=$(ask "$url/jobs/$id" | jq -r 'select(.state == "failed") | .failure')
[[ $failure == *"The checkpoint of step "*"jobs/$id/kept"* ]] || fail "the job: $failure"
stop

there() { [ -e "$jobs/$1/kept" ]; }
there "$id" || fail "the checkpoint is not there"
if there 00000000-0001-7000-8000-000000000000; then fail "a ninth checkpoint stays"; fi
for n in 2 3 4 5 6 7 8; do there "00000000-000$n-7000-8000-000000000000" || fail "checkpoint $n of eight is gone"; done
start --import-root "$data" --threads 2 --checkpoint 0
stop
[ "$(find "$jobs" -name kept | wc -l)" = 9 ] || fail "after a restart: $(find "$jobs" -name kept)"
[ ! -e "$jobs/00000000-0009-7000-8000-000000000000" ] || fail "a folder without a checkpoint stays"
there notes || fail "a folder that is no job's is gone"

run_alone "$work/whole"
cp "$jobs/$id/kept" "$work/kept"
run_alone "$work/resumed" --checkpoint "$work/kept"
if grep -q '^epoch 1/4 ' "$work/told"; then fail "it began anew: $(cat "$work/told")"; fi
grep -q '^epoch 4/4 ' "$work/told" || fail "it did not go on: $(cat "$work/told")"
jq -es '.[0].weights_digest == .[1].weights_digest and .[0].auroc == .[1].auroc' "$work/whole" "$work/resumed" \
    >"$work/answer" || fail "other weights: $(cat "$work/whole" "$work/resumed")"
