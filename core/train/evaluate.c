/* SPDX-License-Identifier: MIT */
/* evaluate.c — prepares images, runs scoring programs or searches at the batch size that fits. */
#include "train/joint.h"

#include <assert.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

struct evaluator {
    const method *method;
    void *self;
    model *own;
    size_t row; /* values of one input */
    struct stage {
        int batch;
        array *x;
        program *run;           /* NULL for a search */
        const program *program; /* whichever runs: for reports */
        search *search;
    } stages[EVALUATE_BATCHES_MAX];
    int count;
    bool searches;
    scored_watch watch;
    joint *joint; /* of several evaluators, which have the stages; NULL: it is one */
};

/* What the members of a joint one have in common, its first tells. */
static const evaluator *first_of(const evaluator *v)
{
    return v->joint ? joint_member(v->joint, 0) : v;
}

void *method_state_new(const method *m, error *e)
{
    void *self = calloc(1, m->size);
    if (!self)
        error_memory(e, m->title);
    else
        options_preset(m->options, self);
    return self;
}

void method_state_free(const method *m, void *self)
{
    if (self && m->free)
        m->free(self);
    free(self);
}

bool method_input(const method *m, const void *self, shape data, shape *input, error *e)
{
    *input = data;
    if (m->input && !m->input(self, data, input, e))
        return error_at(e, "%s", m->id);
    input->n = 1;
    assert(input->h > 0 && input->w > 0 && input->c > 0);
    return true;
}

void evaluate_scale(const method *m, float *row, size_t n)
{
    if (m->unit_range)
        return;
    for (size_t i = 0; i < n; i++)
        row[i] = 2 * row[i] - 1;
}

void evaluate_unscale(const method *m, float *row, size_t n)
{
    if (m->unit_range)
        return;
    for (size_t i = 0; i < n; i++)
        row[i] = (row[i] + 1) / 2;
}

void evaluate_prepare(const method *m, const uint8_t *pixels, shape from, shape input, float *row, float *work)
{
    image_convert(pixels, from, input, row, work);
    evaluate_scale(m, row, shape_row(input));
}

float evaluate_complexity(const method *m, const float *row, shape input)
{
    float range = m->unit_range ? 1 : 2;
    return logf(image_variation(row, input) / range + 1e-3F);
}

static bool add_search(evaluator *v, shape input, int batch, error *e)
{
    struct stage *s = &v->stages[v->count];
    input.n = s->batch = batch;
    s->search = v->method->search(v->self, v->own, input, e);
    if (!s->search)
        return error_at(e, "%s: searching for %d images", v->method->id, batch);
    s->program = search_program(s->search);
    v->count++;
    return true;
}

static bool add_stage(evaluator *v, const evaluator_setup *from, int batch, error *e)
{
    shape input = from->input;
    if (v->searches)
        return add_search(v, input, batch, e);
    struct stage *s = &v->stages[v->count];
    char name[32];
    snprintf(name, sizeof name, "score.x%d", batch);
    graph *g = model_graph(v->own, SCORE);
    s->batch = batch;
    s->x = model_array(v->own, name, (shape){batch, input.h, input.w, input.c});
    if (!g || !s->x)
        return error_memory(e, "a scoring program");
    tensor *score = v->method->score(v->self, v->own, g, t_leaf(g, s->x));
    shape found = tensor_shape(score);
    if (!from->variants)
        scored_drop_variants(g);
    t_output(score, "score");
    s->run = program_compile(g, e);
    s->program = s->run;
    if (!s->run)
        return error_at(e, "%s: scoring %d images", v->method->id, batch);
    assert(found.n == batch && shape_row(found) == 1);
    v->count++;
    return true;
}

evaluator *evaluator_new(const evaluator_setup *s, error *e)
{
    const method *m = s->method;
    evaluator *v = calloc(1, sizeof *v);
    if (!v) {
        error_memory(e, "an evaluator");
        return NULL;
    }
    *v = (evaluator){.method = m, .self = s->self, .own = s->model, .row = shape_row(s->input)};
    v->searches = method_searches(m, s->self);
    bool ok = !m->closed_form || m->ready(s->self, s->model, s->input, e);
    for (int i = 0; ok && !m->closed_form && s->batches[i]; i++) {
        assert(i < EVALUATE_BATCHES_MAX);
        ok = add_stage(v, s, s->batches[i], e);
    }
    if (ok)
        return v;
    evaluator_free(v);
    return NULL;
}

evaluator *evaluator_join(evaluator *const *members, int count, const joint_scales *scales, error *e)
{
    const evaluator *first = members[0];
    evaluator *v = calloc(1, sizeof *v);
    if (!v) {
        error_memory(e, "an evaluator");
        return NULL;
    }
    *v = (evaluator){.method = first->method, .row = first->row};
    v->joint = joint_new(members, count, scales, first->row, e);
    if (v->joint)
        return v;
    free(v);
    return NULL;
}

void evaluator_free(evaluator *v)
{
    if (v)
        joint_free(v->joint);
    for (int i = 0; v && i < v->count; i++)
        search_free(v->stages[i].search);
    free(v);
}

static const struct stage *stage_for(const evaluator *v, size_t n)
{
    int i = 0;
    while (i < v->count - 1 && (size_t)v->stages[i].batch < n)
        i++;
    return &v->stages[i];
}

/* The next of several programs for n rows: the least that takes them all, unless more than a quarter of it would be
 * padding; then the greatest that they fill. */
static const struct stage *stage_within(const evaluator *v, size_t n)
{
    const struct stage *s = stage_for(v, n);
    if (4 * n < 3 * (size_t)s->batch)
        while (s > v->stages && (size_t)s->batch > n)
            s--;
    return s;
}

static void tell(const evaluator *v, size_t count)
{
    if (v->watch.scored)
        v->watch.scored(v->watch.context, count);
}

static void run_programs(evaluator *v, const float *rows, size_t n, const scored_rows *out)
{
    for (size_t first = 0; first < n;) {
        const struct stage *s = stage_within(v, n - first);
        size_t batch = (size_t)s->batch, count = n - first < batch ? n - first : batch;
        float *x = array_values(s->x);
        memcpy(x, rows + first * v->row, count * v->row * sizeof *x);
        memset(x + count * v->row, 0, (batch - count) * v->row * sizeof *x);
        program_run(s->run, 0);
        memcpy(out->score + out->at + first, program_output(s->run, "score", NULL), count * sizeof *x);
        scored_copy(out, first, s->run, 0, count);
        first += count;
        tell(v, count);
    }
}

static bool check_finite(const evaluator *v, const float *scores, size_t n, error *e)
{
    for (size_t i = 0; i < n; i++)
        if (!isfinite(scores[i]))
            return error_set(e, ERROR_DIVERGED, "%s: the score of image %zu of %zu is not a finite number",
                             v->method->id, i + 1, n);
    return true;
}

static bool run_closed_form(evaluator *v, const float *rows, size_t n, const scored_rows *out, error *e)
{
    const method *m = v->method;
    return m->score_rows(v->self, v->own, rows, n, out->score + out->at, e) &&
           (!out->reconstruction ||
            m->reconstruct_rows(v->self, v->own, rows, n, out->reconstruction + out->at * v->row, e));
}

bool evaluator_run(evaluator *v, const float *rows, size_t n, const scored_rows *out, error *e)
{
    assert(!out->reconstruction || evaluator_reconstructs(v));
    if (v->joint) {
        if (!joint_run(v->joint, rows, n, out, e))
            return false;
    } else if (v->method->closed_form) {
        if (!run_closed_form(v, rows, n, out, e))
            return false;
        tell(v, n);
    } else if (v->searches) {
        if (!search_run(stage_for(v, n)->search, &v->watch, &(search_job){rows, n, *out}, e))
            return false;
    } else {
        run_programs(v, rows, n, out);
    }
    return check_finite(v, out->score + out->at, n, e);
}

size_t evaluator_variant_count(const evaluator *v)
{
    const evaluator *one = first_of(v);
    return one->count ? scored_variant_count(one->stages[0].program) : 0;
}

const char *evaluator_variant_name(const evaluator *v, size_t index)
{
    return scored_variant_name(first_of(v)->stages[0].program, index);
}

bool evaluator_reconstructs(const evaluator *v)
{
    const evaluator *one = first_of(v);
    return one->count ? scored_reconstructs(one->stages[0].program) : v->method->reconstruct_rows != NULL;
}

bool evaluator_warm(evaluator *v, const float *rows, size_t n, error *e)
{
    float scores[EVALUATE_ROWS_MAX];
    assert(n <= EVALUATE_ROWS_MAX);
    for (int m = 0; v->joint && m < joint_count(v->joint); m++)
        if (!evaluator_warm(joint_member(v->joint, m), rows, n, e))
            return false;
    if (v->joint)
        return true;
    if (!v->searches)
        return evaluator_run(v, rows, n, &(scored_rows){.score = scores}, e);
    search *s = stage_for(v, n)->search;
    n = n < (size_t)search_slots(s) ? n : (size_t)search_slots(s);
    search_first_step(s, rows, n, scores);
    return check_finite(v, scores, n, e);
}

void evaluator_watch(evaluator *v, scored_watch watch)
{
    v->watch = watch;
    for (int m = 0; v->joint && m < joint_count(v->joint); m++)
        evaluator_watch(joint_member(v->joint, m), watch);
}

size_t evaluator_program_bytes(const evaluator *v, int index)
{
    const struct stage *s = &v->stages[index];
    return s->search ? search_bytes(s->search) : program_bytes(s->run);
}

size_t evaluator_bytes(const evaluator *v)
{
    size_t bytes = v->joint ? joint_bytes(v->joint) : 0;
    for (int m = 0; v->joint && m < joint_count(v->joint); m++)
        bytes += evaluator_bytes(joint_member(v->joint, m));
    for (int i = 0; i < v->count; i++)
        bytes += evaluator_program_bytes(v, i);
    return bytes;
}

size_t evaluator_rows(const evaluator *v)
{
    const evaluator *one = first_of(v);
    return one->count ? (size_t)one->stages[one->count - 1].batch : EVALUATE_ROWS_MAX;
}

const program *evaluator_program(const evaluator *v, int index, int *batch)
{
    if (index >= v->count)
        return NULL;
    if (batch)
        *batch = v->stages[index].batch;
    return v->stages[index].program;
}
