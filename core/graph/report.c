/* SPDX-License-Identifier: MIT */
/* report.c — lists the steps of a compiled program, their cost and their time. Knows steps, not mathematics. */
#include "graph/program_internal.h"

#include <stdint.h>

/* True for gradients that are matrix products: all but a bias's. */
static bool counts(const program_step *s, int by)
{
    return by == OP_FORWARD ? !s->backward : s->backward && s->call.dx[by];
}

void program_products(const program *p, program_product_body *each, void *context)
{
    for (int i = 0; i < p->step_count; i++) {
        const program_step *s = &p->steps[i];
        for (int by = OP_FORWARD; s->op->product && by < 2; by++)
            if (counts(s, by))
                each(context, s->op->product(s->call.t, by), s->op->flops(s->call.t));
    }
}

static double step_flops(const program_step *s)
{
    double sum = 0;
    for (int by = OP_FORWARD; s->op->flops && by < 2; by++)
        if (counts(s, by))
            sum += s->op->flops(s->call.t);
    return sum;
}

double program_flops(const program *p)
{
    double sum = 0;
    for (int i = 0; i < p->step_count; i++)
        sum += step_flops(&p->steps[i]);
    return sum;
}

/* Returns the bytes of the tensors that a step must read or write, each counted once. */
static double step_bytes(const program_step *s)
{
    const tensor *t = s->call.t;
    size_t floats = shape_size(t->s);
    unsigned read = 0;
    for (int i = 0; i < t->source_count; i++) {
        if (!s->backward)
            floats += shape_size(t->source[i]->s);
        else if (s->call.dx[i]) {
            floats += (s->call.add[i] ? 2 : 1) * shape_size(t->source[i]->s);
            read |= s->op->reads[i];
        }
    }
    for (int i = 0; i < t->source_count; i++)
        if (read & 1u << i)
            floats += shape_size(t->source[i]->s);
    if (s->backward && s->op->reads_y)
        floats += shape_size(t->s);
    return (double)floats * sizeof(float);
}

/* Returns the bytes of an update: values and moments are read and written, gradients are read. */
static double update_bytes(const update *u)
{
    size_t floats = 0;
    for (int i = 0; i < u->count; i++) {
        const optim_slot *s = &u->optim->slots[u->slots[i]];
        floats += s->what.count * (3 + (s->first ? 2u : 0) + (s->second ? 2u : 0));
    }
    return (double)floats * sizeof(float);
}

void program_describe(const program *p, FILE *out)
{
    for (int i = 0; i < p->step_count; i++) {
        const program_step *s = &p->steps[i];
        shape at = s->call.t->s;
        /* Leaves and weights lie outside the plan; pointers into different blocks have no difference. */
        const uintptr_t from = (uintptr_t)p->memory, at_y = (uintptr_t)s->call.y;
        const bool planned = at_y >= from && at_y - from < p->floats * sizeof *p->memory;
        fprintf(out, "%-8s %-14s %5d x %3d x %3d x %4d %10.2f MFLOP", s->backward ? "backward" : "forward", s->op->name,
                at.n, at.h, at.w, at.c, step_flops(s) / 1e6);
        if (planned)
            fprintf(out, "  at %zu", (size_t)(at_y - from) / sizeof *p->memory);
        fputc('\n', out);
    }
}

void program_profile(program *p, bool on)
{
    p->profiling = on;
    p->runs_profiled = 0;
    for (int i = 0; i < p->step_count; i++)
        p->steps[i].seconds = 0;
    for (int k = 0; k < GRAPH_OBJECTIVES_MAX; k++)
        p->updates[k].seconds = 0;
}

static void print_row(FILE *out, const char *pass, const char *name, const char *where, double seconds, double flops,
                      double bytes)
{
    fprintf(out, "%-8s %-14s %-24s %10.3f %10.1f %10.2f\n", pass, name, where, 1e3 * seconds,
            seconds > 0 ? flops / seconds / 1e9 : 0, bytes / 1048576);
}

void program_profile_print(const program *p, FILE *out)
{
    const double runs = p->runs_profiled ? (double)p->runs_profiled : 1;
    double seconds = 0, bytes = 0;
    char text[48];
    fprintf(out, "%-8s %-14s %-24s %10s %10s %10s\n", "pass", "operation", "shape", "ms", "GFLOP/s", "MiB");
    for (int i = 0; i < p->step_count; i++) {
        const program_step *s = &p->steps[i];
        shape at = s->call.t->s;
        snprintf(text, sizeof text, "%d x %d x %d x %d", at.n, at.h, at.w, at.c);
        print_row(out, s->backward ? "backward" : "forward", s->op->name, text, s->seconds / runs, step_flops(s),
                  step_bytes(s));
        seconds += s->seconds / runs;
        bytes += step_bytes(s);
    }
    for (int k = 0; k < p->graph->objective_count; k++) {
        const update *u = &p->updates[k];
        if (!u->optim)
            continue;
        snprintf(text, sizeof text, "of %d arrays", u->count);
        print_row(out, "update", u->optim->name, text, u->seconds / runs, 0, update_bytes(u));
        seconds += u->seconds / runs;
        bytes += update_bytes(u);
    }
    print_row(out, "all", "", "", seconds, program_flops(p), bytes);
}
