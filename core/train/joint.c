/* SPDX-License-Identifier: MIT */
/* joint.c — see joint.h. */
#include "train/joint.h"

#include <assert.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

_Static_assert((int)MEMBERS_MAX <= (int)REFINE_COMPONENTS_MAX, "a mean has room for every member");

struct joint {
    evaluator *members[MEMBERS_MAX];
    int count, scores; /* of each member: its own, and variants */
    joint_scales scales;
    size_t row, most; /* images at once */
    float *found;     /* most numbers for each score of each member */
    float *made;      /* reconstructions of one member */
};

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

joint *joint_new(evaluator *const *members, int count, const joint_scales *scales, size_t row, error *e)
{
    joint *j = calloc(1, sizeof *j);
    if (!j) {
        error_memory(e, "an ensemble");
        return NULL;
    }
    assert(count > 0 && count <= MEMBERS_MAX);
    *j = (joint){.count = count, .scales = *scales, .row = row, .most = evaluator_rows(members[0])};
    j->scores = 1 + (int)evaluator_variant_count(members[0]);
    for (int m = 0; m < count; m++)
        j->members[m] = members[m];
    j->found = malloc((size_t)(count * j->scores) * j->most * sizeof *j->found);
    j->made = evaluator_reconstructs(members[0]) ? malloc(j->most * row * sizeof *j->made) : NULL;
    if (j->found && (j->made || !evaluator_reconstructs(members[0])))
        return j;
    error_memory(e, "an ensemble's scores");
    joint_free(j);
    return NULL;
}

void joint_free(joint *j)
{
    if (!j)
        return;
    free(j->found);
    free(j->made);
    free(j);
}

evaluator *joint_member(const joint *j, int index)
{
    return j->members[index];
}

int joint_count(const joint *j)
{
    return j->count;
}

size_t joint_bytes(const joint *j)
{
    size_t floats = (size_t)(j->count * j->scores) * j->most + (j->made ? j->most * j->row : 0);
    return floats * sizeof(float);
}

static float *found(const joint *j, int member, int score)
{
    return j->found + (size_t)(member * j->scores + score) * j->most;
}

static bool run_member(joint *j, int member, const float *rows, size_t n, const scored_rows *out, error *e)
{
    float *variants[REFINE_COMPONENTS_MAX];
    for (int k = 0; k < j->scores - 1; k++)
        variants[k] = found(j, member, 1 + k);
    const scored_rows own = {.score = found(j, member, 0),
                             .variants = out->variants ? variants : NULL,
                             .reconstruction = out->reconstruction ? j->made : NULL};
    return evaluator_run(j->members[member], rows, n, &own, e);
}

static void add_reconstructions(const joint *j, int member, size_t n, float *out)
{
    for (size_t i = 0; i < n * j->row; i++) {
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

static bool run_some(joint *j, const float *rows, size_t n, const scored_rows *out, error *e)
{
    for (int m = 0; m < j->count; m++) {
        if (!run_member(j, m, rows, n, out, e))
            return error_at(e, "member %d of %d", m + 1, j->count);
        if (out->reconstruction)
            add_reconstructions(j, m, n, out->reconstruction + out->at * j->row);
    }
    average(j, 0, n, out->score + out->at);
    for (int k = 0; out->variants && k < j->scores - 1; k++)
        average(j, 1 + k, n, out->variants[k] + out->at);
    return true;
}

bool joint_run(joint *j, const float *rows, size_t n, const scored_rows *out, error *e)
{
    for (size_t first = 0; first < n; first += j->most) {
        scored_rows part = *out;
        part.at += first;
        if (!run_some(j, rows + first * j->row, n - first < j->most ? n - first : j->most, &part, e))
            return false;
    }
    return true;
}
