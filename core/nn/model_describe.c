/* SPDX-License-Identifier: MIT */
/* model_describe.c — prints a model's nets and where its memory goes. */
#include "nn/parts.h"

enum { DESCRIBED_PARTS = 7 };

static void count_net(const net *n, size_t floats[DESCRIBED_PARTS])
{
    for (int i = 0; i < n->count; i++) {
        const param *p = n->params[i];
        size_t size = shape_size(p->s);
        floats[p->is_statistic ? 1 : 0] += size;
        floats[2] += p->gradient ? size : 0;
        floats[4] += p->average ? size : 0;
        floats[5] += p->kept ? size : 0;
    }
}

void model_describe(const model *m, FILE *out)
{
    static const char *const names[DESCRIBED_PARTS] = {"weights",  "statistics", "gradients", "moments",
                                                       "averages", "best epoch", "arrays"};
    size_t floats[DESCRIBED_PARTS] = {[4] = m->settling_floats};
    for (int i = 0; i < m->net_count; i++) {
        fprintf(out, "net %-20s %14zu parameters\n", m->nets[i]->name, net_parameters(m->nets[i]));
        count_net(m->nets[i], floats);
    }
    for (int i = 0; i < m->optim_count; i++)
        for (int j = 0; j < m->optims[i]->slot_count; j++) {
            const optim_slot *s = &m->optims[i]->slots[j];
            floats[3] += s->what.count * (size_t)((s->first != NULL) + (s->second != NULL));
        }
    for (int i = 0; i < m->array_count; i++)
        floats[6] += shape_size(m->arrays[i]->s) * (size_t)(1 + (m->arrays[i]->gradient != NULL));
    for (int i = 0; i < DESCRIBED_PARTS; i++)
        fprintf(out, "%-24s %14zu bytes\n", names[i], floats[i] * sizeof(float));
}
