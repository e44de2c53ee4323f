/* SPDX-License-Identifier: MIT */
/* plan.c — gives each buffer the lowest offset that is free throughout its lifetime. */
#include "graph/plan.h"

#include <stdlib.h>

enum { PLAN_ALIGN_FLOATS = 16 };

int plan_add(plan *p, size_t floats, int born)
{
    if (p->count == p->capacity) {
        int capacity = p->capacity ? 2 * p->capacity : 256;
        plan_buffer *grown = realloc(p->buffers, (size_t)capacity * sizeof *grown);
        if (!grown) {
            p->failed = true;
            return 0;
        }
        p->buffers = grown;
        p->capacity = capacity;
    }
    size_t rounded = (floats + PLAN_ALIGN_FLOATS - 1) / PLAN_ALIGN_FLOATS * PLAN_ALIGN_FLOATS;
    p->buffers[p->count] = (plan_buffer){.floats = rounded, .born = born, .dies = born, .alias = -1};
    return p->count++;
}

/* Returns the buffer in whose place `index` lies. */
static int root_of(const plan *p, int index)
{
    while (p->buffers[index].alias >= 0)
        index = p->buffers[index].alias;
    return index;
}

void plan_touch(plan *p, int index, int time)
{
    if (p->failed)
        return;
    plan_buffer *b = &p->buffers[root_of(p, index)];
    if (time > b->dies)
        b->dies = time;
    if (time < b->born)
        b->born = time;
}

int plan_last(const plan *p, int index)
{
    return p->failed ? -1 : p->buffers[root_of(p, index)].dies;
}

void plan_merge(plan *p, int index, int other)
{
    if (p->failed)
        return;
    int from = root_of(p, index), to = root_of(p, other);
    if (from == to)
        return;
    p->buffers[from].alias = to;
    plan_touch(p, to, p->buffers[from].born);
    plan_touch(p, to, p->buffers[from].dies);
}

static int by_size(const void *a, const void *b)
{
    const plan_buffer *x = *(plan_buffer *const *)a, *y = *(plan_buffer *const *)b;
    if (x->floats != y->floats)
        return x->floats > y->floats ? -1 : 1;
    return x < y ? -1 : x > y; /* this order is total, so that a plan is the same everywhere */
}

static int by_offset(const void *a, const void *b)
{
    const plan_buffer *x = *(plan_buffer *const *)a, *y = *(plan_buffer *const *)b;
    return x->offset < y->offset ? -1 : x->offset > y->offset;
}

/* Returns the lowest offset at which `b` overlaps no placed buffer that lives at the same time. */
static size_t first_gap(const plan_buffer *b, plan_buffer **placed, int count, plan_buffer **alive)
{
    int n = 0;
    for (int i = 0; i < count; i++)
        if (placed[i]->born <= b->dies && b->born <= placed[i]->dies)
            alive[n++] = placed[i];
    qsort(alive, (size_t)n, sizeof *alive, by_offset);
    size_t at = 0;
    for (int i = 0; i < n; i++) {
        if (at + b->floats <= alive[i]->offset)
            break;
        size_t end = alive[i]->offset + alive[i]->floats;
        at = end > at ? end : at;
    }
    return at;
}

bool plan_place(plan *p, bool share, size_t *floats, error *e)
{
    *floats = 0;
    plan_buffer **order = p->failed ? NULL : malloc(2 * ((size_t)p->count + 1) * sizeof *order);
    if (!order)
        return error_memory(e, "a memory plan");
    plan_buffer **alive = order + p->count + 1;
    int roots = 0;
    for (int i = 0; i < p->count; i++)
        if (p->buffers[i].alias < 0)
            order[roots++] = &p->buffers[i];
    qsort(order, (size_t)roots, sizeof *order, by_size);
    for (int i = 0; i < roots; i++) {
        order[i]->offset = share ? first_gap(order[i], order, i, alive) : *floats;
        size_t end = order[i]->offset + order[i]->floats;
        *floats = end > *floats ? end : *floats;
    }
    for (int i = 0; i < p->count; i++)
        p->buffers[i].offset = p->buffers[root_of(p, i)].offset;
    free(order);
    return true;
}

void plan_free(plan *p)
{
    free(p->buffers);
    *p = (plan){0};
}
