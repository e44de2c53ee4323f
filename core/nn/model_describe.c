/* SPDX-License-Identifier: MIT */
/* model_describe.c — counts and prints what a model's memory is used for. */
#include "nn/internal.h"

#include <string.h>

/* What memory is used for. */
enum memory {
    MEMORY_WEIGHTS,
    MEMORY_STATISTICS,
    MEMORY_GRADIENTS,
    MEMORY_MOMENTS,
    MEMORY_RESOLVED, /* weights under their spectral norms, for SCORE graphs */
    MEMORY_AVERAGES, /* and the work that settles them */
    MEMORY_KEPT,
    MEMORY_ARRAYS,
    MEMORY_KINDS
};

static void measure_net(const net *n, size_t floats[MEMORY_KINDS])
{
    for (int i = 0; i < n->count; i++) {
        const param *p = n->params[i];
        const size_t size = shape_size(p->s);
        floats[p->is_statistic ? MEMORY_STATISTICS : MEMORY_WEIGHTS] += size;
        floats[MEMORY_GRADIENTS] += p->gradient ? size : 0;
        floats[MEMORY_RESOLVED] += p->resolved ? size : 0;
        floats[MEMORY_AVERAGES] += p->average ? size : 0;
        floats[MEMORY_KEPT] += p->kept ? size : 0;
    }
}

static void measure_optim(const optim *o, size_t floats[MEMORY_KINDS])
{
    for (int i = 0; i < o->slot_count; i++) {
        const optim_slot *s = &o->slots[i];
        floats[MEMORY_MOMENTS] += s->what.count * (size_t)((s->first != NULL) + (s->second != NULL));
    }
}

static void measure(const model *m, size_t floats[MEMORY_KINDS])
{
    memset(floats, 0, MEMORY_KINDS * sizeof *floats);
    floats[MEMORY_AVERAGES] = m->settling_floats;
    for (int i = 0; i < m->net_count; i++)
        measure_net(m->nets[i], floats);
    for (int i = 0; i < m->optim_count; i++)
        measure_optim(m->optims[i], floats);
    for (int i = 0; i < m->array_count; i++)
        floats[MEMORY_ARRAYS] += shape_size(m->arrays[i]->s) * (m->arrays[i]->gradient ? 2 : 1);
}

size_t model_bytes(const model *m)
{
    size_t floats[MEMORY_KINDS], sum = 0;
    measure(m, floats);
    for (int i = 0; i < MEMORY_KINDS; i++)
        sum += floats[i];
    return sum * sizeof(float);
}

void model_describe(const model *m, FILE *out)
{
    static const char *const names[MEMORY_KINDS] = {
        [MEMORY_WEIGHTS] = "weights", [MEMORY_STATISTICS] = "statistics",   [MEMORY_GRADIENTS] = "gradients",
        [MEMORY_MOMENTS] = "moments", [MEMORY_RESOLVED] = "normed weights", [MEMORY_AVERAGES] = "averages",
        [MEMORY_KEPT] = "best epoch", [MEMORY_ARRAYS] = "arrays",
    };
    size_t floats[MEMORY_KINDS];
    measure(m, floats);
    for (int i = 0; i < m->net_count; i++)
        fprintf(out, "net %-20s %14zu parameters\n", m->nets[i]->name, net_parameters(m->nets[i]));
    for (int i = 0; i < MEMORY_KINDS; i++)
        fprintf(out, "%-24s %14zu bytes\n", names[i], floats[i] * sizeof(float));
}
