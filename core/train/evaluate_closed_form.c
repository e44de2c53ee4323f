/* SPDX-License-Identifier: MIT */
/* evaluate_closed_form.c — scores by a closed form's `score_rows`. */
#include "train/evaluator_kind.h"

static bool fits(const method *m, const void *self)
{
    (void)self;
    return m->closed_form;
}

/* The method finds its arrays only when they have been read. */
static bool make(evaluator *v, const evaluator_setup *s, error *e)
{
    v->rows = EVALUATE_ROWS_MAX;
    v->reconstructs = s->method->reconstruct_rows != NULL;
    return (!s->weights || model_read(s->model, s->weights, MODEL_WEIGHTS, e)) &&
           s->method->ready(s->self, s->model, s->input, e);
}

static bool run(evaluator *v, const float *rows, size_t n, const scored_rows *out, error *e)
{
    const method *m = v->method;
    if (!m->score_rows(v->self, v->own, rows, n, out->score + out->at, e) ||
        (out->reconstruction &&
         !m->reconstruct_rows(v->self, v->own, rows, n, out->reconstruction + out->at * v->row, e)))
        return false;
    evaluator_tell(v, n);
    return true;
}

const evaluator_kind evaluate_closed_form = {.size = sizeof(evaluator), .fits = fits, .open = make, .run = run};
