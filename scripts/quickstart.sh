#!/usr/bin/env bash
# SPDX-License-Identifier: MIT
# scripts/quickstart.sh [--once] [--port N] [--state DIR] — from a fresh clone to scored images: installs the build
# packages that are missing, builds, starts the daemon on loopback, imports the bundled digits, trains GANomaly on one
# of them over HTTP, and scores images it has never seen.
set -euo pipefail

DIGIT=6      # the normal class; every other digit is an anomaly
EPOCHS=40
BATCH=16
WIDTH=16     # filters of the networks' first layer
LATENT=32    # size of the code an image is squeezed into
SEED=0
HELD_OUT=0.2 # share of the training images kept back to choose the epoch and to calibrate p-values
NORMALS=4    # held-out images to show in the table
ANOMALIES=(0 2 3 5 8)

usage() {
    cat <<'END'
usage: scripts/quickstart.sh [--once] [--port N] [--state DIR]

  --once       stop the daemon at the end (and remove the state, unless --state names it)
  --port N     listen on 127.0.0.1:N (default: any free port)
  --state DIR  keep the registry and the models there (default: a new folder under state/)
END
}

here=$PWD
cd "$(dirname "${BASH_SOURCE[0]}")/.."
once=false port=0 state='' own_state=false
while [ $# -gt 0 ]; do
    case $1 in
    --once) once=true ;;
    --port | --state)
        [ $# -ge 2 ] || {
            usage >&2
            exit 2
        }
        if [ "$1" = --port ]; then port=$2; else state=$(cd "$here" && realpath -m -- "$2"); fi
        shift
        ;;
    -h | --help)
        usage
        exit 0
        ;;
    *)
        usage >&2
        exit 2
        ;;
    esac
    shift
done
[[ $port =~ ^[0-9]{1,5}$ ]] || {
    echo "--port: expected a number, got \"$port\"" >&2
    exit 2
}

# ---- what the terminal can show ----------------------------------------------------------------------------------
terminal=false bold='' dim='' red='' green='' plain=''
if [ -t 1 ] && [ "${TERM:-dumb}" != dumb ]; then
    terminal=true
    bold=$'\e[1m' dim=$'\e[2m' red=$'\e[31m' green=$'\e[32m' plain=$'\e[0m'
fi
full='#' empty='.'
case ${LC_ALL:-${LC_CTYPE:-${LANG:-}}} in *[Uu][Tt][Ff]*) full='━' empty='╌' ;; esac

stage() { printf '%s%s%s\n' "$bold" "$*" "$plain"; }
detail() { printf '  %s\n' "$*"; }
erase() { if $terminal; then printf '\r\e[K'; fi; }
fail() {
    erase
    printf '%squickstart: %s%s\n' "$red" "$*" "$plain" >&2
    exit 1
}

# ---- leaving nothing behind --------------------------------------------------------------------------------------
work=$(mktemp -d)
compiler='' daemon=''
finished=false
stop_daemon() {
    [ -n "$daemon" ] && kill -0 "$daemon" 2>/dev/null || return 0
    kill -TERM "$daemon" 2>/dev/null || true
    for _ in $(seq 100); do
        kill -0 "$daemon" 2>/dev/null || return 0
        sleep 0.1
    done
    kill -KILL "$daemon" 2>/dev/null || true
}
clean_up() {
    local status=$?
    trap - EXIT INT TERM HUP
    if [ -n "$compiler" ]; then kill -TERM -- "-$compiler" 2>/dev/null || true; fi
    if ! $finished || $once; then
        if [ "$status" -ne 0 ] && [ "$status" -ne 130 ] && [ -s "$state/daemon.log" ]; then
            printf '\nthe last lines of the daemon (%s):\n' "$state/daemon.log" >&2
            tail -n 15 "$state/daemon.log" >&2
        fi
        stop_daemon
        if $own_state && { $finished || [ "$status" -eq 130 ]; }; then rm -rf "$state"; fi
    fi
    rm -rf "$work"
    exit "$status"
}
trap clean_up EXIT
trap 'erase; echo "stopped."; exit 130' INT TERM HUP

# ---- HTTP --------------------------------------------------------------------------------------------------------
# request METHOD PATH [CURL ARGUMENT…]: the answer's body on standard output; ends the script on anything but 2xx.
request() {
    local method=$1 path=$2 status
    shift 2
    status=$(curl -sS --max-time 120 -X "$method" -o "$work/answer" -w '%{http_code}' "$@" "$url$path") ||
        fail "$method $path: no answer from the daemon"
    case $status in
    2??) cat "$work/answer" ;;
    *)
        fail "$method $path: $status" \
            "$(jq -r '[.title, .detail] | map(strings) | join(": ")' "$work/answer" 2>/dev/null)"
        ;;
    esac
}

# ---- the steps ---------------------------------------------------------------------------------------------------
build() {
    stage "Building"
    .ci/install build demo
    local log=$work/build.log
    # A session of its own, so that clean_up can end the compilers with it.
    setsid sh -c 'cmake --preset release && cmake --build --preset release --target anomalyd' </dev/null >"$log" 2>&1 &
    compiler=$!
    local line
    while kill -0 "$compiler" 2>/dev/null; do
        line=$(grep -o '^\[[0-9]*/[0-9]*\]' "$log" 2>/dev/null | tail -n 1 || true)
        if $terminal; then
            erase
            printf '  %s%s%s' "$dim" "${line:-configuring}" "$plain"
        fi
        sleep 0.2
    done
    wait "$compiler" || {
        erase
        tail -n 30 "$log" >&2
        fail "the build failed"
    }
    compiler=
    erase
    detail "build/release/anomalyd, $SECONDS s"
}

start_daemon() {
    stage "Starting the daemon"
    if [ -z "$state" ]; then
        mkdir -p state
        state=$(mktemp -d "state/quickstart-$(date +%Y%m%d-%H%M%S)-XXX")
        own_state=true
    fi
    mkdir -p "$state"
    touch "$state/daemon.log"
    log_start=$(($(stat -c %s "$state/daemon.log") + 1)) # of what this run adds
    # A session of its own, because it is meant to outlive this terminal.
    setsid build/release/anomalyd serve --state "$state" --listen "127.0.0.1:$port" --import-root "$PWD/tests/data" \
        </dev/null >>"$state/daemon.log" 2>&1 &
    daemon=$!
    url=
    for _ in $(seq 150); do
        kill -0 "$daemon" 2>/dev/null || fail "the daemon did not start"
        url=$(tail -c "+$log_start" "$state/daemon.log" | grep -o -m 1 'http://127\.0\.0\.1:[1-9][0-9]*' || true)
        [ -n "$url" ] && curl -fsS -o "$work/answer" "$url/readyz" 2>/dev/null && break
        url=
        sleep 0.1
    done
    [ -n "$url" ] || fail "the daemon was not ready after 15 s"
    detail "$url, state in $state"
}

import_digits() {
    stage "Importing the bundled digits (POST /datasets)"
    if curl -fsS -o "$work/answer" "$url/datasets/digits" 2>/dev/null; then
        detail "already there"
        return
    fi
    jq -n --arg path "$PWD/tests/data/mnist-sample" '{name: "digits", path: $path}' |
        request POST /datasets -H 'Content-Type: application/json' --data-binary @- >"$work/dataset"
    detail "$(jq -r '"\(.images.train) training and \(.images.test) test images"' "$work/dataset")"
}

draw_progress() { # JOB
    local percent epoch epochs speed left filled bar
    read -r percent epoch epochs speed left < <(jq -r '[
        (if (.progress.steps // 0) > 0 then 100 * .progress.step / .progress.steps | floor else 0 end),
        .progress.epoch // 0, .progress.epochs // 0, (.progress.images_s // 0 | round), (.progress.eta_s // 0 | ceil)
        ] | map(tostring) | join(" ")' <<<"$1")
    if [ "$epochs" -eq 0 ]; then
        return
    elif $terminal; then
        filled=$((percent * 24 / 100))
        bar=$(printf "%${filled}s" | sed "s/ /$full/g")$dim$(printf "%$((24 - filled))s" | sed "s/ /$empty/g")$plain
        erase
        printf '  %s %3d%%  epoch %d/%d  %d images/s  %d s left' "$bar" "$percent" "$epoch" "$epochs" "$speed" "$left"
    elif [ "$epoch" != "$shown_epoch" ] && [ "$epoch" -gt 0 ]; then
        detail "epoch $epoch of $epochs, $speed images/s"
        shown_epoch=$epoch
    fi
}

train() {
    stage "Training GANomaly on digit $DIGIT (POST /jobs)"
    local body job state_name begin=$SECONDS
    shown_epoch=
    body=$(jq -n --arg class "$DIGIT" --argjson seed "$SEED" --argjson held_out "$HELD_OUT" --argjson epochs "$EPOCHS" \
        --argjson batch "$BATCH" --argjson width "$WIDTH" --argjson latent "$LATENT" '{kind: "train",
        method: "ganomaly", dataset: "digits", protocol: "one-class", class: $class, seed: $seed,
        held_out: $held_out, model: "digit-\($class)", hyperparameters: {$epochs, $batch, $width, $latent}}')
    job=$(request POST /jobs -H 'Content-Type: application/json' --data-binary "$body" | jq -r .id)
    while :; do
        request GET "/jobs/$job" >"$work/job"
        state_name=$(jq -r .state "$work/job")
        case $state_name in
        queued | running) draw_progress "$(cat "$work/job")" ;;
        succeeded) break ;;
        *) fail "the job $state_name: $(jq -r '.failure // "no reason given"' "$work/job")" ;;
        esac
        sleep 0.4
    done
    erase
    run=$(jq -r .run "$work/job")
    detail "$((SECONDS - begin)) s"
}

score_images() {
    local digit files=() arguments=() file
    build/release/anomalyd images tests/data/mnist-sample --split test --limit "$NORMALS" -o "$work/images" \
        >"$work/paths"
    for ((i = 0; i < NORMALS; i++)); do files+=("test-$DIGIT-$(printf %05d "$i").png"); done
    for digit in "${ANOMALIES[@]}"; do
        [ "$digit" = "$DIGIT" ] || files+=("test-$digit-00000.png")
    done
    for file in "${files[@]}"; do arguments+=(-F "image=@$work/images/$file;type=image/png"); done
    stage "Scoring ${#files[@]} images it has never seen (POST /score)"
    request POST "/score?model=digit-$DIGIT" "${arguments[@]}" >"$work/scores"

    printf '\n  %s%-18s %-10s %10s %9s  %s%s\n' "$bold" image kind score p-value verdict "$plain"
    jq -r --arg digit "$DIGIT" '.results[] | [.id,
        (if .id | startswith("test-\($digit)-") then "normal" else "anomalous" end),
        .score // "nan", .p_value // "nan",
        (if .error then "error: " + .error.detail elif .anomalous == null then "no threshold"
         elif .anomalous then "anomalous" else "normal" end)] | @tsv' "$work/scores" |
        while IFS=$'\t' read -r name kind score p verdict; do
            colour=$green
            case $kind-$verdict in
            normal-anomalous) verdict+=' (false alarm)' colour=$red ;;
            anomalous-normal) verdict+=' (missed)' colour=$red ;;
            *-error:* | *"-no threshold") colour=$red ;;
            esac
            printf '  %-18s %-10s %10.4g %9.3f  %s%s%s\n' "$name" "$kind" "$score" "$p" "$colour" "$verdict" "$plain"
        done
    echo
}

show_auroc() {
    local auroc low high normals anomalies epoch epochs
    request GET "/runs?model=digit-$DIGIT&limit=500" >"$work/runs"
    IFS=$'\t' read -r auroc low high normals anomalies epoch epochs < <(jq -r --arg run "$run" '.items[] |
        select(.id == $run) | [.auroc, .auroc_low, .auroc_high, .images.test_normals, .images.test_anomalies,
        .chosen_epoch, .epochs] | @tsv' "$work/runs") || fail "GET /runs does not know the run of this job"
    printf '%sTest AUROC %.3f%s (95%% interval %.3f to %.3f) on %d normal and %d anomalous images (GET /runs)\n' \
        "$bold" "$auroc" "$plain" "$low" "$high" "$normals" "$anomalies"
    detail "weights of epoch $epoch of $epochs, chosen without looking at any test image"
}

SECONDS=0
if [ "$port" -ne 0 ] && (exec 3<>"/dev/tcp/127.0.0.1/$port") 2>/dev/null; then
    fail "port $port is in use (perhaps by an earlier run); leave --port out to take any free one"
fi
build
start_daemon
import_digits
train
score_images
show_auroc
finished=true
echo
if $once; then
    stop_daemon
    stage "Done in $SECONDS s; the daemon is stopped."
else
    stage "Done in $SECONDS s. The daemon goes on running at $url"
    detail "look:   curl -s $url/runs | jq"
    detail "score:  curl -s --data-binary @IMAGE.png -H 'Content-Type: image/png' '$url/score?model=digit-$DIGIT' | jq"
    detail "stop:   kill $daemon"
fi
