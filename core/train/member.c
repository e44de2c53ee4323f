/* SPDX-License-Identifier: MIT */
/* member.c — see member.h. */
#include "train/member.h"

#include <stdio.h>

void member_prefix(int index, int count, char out[MEMBER_PREFIX_MAX])
{
    out[0] = '\0';
    if (count > 1)
        snprintf(out, MEMBER_PREFIX_MAX, "member%d/", index + 1);
}

/* A neural method's weights take their places only when its graph has been recorded; a closed-form method finds its
 * arrays only when they have been read. */
bool member_open(member *m, void *self, const member_setup *s, error *e)
{
    *m = (member){.self = self, .model = model_new(0, s->team, e)};
    if (!m->model)
        return false;
    model_set_prefix(m->model, s->prefix);
    if (s->method->closed_form && !model_read(m->model, s->weights, MODEL_WEIGHTS, e))
        return false;
    m->evaluator = evaluator_new(&(evaluator_setup){.method = s->method,
                                                    .self = self,
                                                    .model = m->model,
                                                    .input = s->input,
                                                    .batches = s->batches,
                                                    .variants = s->variants},
                                 e);
    return m->evaluator && (s->method->closed_form || model_read(m->model, s->weights, MODEL_WEIGHTS, e));
}

void member_close(member *m, const method *of)
{
    evaluator_free(m->evaluator);
    method_state_free(of, m->self);
    model_free(m->model);
    *m = (member){0};
}

size_t member_bytes(const member *m)
{
    return model_bytes(m->model) + evaluator_bytes(m->evaluator);
}
