#!/usr/bin/env bash
# SPDX-License-Identifier: MIT
# tests/e2e/job_memory.sh — jobs run side by side only where their plans fit into job-memory together: one that does not
# fit goes back to the queue, those like it are not even started, each says why it waits, and all of them come to an end.
# ANOMALYD_BINARY and ANOMALYD_TEST_DATA say where the program and the data are.
set -euo pipefail

data=${ANOMALYD_TEST_DATA:?}
# shellcheck source-path=SCRIPTDIR source=daemon.sh
. "${BASH_SOURCE[0]%/*}/daemon.sh"

options='{"width": 4, "latent": 8, "batch": 32, "epochs": 20}'
set -- # as flags of `train`
while read -r setting; do set -- "$@" --set "$setting"; done < <(jq -r 'to_entries[] | "\(.key)=\(.value)"' <<<"$options")
planned=$("$binary" train "$data/mnist-sample" --class 3 --threads 1 -o "$work/model" "$@" --plan |
    awk '/^in all/ { print int($3 / 1048576) }')
[ "$planned" -gt 0 ] || fail "no plan"

start --import-root "$data" --workers 3 --threads 1 --job-memory $((planned * 3 / 2))
jq -n --arg path "$data/mnist-sample" '{name: "digits", $path}' |
    ask -H 'Content-Type: application/json' --data-binary @- "$url/datasets" >"$work/answer"
experiment=$(jq -n --argjson options "$options" '{methods: ["ganomaly"], dataset: "digits", classes: ["3"],
    seeds: [0, 1, 2, 3], hyperparameters: {ganomaly: $options}}' |
    ask -H 'Content-Type: application/json' --data-binary @- "$url/experiments")
jobs=$(jq -r '.cells[].job' <<<"$experiment")
for job in $jobs; do curl -sSN "$url/jobs/$job/events"; done >"$work/events"
ask "$url/experiments/$(jq -r .id <<<"$experiment")" | jq -e '.progress.succeeded == 4' >"$work/answer" ||
    fail "not all are done: $(ask "$url/jobs")"
# Three were started at once and two of them put back. The fourth knew what it takes from those.
ask "$url/jobs" | jq -e '[.items[].attempt] | sort == [1, 1, 2, 2]' >"$work/answer" || fail "$(ask "$url/jobs")"
[ "$(grep -c 'waits for memory: it plans' "$work/events")" = 3 ] || fail "who waits does not say so: $(cat "$work/events")"
stop
