#!/usr/bin/env bash
# SPDX-License-Identifier: MIT
# tests/e2e/memory.sh — a training run has the memory that its plan says, whatever the method: the peak is at most 64 MiB
# above the plan, and the plan no more than a quarter above the peak. And --plan says what a run says when it starts.
# ANOMALYD_BINARY and ANOMALYD_TEST_DATA say where the program and the data are. Knows no method's name.
set -euo pipefail

data=${ANOMALYD_TEST_DATA:?}/mnist-sample
# shellcheck source-path=SCRIPTDIR source=daemon.sh
. "${BASH_SOURCE[0]%/*}/daemon.sh"

start --import-root "$data"
ask "$url/methods" >"$work/methods"

# Few turns of networks that outweigh the program itself.
small='{epochs: 2, batch: 64, width: 32, iterations: 2, pretrain: 1}'

check() { # METHOD
    local method=$1 name value planned result options=()
    while read -r name value; do options+=(--set "$name=$value"); done < <(
        jq -r --arg id "$method" "$small"' as $small | .items[] | select(.id == $id) | .options[].name |
            select($small[.]) | "\(.) \($small[.])"' "$work/methods")
    set -- "$binary" train "$data" --method "$method" --class 1 --held-out 0.2 --test-images 100 "${options[@]}" \
        -o "$work/model"
    planned=$("$@" --plan | awk '/^in all/ { print $3 / 1048576 }')
    result=$("$@" 2>"$work/train.log") || fail "$method: $(cat "$work/train.log")"
    jq -r '"\(.method): planned \(.planned_mib) MiB, \(.peak_mib) MiB at the peak"' <<<"$result"
    jq -e '.peak_mib <= .planned_mib + 64 and .planned_mib <= 1.25 * .peak_mib' <<<"$result" >"$work/answer" ||
        fail "$method: the plan is not what the run takes"
    # Two processes of the same program differ by a few pages.
    jq -e --argjson planned "$planned" '.planned_mib - $planned | fabs < 4' <<<"$result" >"$work/answer" ||
        fail "$method: --plan says $planned MiB"
}

methods=$(jq -r '.items[].id' "$work/methods")
[ "$(wc -w <<<"$methods")" -ge 3 ] || fail "GET /methods lists too few: $methods"
for method in $methods; do check "$method"; done
