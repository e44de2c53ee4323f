/* SPDX-License-Identifier: MIT */
/* cpus.c — see cpus.h. */
#include "daemon/jobs/cpus.h"

#include <assert.h>

int cpus_workers(const cpus *c)
{
    if (c->workers >= 0)
        return c->workers;
    int fit = c->count / (c->threads > 0 ? c->threads : 1);
    return fit > 0 ? fit : 1;
}

int cpus_max_threads(const cpus *c)
{
    return c->threads > 0 ? c->threads : c->count;
}

int cpus_share(const cpus *c, int running, int place)
{
    assert(running > 0 && place >= 0 && place < running);
    if (c->threads > 0)
        return c->threads;
    int share = c->count / running + (place < c->count % running);
    return share > 0 ? share : 1;
}

int cpus_capacity(const cpus *c)
{
    int workers = cpus_workers(c);
    if (c->threads > 0)
        return workers * c->threads;
    return workers && workers < c->count ? c->count : workers;
}

enum admission admission_judge(const admission_rule *r, uint64_t planned, uint64_t beside, int others)
{
    if (!r->bytes || (beside <= r->bytes && planned <= r->bytes - beside))
        return ADMISSION_YES;
    if (r->strict && planned > r->bytes)
        return ADMISSION_NEVER;
    return others ? ADMISSION_WAIT : ADMISSION_YES;
}
