/* SPDX-License-Identifier: MIT */
/*
 * compile.c — turns a recorded graph into a program: it finds which values are needed, which gradients are wanted, when
 * each value is written and last read, and gives everything an address. Knows operations only by their records.
 */
#include "graph/plan.h"
#include "graph/program_internal.h"

#include <assert.h>
#include <stdlib.h>
#include <string.h>

enum { NOWHERE = -1 };

/* What compilation knows of each tensor. */
typedef struct facts {
    bool live;
    int time;       /* of its forward step */
    int value, aux; /* buffers, or NOWHERE */
    int gradient[GRAPH_OBJECTIVES_MAX];
    bool path[GRAPH_OBJECTIVES_MAX];    /* its gradient is wanted */
    bool written[GRAPH_OBJECTIVES_MAX]; /* its gradient has been written by an earlier step */
} facts;

typedef struct compiler {
    graph *g;
    program *p;
    plan plan;
    facts *of;
    int *work; /* buffer of each step, or NOWHERE */
    bool share;
    size_t scratch;
} compiler;

static bool is_external(const tensor *t)
{
    return t->array || t->param;
}

/* Returns the tensor in whose memory a chain of views lies. */
static const tensor *storage(const tensor *t)
{
    while (t->op->is_view)
        t = t->source[0];
    return t;
}

static void mark_live(compiler *c)
{
    graph *g = c->g;
    for (int i = g->count - 1; i >= 0; i--) {
        tensor *t = g->tensors[i];
        facts *f = &c->of[i];
        f->live = f->live || t->output;
        for (int k = 0; k < g->objective_count; k++)
            f->live = f->live || g->objectives[k].loss == t;
        for (int j = 0; f->live && j < t->source_count; j++)
            c->of[t->source[j]->index].live = true;
    }
}

static bool objective_names(const objective *o, const tensor *t)
{
    if (t->array)
        return o->at == t->array;
    if (!t->param || t->param->is_statistic)
        return false;
    for (int i = 0; o->nets[i]; i++)
        if (o->nets[i] == t->owner)
            return true;
    return false;
}

/* Marks the tensors of which objective k needs the gradient: they depend on something that it moves, and its loss
 * depends on them. */
static bool mark_path(compiler *c, int k, error *e)
{
    const objective *o = &c->g->objectives[k];
    bool *need = calloc((size_t)c->g->count, sizeof *need);
    if (!need)
        return error_memory(e, "a program");
    for (int i = 0; i < c->g->count; i++) {
        const tensor *t = c->g->tensors[i];
        need[i] = objective_names(o, t);
        for (int j = 0; j < t->source_count && (t->op->backward || t->op->is_view); j++)
            need[i] = need[i] || need[t->source[j]->index];
    }
    c->of[o->loss->index].path[k] = need[o->loss->index];
    for (int i = o->loss->index; i >= 0; i--) {
        const tensor *t = c->g->tensors[i];
        if (!c->of[i].path[k])
            continue;
        for (int j = 0; j < t->source_count; j++)
            if (need[t->source[j]->index])
                c->of[t->source[j]->index].path[k] = true;
    }
    free(need);
    return true;
}

static program_step *append(compiler *c, const tensor *t, bool backward, int index)
{
    program_step *s = &c->p->steps[c->p->step_count++];
    *s = (program_step){.op = t->op, .backward = backward, .objective = index, .call = {.t = t, .team = c->g->team}};
    return s;
}

static bool has_step(const tensor *t)
{
    return t->op->forward != NULL;
}

static void list_steps(compiler *c)
{
    graph *g = c->g;
    for (int i = 0; i < g->count; i++)
        if (c->of[i].live && has_step(g->tensors[i])) {
            c->of[i].time = c->p->step_count;
            append(c, g->tensors[i], false, NOWHERE);
        }
    c->p->forward_count = c->p->step_count;
    for (int k = 0; k < g->objective_count; k++)
        for (int i = g->objectives[k].loss->index; i >= 0; i--)
            if (c->of[i].path[k] && (has_step(g->tensors[i]) || g->tensors[i]->op->is_view))
                append(c, g->tensors[i], true, k);
}

/* Adds buffers for values and aux. They live from their forward step to the last step that reads them. */
static void plan_values(compiler *c)
{
    graph *g = c->g;
    for (int i = 0; i < g->count; i++) {
        const tensor *t = g->tensors[i];
        facts *f = &c->of[i];
        f->value = f->aux = NOWHERE;
        if (!f->live || is_external(t))
            continue;
        if (t->op->is_view) {
            f->value = c->of[storage(t)->index].value;
            f->time = c->of[t->source[0]->index].time;
        } else {
            f->value = plan_add(&c->plan, shape_size(t->s), f->time);
            if (t->op->aux && t->op->aux(t))
                f->aux = plan_add(&c->plan, t->op->aux(t), f->time);
        }
        if (f->value != NOWHERE && t->output)
            plan_touch(&c->plan, f->value, c->p->step_count);
    }
}

static void touch_value(compiler *c, const tensor *t, int time)
{
    int value = c->of[t->index].value;
    if (value != NOWHERE)
        plan_touch(&c->plan, value, time);
}

static void read_values(compiler *c)
{
    for (int time = 0; time < c->p->step_count; time++) {
        const program_step *s = &c->p->steps[time];
        const tensor *t = s->call.t;
        for (int j = 0; j < t->source_count; j++) {
            if (!s->backward)
                touch_value(c, t->source[j], time);
            else if (c->of[t->source[j]->index].path[s->objective])
                for (int i = 0; i < t->source_count; i++)
                    if (s->op->reads[j] >> i & 1)
                        touch_value(c, t->source[i], time);
        }
        if (s->backward && s->op->reads_y)
            touch_value(c, t, time);
        if (s->backward && s->op->reads_aux && c->of[t->index].aux != NOWHERE)
            plan_touch(&c->plan, c->of[t->index].aux, time);
    }
}

/* Lets an operation write its value over its input, where nothing reads the input later. */
static void merge_forward(compiler *c)
{
    for (int time = 0; c->share && time < c->p->forward_count; time++) {
        const program_step *s = &c->p->steps[time];
        const tensor *t = s->call.t;
        if (!s->op->in_place)
            continue;
        int from = c->of[t->source[0]->index].value, to = c->of[t->index].value;
        if (from == NOWHERE || shape_size(t->s) != shape_size(t->source[0]->s))
            continue;
        bool is_last = plan_last(&c->plan, from) == time;
        for (int j = 1; j < t->source_count; j++)
            is_last = is_last && t->source[j] != t->source[0];
        if (is_last)
            plan_merge(&c->plan, to, from);
    }
}

/* Adds buffers for gradients. They live from the step that first writes them to the step that reads them. */
static void plan_gradients(compiler *c)
{
    for (int time = c->p->forward_count; time < c->p->step_count; time++) {
        program_step *s = &c->p->steps[time];
        const tensor *t = s->call.t;
        int k = s->objective;
        facts *f = &c->of[t->index];
        if (c->g->objectives[k].loss == t) {
            f->gradient[k] = plan_add(&c->plan, 1, time);
            f->written[k] = true;
        }
        plan_touch(&c->plan, f->gradient[k], time);
        for (int j = t->source_count - 1; j >= 0; j--) {
            const tensor *x = t->source[j];
            facts *of = &c->of[x->index];
            if (!of->path[k])
                continue;
            s->call.add[j] = of->written[k];
            if (!is_external(x) && !of->written[k]) {
                of->gradient[k] = plan_add(&c->plan, shape_size(x->s), time);
                bool over = c->share && j == 0 && (s->op->in_place || s->op->is_view) &&
                            shape_size(x->s) == shape_size(t->s) && c->g->objectives[k].loss != t;
                for (int i = 1; i < t->source_count; i++)
                    over = over && t->source[i] != x;
                if (over)
                    plan_merge(&c->plan, of->gradient[k], f->gradient[k]);
            } else if (!is_external(x)) {
                plan_touch(&c->plan, of->gradient[k], time);
            }
            of->written[k] = true;
        }
    }
}

static void plan_work(compiler *c)
{
    for (int time = 0; time < c->p->step_count; time++) {
        const program_step *s = &c->p->steps[time];
        size_t floats = s->op->work ? s->op->work(s->call.t, s->backward) : 0;
        c->work[time] = floats ? plan_add(&c->plan, floats, time) : NOWHERE;
        size_t scratch = s->op->scratch ? s->op->scratch(s->call.t) : 0;
        c->scratch = scratch > c->scratch ? scratch : c->scratch;
    }
}

static float *address(const compiler *c, int buffer)
{
    return buffer == NOWHERE ? NULL : c->p->memory + c->plan.buffers[buffer].offset;
}

static float *value_address(const compiler *c, const tensor *t)
{
    const tensor *at = storage(t);
    if (at->array)
        return at->array->values;
    if (at->param)
        return at->param->values;
    return address(c, c->of[at->index].value);
}

static float *gradient_address(const compiler *c, const tensor *t, int k)
{
    if (!c->of[t->index].path[k])
        return NULL;
    if (t->array)
        return t->array->gradient;
    if (t->param)
        return t->param->gradient;
    return address(c, c->of[t->index].gradient[k]);
}

static void resolve(compiler *c)
{
    for (int time = 0; time < c->p->step_count; time++) {
        program_step *s = &c->p->steps[time];
        call *a = &s->call;
        const tensor *t = a->t;
        a->y = value_address(c, t);
        a->aux = address(c, c->of[t->index].aux);
        a->work = address(c, c->work[time]);
        for (int j = 0; j < t->source_count; j++)
            a->x[j] = value_address(c, t->source[j]);
        if (!s->backward)
            continue;
        float *dy = gradient_address(c, t, s->objective);
        a->dy = dy;
        s->seed = c->g->objectives[s->objective].loss == t ? dy : NULL;
        for (int j = 0; j < t->source_count; j++)
            a->dx[j] = gradient_address(c, t->source[j], s->objective);
    }
    for (int i = 0; i < c->g->count; i++)
        if (c->g->tensors[i]->output) {
            c->p->output_values[c->p->output_count] = value_address(c, c->g->tensors[i]);
            c->p->outputs[c->p->output_count++] = c->g->tensors[i];
        }
}

/* Gives a thing its gradient and a slot of the optimiser. Without an optimiser only the gradient is wanted. */
static bool attach(update *u, optim *o, movable what, const char *owner, float **gradient, error *e)
{
    if (!*gradient && !(*gradient = floats_new(what.count)))
        return error_memory(e, "gradients");
    if (!o)
        return true;
    what.gradient = *gradient;
    int slot = optim_slot_for(o, what, owner, e);
    if (slot < 0)
        return false;
    u->slots[u->count++] = slot;
    return true;
}

/* Gives gradients and moments to everything that the objective's gradient reaches. Other weights are not moved. */
static bool attach_updates(compiler *c, int k, error *e)
{
    const objective *o = &c->g->objectives[k];
    update *u = &c->p->updates[k];
    u->optim = o->optim;
    bool reached = false;
    for (int i = 0; i < c->g->count; i++) {
        const tensor *t = c->g->tensors[i];
        if (!c->of[i].path[k] || !objective_names(o, t))
            continue;
        assert(u->count < (int)(sizeof u->slots / sizeof *u->slots));
        reached = true;
        movable what = {.count = shape_size(t->s)};
        what.values = t->array ? t->array->values : t->param->values;
        what.name = t->array ? t->array->name : t->param->name;
        float **gradient = t->array ? &t->array->gradient : &t->param->gradient;
        if (!attach(u, o->optim, what, t->array ? "array" : c->g->net_name(t->owner), gradient, e))
            return false;
    }
    if (!reached)
        return error_set(e, ERROR_INVALID, "minimise: the loss does not depend on what it is to move");
    return true;
}

/* Refuses to move weights under spectral norm in a SCORE graph, where W/σ is computed beforehand without a gradient. */
static void check_resolved(graph *g, const objective *o)
{
    for (int i = 0; i < g->count; i++) {
        const tensor *t = g->tensors[i];
        if (t->param && t->source_count && objective_names(o, t->source[0]))
            graph_fail(g, "minimise", "net %s is under spectral norm, and a SCORE graph moves no such weights",
                       g->net_name(t->source[0]->owner));
    }
}

/* Refuses two objectives that share a net or an array: each has one gradient. */
static void check_apart(graph *g, const objective *a, const objective *b)
{
    if (a->at && a->at == b->at)
        graph_fail(g, "minimise", "array %s is named by two objectives of one program", a->at->name);
    for (int i = 0; a->nets[i]; i++)
        for (int j = 0; b->nets[j]; j++)
            if (a->nets[i] == b->nets[j])
                graph_fail(g, "minimise", "net %s is moved by two objectives of one program", g->net_name(a->nets[i]));
}

static bool check_objectives(graph *g)
{
    for (int k = 0; k < g->objective_count; k++) {
        shape s = g->objectives[k].loss->s;
        if (shape_size(s) != 1)
            graph_fail(g, "minimise", "a loss of shape %d×%d×%d×%d is not a single number", s.n, s.h, s.w, s.c);
        check_resolved(g, &g->objectives[k]);
        for (int l = 0; l < k; l++)
            check_apart(g, &g->objectives[k], &g->objectives[l]);
    }
    return g->failure.code == ERROR_NONE;
}

/* Running statistics move only in programs that train their net. */
static void mark_statistics(graph *g)
{
    for (int i = 0; i < g->count; i++) {
        tensor *t = g->tensors[i];
        for (int k = 0; t->owner && k < g->objective_count; k++)
            for (int j = 0; g->objectives[k].nets[j]; j++)
                t->at.moves_statistics =
                    !t->at.holds_statistics && (t->at.moves_statistics || g->objectives[k].nets[j] == t->owner);
    }
}

static bool measure(compiler *c, error *e)
{
    plan_values(c);
    read_values(c);
    merge_forward(c);
    plan_gradients(c);
    plan_work(c);
    /* The unshared size is for reports. The shared plan is made last, so its offsets are the ones in use. */
    size_t floats;
    if (!plan_place(&c->plan, false, &c->p->floats_unshared, e) || !plan_place(&c->plan, c->share, &floats, e))
        return false;
    c->p->floats = floats;
    c->p->memory = floats_new(floats);
    return c->p->memory ? true : error_memory(e, "a program");
}

static bool compile(compiler *c, error *e)
{
    graph *g = c->g;
    if (g->making->code != ERROR_NONE || !check_objectives(g)) {
        *e = g->making->code != ERROR_NONE ? *g->making : g->failure;
        return false;
    }
    mark_statistics(g);
    mark_live(c);
    for (int k = 0; k < g->objective_count; k++) {
        c->p->moves_nets = c->p->moves_nets || g->objectives[k].nets[0];
        if (!mark_path(c, k, e) || !attach_updates(c, k, e))
            return false;
    }
    list_steps(c);
    if (!measure(c, e) || !team_reserve(g->team, c->scratch, e))
        return false;
    resolve(c);
    return true;
}

program *program_compile(graph *g, error *e)
{
    error unheard;
    e = e ? e : &unheard;
    const char *sharing = getenv("ANOMALYD_PLAN_SHARING");
    compiler c = {.g = g, .share = !sharing || strcmp(sharing, "0") != 0};
    size_t steps = (size_t)g->count * (size_t)(g->objective_count + 1) + 1;
    c.p = calloc(1, sizeof *c.p);
    c.of = calloc((size_t)g->count + 1, sizeof *c.of);
    c.work = calloc(steps, sizeof *c.work);
    bool ok = c.p && c.of && c.work && (c.p->steps = calloc(steps, sizeof *c.p->steps));
    if (!ok) {
        error_memory(e, "a program");
    } else {
        c.p->graph = g;
        ok = compile(&c, e);
    }
    plan_free(&c.plan);
    free(c.of);
    free(c.work);
    if (!ok) {
        program_free(c.p);
        return NULL;
    }
    *g->owner = c.p;
    return c.p;
}
