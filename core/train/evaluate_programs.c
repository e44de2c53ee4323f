/* SPDX-License-Identifier: MIT */
/* evaluate_programs.c — scores by the programs of a method's `score`, one for each batch size. */
#include "train/evaluator_kind.h"

#include <assert.h>
#include <stdio.h>
#include <string.h>

typedef struct scorers {
    evaluator base;
    struct compiled {
        array *x;
        program *run;
    } of[EVALUATE_BATCHES_MAX]; /* as in base.scoring */
} scorers;

static bool compile(scorers *s, const evaluator_setup *from, int batch, error *e)
{
    char name[32];
    snprintf(name, sizeof name, "score.x%d", batch);
    graph *g = model_graph(from->model, SCORE);
    array *x = model_array(from->model, name, (shape){batch, from->input.h, from->input.w, from->input.c});
    if (!g || !x)
        return error_memory(e, "a scoring program");
    tensor *score = from->method->score(from->self, from->model, g, t_leaf(g, x));
    shape found = tensor_shape(score);
    if (!from->variants)
        scored_drop_variants(g);
    t_output(score, "score");
    program *run = program_compile(g, e);
    if (!run)
        return error_at(e, "%s: scoring %d images", from->method->id, batch);
    assert(found.n == batch && shape_row(found) == 1);
    s->of[s->base.count] = (struct compiled){x, run};
    evaluator_add(&s->base, batch, run, program_bytes(run));
    return true;
}

/* The weights take their places only when the graph has been recorded. */
static bool make(evaluator *v, const evaluator_setup *s, error *e)
{
    for (int i = 0; s->batches[i]; i++)
        if (!compile((scorers *)v, s, s->batches[i], e))
            return false;
    return !s->weights || model_read(s->model, s->weights, MODEL_WEIGHTS, e);
}

/* The program for the next of n rows: the smallest that holds them all, unless more than a quarter of it would be
 * padding; then the largest that they fill. */
static int choose(const evaluator *v, size_t n)
{
    int i = evaluator_batch_for(v, n);
    if (4 * n < 3 * (size_t)v->scoring[i].batch)
        while (i > 0 && (size_t)v->scoring[i].batch > n)
            i--;
    return i;
}

static bool run(evaluator *v, const float *rows, size_t n, const scored_rows *out, error *e)
{
    (void)e;
    for (size_t first = 0; first < n;) {
        int at = choose(v, n - first);
        const struct compiled *c = &((scorers *)v)->of[at];
        size_t batch = (size_t)v->scoring[at].batch, count = n - first < batch ? n - first : batch;
        float *x = array_values(c->x);
        memcpy(x, rows + first * v->row, count * v->row * sizeof *x);
        memset(x + count * v->row, 0, (batch - count) * v->row * sizeof *x);
        program_run(c->run, 0);
        memcpy(out->score + out->at + first, program_output(c->run, "score", NULL), count * sizeof *x);
        scored_copy(out, first, c->run, 0, count);
        first += count;
        evaluator_tell(v, count);
    }
    return true;
}

const evaluator_kind evaluate_programs = {.size = sizeof(scorers), .open = make, .run = run};
