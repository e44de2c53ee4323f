/* SPDX-License-Identifier: MIT */
/* methods.c — the list of methods: the one place that names them. */
#include "methods/method.h"

#include <string.h>

extern const method method_alad, method_anogan, method_fencegan, method_ganomaly, method_kde, method_ocgan, method_pca;

static const method *const all[] = {
    &method_kde, &method_pca, &method_ganomaly, &method_alad, &method_anogan, &method_fencegan, &method_ocgan, NULL,
};

const char *const selection_choices[] = {"pseudo", "last", NULL};
const char *const refining_choices[] = {"none", "fusion", "complexity", "fusion-complexity", NULL};

const method *const *method_all(void)
{
    return all;
}

bool method_searches(const method *m, const void *self)
{
    return m->search && (!m->searches || m->searches(self));
}

graph *method_graph(model *own, enum mode mode, error *e)
{
    graph *g = model_graph(own, mode);
    if (!g)
        error_memory(e, "a graph");
    return g;
}

const method *method_find(const char *id)
{
    for (const method *const *m = all; *m; m++)
        if (strcmp((*m)->id, id) == 0)
            return *m;
    return NULL;
}
