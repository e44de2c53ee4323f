#!/usr/bin/env bash
# SPDX-License-Identifier: MIT
# check_layers.sh [ROOT [BUILD]] — every arrow between folders points down: each #include of the program, each symbol that
# an object file takes from another folder, and each library, which is spoken to only where it belongs. Prints
# FILE:LINE, or OBJECT and symbol, for each that does not. The objects are those of BUILD (by default
# ROOT/build/release); where that was not built, only the includes are read, and the last line says so.
set -euo pipefail

root=$(cd "${1:-$(dirname "${BASH_SOURCE[0]}")/..}" && pwd)
build=${2:-$root/build/release}
cd "$root"

# A row a folder: itself, and what it may use beside itself.
layers='
core/base
core/compute        core/base
core/graph          core/base core/compute
core/nn             core/base core/compute core/graph
core/data           core/base
core/eval           core/base
core/methods        core/base core/compute core/graph core/nn
core/train          core/base core/compute core/graph core/nn core/methods core/data core/eval

api                 CORE api/records api/http
api/records         core/base core/data
api/json            CORE api/records
api/tables          CORE api/records api/json
api/http            core/base api/json
api/resources       CORE api api/records api/json api/tables api/http

daemon/platform     core/base api/json
daemon/store        CORE api/records daemon/platform
daemon/worker       CORE api/records api/json daemon/platform daemon/store
daemon/jobs         CORE api api/records api/json daemon/platform daemon/store daemon/worker
daemon/experiments  CORE api api/records api/json daemon/platform daemon/store daemon/worker daemon/jobs
daemon/datasets     CORE api api/records daemon/platform daemon/store
daemon/scoring      CORE api api/records daemon/platform daemon/store
daemon/server       CORE API daemon/platform daemon/store daemon/worker daemon/jobs daemon/experiments daemon/datasets daemon/scoring
daemon/report       CORE api/records api/json api/tables daemon/platform daemon/store
daemon/client       core/base api/records api/json daemon/platform
daemon/cli          CORE api/json daemon/platform daemon/worker daemon/server daemon/report daemon/client
daemon              core/base daemon/cli
'

# Which folders may speak to a library.
libraries='
cblas.h             core/base core/compute
png.h               core/data
zlib.h              core/data
archive.h           core/data
archive_entry.h     core/data
sodium.h            core/base core/data core/nn API DAEMON
microhttpd.h        api/http
jansson.h           API DAEMON
uv.h                DAEMON
sqlite3.h           daemon/store
curl/curl.h         daemon/client daemon/cli
ini.h               daemon/platform
'

core='core/base core/compute core/graph core/nn core/data core/eval core/methods core/train'
api='api api/records api/json api/tables api/http api/resources'
daemon='daemon/platform daemon/store daemon/worker daemon/jobs daemon/experiments daemon/datasets daemon/scoring daemon/server daemon/report daemon/client daemon/cli'
rows() { sed -e "s#\bCORE\b#$core#; s#\bAPI\b#$api#; s#\bDAEMON\b#$daemon#" <<<"$1"; }

# What both passes share: may[FOLDER] and where[HEADER] are lists of folders between blanks.
# shellcheck disable=SC2016 # awk programs, here and below
common='
function has(list, word) { return index(" " list " ", " " word " ") > 0 }
function read_rows(text, into,    lines, n, i, row) {
    n = split(text, lines, "\n")
    for (i = 1; i <= n; i++)
        if (split(lines[i], row, " ")) into[row[1]] = lines[i]
}
# core/base/blas.h -> core/base; daemon/main.c -> daemon
function folder_of(path,    part, n) {
    n = split(path, part, "/")
    return n > 2 ? part[1] "/" part[2] : part[1]
}
BEGIN { read_rows(layers, may) }
'

# shellcheck disable=SC2016
read_includes='
BEGIN { read_rows(libraries, where) }
function complain(text) { printf "%s:%d: %s\n", FILENAME, FNR, text; bad++ }
FNR == 1 {
    files++
    folder = folder_of(FILENAME)
    if (!(folder in may)) complain("no layer is called " folder)
    if (folder == "daemon" && FILENAME != "daemon/main.c") complain("daemon holds main.c alone beside its folders")
}
/^[ \t]*#[ \t]*include[ \t]*"/ {
    split($0, quoted, "\"")
    # Headers of core are named by their folder in it.
    target = folder_of(quoted[2] ~ /^(api|daemon)\// ? quoted[2] : "core/" quoted[2])
    if (index(quoted[2], "/") == 0) complain("include \"" quoted[2] "\" by its folder")
    else if (target != folder && !has(may[folder], target)) complain(folder " may not include " target ": \"" quoted[2] "\"")
}
/^[ \t]*#[ \t]*include[ \t]*</ {
    name = $0
    sub(/^[^<]*</, "", name)
    sub(/>.*/, "", name)
    if (name in where && !has(where[name], folder)) complain(folder " may not speak to <" name ">")
}
END {
    if (files == 0) { print "check_layers: found no sources"; exit 1 }
    if (bad) { printf "check_layers: %d wrong include(s)\n", bad; exit 1 }
    printf "check_layers: %d files, every include points down\n", files
}'

includes() {
    find core api daemon -name '*.[ch]' -print0 | sort -z | xargs -0r awk -v layers="$(rows "$layers")" \
        -v libraries="$(rows "$libraries")" "$common""$read_includes"
}

# An include can be avoided by a declaration in the source file; the linker is not fooled.
# shellcheck disable=SC2016
read_symbols='
{
    object = $1
    sub(/:.*/, "", object)
    symbol = $NF
    kind = $(NF - 1)
    if (!(object in seen)) { seen[object]; objects++ }
    if (kind == "U") { users[++uses] = object; used[uses] = symbol }
    else if (kind ~ /^[TDBRCVW]$/) home[symbol] = object
}
END {
    for (i = 1; i <= uses; i++) {
        if (!(used[i] in home)) continue
        folder = folder_of(users[i])
        target = folder_of(home[used[i]])
        if (target == folder || has(may[folder], target)) continue
        printf "%s: %s may not call %s: %s of %s\n", users[i], folder, target, used[i], home[used[i]]
        bad++
    }
    if (bad) { printf "check_layers: %d wrong symbol(s)\n", bad; exit 1 }
    printf "check_layers: %d objects, every symbol points down\n", objects
}'

# CMake puts core/base/blas.c into BUILD/core/CMakeFiles/core.dir/base/blas.c.o.
source_of() { sed -E "s#^$build/##; s#CMakeFiles/[^/]*\.dir/##"; }

symbols() {
    # An object whose source is gone is left from an earlier build.
    find "$build"/core "$build"/api "$build"/daemon -name '*.c.o' 2>/dev/null | sort | while read -r object; do
        source=$(source_of <<<"$object")
        [ ! -f "${source%.o}" ] || echo "$object"
    done >"$list"
    if [ ! -s "$list" ]; then
        echo "check_layers: no objects in $build: their symbols were not read"
        return
    fi
    xargs -r nm -A -g <"$list" | source_of |
        awk -v layers="$(rows "$layers")" "$common""$read_symbols"
}

list=$(mktemp)
trap 'rm -f "$list"' EXIT
status=0
includes || status=1
symbols || status=1
exit "$status"
