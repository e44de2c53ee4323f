#!/usr/bin/env bash
# SPDX-License-Identifier: MIT
# check_config_docs.sh ANOMALYD — docs/configuration.md lists exactly the settings, with their presets, that
# `anomalyd serve --help` prints.
set -euo pipefail

program=$1
page="$(dirname "${BASH_SOURCE[0]}")/../docs/configuration.md"

# NAME PRESET, one a line; --config and --help are not settings. A preset may stand on a line of its own.
printed() {
    "$program" serve --help | awk '
        function put() {
            preset = ""
            if (match(text, /\(default [^;)]*[;)]/)) preset = substr(text, RSTART + 9, RLENGTH - 10)
            if (name != "") print name, preset
        }
        /^ +(-., )?--[a-z]/ { put(); match($0, /--[a-z-]+/); name = substr($0, RSTART + 2, RLENGTH - 2); text = "" }
        { sub(/^ +/, ""); text = text " " $0 }
        END { put() }' | grep -v -e '^config ' -e '^help ' | sort
}
# shellcheck disable=SC2016 # the backquotes are Markdown's
documented() {
    sed -n '/^## Settings/,/^## Other/p' "$page" |
        sed -n 's/^| `\([a-z-]*\)` | `\{0,1\}\([^|` ]*\)`\{0,1\} *|.*/\1 \2/p' | sort
}

[ "$(printed | wc -l)" -gt 5 ] || { echo "cannot read the settings from: $program serve --help"; exit 1; }
if ! diff -u --label "docs/configuration.md" --label "serve --help" <(documented) <(printed); then
    echo "check_config_docs: the two differ"
    exit 1
fi
echo "check_config_docs: $(printed | wc -l) settings, documented as they are"
