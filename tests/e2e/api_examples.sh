#!/usr/bin/env bash
# SPDX-License-Identifier: MIT
# tests/e2e/api_examples.sh [--record] — types the commands of docs/api.md into a shell beside a fresh daemon and compares
# what they print with what the page has: all of it but numbers, ids, digests and times. --record writes the page anew.
# ANOMALYD_BINARY and ANOMALYD_TEST_DATA say where the program and the data are.
set -euo pipefail

data=${ANOMALYD_TEST_DATA:?}
page=$(realpath "${BASH_SOURCE[0]%/*}/../../docs/api.md")
# shellcheck source-path=SCRIPTDIR source=daemon.sh
. "${BASH_SOURCE[0]%/*}/daemon.sh"
binary=$(realpath "$binary")
address=http://127.0.0.1:8080 # the page's
anomalyd() { "$binary" "$@"; }

complete() { # COMMAND — has it no further line?
    [[ $1 != *\\ ]] && bash -n <<<"$1" 2>"$work/told"
}

enter() { # COMMAND — prints what it prints; its variables and functions stay
    # The daemon listens at a port of its own, in a folder of its own.
    eval "${1//"$address"/"$url"}" </dev/null >"$work/printed" 2>&1 || true
    sed "s|$url|$address|g; s|$work|/home/you/anomalyd|g; s/\r\$//" "$work/printed"
}

replay() { # the page, with this daemon's answers
    local line command='' console=false
    while IFS= read -r line <&9; do
        if [ "$line" = '```' ]; then console=false; fi
        if $console && [ -n "$command" ]; then
            command+=$'\n'$line
        elif $console && [[ $line = '$ '* ]]; then
            command=${line#'$ '}
        elif $console; then
            continue # an old answer
        fi
        printf '%s\n' "$line"
        if [ "$line" = '```console' ]; then console=true; fi
        if [ -n "$command" ] && complete "$command"; then
            enter "$command"
            command=
        fi
    done 9<"$page"
}

# How far a sweep has come when it is asked is chance, and so is what can differ with the kind of CPU: digits.
plain() { # FILE
    sed -E '/^[0-9]+ of [0-9]+ cells done,/d
        s/[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}/ID/g
        s/"[0-9a-f]{64}"/DIGEST/g
        s/^X-Request-Id: .*/X-Request-Id: ID/
        s/^Date: .*/Date: DATE/
        s/0\.1\.0(\+[0-9a-z.]+)?/VERSION/g
        s/("blas_core": ?)"[A-Za-z0-9]+"/\1CORE/
        s/("state": ?)"(queued|running)"/\1STATE/
        s/("anomalous": ?)(true|false)/\1BOOLEAN/
        s/(\*\*)?-?[0-9]+(\.[0-9]+)?(e-?[0-9]+)?(\*\*)?/N/g' "$1"
}

mkdir -p "$work/tests"
cp -r "$data" "$work/tests/data"
start --import-root "$work/tests/data"
export ANOMALYD_SERVER=$url
cd "$work"
replay >"$work/replayed.md"
if [ "${1:-}" = --record ]; then
    cp "$work/replayed.md" "$page"
else
    diff -u --label docs/api.md <(plain "$page") --label 'this daemon' <(plain "$work/replayed.md") >&2 ||
        fail "docs/api.md is not what the daemon answers; tests/e2e/api_examples.sh --record writes it anew"
fi
stop
