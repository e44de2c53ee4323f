/* SPDX-License-Identifier: MIT */
/* scores.c — see scores.h. */
#include "train/scores.h"

#include <assert.h>
#include <stdlib.h>
#include <string.h>

static size_t arrays(const evaluator *v)
{
    return 2 + evaluator_variant_count(v);
}

size_t scores_bytes(const evaluator *v, size_t n)
{
    return arrays(v) * n * sizeof(float);
}

bool scores_init(score_set *s, const evaluator *v, size_t n, error *e)
{
    float *all = calloc(arrays(v) * (n ? n : 1), sizeof *all);
    *s = (score_set){.n = n, .variant_count = (int)evaluator_variant_count(v), .own = all};
    assert(s->variant_count <= REFINE_COMPONENTS_MAX);
    if (!all)
        return error_memory(e, "scores");
    s->complexity = all + n;
    for (int k = 0; k < s->variant_count; k++)
        s->variants[k] = all + (size_t)(2 + k) * n;
    return true;
}

void scores_free(score_set *s)
{
    free(s->own);
    *s = (score_set){0};
}

bool scores_fuse(const score_set *s)
{
    return s->variant_count > 1;
}

static bool fuses(const score_set *s, enum refining kind)
{
    return scores_fuse(s) && (kind == REFINE_FUSION || kind == REFINE_BOTH);
}

int scores_components(const score_set *s, enum refining kind)
{
    return fuses(s, kind) ? s->variant_count : 1;
}

bool scores_fit(const score_set *held_out, enum refining kind, refinement *out, error *e)
{
    const float *components[REFINE_COMPONENTS_MAX] = {held_out->own};
    int count = scores_components(held_out, kind);
    for (int k = 0; fuses(held_out, kind) && k < count; k++)
        components[k] = held_out->variants[k];
    const float *complexity = kind == REFINE_FUSION ? NULL : held_out->complexity;
    return refine_fit(components, count, complexity, held_out->n, out, e) || error_at(e, "refine");
}

void scores_refine(const score_set *s, enum refining kind, const refinement *r, size_t n, float *out)
{
    if (kind == REFINE_NONE) {
        memcpy(out, s->own, n * sizeof *out);
        return;
    }
    bool fused = fuses(s, kind);
    assert(r->count == scores_components(s, kind));
    for (size_t i = 0; i < n; i++) {
        float components[REFINE_COMPONENTS_MAX];
        for (int k = 0; k < r->count; k++)
            components[k] = fused ? s->variants[k][i] : s->own[i];
        out[i] = refine_apply(r, components, s->complexity[i]);
    }
}
