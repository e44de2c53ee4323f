# shellcheck shell=bash
# SPDX-License-Identifier: MIT
# tests/e2e/daemon.sh — sourced by the scripts here that drive a daemon: a folder of its own, the daemon's start and stop,
# and on any exit the end of both. A script that failed shows the end of the daemon's log.
# ANOMALYD_BINARY says where the program is.

binary=${ANOMALYD_BINARY:?}
work=$(mktemp -d)
daemon=
clean_up() {
    local status=$?
    trap - EXIT
    if [ -n "$daemon" ]; then
        kill -TERM "$daemon" 2>/dev/null || true
        wait "$daemon" || true
    fi
    if [ "$status" -ne 0 ] && [ -s "$work/log" ]; then tail -n 20 "$work/log" >&2; fi
    rm -rf "$work"
    exit "$status"
}
trap clean_up EXIT

fail() {
    echo "FAILED: $*" >&2
    exit 1
}
ask() { curl -sS --fail-with-body "$@"; }

mkfifo "$work/out"
start() { # ARGUMENT… of `serve` besides state and address — leaves its URL in `url`
    local line
    "$binary" serve --state "$work/state" --listen 127.0.0.1:0 "$@" >"$work/out" 2>>"$work/log" &
    daemon=$!
    read -r line <"$work/out" || fail "the daemon did not say where it listens"
    # shellcheck disable=SC2034 # for whoever sources this
    url=${line##* }
}

stop() {
    kill -TERM "$daemon"
    wait "$daemon" || fail "the daemon ended with $?"
    daemon=
}
