#!/usr/bin/env bash
# SPDX-License-Identifier: MIT
# tests/e2e/golden.sh [--record | --record-registry | --coverage] — drives the program through every operation of
# openapi.yaml, wrong requests too, and compares its answers with the recorded ones in golden/recorded: the status line,
# the headers and every byte of the body. Only what differs between two runs of the same program is masked, see
# golden/mask.py. Then the registries that the daemons made are compared with their recorded text, and a registry that an
# earlier program made (golden/registry.sql) is opened: the same answers as then, and unchanged afterwards.
# --record writes the answers anew. --record-registry makes golden/registry.sql anew, which then is no earlier program's
# any more. --coverage tells which operations and statuses of openapi.yaml the recorded answers are of.
#
# The form of golden/recorded/*.http; golden/exchange.py reads it back (`parse`):
#   # TEXT                 a note on the exchange that follows
#   = METHOD TARGET        an exchange begins
#   > NAME: VALUE          a header of the request, besides Host and Content-Length
#   } TEXT                 a line of its body; left out where the note tells it, else "(binary)" or "(text)" where it is
#                          no short text
#   < HTTP/1.1 STATUS …    the status line
#   < NAME: VALUE          a header of the answer. Those that every answer has (Date, X-Request-Id,
#                          X-Content-Type-Options, Cache-Control, Content-Length) are "< …" where they are as always.
#                          Content-Length is checked, and is LENGTH where the body is masked
#   | TEXT                 a line of the answer's body; a carriage return at its end is ␍, a blank there ␠
#   \ no newline           the body's last line has none
# Ids are numbered in the order of their first appearance, so are digests of weights and the figures that depend on the
# processor (0.0001, 0.0002, …); other such numbers are 0.5, 5 or 1. A masked JSON body is JSON still and fits its
# schema. A picture is "(PNG of WIDTH x HEIGHT)", the contract
# "(openapi.yaml)". golden/recorded/commands.txt has what commands print: "|" on stdout, "!" on stderr.
# ANOMALYD_BINARY and ANOMALYD_TEST_DATA say where the program and the data are.
set -euo pipefail

data=$(realpath "${ANOMALYD_TEST_DATA:?}")
here=$(realpath "${BASH_SOURCE[0]%/*}")
golden=$here/golden
export PYTHONDONTWRITEBYTECODE=1
if [ "${1:-}" = --coverage ]; then
    exec python3 "$golden/golden.py" coverage --out "$golden/recorded"
fi
# shellcheck source-path=SCRIPTDIR source=daemon.sh
. "${BASH_SOURCE[0]%/*}/daemon.sh"
binary=$(realpath "$binary")
work=$(realpath "$work")

begin() { # ARGUMENT… of `serve`
    start --import-root "$data" --import-root "$work" --threads 1 --checkpoint 3600 "$@"
}
drive() { # STEP
    python3 "$golden/golden.py" "$1" --url "${url:-}" --work "$work" --data "$data" --out "$work/answers" \
        --binary "$binary" --pid "${daemon:-}" || fail "step $1"
}
end() {
    stop
    rm -rf "$work/state"
}

if [ "${1:-}" = --record-registry ]; then
    begin --workers 1
    drive make-kept
    stop
    begin --workers 0
    drive make-waiting
    stop
    drive save-kept
    exit
fi

begin --workers 1 --score-queue 1
drive trained
end
begin --workers 0
drive waiting
wait "$daemon" || fail "the daemon ended with $?"
daemon=
rm -rf "$work/state"
drive restore-kept
begin --workers 0
drive kept
stop
drive compare-kept

if [ "${1:-}" = --record ]; then
    rm -rf "$golden/recorded"
    cp -r "$work/answers" "$golden/recorded"
else
    python3 "$golden/golden.py" compare --out "$work/answers" >&2 ||
        fail "the program answers otherwise than recorded; tests/e2e/golden.sh --record writes the answers anew"
fi
