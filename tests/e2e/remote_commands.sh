#!/usr/bin/env bash
# SPDX-License-Identifier: MIT
# tests/e2e/remote_commands.sh — `anomalyd experiment` and `anomalyd runs` against a daemon: a sweep followed past an
# interrupt, a cancelling and the daemon's death, its table, the history, and what is said where something is wrong.
# ANOMALYD_BINARY and ANOMALYD_TEST_DATA say where the program and the data are.
set -euo pipefail

data=${ANOMALYD_TEST_DATA:?}
# shellcheck source-path=SCRIPTDIR source=daemon.sh
. "${BASH_SOURCE[0]%/*}/daemon.sh"
mkfifo "$work/lines" "$work/words"

# A follower would wait for its daemon for ever.
program=
end_follower() {
    local status=$?
    set +e
    [ -z "$program" ] || kill -KILL "$program"
    (exit "$status")
    clean_up
}
trap end_follower EXIT

refused() { # STATUS WORDS ARGUMENT… — ends with that status, says those words and prints nothing
    local expected=$1 words=$2 status=0
    shift 2
    "$binary" "$@" >"$work/printed" 2>"$work/told" || status=$?
    [ "$status" = "$expected" ] || fail "$*: status $status: $(cat "$work/told")"
    grep -qF -- "$words" "$work/told" || fail "$*: $(cat "$work/told")"
    [ ! -s "$work/printed" ] || fail "$* printed: $(cat "$work/printed")"
}

begin() { # ARGUMENT… — a program in the background; its lines are read from 3, its words from 4
    env --default-signal=INT "$binary" "$@" >"$work/lines" 2>"$work/words" &
    program=$!
    exec 3<"$work/lines" 4<"$work/words"
}
expect_status() { # STATUS — of the program begun last
    local status=0
    wait "$program" || status=$?
    program=
    [ "$status" = "$1" ] || fail "status $status: $(cat <&3) $(cat <&4)"
}
expect_line() { # DESCRIPTOR PATTERN — the next line; leaves it in `line`
    read -r line <&"$1" || fail "no further line, but \"$2\""
    # shellcheck disable=SC2053 # a pattern
    [[ $line == $2 ]] || fail "\"$line\" instead of \"$2\""
}
same_as_body() { # PATH ARGUMENT… — prints the daemon's own answer to that path
    local path=$1
    shift
    "$binary" "$@" >"$work/printed" 2>"$work/told" || fail "$*: $(cat "$work/told")"
    ask "$url$path" >"$work/answer"
    [ "$(cat "$work/printed")" = "$(cat "$work/answer")" ] || fail "$*: $(cat "$work/printed")"
}
import() { # NAME FOLDER
    jq -n --arg name "$1" --arg path "$2" '{$name, $path}' |
        ask -H 'Content-Type: application/json' --data-binary @- "$url/datasets" >"$work/answer"
}

sweep=(experiment run --data digits --methods 'kde,pca' --set pca.components=8)

# ---- what is wrong before any daemon is asked
export ANOMALYD_SERVER=http://127.0.0.1:1
refused 2 'usage: anomalyd experiment run' experiment
refused 2 'there is no action "walk"; there are run, list, show, follow, resume, cancel, table' experiment walk
refused 2 '--data is missing' experiment run --methods kde
refused 2 '--methods is missing' experiment run --data digits
refused 2 '--methods: expected a list such as A,B without gaps' experiment run --data digits --methods kde,,pca
refused 2 '--seeds: expected whole numbers such as 0,1,2, got "0-3"' "${sweep[@]}" --seeds 0-3
refused 2 '--set: "components=3" is not METHOD.NAME=VALUE' "${sweep[@]}" --set components=3
refused 2 '--override: "pca.held_out" is not METHOD.NAME=VALUE' "${sweep[@]}" --override pca.held_out
refused 2 '--held-out: "1" is not a number from 0 to 0.4' "${sweep[@]}" --held-out 1
refused 2 '--test-images: "few" is not a whole number' "${sweep[@]}" --test-images few
refused 2 '--classes all and --class 3 exclude each other' "${sweep[@]}" --classes all --class 3
refused 2 "unrecognized option '--fast'" "${sweep[@]}" --fast
refused 2 'ID is missing' experiment show
refused 2 '"more" is one argument too many' experiment show ID more
refused 2 '--format: "yaml" is none of markdown, csv, json' experiment table ID --format yaml
refused 2 'B is missing' runs compare A
refused 2 '--min-auroc: "2" is not a number from 0 to 1' runs list --min-auroc 2
refused 2 '--limit: "0" is not a whole number' runs list --limit 0
refused 2 '--server: "127.0.0.1:1" is not the URL of a daemon' runs list --server 127.0.0.1:1
refused 1 'http://127.0.0.1:1 does not answer: ' "${sweep[@]}"
refused 1 'http://127.0.0.1:1 does not answer: ' experiment follow ID
refused 1 'http://name@127.0.0.1:2/before does not answer: ' runs list --server http://name:secret@127.0.0.1:2/before/
if grep -q secret "$work/told"; then fail "the password is shown"; fi

# ---- a daemon that starts no job: an interrupt, a key, a cancelling
start --import-root "$data" --import-root "$work" --workers 0
export ANOMALYD_SERVER=$url
import digits "$data/mnist-sample"
refused 1 'there is no experiment "a/b?c"' experiment show a/b?c
refused 1 'there is no experiment ".."' experiment table ..
refused 1 'there is no run "none"' runs compare none none
refused 1 'one-class, one-vs-rest or unlabelled is expected' runs list --protocol one
refused 1 'class: the data set digits has no class "77"' "${sweep[@]}" --classes 77
refused 1 'there is no data set "letters"' experiment run --data letters --methods kde
refused 1 "unknown hyperparameter 'size'; pca takes: components" "${sweep[@]}" --set kde.bandwidth=wide --set pca.size=1
grep -qF '/hyperparameters/kde/bandwidth: expected a number' "$work/told" || fail "one error of two: $(cat "$work/told")"
refused 1 "unknown key 'components'; accepted: held_out, test_images" "${sweep[@]}" --override pca.components=1
refused 1 "'ocgan' is none of the methods asked for" "${sweep[@]}" --override ocgan.held_out=0.1

first=(--seeds '0,1' --classes 3 --class 8 --name first --held-out 0.2 --test-images 500 --key one
    --override kde.held_out=0.1)
begin "${sweep[@]}" "${first[@]}"
expect_line 3 '????????-*'
id=$line
expect_line 3 '0 of 8 cells done, 8 queued'
kill -INT "$program"
expect_line 4 "anomalyd experiment run: experiment $id goes on without this command; see"
for way in follow cancel table; do expect_line 4 "anomalyd experiment $way $id"; done
expect_status 130
[ "$("$binary" "${sweep[@]}" "${first[@]}" --no-follow)" = "$id" ] || fail "another experiment of the same key"
"$binary" experiment show "$id" --format json | jq -e '.name == "first" and .methods == ["kde", "pca"] and
    .classes == ["3", "8"] and .seeds == [0, 1] and .hyperparameters.pca == {"components": 8} and .held_out == 0.2 and
    .overrides == {"kde": {"held_out": 0.1}} and .test_images == 500 and (.trace or .reuse | not)' >"$work/answer" || fail "arguments are lost"
[ "$("$binary" experiment cancel "$id")" = '0 of 8 cells done, 8 cancelled' ] || fail "cancel"
begin experiment follow "$id"
expect_line 3 '0 of 8 cells done, 8 cancelled'
for seed in 0 1; do for class in 3 8; do for method in kde pca; do
    expect_line 4 "anomalyd experiment follow: $method, class $class, seed $seed: cancelled"
done; done; done
expect_line 4 "*\`anomalyd experiment resume $id\` runs these again"
expect_status 1
[ "$("$binary" experiment resume "$id")" = '0 of 8 cells done, 8 queued' ] || fail "resume"

# ---- the daemon is killed while its sweep is followed
begin experiment follow "$id" --server "$url/"
expect_line 3 '0 of 8 cells done, 8 queued'
kill -KILL "$daemon"
wait "$daemon" 2>"$work/told" || true
daemon=
expect_line 4 "anomalyd experiment follow: $url does not answer: *; waiting for the daemon"
start --import-root "$data" --import-root "$work" --workers 1 --listen "${url#http://}"
while read -r line <&3; do last=$line; done
[ "$last" = '8 of 8 cells done' ] || fail "the last line: $last"
[ -z "$(cat <&4)" ] || fail "it told more than once that it waits"
expect_status 0

# ---- what came of it
same_as_body "/experiments/$id/table?format=markdown" experiment table "$id"
grep -q '^| method | 3 | 8 | mean | median |' "$work/printed" || fail "no table: $(cat "$work/printed")"
same_as_body "/experiments/$id/table?format=csv" experiment table "$id" --format csv
same_as_body "/experiments/$id/table" experiment table --format json "$id"
same_as_body "/experiments/$id" experiment show "$id" --format json
same_as_body "/experiments?limit=50" experiment list --format json
same_as_body "/runs?method=pca&seed=1&limit=500" runs list --method pca --seed 1 --limit 500 --format json
same_as_body "/runs?limit=3&format=csv&min_auroc=0.5" runs list --limit 3 --min-auroc 0.5 --format csv
refused 1 'no such' experiment table "$id" --score 'no such'
"$binary" experiment list >"$work/printed"
grep -q "^$id  .* complete  *8  *8  *0  *digits  *one-class  *kde,pca  *first\$" "$work/printed" ||
    fail "list: $(cat "$work/printed")"
"$binary" experiment show "$id" >"$work/printed"
[ "$(grep -c '^\(kde\|pca\)  *[38]  *[01]  *succeeded  *0\.[0-9]* ' "$work/printed")" = 8 ] ||
    fail "show: $(cat "$work/printed")"
"$binary" runs list --limit 5 >"$work/printed" 2>"$work/told"
[ "$(wc -l <"$work/printed")" = 6 ] || fail "runs list: $(cat "$work/printed")"
grep -q 'there are more than these 5' "$work/told" || fail "it hides that there are more"

run_of() { "$binary" runs list --method "$1" --class 3 --seed 0 --model "first-$1" --format json | jq -r '.items[0].id'; }
a=$(run_of pca) b=$(run_of kde)
same_as_body "/runs/$a" runs show "$a" --format json
"$binary" runs show "$a" | grep -q '^hyperparameters  *{"components": 8[,}]' || fail "runs show tells no options"
same_as_body "/compare?a=$a&b=$b" runs compare "$a" "$b" --format json
jq -r '@text "\(.a.auroc - .b.auroc) \(.p_value) \(.low) \(.high)"' "$work/answer" >"$work/figures"
"$binary" runs compare "$a" "$b" >"$work/printed"
read -r difference p low high <"$work/figures"
for figure in "$(printf '= %+.4f, ' "$difference")" "$(printf 'p = %.2g ' "$p")" \
    "$(printf '95%% interval %+.4f to %+.4f, ' "$low" "$high")" "pca ($a) minus kde ($b)" 'digits, one-class, class 3'; do
    grep -qF -- "$figure" "$work/printed" || fail "compare lacks \"$figure\": $(cat "$work/printed")"
done

# ---- cells that are reused, a cell that fails, a class whose name is not for a URL
begin "${sweep[@]}" --classes 8,3 --seeds 1 --override pca.held_out=0.2 --override kde.test_images=500 \
    --override pca.test_images=500 --reuse
expect_line 3 '*-*'
id=$line
expect_line 3 '4 of 4 cells done'
expect_status 0
[ "$("$binary" experiment show "$id" | grep -c '^\(kde\|pca\)  *[38]  *1  *reused ')" = 4 ] || fail "no cell is reused"
id=$("$binary" "${sweep[@]}" --classes 3 --seeds 0,1 --held-out 0.2 --override kde.held_out=0.1 --test-images 500 \
    --reuse-any-version --no-follow)
version=$(ask "$url/runs/$a" | jq -r .code_version)
"$binary" experiment show "$id" --format json | jq -e --arg version "$version" '.reuse == "any-version" and
    ([.cells[] | .reused and .code_version == $version] == [true, true, true, true])' >"$work/answer" ||
    fail "runs of any version are not reused"

collapsing=(width=4 latent=8 batch=32 epochs=4 rate=0.002 collapse=0 collapse_steps=6 collapse_won=0.1)
begin experiment run --data digits --methods ganomaly --classes 3 --seeds 7 "${collapsing[@]/#/--set=ganomaly.}"
while read -r line <&3; do last=$line; done
[ "$last" = '0 of 1 cells done, 1 failed' ] || fail "the last line: $last"
expect_line 4 'anomalyd experiment run: ganomaly, class 3, seed 7: failed: *'
expect_status 1

odd='x & y, 100% #1'
mkdir -p "$work/images/$odd" "$work/images/b"
"$binary" images "$data/mnist-sample" --split train --class 3 --limit 40 -o "$work/images/$odd" >"$work/printed"
"$binary" images "$data/mnist-sample" --split train --class 8 --limit 10 -o "$work/images/b" >"$work/printed"
import odd "$work/images"
"$binary" experiment run --data odd --methods pca --class "$odd" --set pca.components=2 >"$work/printed"
"$binary" runs list --class "$odd" --format json | jq -e --arg odd "$odd" '[.items[].class] == [$odd]' >"$work/answer" ||
    fail "a class's name is not encoded"
stop
