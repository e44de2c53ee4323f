#!/usr/bin/env bash
# SPDX-License-Identifier: MIT
# check_docs.sh [ROOT] — what the documents name exists: relative links with their anchors, the paths of files between
# backquotes, and in the table of docs/api.md exactly the operations of openapi.yaml. Prints FILE: for each fault.
# shellcheck disable=SC2016 # backquotes are Markdown's, dollars awk's
set -euo pipefail

cd "${1:-$(dirname "${BASH_SOURCE[0]}")/..}"

# FILE TARGET, a link or picture on each line; what is between code fences is no link.
links() {
    find . \( -name build -o -name .git \) -prune -o -name '*.md' -print0 | sort -z | xargs -0r awk '
        FNR == 1 { fenced = 0 }
        /^```/ { fenced = !fenced }
        fenced { next }
        {
            gsub(/`[^`]*`/, "")
            while (match($0, /\]\([^) ]+\)|src="[^"]+"/)) {
                target = substr($0, RSTART, RLENGTH)
                $0 = substr($0, RSTART + RLENGTH)
                gsub(/^\]\(|^src="|[)"]$/, "", target)
                if (target !~ /^[a-z]+:/) print FILENAME, target
            }
        }'
}

# The anchors of a page: FILE#HEADING in lower case, without punctuation, with - for a space.
anchors() {
    find . \( -name build -o -name .git \) -prune -o -name '*.md' -print0 | xargs -0r awk '
        FNR == 1 { fenced = 0 }
        /^```/ { fenced = !fenced }
        !fenced && /^#+ / {
            sub(/^#+ /, "")
            $0 = tolower($0)
            gsub(/[]!"#$%&()*+,.\/:;<=>?@[\\^`{|}~'\'']/, "")
            gsub(/ /, "-")
            print FILENAME "#" $0
        }'
}

# FILE PATH, a source file that the text names between backquotes. A name with a placeholder is none.
paths() {
    find . \( -name build -o -name .git -o -name results -o -name CHANGELOG.md \) -prune -o -name '*.md' -print0 |
        sort -z | xargs -0r grep -oHE '`(core|api|daemon|tests|scripts|migrations|systemd|docker)/[A-Za-z0-9_./-]+[a-z]`' |
        tr -d '`' | sed 's/:/ /'
}

operations_documented() {
    sed -n 's/^| `\([A-Z]* \/[^`?]*\)` |.*/\1/p' docs/api.md | sort
}

operations_in_contract() {
    awk '/^[a-z]/ { inside = $0 == "paths:" }
        inside && /^  \// { path = $1; sub(/:$/, "", path) }
        inside && /^    (get|post|put|patch|delete):/ { method = $1; sub(/:$/, "", method); print toupper(method), path }' \
        openapi.yaml | sort
}

faults=0
count=0
fault() { # FILE WORDS
    echo "${1#./}: $2"
    faults=$((faults + 1))
}

known=$(anchors)
declare -A lines
while read -r file target; do
    count=$((count + 1))
    path=${target%%#*} anchor=
    [ "$path" = "$target" ] || anchor=${target#*#}
    if [ -n "$path" ]; then path=${file%/*}/$path; else path=$file; fi
    if [ ! -e "$path" ]; then
        fault "$file" "there is no $target"
    elif [[ $path = *.md && -n $anchor ]]; then
        path=$(realpath --relative-to=. "$path")
        grep -qxF "./$path#$anchor" <<<"$known" || fault "$file" "no heading for $target"
    elif [[ $anchor =~ ^L([0-9]+)$ ]]; then
        [ -n "${lines[$path]:-}" ] || lines[$path]=$(wc -l <"$path")
        [ "${lines[$path]}" -ge "${BASH_REMATCH[1]}" ] || fault "$file" "no such line: $target"
    fi
done < <(links)

while read -r file path; do
    [[ $path = *autoencoder* ]] && continue # the method that docs/architecture.md adds as an example
    [ -e "$path" ] || fault "$file" "there is no $path"
done < <(paths)

if [ -e openapi.yaml ]; then
    diff -u --label docs/api.md --label openapi.yaml <(operations_documented) <(operations_in_contract) ||
        fault docs/api.md "its table is not the contract"
fi

[ "$faults" = 0 ] || { echo "check_docs: $faults fault(s)"; exit 1; }
echo "check_docs: $count links, all of which lead somewhere"
