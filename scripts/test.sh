#!/usr/bin/env bash
# SPDX-License-Identifier: MIT
# scripts/test.sh [PRESET] — installs what build and tests need (Debian 12; root or sudo, only when something is
# missing), builds the preset (release, debug, asan, tsan; default release) and runs all its tests.
set -euo pipefail

cd "$(dirname "${BASH_SOURCE[0]}")/.."
preset=${1:-release}
case $preset in
release | debug | asan | tsan) ;;
*)
    echo "usage: scripts/test.sh [release|debug|asan|tsan]" >&2
    exit 2
    ;;
esac

.ci/install build test

echo "== building (preset $preset)"
cmake --preset "$preset" --log-level=WARNING </dev/null
cmake --build --preset "$preset" </dev/null

echo "== testing (preset $preset)"
wrapper=()
if [ "$preset" = tsan ] && setarch "$(uname -m)" -R true 2>/dev/null; then
    # ThreadSanitizer of gcc 12 cannot place its shadow under the address randomisation of newer kernels.
    wrapper=(setarch "$(uname -m)" -R)
fi
log=$(mktemp)
trap 'rm -f "$log"' EXIT
status=0
"${wrapper[@]}" ctest --preset "$preset" -j "$(nproc)" </dev/null 2>&1 | tee "$log" || status=$?

total=$(sed -n 's/.* tests\{0,1\} failed out of \([0-9]*\)$/\1/p' "$log")
failed=$(sed -n 's/.*, \([0-9]*\) tests\{0,1\} failed out of [0-9]*$/\1/p' "$log")
if [ -z "$total" ] || [ "$total" -eq 0 ]; then
    echo "== preset $preset: no tests ran" >&2
    exit 1
fi
echo "== preset $preset: $((total - failed)) passed, $failed failed"
exit "$status"
