#!/usr/bin/env bash
# SPDX-License-Identifier: MIT
# check_layers.sh [ROOT] — every #include of the program points down the layers, and each library is spoken to only
# where it belongs. Prints FILE:LINE for each that does not.
set -euo pipefail

cd "${1:-$(dirname "${BASH_SOURCE[0]}")/..}"

# shellcheck disable=SC2016 # an awk program
find core api daemon -name '*.[ch]' -print0 | sort -z | xargs -0r awk '
# A folder may include itself, what is named here, and nothing else of ours.
BEGIN {
    may["core/base"]    = ""
    may["core/compute"] = "base"
    may["core/graph"]   = "base compute"
    may["core/nn"]      = "base compute graph"
    may["core/data"]    = "base"
    may["core/eval"]    = "base"
    may["core/methods"] = "base compute graph nn"
    may["core/train"]   = "base compute graph nn methods data eval"
    may["api"]          = "base compute graph nn methods data eval train"
    may["daemon"]       = "base compute graph nn methods data eval train api"

    # Which folders may speak to a library.
    where["cblas.h"]       = "core/base core/compute"
    where["png.h"]         = "core/data"
    where["jpeglib.h"]     = "core/data"
    where["zlib.h"]        = "core/data"
    where["archive.h"]     = "core/data"
    where["archive_entry.h"] = "core/data"
    where["sodium.h"]      = "core/base core/data core/nn api daemon"
    where["microhttpd.h"]  = "api"
    where["jansson.h"]     = "api daemon"
    where["uv.h"]          = "daemon"
    where["sqlite3.h"]     = "daemon"
    where["curl/curl.h"]   = "daemon"
    where["ini.h"]         = "daemon"
}

function has(list, word) { return index(" " list " ", " " word " ") > 0 }
function complain(text) { printf "%s:%d: %s\n", FILENAME, FNR, text; bad++ }

FNR == 1 {
    files++
    n = split(FILENAME, part, "/")
    folder = part[1] == "core" ? part[1] "/" part[2] : part[1]
    short = part[1] == "core" ? part[2] : part[1]
    if (!(folder in may)) complain("no layer is called " folder)
}

/^[ \t]*#[ \t]*include[ \t]*"/ {
    split($0, quoted, "\"")
    split(quoted[2], part, "/")
    target = part[1]
    if (index(quoted[2], "/") == 0)
        complain("include \"" quoted[2] "\" by its folder")
    else if (target != short && !has(may[folder], target))
        complain(folder " may not include " target ": \"" quoted[2] "\"")
}

/^[ \t]*#[ \t]*include[ \t]*</ {
    name = $0
    sub(/^[^<]*</, "", name)
    sub(/>.*/, "", name)
    if (name in where && !has(where[name], folder))
        complain(folder " may not speak to <" name ">")
}

END {
    if (files == 0) { print "check_layers: found no sources"; exit 1 }
    if (bad) { printf "check_layers: %d wrong include(s)\n", bad; exit 1 }
    printf "check_layers: %d files, every include points down\n", files
}'
