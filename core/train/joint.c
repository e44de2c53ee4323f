/* SPDX-License-Identifier: MIT */
/* joint.c — see joint.h. */
#include "train/joint.h"

#include "train/evaluator_kind.h"

#include <assert.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

_Static_assert((int)MEMBERS_MAX <= (int)REFINE_COMPONENTS_MAX, "a mean has room for every member");

typedef struct joint {
    evaluator base;
    evaluator *members[MEMBERS_MAX];
    int count, scores; /* of each member: its own, and variants */
    joint_scales scales;
    float *found; /* base.rows numbers for each score of each member */
    float *made;  /* reconstructions of one member */
} joint;

void joint_pack(const joint_scales *s, int scores, int count, float *values)
{
    size_t row = (size_t)count * REFINE_VALUES;
    memset(values, 0, (size_t)scores * row * sizeof *values);
    for (int k = 0; k < scores; k++)
        if (s->of[k].count)
            refine_pack(&s->of[k], values + (size_t)k * row);
}

static bool all_zero(const float *values, size_t n)
{
    for (size_t i = 0; i < n; i++)
        if (values[i] != 0)
            return false;
    return true;
}

bool joint_unpack(const float *values, size_t size, int scores, int count, joint_scales *out, error *e)
{
    size_t row = (size_t)count * REFINE_VALUES;
    *out = (joint_scales){0};
    if (scores < 1 || scores > JOINT_SCORES_MAX || size != (size_t)scores * row)
        return error_set(e, ERROR_CORRUPT, "%zu numbers are no scales of %d members", size, count);
    for (int k = 0; k < scores; k++)
        if ((k == 0 || !all_zero(values + (size_t)k * row, row)) &&
            !refine_unpack(values + (size_t)k * row, row, &out->of[k], e))
            return false;
    return true;
}

static float *found(const joint *j, int member, int score)
{
    return j->found + (size_t)(member * j->scores + score) * j->base.rows;
}

static bool run_member(joint *j, int member, const float *rows, size_t n, const scored_rows *out, error *e)
{
    float *variants[REFINE_COMPONENTS_MAX];
    for (int k = 0; k < j->scores - 1; k++)
        variants[k] = found(j, member, 1 + k);
    const scored_rows own = {.score = found(j, member, 0),
                             .variants = out->variants ? variants : NULL,
                             .reconstruction = out->reconstruction ? j->made : NULL};
    evaluator_watch(j->members[member], j->base.watch);
    bool ok = evaluator_run(j->members[member], rows, n, &own, e);
    evaluator_watch(j->members[member], (scored_watch){0});
    return ok || error_at(e, "member %d of %d", member + 1, j->count);
}

static void add_reconstructions(const joint *j, int member, size_t n, float *out)
{
    for (size_t i = 0; i < n * j->base.row; i++) {
        float sum = member ? out[i] + j->made[i] : j->made[i];
        out[i] = member == j->count - 1 ? sum / (float)j->count : sum;
    }
}

static void average(const joint *j, int score, size_t n, float *out)
{
    const refinement *scale = &j->scales.of[score];
    for (size_t i = 0; i < n; i++) {
        float members[MEMBERS_MAX];
        for (int m = 0; m < j->count; m++)
            members[m] = found(j, m, score)[i];
        out[i] = scale->count ? refine_apply(scale, members, 0) : NAN;
    }
}

/* Scores at most base.rows images. */
static bool run_window(joint *j, const float *rows, size_t n, const scored_rows *out, error *e)
{
    for (int m = 0; m < j->count; m++) {
        if (!run_member(j, m, rows, n, out, e))
            return false;
        if (out->reconstruction)
            add_reconstructions(j, m, n, out->reconstruction + out->at * j->base.row);
    }
    average(j, 0, n, out->score + out->at);
    for (int k = 0; out->variants && k < j->scores - 1; k++)
        average(j, 1 + k, n, out->variants[k] + out->at);
    return true;
}

static bool run(evaluator *v, const float *rows, size_t n, const scored_rows *out, error *e)
{
    for (size_t first = 0; first < n; first += v->rows) {
        scored_rows window = *out;
        window.at += first;
        if (!run_window((joint *)v, rows + first * v->row, n - first < v->rows ? n - first : v->rows, &window, e))
            return false;
    }
    return true;
}

/* Each member checks its own scores; the joint ones stay 0. */
static bool warm(evaluator *v, const float *rows, size_t n, float *scores, error *e)
{
    (void)scores;
    joint *j = (joint *)v;
    for (int m = 0; m < j->count; m++)
        if (!evaluator_warm(j->members[m], rows, n, e))
            return false;
    return true;
}

static void free_joint(evaluator *v)
{
    free(((joint *)v)->found);
    free(((joint *)v)->made);
}

static const evaluator_kind evaluate_joint = {.size = sizeof(joint), .free = free_joint, .run = run, .warm = warm};

evaluator *evaluator_join(evaluator *const *members, int count, const joint_scales *scales, error *e)
{
    const evaluator *first = members[0];
    joint *j = calloc(1, sizeof *j);
    if (!j) {
        error_memory(e, "an evaluator");
        return NULL;
    }
    assert(count > 0 && count <= MEMBERS_MAX);
    j->base = (evaluator){.kind = &evaluate_joint,
                          .method = first->method,
                          .row = first->row,
                          .rows = first->rows,
                          .names = first->names,
                          .reconstructs = first->reconstructs};
    j->count = count;
    j->scales = *scales;
    j->scores = 1 + (int)evaluator_variant_count(first);
    size_t floats = (size_t)(count * j->scores) * first->rows,
           made = first->reconstructs ? first->rows * first->row : 0;
    j->base.bytes = (floats + made) * sizeof(float);
    for (int m = 0; m < count; m++) {
        j->members[m] = members[m];
        j->base.bytes += members[m]->bytes;
    }
    j->found = malloc(floats * sizeof *j->found);
    j->made = made ? malloc(made * sizeof *j->made) : NULL;
    if (j->found && (j->made || !made))
        return &j->base;
    error_memory(e, "an ensemble's scores");
    evaluator_free(&j->base);
    return NULL;
}
