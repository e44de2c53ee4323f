#!/usr/bin/env bash
# SPDX-License-Identifier: MIT
# tests/e2e/explain_sheet.sh — `anomalyd explain` on a model of the bundled digits: the sheet's size, the columns it
# tells, the same sheet for the same seed, and reasons where there is none.
# ANOMALYD_BINARY and ANOMALYD_TEST_DATA say where the program and the data are.
set -euo pipefail

binary=${ANOMALYD_BINARY:?} data=${ANOMALYD_TEST_DATA:?}/mnist-sample
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT

fail() {
    echo "FAILED: $*" >&2
    exit 1
}

train() { # METHOD HELD_OUT MODEL
    "$binary" train --method "$1" --class 8 --held-out "$2" -o "$work/$3" "$data" >"$work/told" 2>&1
}

refused() { # WORDS ARGUMENT…
    local words=$1
    shift
    if "$binary" explain "$@" -o "$work/none.png" >"$work/told" 2>&1; then fail "explain $* succeeded"; fi
    grep -q "$words" "$work/told" || fail "explain $*: $(cat "$work/told")"
    [ ! -e "$work/none.png" ] || fail "explain $* left a picture"
}

train pca 0.2 pca
"$binary" explain "$work/pca" "$data" -o "$work/one.png" --count 3 --enlarge 2 >"$work/one"
[ "$(grep -c '^column [123]: normal, class 8, score ' "$work/one")" = 3 ] || fail "no three normal columns"
[ "$(grep -c '^column [456]: anomalous, class [^8], score ' "$work/one")" = 3 ] || fail "no three anomalous columns"
# Width and height, big-endian, of six columns and three rows of 28 pixels twice as large, with gaps of 4 and 24.
[ "$(od -An -tx1 -j16 -N8 "$work/one.png" | tr -d ' \n')" = 00000184000000b8 ] || fail "the sheet has another size"
"$binary" explain "$work/pca" "$data" -o "$work/again.png" --count 3 --enlarge 2 >"$work/again"
cmp "$work/one.png" "$work/again.png" || fail "another sheet of the same seed"
cmp "$work/one" "$work/again" || fail "other columns of the same seed"
"$binary" explain "$work/pca" "$data" -o "$work/other.png" --count 3 --enlarge 2 --seed 1 >"$work/other"
if cmp -s "$work/one" "$work/other"; then fail "the same images of another seed"; fi

refused 'count: "33" is not a whole number from 1 to 32' "$work/pca" "$data" --count 33
refused 'at most 4096' "$work/pca" "$data" --count 32 --enlarge 16
refused 'SOURCE is missing' "$work/pca"
train kde 0.2 kde
refused 'does not reconstruct' "$work/kde" "$data"
train pca 0 uncalibrated
refused 'calibration images' "$work/uncalibrated" "$data"
