/* SPDX-License-Identifier: MIT */
/* evaluator.c — what all kinds of evaluator have in common. */
#include "train/evaluator_kind.h"

#include <assert.h>
#include <math.h>
#include <stdlib.h>

/* The last kind is for every method that none before it fits. */
static const evaluator_kind *const kinds[] = {&evaluate_closed_form, &evaluate_search, &evaluate_programs};
enum { KINDS = sizeof kinds / sizeof *kinds };

evaluator *evaluator_new(const evaluator_setup *s, error *e)
{
    int i = 0;
    while (i < KINDS - 1 && !kinds[i]->fits(s->method, s->self))
        i++;
    evaluator *v = calloc(1, kinds[i]->size);
    if (!v) {
        error_memory(e, "an evaluator");
        return NULL;
    }
    *v = (evaluator){
        .kind = kinds[i], .method = s->method, .self = s->self, .own = s->model, .row = shape_row(s->input)};
    if (v->kind->open(v, s, e))
        return v;
    evaluator_free(v);
    return NULL;
}

void evaluator_free(evaluator *v)
{
    if (v && v->kind->free)
        v->kind->free(v);
    free(v);
}

void evaluator_add(evaluator *v, int batch, const program *p, size_t bytes)
{
    assert(v->count < EVALUATE_BATCHES_MAX);
    v->scoring[v->count++] = (struct evaluator_scoring){batch, p, bytes};
    v->rows = (size_t)batch;
    v->bytes += bytes;
    v->names = v->scoring[0].program;
    v->reconstructs = scored_reconstructs(v->names);
}

int evaluator_batch_for(const evaluator *v, size_t n)
{
    int i = 0;
    while (i < v->count - 1 && (size_t)v->scoring[i].batch < n)
        i++;
    return i;
}

void evaluator_tell(const evaluator *v, size_t count)
{
    if (v->watch.scored)
        v->watch.scored(v->watch.context, count);
}

static bool check_finite(const evaluator *v, const float *scores, size_t n, error *e)
{
    for (size_t i = 0; i < n; i++)
        if (!isfinite(scores[i]))
            return error_set(e, ERROR_DIVERGED, "%s: the score of image %zu of %zu is not a finite number",
                             v->method->id, i + 1, n);
    return true;
}

bool evaluator_run(evaluator *v, const float *rows, size_t n, const scored_rows *out, error *e)
{
    assert(!out->reconstruction || v->reconstructs);
    return v->kind->run(v, rows, n, out, e) && check_finite(v, out->score + out->at, n, e);
}

bool evaluator_warm(evaluator *v, const float *rows, size_t n, error *e)
{
    float scores[EVALUATE_ROWS_MAX] = {0};
    assert(n <= EVALUATE_ROWS_MAX);
    if (!v->kind->warm)
        return evaluator_run(v, rows, n, &(scored_rows){.score = scores}, e);
    return v->kind->warm(v, rows, n, scores, e) && check_finite(v, scores, n, e);
}

size_t evaluator_variant_count(const evaluator *v)
{
    return v->names ? scored_variant_count(v->names) : 0;
}

const char *evaluator_variant_name(const evaluator *v, size_t index)
{
    return scored_variant_name(v->names, index);
}

bool evaluator_reconstructs(const evaluator *v)
{
    return v->reconstructs;
}

void evaluator_watch(evaluator *v, scored_watch watch)
{
    v->watch = watch;
}

size_t evaluator_rows(const evaluator *v)
{
    return v->rows;
}

size_t evaluator_bytes(const evaluator *v)
{
    return v->bytes;
}

size_t evaluator_program_bytes(const evaluator *v, int index)
{
    return v->scoring[index].bytes;
}

const program *evaluator_program(const evaluator *v, int index, int *batch)
{
    if (index >= v->count)
        return NULL;
    if (batch)
        *batch = v->scoring[index].batch;
    return v->scoring[index].program;
}
