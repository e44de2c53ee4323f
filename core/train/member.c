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

bool member_open(member *m, void *self, const member_setup *s, error *e)
{
    *m = (member){.self = self};
    if (!self || !(m->model = model_new(0, s->team, e)))
        return false;
    model_set_prefix(m->model, s->prefix);
    m->evaluator = evaluator_new(&(evaluator_setup){.method = s->method,
                                                    .self = self,
                                                    .model = m->model,
                                                    .input = s->input,
                                                    .batches = s->batches,
                                                    .variants = s->variants,
                                                    .weights = s->weights},
                                 e);
    return m->evaluator != NULL;
}

void member_free(member *m, const method *of)
{
    evaluator_free(m->evaluator);
    method_state_free(of, m->self);
    model_free(m->model);
    *m = (member){0};
}
