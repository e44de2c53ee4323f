/* SPDX-License-Identifier: MIT */
/* health.c — GET /healthz: the loop turns. GET /readyz: the daemon can do its work. */
#include "api/http/request.h"
#include "api/resources/resources.h"
#include "base/version.h"

void get_healthz(request *r)
{
    request_reply_json(r, 200, json_pack("{s:s, s:s}", "status", "alive", "version", version_text()));
}

void get_readyz(request *r)
{
    error e = {0};
    problem p = {0};
    if (r->host->ready(r->host->self, &e)) {
        request_reply_json(r, 200, json_pack("{s:s, s:s}", "status", "ready", "version", version_text()));
        return;
    }
    problem_set(&p, 503, "not ready: %.480s", e.message);
    request_reply_problem(r, &p);
}
