/* SPDX-License-Identifier: MIT */
/* health.c — GET /healthz: the loop turns. GET /readyz: the daemon can do its work. */
#include "api/resources/routes.h"
#include "api/service.h"
#include "base/version.h"

void get_healthz(exchange *x)
{
    exchange_answer_json(x, 200, json_pack("{s:s, s:s}", "status", "alive", "version", version_text()));
}

void get_readyz(exchange *x)
{
    const service *s = exchange_service(x);
    error e = {0};
    problem p = {0};
    if (s->ready(s->self, &e)) {
        exchange_answer_json(x, 200, json_pack("{s:s, s:s}", "status", "ready", "version", version_text()));
        return;
    }
    problem_set(&p, 503, "not ready: %.480s", e.message);
    exchange_answer_problem(x, &p);
}
