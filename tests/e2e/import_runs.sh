#!/usr/bin/env bash
# SPDX-License-Identifier: MIT
# tests/e2e/import_runs.sh — `anomalyd runs import`: a report's runs taken into another registry, where a sweep reuses them
# and has the same table; what is refused, and what an imported run lacks.
# ANOMALYD_BINARY and ANOMALYD_TEST_DATA say where the program and the data are.
set -euo pipefail

data=${ANOMALYD_TEST_DATA:?}
# shellcheck source-path=SCRIPTDIR source=daemon.sh
. "${BASH_SOURCE[0]%/*}/daemon.sh"

import() { # NAME FOLDER
    jq -n --arg name "$1" --arg path "$2" '{$name, $path}' |
        ask -H 'Content-Type: application/json' --data-binary @- "$url/datasets" >"$work/answer"
}

import_runs() { # STATUS COUNTS ARGUMENT…
    local expected=$1 counts=$2 status=0
    shift 2
    "$binary" runs import --server "$url" "$@" >"$work/printed" 2>"$work/told" || status=$?
    [ "$status" = "$expected" ] || fail "import: status $status: $(cat "$work/told")"
    [ "$(cat "$work/printed")" = "$counts" ] || fail "import: $(cat "$work/printed" "$work/told")"
}

told() { # WORDS — of the last import
    grep -qF -- "$1" "$work/told" || fail "\"$1\" was not said: $(cat "$work/told")"
}

sweep() { # DATASET ARGUMENT… — its id, when it is done
    local set=$1
    shift
    "$binary" experiment run --server "$url" --data "$set" --methods kde,pca,ganomaly --classes 3 --seeds 4 --held-out 0.2 \
        --override kde.test_images=500 --trace --set pca.components=4 --set ganomaly.epochs=2 --set ganomaly.batch=16 \
        --set ganomaly.width=4 --set ganomaly.latent=8 "$@" >"$work/sweep"
    head -n 1 "$work/sweep"
}

without() { # FILE FILTER… — of JSON, what the filter leaves
    jq -S "$2" "$1"
}

# ---- where they are made
start --import-root "$data"
import digits "$data/mnist-sample"
made=$(sweep digits)
"$binary" report "$made" -o "$work/report" --state "$work/state" >"$work/answer"
ask "$url/experiments/$made/table" >"$work/table"
all=$work/report/runs.jsonl
[ "$(wc -l <"$all")" = 3 ] || fail "$(wc -l <"$all") runs"
import_runs 0 '0 imported, 3 were here, 0 refused' "$all"
split -l 1 "$all" "$work/run-"
runs=("$work"/run-a[a-c])
jq . "${runs[2]}" >"$work/pretty" # a run on many lines, as one may have it from jq
mv "$work/pretty" "${runs[2]}"
stop
mv "$work/state" "$work/before"

# ---- elsewhere
start --import-root "$data" --workers 0
import_runs 1 '0 imported, 0 were here, 3 refused' "${runs[@]}"
told "${runs[0]}: run 1: dataset_digest: there is no data set of these images"
import_runs 1 '0 imported, 0 were here, 3 refused' "$all"
told "$all: run 3: dataset_digest: there is no data set of these images"
import figures "$data/mnist-sample"
head -c 300 "${runs[0]}" >"$work/cut.json"
jq 'del(.held_out)' "${runs[0]}" >"$work/older.json"
jq '.id = "one" | .class = "77"' "${runs[0]}" >"$work/odd.json"
jq '.class = "77"' "${runs[0]}" >"$work/class.json"
import_runs 1 '1 imported, 0 were here, 5 refused' \
    "$work"/{cut,older,odd,class,none}.json "${runs[1]}"
for words in "$work/cut.json: run 1: " '/held_out: is missing' 'id: "one" is not a UUIDv7' \
    'class: data set "figures" has no class "77"' "$work/none.json"; do told "$words"; done
import_runs 0 '1 imported, 0 were here, 0 refused' --held-out 0.2 "$work/older.json"
kill -KILL "$daemon"
wait "$daemon" 2>"$work/told" || true
start --import-root "$data" --workers 0
import_runs 0 '0 imported, 1 were here, 0 refused' "${runs[0]}"
cat "${runs[@]}" "$work/cut.json" "${runs[@]}" >"$work/many.json"
import_runs 1 '1 imported, 2 were here, 1 refused' "$work/many.json"
told "$work/many.json: run 4: "
jq '.weights_digest = "00" * 32' "${runs[0]}" >"$work/other.json"
jq '.id |= sub("^0"; "1")' "${runs[0]}" >"$work/stray.json"
import_runs 1 '0 imported, 0 were here, 2 refused' "$work"/{other,stray}.json
told 'id: there is another run'
told 'job: there is a job'

# ---- they are as they were, but for what was said
for run in "${runs[@]}"; do
    ask "$url/runs/$(jq -r .id "$run")" >"$work/answer"
    jq -e '.imported != null and .dataset == "figures"' "$work/answer" >"$work/told" || fail "$run: $(cat "$work/answer")"
    diff <(without "$run" 'del(.imported, .dataset)') <(without "$work/answer" 'del(.imported, .dataset)') >&2 ||
        fail "$run is another"
    ask "$url/jobs/$(jq -r .job "$run")/events" >"$work/answer"
    grep -q '^data: .*"state":"succeeded".*"version":null' "$work/answer" || fail "$run: $(cat "$work/answer")"
done
again=$(sweep figures --reuse)
diff <(without "$work/table" 'del(.dataset)') <(ask "$url/experiments/$again/table" | jq -S 'del(.dataset)') >&2 ||
    fail "another table"
"$binary" report "$again" -o "$work/again" --state "$work/state" >"$work/answer"
[ ! -e "$work/again/sheets" ] || fail "a sheet without its model"
grep -q 'the run was imported, without its model' "$work/again/README.md" || fail "the page does not say why"
sed 's/figures/digits/g' "$work/again/roc/3.svg" | cmp - "$work/report/roc/3.svg" || fail "another ROC curve"
a=$(jq -r .id "${runs[0]}") b=$(jq -r .id "${runs[1]}")
if "$binary" runs compare --server "$url" "$a" "$b" >"$work/printed" 2>"$work/told"; then fail "scores from nowhere"; fi
told 'keeps no scores of test images'
stop
