/* SPDX-License-Identifier: MIT */
/* learner_fit.c — a closed form learns at once: it has no steps, and nothing to resume from. */
#include "base/clock.h"
#include "train/learner.h"

#include <stdlib.h>

static bool learn(learner *l, checkpoint *c, error *e)
{
    (void)c;
    const train_context *of = l->context;
    double start_s = clock_now_s();
    if (!context_goes_on(of, e) ||
        !of->method->fit(l->self, l->model, l->rows, of->split.train_count, of->images.input, e))
        return false;
    free(l->rows);
    l->rows = NULL;
    bool ok = learner_make_evaluator(l, e);
    l->train_s = clock_now_s() - start_s;
    return ok;
}

static size_t fit_bytes(const learner *l)
{
    const train_context *c = l->context;
    return c->method->fit_bytes(l->self, c->images.input, c->split.train_count, team_threads(c->team));
}

static bool print(learner *l, FILE *out, error *e)
{
    (void)l;
    (void)e;
    fprintf(out, "a closed form: no networks, no programs\n");
    return true;
}

const learner_kind learner_fit = {.learn = learn, .fit_bytes = fit_bytes, .print = print};
