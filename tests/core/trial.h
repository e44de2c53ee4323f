/* SPDX-License-Identifier: MIT */
/* trial.h — a neural method built at a size of the test's choosing, and the check of a gradient by differences. */
#ifndef ANOMALYD_TESTS_TRIAL_H
#define ANOMALYD_TESTS_TRIAL_H

#include "methods/method.h"
#include "nn/internal.h"
#include "thorough.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <math.h>
#include <stdlib.h>
#include <string.h>

typedef struct trial {
    team *team;
    model *m;
    void *self;
    const method *how;
    array *x;
    error e;
} trial;

/* Options are pairs "name", "value" ended by NULL. The batch is filled with noise. */
static inline void trial_open(trial *t, const char *method_id, int threads, shape input, const char *const *options)
{
    *t = (trial){.how = method_find(method_id)};
    assert_non_null(t->how);
    t->team = team_new(threads, &t->e);
    t->m = model_new(1, t->team, &t->e);
    t->self = calloc(1, t->how->size);
    assert_true(t->team && t->m && t->self);
    options_preset(t->how->options, t->self);
    for (int i = 0; options[i]; i += 2)
        if (!options_set(t->how->options, t->self, options[i], options[i + 1], &t->e))
            fail_msg("%s", t->e.message);
    if (!t->how->build(t->self, t->m, input, &t->e))
        fail_msg("%s", t->e.message);
    t->x = model_find_array(t->m, "x");
    random_uniform(random_stream(4, "images"), 0, -1, 1, t->x->values, shape_size(input));
}

static inline void trial_close(trial *t)
{
    model_free(t->m);
    free(t->self);
    team_free(t->team);
}

/* From here on programs compute gradients and move nothing. */
static inline void trial_freeze(trial *t)
{
    for (int i = 0; i < t->m->optim_count; i++)
        t->m->optims[i]->rate = 0;
}

/* Values, a gradient by them, and the loss at whatever the values are now. */
typedef struct slope {
    float *values;
    const float *gradient;
    size_t count;
    double longest, shortest; /* of the ladder of steps */
    double (*loss)(void *context);
    void *context;
} slope;

static inline double slope_norm(const slope *s)
{
    double sum = 0;
    for (size_t i = 0; i < s->count; i++)
        sum += (double)s->gradient[i] * (double)s->gradient[i];
    return sqrt(sum);
}

/* Along the gradient the loss must change by `expected` a unit: how far off is it, as a share of that, at the best step
 * of the ladder? Leaves the values as they were. Unless THOROUGH takes the first step alone, and says 0. */
static inline double slope_error(const slope *s, double expected)
{
    size_t bytes = s->count * sizeof *s->values;
    float *start = malloc(bytes), *along = malloc(bytes);
    assert_true(start && along);
    double norm = slope_norm(s), best = INFINITY;
    /* Copied first: running the program writes the gradient anew. */
    for (size_t i = 0; i < s->count; i++)
        along[i] = (float)((double)s->gradient[i] / norm);
    memcpy(start, s->values, bytes);
    for (double step = s->longest; step > TURNS(s->shortest, s->longest / 2); step /= 2) {
        double side[2];
        for (int j = 0; j < 2; j++) {
            for (size_t i = 0; i < s->count; i++)
                s->values[i] = start[i] + (float)(j ? -step : step) * along[i];
            side[j] = s->loss(s->context);
        }
        best = fmin(best, fabs((side[0] - side[1]) / (2 * step) - expected) / expected);
    }
    memcpy(s->values, start, bytes);
    free(start);
    free(along);
    return THOROUGH ? best : 0;
}

/* A loss for slopes: the sum of an output of a program, times a weight. */
typedef struct output_loss {
    program *p;
    const char *name;
    double weight;
} output_loss;

static inline double output_now(void *context)
{
    const output_loss *o = context;
    program_run(o->p, 0);
    shape s;
    const float *values = program_output(o->p, o->name, &s);
    double sum = 0;
    for (size_t i = 0; i < shape_size(s); i++)
        sum += (double)values[i];
    return o->weight * sum;
}

#endif
