/* SPDX-License-Identifier: MIT */
/* search_trial.h — a method that searches, on trial: its searches, its nets' gradients and whether they moved. */
#ifndef ANOMALYD_TESTS_CORE_SEARCH_TRIAL_H
#define ANOMALYD_TESTS_CORE_SEARCH_TRIAL_H

#include "trial.h"

#include "base/digest.h"

static inline search *search_of(trial *t, int slots)
{
    shape s = t->x->s;
    s.n = slots;
    search *found = t->how->search(t->self, t->m, s, &t->e);
    if (!found)
        fail_msg("%s", t->e.message);
    return found;
}

static inline void find(search *s, const float *images, size_t n, float *scores)
{
    error e;
    if (!search_run(s, NULL, &(search_job){images, n, {.score = scores}}, &e))
        fail_msg("%s", e.message);
}

static inline void digest_net(net *n, char out[65])
{
    digest d;
    digest_begin(&d);
    for (int i = 0; i < n->count; i++)
        digest_update(&d, n->params[i]->values, shape_size(n->params[i]->s) * sizeof(float));
    digest_end_hex(&d, out);
}

/* Along its own gradient, a block of values must change the loss by the gradient's norm. */
static inline void check_gradient(program *p, const char *loss, float *values, const float *gradient, size_t count)
{
    output_loss now = {p, loss, 1};
    slope s = {values, gradient, count, 0.05, 1e-5, output_now, &now};
    program_run(p, 0);
    double norm = slope_norm(&s), off = norm > 1e-5 ? slope_error(&s, norm) : 0;
    if (!(off < 2e-2))
        fail_msg("%s: off by %.3g of a gradient of %.3g", loss, off, norm);
}

/* Fresh weights of such narrow nets are so small that rounding drowns their gradients. */
static inline void enlarge(model *m)
{
    for (int i = 0; i < m->net_count; i++)
        for (int j = 0; j < m->nets[i]->count; j++) {
            param *w = m->nets[i]->params[j];
            for (size_t k = 0; w->fan_in && k < shape_size(w->s); k++)
                w->values[k] *= 8;
        }
}

#endif
