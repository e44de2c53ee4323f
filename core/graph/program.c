/* SPDX-License-Identifier: MIT */
/* program.c — runs a compiled program. Knows steps, not mathematics. */
#include "graph/program_internal.h"

#include "base/clock.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

/* The source's gradient is the view's under another shape. It is copied where they do not share memory. */
static void view_backward(const call *c)
{
    size_t count = shape_size(c->t->s);
    if (!c->dx[0] || c->dx[0] == c->dy)
        return;
    if (!c->add[0]) {
        memcpy(c->dx[0], c->dy, count * sizeof *c->dy);
        return;
    }
    for (size_t i = 0; i < count; i++)
        c->dx[0][i] += c->dy[i];
}

static void run_step(program_step *s, uint64_t counter)
{
    s->call.step = counter;
    if (s->seed)
        *s->seed = 1;
    if (!s->backward)
        s->op->forward(&s->call);
    else if (s->op->is_view)
        view_backward(&s->call);
    else
        s->op->backward(&s->call);
}

void program_run(program *p, uint64_t counter)
{
    for (int i = 0; i < p->step_count; i++) {
        double start = p->profiling ? clock_now_s() : 0;
        run_step(&p->steps[i], counter);
        if (p->profiling)
            p->steps[i].seconds += clock_now_s() - start;
    }
    if (p->moves_nets)
        ++*p->graph->moves;
    for (int k = 0; k < p->graph->objective_count; k++) {
        double start = p->profiling ? clock_now_s() : 0;
        if (p->updates[k].optim)
            optim_apply(p->updates[k].optim, p->graph->team, p->updates[k].slots, p->updates[k].count);
        if (p->profiling)
            p->updates[k].seconds += clock_now_s() - start;
    }
    p->runs++;
    p->runs_profiled += p->profiling;
}

uint64_t program_runs(const program *p)
{
    return p->runs;
}

const float *program_output(const program *p, const char *name, shape *s)
{
    for (int i = 0; i < p->output_count; i++)
        if (!strcmp(p->outputs[i]->output, name)) {
            if (s)
                *s = p->outputs[i]->s;
            return p->output_values[i];
        }
    return NULL;
}

size_t program_output_count(const program *p)
{
    return (size_t)p->output_count;
}

const char *program_output_name(const program *p, size_t index)
{
    return p->outputs[index]->output;
}

bool program_finite(const program *p, const char **name)
{
    for (int i = 0; i < p->output_count; i++)
        for (size_t j = 0; j < shape_size(p->outputs[i]->s); j++)
            if (!isfinite(p->output_values[i][j])) {
                *name = p->outputs[i]->output;
                return false;
            }
    return true;
}

size_t program_bytes(const program *p)
{
    return p->floats * sizeof(float);
}

size_t program_bytes_unshared(const program *p)
{
    return p->floats_unshared * sizeof(float);
}

void program_free(program *p)
{
    if (!p)
        return;
    free(p->steps);
    free(p->memory);
    free(p);
}
