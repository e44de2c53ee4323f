#!/usr/bin/env bash
# SPDX-License-Identifier: MIT
# check_checks.sh — check_layers.sh, check_style.sh and check_docs.sh find what they are there to find: each breach is
# planted in a small tree of its own, and must be named.
set -euo pipefail

here=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)
root=$(mktemp -d)
trap 'rm -rf "$root"' EXIT
failures=0

plant() { # PATH, contents on stdin
    rm -rf "${root:?}"/*
    mkdir -p "$root"/{core,api,daemon,tests} "$root/$(dirname "$1")"
    cat >"$root/$1"
}

must_say() { # CHECK TEXT
    local output
    if output=$("$here/$1" "$root" 2>&1); then
        echo "$1 passed where it should say: $2"
        failures=$((failures + 1))
    elif [[ $output != *"$2"* ]]; then
        printf '%s did not say "%s" but:\n%s\n' "$1" "$2" "$output"
        failures=$((failures + 1))
    fi
}

must_pass() { # CHECK
    local output
    output=$("$here/$1" "$root" 2>&1) || { printf '%s refused a clean tree:\n%s\n' "$1" "$output"; failures=$((failures + 1)); }
}

opening='/* SPDX-License-Identifier: MIT */
/* a.c — a planted file. */'

plant core/base/a.c <<<"$opening"
must_pass check_layers.sh
must_pass check_style.sh

plant core/base/a.c <<<"$opening"$'\n#include "graph/tensor.h"'
must_say check_layers.sh "core/base may not include core/graph"
plant core/train/a.c <<<"$opening"$'\n#include "api/service.h"'
must_say check_layers.sh "core/train may not include api"
plant api/json/a.c <<<"$opening"$'\n#include <uv.h>'
must_say check_layers.sh "api/json may not speak to <uv.h>"
plant daemon/jobs/a.c <<<"$opening"$'\n#include <microhttpd.h>'
must_say check_layers.sh "daemon/jobs may not speak to <microhttpd.h>"
plant core/extra/a.c <<<"$opening"
must_say check_layers.sh "no layer is called core/extra"
plant daemon/a.c <<<"$opening"
must_say check_layers.sh "daemon holds main.c alone beside its folders"
plant daemon/store/a.c <<<"$opening"$'\n#include "daemon/jobs/jobs.h"'
must_say check_layers.sh "daemon/store may not include daemon/jobs"
plant api/http/a.c <<<"$opening"$'\n#include "daemon/platform/log.h"'
must_say check_layers.sh "api/http may not include daemon/platform"

# An upward call without an include: a declaration of its own, seen in the objects.
plant core/base/a.c <<<"$opening"$'\nvoid upper(void);\nvoid lower(void);\nvoid lower(void)\n{\n    upper();\n}'
mkdir -p "$root"/core/nn "$root"/build/release/core/CMakeFiles/core.dir/{base,nn}
echo "$opening"$'\nvoid upper(void);\nvoid upper(void)\n{\n}' >"$root/core/nn/b.c"
must_pass check_layers.sh
cc -c "$root/core/base/a.c" -o "$root/build/release/core/CMakeFiles/core.dir/base/a.c.o"
cc -c "$root/core/nn/b.c" -o "$root/build/release/core/CMakeFiles/core.dir/nn/b.c.o"
must_say check_layers.sh "core/base may not call core/nn: upper of core/nn/b.c.o"
mv "$root/core/base/a.c" "$root/core/nn/a.c"
must_pass check_layers.sh

plant core/base/a.c <<<"int a;"
must_say check_style.sh "first line should be the SPDX line"
plant core/base/a.c <<<"$opening"$'\nvoid f(char *a)\n{\n    strcpy(a, "b");\n}'
must_say check_style.sh "banned call"
plant core/base/a.c <<<"$opening"$'\nint f(const char *a)\n{\n    return atoi(a);\n}'
must_say check_style.sh "banned call"
plant core/base/a.c < <(echo "$opening"; echo 'void f(void)'; echo '{'; seq 61 | sed 's,.*,    g();,'; echo '}')
must_say check_style.sh "function of 61 lines"
plant core/base/a.c < <(echo "$opening"; seq 599 | sed 's,.*,int g(void);,')
must_say check_style.sh "file of 601 lines"
plant core/base/a.c <<<"$opening"$'\n/* TO''DO: more */'
must_say check_style.sh "unfinished"
plant core/base/a.h <<<"$opening"$'\n#ifndef A_H\n#define A_H\n#endif'
must_say check_style.sh "header guard should be ANOMALYD_BASE_A_H"
plant core/base/a.h <<<"$opening"$'\n#ifndef ANOMALYD_BASE_A_H\n#define ANOMALYD_BASE_A_H\n#endif'
must_pass check_style.sh
echo "$opening"$'\n#include <stdio.h>\n#include "base/a.h"' >"$root/core/base/a.c"
must_say check_style.sh 'first include should be "base/a.h"'

# shellcheck disable=SC2016 # the backquotes are Markdown's
plant docs/a.md < <(printf '# A page\n\n[b](b.md#two-words) [c](../core/c.txt#L2) [this](#a-page) `core/c.txt`\n')
echo '## Two words' >"$root/docs/b.md"
seq 2 >"$root/core/c.txt"
must_pass check_docs.sh
rm "$root/core/c.txt"
must_say check_docs.sh "docs/a.md: there is no ../core/c.txt#L2"
must_say check_docs.sh "docs/a.md: there is no core/c.txt"
seq 1 >"$root/core/c.txt"
must_say check_docs.sh "docs/a.md: no such line: ../core/c.txt#L2"
echo '## Three words' >"$root/docs/b.md"
must_say check_docs.sh "docs/a.md: no heading for b.md#two-words"
plant openapi.yaml < <(printf 'paths:\n  /a:\n    get:\n')
mkdir "$root/docs"
# shellcheck disable=SC2016 # the backquotes are Markdown's
echo '| `GET /b` | more |' >"$root/docs/api.md"
must_say check_docs.sh "docs/api.md: its table is not the contract"

# A contract of one operation, and records of it: one that is right and shows all of it, then as many that are not.
cat >"$root/contract.yaml" <<'END'
paths:
  /things:
    post:
      requestBody: { content: { application/json: { schema: { $ref: '#/components/schemas/thing' } } } }
      responses:
        '201': { content: { application/json: { schema: { $ref: '#/components/schemas/thing' } } } }
        '409': { $ref: '#/components/responses/problem' }
components:
  responses:
    problem: { content: { application/problem+json: { schema: { type: object } } } }
  schemas:
    thing:
      type: object
      required: [names]
      properties:
        names: { type: array, minItems: 1, uniqueItems: true, items: { type: string, maxLength: 3 } }
        made: { type: string, format: date-time }
        size: { oneOf: [{ const: all }, { type: integer }] }
        counts: { type: object, additionalProperties: { type: integer } }
END
record() { # STATUS REQUEST ANSWER
    local kind=application/json
    [ "$1" -lt 400 ] || kind=application/problem+json
    printf '= POST /things\n> Content-Type: application/json\n} %s\n< HTTP/1.1 %d\n< Content-Type: %s\n| %s\n' \
        "$2" "$1" "$kind" "$3"
}
contract_must_say() { # TEXT — of $root/record
    local output
    output=$("$here/api/check_contract.py" "$root/contract.yaml" "$root/record" 2>&1) && output="nothing: $output"
    [[ $output == *"$1"* && $output != nothing:* ]] && return
    printf 'check_contract.py did not say "%s" but:\n%s\n' "$1" "$output"
    failures=$((failures + 1))
}
good='{"names": ["a"], "made": "2026-01-31T10:00:00.5Z", "size": 3, "counts": {"a": 1}}'
{ record 201 "$good" "$good"; record 409 x '{}'; } >"$root/right"
"$here/api/check_contract.py" "$root/contract.yaml" "$root/right" >"$root/said" ||
    { echo 'check_contract.py refused a right record:'; cat "$root/said"; failures=$((failures + 1)); }
record 201 "$good" "$good" >"$root/record"
contract_must_say 'POST /things 409 is declared and never shown'
while IFS='~' read -r words answer; do
    record 201 "$good" "$answer" | cat "$root/right" - >"$root/record"
    contract_must_say "$words"
done <<'END'
/: 'names' is a required property~{}
/names: []~{"names": []}
has non-unique elements~{"names": ["a", "a"]}
/names/0: 'abcd' is too long~{"names": ["abcd"]}
/made: ~{"names": ["a"], "made": "2026-02-30T10:00:00Z"}
/size: ~{"names": ["a"], "size": "some"}
/counts/a: 'x' is not of type 'integer'~{"names": ["a"], "counts": {"a": "x"}}
('other' was unexpected)~{"names": ["a"], "other": 1}
END
record 201 '{"names": 1}' "$good" | cat "$root/right" - >"$root/record"
contract_must_say "accepted, /names: 1 is not of type 'array'"
record 202 "$good" "$good" | cat "$root/right" - >"$root/record"
contract_must_say 'the status 202 is not declared'
record 201 "$good" "$good" | sed 's,^< Content-Type: .*,< Content-Type: text/plain,' | cat "$root/right" - >"$root/record"
contract_must_say 'the media type "text/plain" is not declared'

[ "$failures" -eq 0 ] && echo "check_checks: every planted breach was found"
