#!/usr/bin/env bash
# SPDX-License-Identifier: MIT
# tests/e2e/manual.sh — the manual page and the completion for bash have every command and every flag of the help, and
# bash completes by it.
set -euo pipefail

binary=${ANOMALYD_BINARY:?}
fail() {
    echo "manual.sh: $*" >&2
    exit 1
}

manual=$("$binary" manual | sed 's/\\-/-/g')
eval "$("$binary" completion)"
offers() { # WORD… — what the completion offers for the last of these words
    COMP_WORDS=("$@")
    COMP_CWORD=$(($# - 1))
    COMPREPLY=()
    _anomalyd
    printf '%s\n' "${COMPREPLY[@]}"
}

seen=0
for command in $("$binary" --help | sed -n 's/^  \([a-z]*\) .*/\1/p'); do
    actions=("")
    case $command in experiment | runs | bench)
        mapfile -t actions < <("$binary" "$command" --help | sed -n 's/^  \([a-z][a-z]*\)  .*/\1/p')
        ;;
    esac
    grep -qx "$command" < <(offers anomalyd "") || fail "the completion lacks $command"
    for action in "${actions[@]}"; do
        words=(anomalyd "$command" ${action:+"$action"})
        for flag in $("$binary" "${words[@]:1}" --help | sed -n 's/^  \(-., \)\{0,1\}\(--[a-z-]*\).*/\2/p'); do
            grep -qx -e "$flag" < <(offers "${words[@]}" "$flag") || fail "the completion of ${words[*]} lacks $flag"
            [ "$flag" = --help ] || grep -q -F -e "$flag" <<<"$manual" || fail "the manual lacks $flag of ${words[*]}"
            seen=$((seen + 1))
        done
        grep -q -x -F -e ".SS ${words[*]}" -e ".SS ${words[*]} " < <(sed -E 's/^(\.SS [a-z ]+)( [A-Z\[-].*)?$/\1/' <<<"$manual") ||
            fail "the manual lacks ${words[*]}"
    done
done
[ "$seen" -gt 60 ] || fail "only $seen flags were found in the help"
if command -v groff >/dev/null; then
    warnings=$("$binary" manual | groff -man -ww -Tascii 2>&1 >/dev/null)
    [ -z "$warnings" ] || fail "groff: $warnings"
fi
echo "manual.sh: $seen flags are in the manual and completed"
