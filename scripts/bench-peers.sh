#!/usr/bin/env bash
# SPDX-License-Identifier: MIT
# scripts/bench-peers.sh [--json] [--rounds N] [--seconds S] [WORK...] — the release build beside PyTorch (Debian's
# python3-torch) on this machine: each work by the product and by the peer at 1 and at all threads in turn, N times
# (default 3), so that both meet the same disturbances. Prints a table, or with --json one line for each work; `ratio` is
# ours / peer at the peer's better number of threads, median of the rounds.
set -euo pipefail

cd "$(dirname "${BASH_SOURCE[0]}")/.."
json=false rounds=3 seconds=3
while [[ ${1:-} == --* ]]; do
    case $1 in
    --json) json=true ;;
    --rounds) rounds=$2 && shift ;;
    --seconds) seconds=$2 && shift ;;
    *)
        sed -n '3,6s/^# //p' "$0" >&2
        exit 2
        ;;
    esac
    shift
done
program=build/release/anomalyd
python=${PYTHON:-/usr/bin/python3}
[ -x $program ] || { echo "$program is not there: build the release preset first" >&2; exit 1; }
"$python" -c 'import torch' || { echo "$python has no torch: install python3-torch, or set PYTHON" >&2; exit 1; }

# NAME: what is measured, in what unit, batch, and the product's arguments.
declare -A unit batch ours
work() {
    names+=("$1")
    unit[$1]=$2 batch[$1]=$3
    shift 3
    ours[${names[-1]}]=$*
}
names=()
# The peer's AnoGAN has batch norm in both networks, as in the published code; its OCGAN mines in every step.
work ganomaly-train-32x32x3 images/s 64 train --method ganomaly --shape 32x32x3
work anogan-train-32x32x1 images/s 64 train --method anogan --shape 32x32x1 --set width=32 --set discriminator_norm=batch
work alad-train-32x32x3 images/s 64 train --method alad --shape 32x32x3
work ocgan-train-28x28x1 images/s 64 train --method ocgan --shape 28x28x1 --set mining_from=0
work ganomaly-score-32x32x3 images/s 64 score --method ganomaly --shape 32x32x3
work ganomaly-score-32x32x3-alone ms 1 score --method ganomaly --shape 32x32x3 --threads 1
work anogan-score-100-iterations-32x32x1 images/s 64 score --method anogan --shape 32x32x1 --set width=32 \
    --set discriminator_norm=batch --set iterations=100

# value NAME < a bench's line: the figure in the unit of the work.
value() { jq --arg unit "${unit[$1]}" 'if $unit == "ms" then .ms else .images_per_s end'; }

# round NAME: one line {"peer", "ours"}, the peer's better of its two settings.
round() {
    local mine theirs=() threads
    # shellcheck disable=SC2086 # arguments, not one
    mine=$($program bench ${ours[$1]} --batch "${batch[$1]}" --seconds "$seconds" | value "$1")
    for threads in 1 "$(nproc)"; do
        theirs+=("$("$python" tests/bench/peers.py "${1%-alone}" --batch "${batch[$1]}" --threads "$threads" \
            --seconds "$seconds" | value "$1")")
    done
    jq -nc --arg unit "${unit[$1]}" --argjson ours "$mine" '[$ARGS.positional[] | tonumber] as $t
        | {peer: (if $unit == "ms" then ($t | min) else ($t | max) end), $ours}' --args "${theirs[@]}"
}

# shellcheck disable=SC2016 # a jq program, whose variables are its own
summary='def median: sort | (.[(length - 1) / 2 | floor] + .[length / 2 | floor]) / 2; map(.ours / .peer) as $r
    | {$work, peer: (map(.peer) | median), ours: (map(.ours) | median), $unit, ratio: ($r | median),
       ratio_min: ($r | min), ratio_max: ($r | max)}
    | map_values(if type == "number" then . * 1000 | round / 1000 else . end)'

export PYTHONDONTWRITEBYTECODE=1 OMP_WAIT_POLICY=${OMP_WAIT_POLICY:-PASSIVE}
$json || printf '%-36s %12s %12s %-9s %7s %s\n' work PyTorch anomalyd "" ratio "(of each round)"
for name in "${names[@]}"; do
    if [ $# -gt 0 ] && [[ " $* " != *" $name "* ]]; then
        continue
    fi
    line=$(for ((i = 0; i < rounds; i++)); do round "$name"; done |
        jq -sc --arg work "$name" --arg unit "${unit[$name]}" "$summary")
    if $json; then
        echo "$line"
    else
        jq -r '[.work, .peer, .ours, .unit, .ratio, .ratio_min, .ratio_max] | @tsv' <<<"$line" |
            while IFS=$'\t' read -r w p o u r low high; do
                printf '%-36s %12s %12s %-9s %7s (%s to %s)\n' "$w" "$p" "$o" "$u" "$r" "$low" "$high"
            done
    fi
done
