/* SPDX-License-Identifier: MIT */
/* optim.c — the update rules. Knows values and gradients, not networks. */
#include "graph/optim.h"

#include "base/simd.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { CHUNKS = 8 };

static bool slot_allocate(optim *o, optim_slot *s)
{
    if (o->rule == OPTIM_SGD)
        return true;
    s->first = floats_new(s->what.count);
    s->second = floats_new(s->what.count);
    return s->first && s->second;
}

int optim_slot_for(optim *o, movable what, const char *owner, error *e)
{
    for (int i = 0; i < o->slot_count; i++)
        if (o->slots[i].what.values == what.values)
            return i;
    if (o->slot_count == OPTIM_SLOTS_MAX) {
        error_set(e, ERROR_LIMIT, "optimiser %s: more than %d things to move", o->name, OPTIM_SLOTS_MAX);
        return -1;
    }
    optim_slot *s = &o->slots[o->slot_count];
    *s = (optim_slot){.what = what};
    snprintf(s->name, sizeof s->name, "%s/%s", owner, what.name);
    if (!slot_allocate(o, s)) {
        free(s->first);
        free(s->second);
        error_memory(e, "an optimiser's moments");
        return -1;
    }
    return o->slot_count++;
}

/* The numbers that are the same for all values of a step. */
typedef struct rates {
    float step, beta1, beta2, second_scale, epsilon;
    float shrink; /* of the gradient: 1 unless it is clipped */
} rates;

SIMD_CLONES
static void adam_range(float *restrict v, const float *restrict g, float *restrict m1, float *restrict m2, size_t n,
                       const rates *r)
{
    float beta1 = r->beta1, beta2 = r->beta2, step = r->step, scale = r->second_scale, epsilon = r->epsilon;
    float shrink = r->shrink;
    for (size_t i = 0; i < n; i++) {
        float slope = shrink * g[i];
        m1[i] = beta1 * m1[i] + (1 - beta1) * slope;
        m2[i] = beta2 * m2[i] + (1 - beta2) * slope * slope;
        v[i] -= step * m1[i] / (sqrtf(m2[i] * scale) + epsilon);
    }
}

static void sgd_range(float *restrict v, const float *restrict g, size_t n, float rate)
{
    for (size_t i = 0; i < n; i++)
        v[i] -= rate * g[i];
}

typedef struct applying {
    optim *o;
    const int *slots;
    int count;
    rates rates;
    double squares[CHUNKS]; /* of the gradient, chunk by chunk */
} applying;

/* Finds the values *first … *last-1 of a chunk. */
static void chunk_range(size_t count, int chunk, size_t *first, size_t *last)
{
    *first = count / 16 * (size_t)chunk / CHUNKS * 16;
    *last = chunk + 1 == CHUNKS ? count : count / 16 * (size_t)(chunk + 1) / CHUNKS * 16;
}

static void square_chunk(void *context, int chunk, int worker)
{
    (void)worker;
    applying *a = context;
    double sum = 0;
    for (int i = 0; i < a->count; i++) {
        const movable *what = &a->o->slots[a->slots[i]].what;
        size_t first, last;
        chunk_range(what->count, chunk, &first, &last);
        for (size_t j = first; j < last; j++)
            sum += (double)what->gradient[j] * (double)what->gradient[j];
    }
    a->squares[chunk] = sum;
}

/* Returns the factor that brings the gradient's norm down to the clip; 1 where it is not above. */
static float shrink_of(applying *a, team *t)
{
    double sum = 0, clip = (double)a->o->clip;
    team_run(t, CHUNKS, square_chunk, a);
    for (int i = 0; i < CHUNKS; i++)
        sum += a->squares[i];
    return sum > clip * clip ? (float)(clip / sqrt(sum)) : 1;
}

static void apply_chunk(void *context, int chunk, int worker)
{
    (void)worker;
    const applying *a = context;
    for (int i = 0; i < a->count; i++) {
        optim_slot *s = &a->o->slots[a->slots[i]];
        size_t first, last;
        chunk_range(s->what.count, chunk, &first, &last);
        float *values = s->what.values + first;
        const float *gradient = s->what.gradient + first;
        if (a->o->rule == OPTIM_ADAM)
            adam_range(values, gradient, s->first + first, s->second + first, last - first, &a->rates);
        else
            sgd_range(values, gradient, last - first, a->rates.step);
    }
}

void optim_apply(optim *o, team *t, const int *slots, int count)
{
    double rate = o->rate / (1 + o->decay * (double)o->steps);
    o->steps++;
    applying a = {.o = o, .slots = slots, .count = count};
    a.rates =
        (rates){.step = (float)rate, .beta1 = o->beta1, .beta2 = o->beta2, .epsilon = o->epsilon, .second_scale = 1};
    if (o->rule == OPTIM_ADAM) {
        a.rates.shrink = o->clip > 0 ? shrink_of(&a, t) : 1;
        a.rates.step = (float)(rate / (1 - pow(o->beta1, (double)o->steps)));
        a.rates.second_scale = (float)(1 / (1 - pow(o->beta2, (double)o->steps)));
    }
    team_run(t, CHUNKS, apply_chunk, &a);
}

void optim_reset(optim *o)
{
    o->steps = 0;
    for (int i = 0; i < o->slot_count; i++) {
        size_t bytes = o->slots[i].what.count * sizeof(float);
        if (o->slots[i].first)
            memset(o->slots[i].first, 0, bytes);
        if (o->slots[i].second)
            memset(o->slots[i].second, 0, bytes);
    }
}

void optim_free(optim *o)
{
    if (!o)
        return;
    for (int i = 0; i < o->slot_count; i++) {
        free(o->slots[i].first);
        free(o->slots[i].second);
    }
    free(o);
}
