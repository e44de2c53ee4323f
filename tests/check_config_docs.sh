#!/usr/bin/env bash
# SPDX-License-Identifier: MIT
# check_config_docs.sh ANOMALYD — docs/configuration.md lists exactly the settings, with their presets, that
# `anomalyd serve --help` prints.
set -euo pipefail

program=$1
page="$(dirname "${BASH_SOURCE[0]}")/../docs/configuration.md"

# NAME PRESET, one a line; --config is not a setting.
printed() {
    "$program" serve --help | awk '
        function put() { if (name != "") print name, preset }
        /^ +--[a-z]/ { put(); name = substr($1, 3); preset = ""; next }
        /; default / { preset = $0; sub(/.*; default /, "", preset) }
        END { put() }' | grep -v '^config ' | sort
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
