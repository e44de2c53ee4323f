#!/usr/bin/env bash
# SPDX-License-Identifier: MIT
# tests/e2e/all_methods.sh — every method that GET /methods lists, through HTTP: a job on the bundled digits at small
# settings, its run, scores that are the same alone and in company, and pictures that explain them or the reason why
# there are none; where it has members, of one and of two. Knows no method's name.
# ANOMALYD_BINARY and ANOMALYD_TEST_DATA say where the program and the data are.
set -euo pipefail

data=${ANOMALYD_TEST_DATA:?}
# shellcheck source-path=SCRIPTDIR source=daemon.sh
. "${BASH_SOURCE[0]%/*}/daemon.sh"

start --import-root "$data"
jq -n --arg path "$data/mnist-sample" '{name: "digits", $path}' |
    ask -H 'Content-Type: application/json' --data-binary @- "$url/datasets" >"$work/answer"
"$binary" images "$data/mnist-sample" --split test --limit 2 -o "$work/images" >"$work/paths"

# The smallest of what an option allows that still trains: by the names that options of that meaning have. Under
# TESTS_BRIEF fewer steps, and two networks alone of what can have them.
small='{epochs: 2, batch: 16, width: 4, latent: 8, iterations: 5, pretrain: 1, slots: 8}'
networks=(1 2)
if [ -n "${TESTS_BRIEF:-}" ]; then
    small='{epochs: 2, batch: 64, width: 4, latent: 8, iterations: 2, pretrain: 1, slots: 8}'
    networks=(2)
fi

score() { # MODEL IMAGE… — the scores, one a line, as the bits they are sent as
    local model=$1 image form=()
    shift
    for image in "$@"; do form+=(-F "image=@$work/images/$image;type=image/png"); done
    ask "${form[@]}" "$url/score?model=$model" | jq -r '.results[] | .score'
}

explain() { # MODEL — both pictures, or for both the same reason; prints what there is
    local model=$1 kind status said=()
    for kind in reconstruction heatmap; do
        status=$(curl -sS -o "$work/picture" -w '%{http_code} %{content_type}' -H 'Content-Type: image/png' \
            -H 'Accept: image/png' --data-binary "@$work/images/test-3-00000.png" \
            "$url/score?model=$model&explain=$kind")
        case $status in
        '200 image/png')
            [ "$(head -c 8 "$work/picture" | od -An -tx1 | tr -d ' ')" = 89504e470d0a1a0a ] || fail "$model: no PNG"
            ask -H 'Content-Type: image/png' --data-binary "@$work/images/test-3-00000.png" \
                "$url/score?model=$model&explain=$kind" |
                jq -r '.results[0].explanation | select(.width == 28 and .height == 28) | .data' |
                base64 -d | cmp - "$work/picture" || fail "$model: the $kind in JSON is another picture"
            said+=("$kind")
            ;;
        '422 application/problem+json')
            jq -e '.detail | contains("does not reconstruct")' "$work/picture" >"$work/answer" ||
                fail "$model: $(cat "$work/picture")"
            said+=(none)
            ;;
        *) fail "$model: explain=$kind: $status" ;;
        esac
    done
    [ "${said[*]}" = 'reconstruction heatmap' ] || [ "${said[*]}" = 'none none' ] || fail "$model: ${said[*]}"
    echo "${said[1]}"
}

has_members() { # METHOD
    jq -e --arg id "$1" '.items[] | select(.id == $id) | .options | any(.name == "members")' "$work/methods" >"$work/answer"
}

check() { # METHOD MEMBERS
    local method=$1 members=$2 options job state run alone among shown
    options=$(jq --arg id "$method" --argjson members "$members" "($small | .members = \$members)"' as $small |
        .items[] | select(.id == $id) | [.options[].name] as $names |
        $small | with_entries(select(.key as $key | $names | index($key)))' "$work/methods")
    job=$(jq -n --arg method "$method" --argjson options "$options" '{kind: "train", $method, dataset: "digits",
        protocol: "one-class", class: "1", seed: 1, held_out: 0.2, model: "ones-\($method)", hyperparameters: $options}' |
        ask -H 'Content-Type: application/json' --data-binary @- "$url/jobs" | jq -r .id)
    # The stream ends when the job does.
    curl -sSN "$url/jobs/$job/events" >"$work/events"
    state=$(ask "$url/jobs/$job")
    [ "$(jq -r .state <<<"$state")" = succeeded ] || fail "$method: $(jq -r '.state + ": " + (.failure // "")' <<<"$state")"
    grep -q '^event: state' "$work/events" || fail "$method: its event stream tells no state"
    run=$(ask "$url/runs/$(jq -r .run <<<"$state")")
    jq -e '.auroc >= 0 and .auroc <= 1 and .auroc_low <= .auroc and .auroc <= .auroc_high' <<<"$run" >"$work/answer" ||
        fail "$method: its run has no AUROC with an interval"
    jq -e '.threads >= 1 and (.blas_core | length > 0) and
        ([.scores[] | .auroc == null or (.auroc_low <= .auroc and .auroc <= .auroc_high and .average_precision > 0)] | all)' \
        <<<"$run" >"$work/answer" || fail "$method: its run does not say what it ran on, or its other scores"
    alone=$(score "ones-$method" test-3-00000.png)
    among=$(score "ones-$method" test-1-00000.png test-7-00000.png test-3-00000.png test-8-00001.png | sed -n 3p)
    [ "$alone" = "${among:?}" ] || fail "$method: $alone alone, $among in company"
    shown=$(explain "ones-$method")
    jq -r --arg shown "$shown" '"\(.method), members \(.hyperparameters.members // 1): AUROC \(.auroc * 1000 | round / 1000) in " +
        "\(.train_s * 10 | round / 10) s of training, explained by \($shown)"' <<<"$run"
}

ask "$url/methods" >"$work/methods"
methods=$(jq -r '.items[].id' "$work/methods")
[ "$(wc -w <<<"$methods")" -ge 3 ] || fail "GET /methods lists too few: $methods"
for method in $methods; do
    if has_members "$method"; then
        for count in "${networks[@]}"; do check "$method" "$count"; done
    else
        check "$method" 1
    fi
done
