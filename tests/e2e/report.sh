#!/usr/bin/env bash
# SPDX-License-Identifier: MIT
# tests/e2e/report.sh — `anomalyd report` on a small sweep, while the daemon runs and when it does not: every file there,
# the table and the runs as HTTP answers them, the same bytes again, missing cells, and the folders it leaves alone.
# ANOMALYD_BINARY and ANOMALYD_TEST_DATA say where the program and the data are.
set -euo pipefail

data=${ANOMALYD_TEST_DATA:?}
# shellcheck source-path=SCRIPTDIR source=daemon.sh
. "${BASH_SOURCE[0]%/*}/daemon.sh"

report() { # EXPERIMENT FOLDER ARGUMENT…
    local id=$1 folder=$2
    shift 2
    "$binary" report "$id" -o "$folder" --state "$work/state" "$@" >"$work/told" 2>&1
}

refused() { # STATUS WORDS EXPERIMENT FOLDER ARGUMENT…
    local expected=$1 words=$2 status=0
    shift 2
    report "$@" || status=$?
    [ "$status" = "$expected" ] || fail "report $*: status $status: $(cat "$work/told")"
    grep -qF -- "$words" "$work/told" || fail "report $*: $(cat "$work/told")"
}

sweep() { # JSON — its id
    jq -n "$1" | ask -H 'Content-Type: application/json' --data-binary @- "$url/experiments" | jq -r .id
}

await() { # EXPERIMENT — until no cell of it will change by itself
    local job
    for job in $(ask "$url/experiments/$1" | jq -r '.cells[].job'); do
        curl -sSN "$url/jobs/$job/events" >"$work/events" # which ends when the job does
    done
}

same_as_http() { # FOLDER EXPERIMENT
    local format type
    for format in json csv md; do
        type=$format
        [ "$type" != md ] || type=markdown
        ask "$url/experiments/$2/table?format=$type" | cmp - "$1/table.$format" || fail "table.$format is another"
    done
    ask "$url/experiments/$2" | jq -r '.cells[].run // empty' >"$work/cells"
    while read -r run; do
        ask "$url/runs/$run"
    done <"$work/cells" | cmp - "$1/runs.jsonl" || fail "the runs are others"
}

links_are_files() { # FOLDER — every link and picture of the page is a file, and every file is on the page
    grep -oE '(\]\(|src=")[^)"#]+' "$1/README.md" | sed -E 's/^(\]\(|src=")//' | sort -u >"$work/links"
    (cd "$1" && find . -type f ! -name README.md ! -name .anomalyd-report) | sed 's,^\./,,' | sort >"$work/files"
    diff "$work/links" "$work/files" >&2 || fail "$1: links and files differ"
}

import() { # NAME PATH
    jq -n --arg name "$1" --arg path "$2" '{$name, $path}' |
        ask -H 'Content-Type: application/json' --data-binary @- "$url/datasets" >"$work/answer"
}

start --import-root "$data" --import-root "$work"
import digits "$data/mnist-sample"
whole=$(sweep '{name: "small_sweep", methods: ["kde", "pca", "ganomaly"], dataset: "digits", classes: ["3", "8"],
    seeds: [0, 1], held_out: 0.2,
    overrides: {kde: {test_images: 500}},
    hyperparameters: {pca: {components: 4}, ganomaly: {epochs: 1, batch: 16, width: 4, latent: 8}}}')
await "$whole"

# A whole sweep, with the daemon at work.
report "$whole" "$work/report" --sheets 1 || fail "$(cat "$work/told")"
[ "$(cat "$work/told")" = "$work/report/README.md" ] || fail "it does not say where the page is"
same_as_http "$work/report" "$whole"
for file in README.md table.md auroc.svg roc/3.svg roc/8.svg histograms/kde-3.svg histograms/ganomaly-8.svg \
    sheets/pca-3.png sheets/ganomaly-3.png; do
    [ -s "$work/report/$file" ] || fail "there is no $file"
done
[ "$(find "$work/report/sheets" -type f | wc -l)" = 2 ] || fail "other sheets than asked for"
page=$work/report/README.md digit=0
# shellcheck disable=SC2016 # Markdown's backticks
for words in '# Report of small\_sweep' "$whole" '12 of 12 succeeded' \
    '| but kde | tested on 500 test images drawn by the seed; 0.2 of the training normals held out |' \
    'Not all rows were tested on the same images' '[1] tested on 500 of the test images' '`components` 4' '`epochs` 1' \
    'does not reconstruct' '| 8 | 1 | ' 'notes hold for these rows too'; do
    grep -qF -- "$words" "$page" || fail "the page does not say: $words"
done
links_are_files "$work/report"
while read -r line method class seed; do # of its runs
    jq -es --argjson line "$line" --arg name "$method $class $seed" \
        '.[$line - 1] | "\(.method) \(.class) \(.seed)" == $name' "$work/report/runs.jsonl" >"$work/answer" ||
        fail "line $line of runs.jsonl is not $method $class $seed"
done < <(awk -F '[ |]+' '/^## /{method = $2} match($0, /#L[0-9]+/){
    print substr($0, RSTART + 2, RLENGTH - 2), method, $2, $3}' "$page" | tee "$work/lines")
[ "$(wc -l <"$work/lines")" = 12 ] || fail "the page does not link every run"
for line in '| ganomaly | its own | ' '| ganomaly | reconstruction | ' '| pca | its own | '; do
    [ "$(grep -cF -- "$line" "$page")" = 1 ] || fail "the table of every score has not one line $line"
done
[ "$(grep -c '<polyline' "$work/report/roc/3.svg")" = 3 ] || fail "roc/3.svg does not have three curves"
jq -r 'select(.method == "pca" and .class == "8" and .seed == 0) |
    .images | "normal, \(.test_normals) images\nanomalous, \(.test_anomalies) images"' \
    "$work/report/runs.jsonl" >"$work/counts"
[ "$(grep -cFf "$work/counts" "$work/report/histograms/pca-8.svg")" = 2 ] || fail "pca-8.svg has another test"

# Classes whose names are markup, and the same on a disk that does not tell cases apart.
for name in '<b> & "x|y' 'A/_' 'a/_'; do
    class=${name//\//?}
    mkdir -p "$work/odd/$class"
    "$binary" images "$data/mnist-sample" --split train --class "$((++digit))" --limit 40 -o "$work/odd/$class" >"$work/paths"
done
import odd "$work/odd"
odd=$(sweep '{methods: ["pca"], dataset: "odd", held_out: 0.2}')
await "$odd"
report "$odd" "$work/odd-report" --sheets 3 || fail "$(cat "$work/told")"
count=$(find "$work/odd-report/roc" "$work/odd-report/sheets" -type f | wc -l)
[ "$count" = 6 ] || fail "$count files of six curves and sheets"
links_are_files "$work/odd-report"
if grep -rlF -e '<b>' -e '"x|y' --include '*.svg' --include README.md "$work/odd-report"; then fail "markup of a name"; fi
[ "$(find "$work/odd-report" -type f | tr '[:upper:]' '[:lower:]' | sort -u | wc -l)" = \
    "$(find "$work/odd-report" -type f | wc -l)" ] || fail "names of files differ in their cases only"

# Again, without a daemon, over the earlier report: the same bytes, less what is not asked for now. What is not a
# report's stays.
cp -r "$work/report" "$work/before"
echo mine >"$work/report/notes.txt"
stop
report "$whole" "$work/report" --sheets 0 || fail "$(cat "$work/told")"
[ ! -e "$work/report/sheets/pca-3.png" ] || fail "a sheet of the earlier report is still there"
[ "$(cat "$work/report/notes.txt")" = mine ] || fail "another's file was touched"
report "$whole" "$work/report" --sheets 1 || fail "$(cat "$work/told")"
rm "$work/report/notes.txt"
diff -r "$work/before" "$work/report" >&2 || fail "the same report has other bytes"
report "$whole" "$work/report" --sheets 1 --brief || fail "$(cat "$work/told")"
for folder in roc histograms; do
    [ ! -e "$work/report/$folder" ] || fail "a brief report has $folder"
done
cmp "$work/before/runs.jsonl" "$work/report/runs.jsonl" || fail "a brief report has other runs"
links_are_files "$work/report"

# Folders and experiments that it refuses; nothing is written then.
mkdir "$work/foreign"
echo mine >"$work/foreign/README.md"
refused 1 'holds no earlier report' "$whole" "$work/foreign"
[ "$(ls -A "$work/foreign")" = README.md ] || fail "it wrote there"
[ "$(cat "$work/foreign/README.md")" = mine ] || fail "it changed what was there"
refused 1 'no experiment "none"' none "$work/nothing"
[ ! -e "$work/nothing" ] || fail "a folder of no experiment"
refused 1 "$work/foreign/README.md/deep" "$whole" "$work/foreign/README.md/deep"
refused 2 '--sheets: "257" is not a whole number from 0 to 256' "$whole" "$work/nothing" --sheets 257
refused 2 '"more" is one argument too many' "$whole" "$work/nothing" more
refused 1 anomalyd.db "$whole" "$work/nothing" --state "$work/foreign"
report "$whole" "$work/foreign" --sheets 0 --force || fail "$(cat "$work/told")"
grep -q "$whole" "$work/foreign/README.md" || fail "--force did not write"

# A sweep of which nothing has run.
start --import-root "$data" --workers 0
none=$(sweep '{methods: ["kde", "pca"], dataset: "digits", classes: ["1"], seeds: [7]}')
report "$none" "$work/report" || fail "$(cat "$work/told")"
same_as_http "$work/report" "$none"
grep -q '0 of 2 succeeded, 2 queued' "$work/report/README.md" || fail "the page does not say what is missing"
grep -q 'missing: queued' "$work/report/README.md" || fail "the page does not show missing cells"
[ ! -s "$work/report/runs.jsonl" ] || fail "a run of the earlier report is still there"

# A sweep whose first seed has no run: the sheet is of the next.
part=$(sweep '{methods: ["pca"], dataset: "digits", classes: ["3"], seeds: [7, 0], held_out: 0.2, reuse: true,
    hyperparameters: {pca: {components: 4}}}')
report "$part" "$work/report" --sheets 1 || fail "$(cat "$work/told")"
[ -s "$work/report/sheets/pca-3.png" ] || fail "there is no sheet of the seed that has run"
stop
