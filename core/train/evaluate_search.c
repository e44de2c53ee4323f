/* SPDX-License-Identifier: MIT */
/* evaluate_search.c — scores by a method's `search`, one for each batch size. */
#include "train/evaluator_kind.h"

typedef struct searches {
    evaluator base;
    search *of[EVALUATE_BATCHES_MAX]; /* as in base.scoring */
} searches;

static bool fits(const method *m, const void *self)
{
    return !m->closed_form && method_searches(m, self);
}

static bool make(evaluator *v, const evaluator_setup *s, error *e)
{
    shape input = s->input;
    for (int i = 0; s->batches[i]; i++) {
        input.n = s->batches[i];
        search *found = s->method->search(s->self, s->model, input, e);
        if (!found)
            return error_at(e, "%s: searching for %d images", s->method->id, input.n);
        ((searches *)v)->of[v->count] = found;
        evaluator_add(v, input.n, search_program(found), search_bytes(found));
    }
    return !s->weights || model_read(s->model, s->weights, MODEL_WEIGHTS, e);
}

static void free_searches(evaluator *v)
{
    for (int i = 0; i < v->count; i++)
        search_free(((searches *)v)->of[i]);
}

static search *search_for(evaluator *v, size_t n)
{
    return ((searches *)v)->of[evaluator_batch_for(v, n)];
}

static bool run(evaluator *v, const float *rows, size_t n, const scored_rows *out, error *e)
{
    return search_run(search_for(v, n), &v->watch, &(search_job){rows, n, *out}, e);
}

static bool warm(evaluator *v, const float *rows, size_t n, float *scores, error *e)
{
    (void)e;
    search *s = search_for(v, n);
    size_t slots = (size_t)search_slots(s);
    search_first_step(s, rows, n < slots ? n : slots, scores);
    return true;
}

const evaluator_kind evaluate_search = {
    .size = sizeof(searches), .fits = fits, .open = make, .free = free_searches, .run = run, .warm = warm};
