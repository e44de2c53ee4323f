#!/usr/bin/env bash
# SPDX-License-Identifier: MIT
# check_style.sh [ROOT] — the rules of style that a machine can read: lengths, banned calls, the opening of a file,
# header guards, first includes. clang-format does the rest. Prints FILE:LINE for each breach.
set -euo pipefail

cd "${1:-$(dirname "${BASH_SOURCE[0]}")/..}"

# shellcheck disable=SC2016 # an awk program
find core api daemon tests -name '*.[ch]' -print0 | sort -z | xargs -0r awk '
BEGIN {
    file_lines_max = 600
    function_lines_max = 60
    banned = "(^|[^A-Za-z0-9_])(strcpy|strcat|strncpy|strncat|sprintf|vsprintf|gets|atoi|atol|atoll|atof|alloca)[ ]*\\("
}

function complain(line, text) { printf "%s:%d: %s\n", path, line, text; bad++ }

# ANOMALYD_FOLDER_NAME_H; the folder core is left out, and so may be the folders within tests.
function guard_of(name) {
    sub(/^core\//, "", name)
    gsub(/[^A-Za-z0-9]/, "_", name)
    return "ANOMALYD_" toupper(name)
}

function finish_file() {
    if (lines > file_lines_max) complain(lines, "file of " lines " lines; at most " file_lines_max)
    if (path ~ /\.h$/ && !guarded) complain(1, "header guard should be " guard_of(path))
}

FNR == 1 {
    if (files++) finish_file()
    path = FILENAME
    opening = included = guarded = 0
    own = path
    sub(/\.c$/, ".h", own)
    own_exists = path ~ /\.c$/ && path !~ /^tests\// && (getline unused < own) >= 0
    close(own)
    sub(/^core\//, "", own)
    folder = own
    sub(/[^\/]*$/, "", folder)
    if ($0 != "/* SPDX-License-Identifier: MIT */") complain(1, "first line should be the SPDX line")
}
FNR == 2 && !/^\/\*/ { complain(2, "second line should open the comment that says what the file is for") }

{ lines = FNR }

/^\{$/ { opening = FNR }
/^\}$/ {
    if (opening && FNR - opening - 1 > function_lines_max)
        complain(opening, "function of " FNR - opening - 1 " lines; at most " function_lines_max)
    opening = 0
}

path ~ /\.h$/ && $0 == "#ifndef " guard_of(path) { guarded = 1 }
path ~ /^tests\/.*\.h$/ {
    short = path
    sub(/\/[^\/]*\//, "/", short)
    if ($0 == "#ifndef " guard_of(short)) guarded = 1
}

# The file with the same name, or one beside it that includes that: so each header is read alone once.
/^#include/ && !included++ && own_exists && index($0, "#include \"" folder) != 1 {
    complain(FNR, "first include should be \"" own "\"")
}

/(^|[^A-Za-z0-9_])(TODO|FIXME|XXX|HACK)([^A-Za-z0-9_]|$)/ { complain(FNR, "unfinished: " $0) }
/^#if 0/ { complain(FNR, "code switched off: delete it") }
/[ \t]$/ { complain(FNR, "space at the end of the line") }
/\t/ { complain(FNR, "tab") }

{
    code = $0
    gsub(/"([^"\\]|\\.)*"/, "\"\"", code)
    gsub(/\/\*.*\*\//, "", code)
    sub(/\/\*.*/, "", code)
    sub(/\/\/.*/, "", code)
    if ($0 !~ /^ \*/ && code ~ banned) complain(FNR, "banned call: " $0)
    if ($0 !~ /^ \*/ && code ~ /(^|[^A-Za-z0-9_])volatile([^A-Za-z0-9_]|$)/ && code !~ /const volatile void/) complain(FNR, "volatile: use <stdatomic.h>")
}

END {
    if (files == 0) { print "check_style: found no sources"; exit 1 }
    finish_file()
    if (bad) { printf "check_style: %d breach(es)\n", bad; exit 1 }
    printf "check_style: %d files keep to the rules\n", files
}'
