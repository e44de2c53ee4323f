/* SPDX-License-Identifier: MIT */
/* model_fixture.h — an empty model on a team of two, and a layer to put into it. */
#ifndef ANOMALYD_TESTS_MODEL_FIXTURE_H
#define ANOMALYD_TESTS_MODEL_FIXTURE_H

#include "nn/net.h"

#include <stdlib.h>

typedef struct fixture {
    team *team;
    model *m;
    error e;
} fixture;

static inline int fixture_open(void **state)
{
    fixture *f = calloc(1, sizeof *f);
    f->team = team_new(2, &f->e);
    f->m = model_new(5, f->team, &f->e);
    *state = f;
    return f->m ? 0 : -1;
}

static inline int fixture_close(void **state)
{
    fixture *f = *state;
    model_free(f->m);
    team_free(f->team);
    free(f);
    return 0;
}

static inline tensor *layer(net *n, graph *g, tensor *x, int out)
{
    net_enter(n, g);
    return nn_dense(n, x, (struct conv){.out = out, .bias = true});
}

#endif
