/* SPDX-License-Identifier: MIT */
/* models.c — the list of resident models. */
#include "daemon/scoring/models.h"

#include <stdlib.h>
#include <string.h>

resident *residents_find(const residents *m, const char *name, int version)
{
    for (resident *r = m->first; r; r = r->next)
        if (r->version == version && !strcmp(r->name, name))
            return r;
    return NULL;
}

resident *residents_find_or_add(residents *m, const char *name, int version)
{
    resident *r = residents_find(m, name, version);
    if (r || !(r = calloc(1, sizeof *r)))
        return r;
    snprintf(r->name, sizeof r->name, "%s", name);
    r->version = version;
    r->end = &r->first;
    r->next = m->first;
    m->first = r;
    return r;
}

void residents_set_loaded(residents *m, resident *r, void *loaded, size_t bytes)
{
    r->model = loaded;
    r->bytes = bytes;
    m->count++;
    m->bytes += bytes;
    m->loads++;
}

/* Since when its turn is due. */
static int64_t due_us(const resident *r)
{
    return r->first->queued_us > r->used_us ? r->first->queued_us : r->used_us;
}

resident *residents_next_turn(const residents *m)
{
    resident *next = NULL;
    for (resident *r = m->first; r; r = r->next)
        if (r->first && (!next || due_us(r) < due_us(next)))
            next = r;
    return next;
}

resident *residents_pop(residents *m)
{
    resident *out = NULL, **at = &m->first;
    for (resident *r = m->first; r; r = r->next) {
        if (r->admitted)
            continue;
        if (!r->model || (m->bytes > m->budget_bytes && (!out || r->used_us < out->used_us)))
            out = r;
        if (!r->model)
            break;
    }
    if (!out)
        return NULL;
    while (*at != out)
        at = &(*at)->next;
    *at = out->next;
    if (out->model) {
        m->count--;
        m->bytes -= out->bytes;
        m->evictions++;
    }
    return out;
}
