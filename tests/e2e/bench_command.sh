#!/usr/bin/env bash
# SPDX-License-Identifier: MIT
# tests/e2e/bench_command.sh — `anomalyd bench` and what it shares with `anomalyd train`: arguments that are wrong are
# refused by their names, and a short run of each work prints its figures.
# ANOMALYD_BINARY says where the program is.
set -euo pipefail

binary=${ANOMALYD_BINARY:?}
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT

fail() {
    echo "FAILED: $*" >&2
    exit 1
}

refused() { # STATUS WORDS COMMAND ARGUMENT… — ends with that status, saying those words and printing no figures
    local expected=$1 words=$2 status=0
    shift 2
    "$binary" "$@" >"$work/printed" 2>"$work/told" || status=$?
    [ "$status" = "$expected" ] || fail "$*: status $status: $(cat "$work/told")"
    grep -qF -- "$words" "$work/told" || fail "$*: $(cat "$work/told")"
    [ ! -s "$work/printed" ] || fail "$* printed: $(cat "$work/printed")"
}

small=(--shape 16x16x1 --batch 2 --threads 1 --seconds 0.01 --set width=4 --set latent=6)

measured() { # WORK ARGUMENT… — the last line is the figures of that work
    local expected=$1
    shift
    "$binary" bench "$@" >"$work/printed" 2>"$work/told" || fail "bench $*: $(cat "$work/told")"
    tail -n 1 "$work/printed" | jq -e --arg work "$expected" '.work == $work and .threads == 1 and .batch == 2 and
        .runs >= 3 and 0 < .ms_min and .ms_min <= .ms and .ms <= .ms_max and .images_per_s > 0 and
        0 < .planned_mib and .planned_mib <= .unshared_mib and (.blas_core | length > 0)' >"$work/answer" ||
        fail "bench $*: $(cat "$work/printed")"
}

refused 2 'usage: anomalyd bench train|score|gemm' bench
for asked in "bench --help" "bench score --help" "bench http --help"; do
    # shellcheck disable=SC2086  # words, not one argument
    "$binary" $asked >"$work/printed" || fail "$asked: status $?"
    grep -q '^usage: anomalyd bench' "$work/printed" || fail "$asked: $(cat "$work/printed")"
done
refused 2 '"sleep" is not a work to measure; there are train, score, gemm and http' bench sleep
refused 2 '--method: there is no method "gan"' bench train --method gan
refused 2 '--shape: "16x16" is not HEIGHTxWIDTHxCHANNELS' bench train --shape 16x16
refused 2 '--shape: "0x16x1" is not HEIGHTxWIDTHxCHANNELS' bench score --shape 0x16x1
refused 2 '--batch: "0" is not a whole number from 1 to 4096' bench train --batch 0
refused 2 '--threads: "two" is not a whole number from 1 to ' bench train --threads two
refused 2 '--seconds: "0" is not a number from 0.001 to 3600' bench train --seconds 0
refused 2 '--set: "width" is not NAME=VALUE' bench train --set width
refused 2 '"again" is one argument too many' bench train again
refused 2 'unrecognized option' bench train --fast
refused 1 'wide: no such option; accepted: ' bench train "${small[@]}" --set wide=4
refused 1 'width: ' bench train "${small[@]}" --set width=many
refused 1 'kde has no training steps to measure' bench train --method kde
refused 1 'these networks' bench train --shape 16x32x1
refused 2 'anomalyd train: --set: "=4" is not NAME=VALUE' train "$work" --set =4
many=()
for ((i = 0; i < 65; i++)); do many+=(--set width=4); done
refused 2 'anomalyd train: --set: there may be 64; "width=4" is one more' train "$work" "${many[@]}"
refused 2 'anomalyd train: --threads: "2.5" is not a whole number from 1 to ' train "$work" --threads 2.5

measured ganomaly-train-16x16x1 train "${small[@]}"
measured ganomaly-score-16x16x1 score "${small[@]}"
measured anogan-score-3-iterations-16x16x1 score --method anogan "${small[@]}" --set iterations=3
measured ganomaly-train-16x16x1 train "${small[@]}" --profile --plan
[ "$(wc -l <"$work/printed")" -gt 20 ] || fail "--profile and --plan print no tables: $(cat "$work/printed")"

"$binary" bench train "${small[@]}" | jq -e '.gflop > 0 and .floor_ms > 0 and .share_of_floor > 0 and
    .gflop_per_s > 0' >"$work/answer" || fail "bench train tells no floor"
# The products of a step are all of its work.
"$binary" bench gemm --shape 32x32x1 --batch 8 --set width=16 >"$work/printed" || fail "bench gemm"
jq -e '.work == "ganomaly-gemm-32x32x1" and .gflop > 0.1 and (.products | length) > 5 and all(.products[]; .gflop_per_s > 0) and
    ((([.products[].mflop] | add) / 1000 - .gflop) | fabs) < 0.002' "$work/printed" >"$work/answer" ||
    fail "bench gemm: $(cat "$work/printed")"
