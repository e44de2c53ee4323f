/* SPDX-License-Identifier: MIT */
/* tensor.c — the list of tensors of a graph, its leaves and its sticky error. Knows no mathematics. */
#include "graph/graph.h"

#include <assert.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

float *floats_new(size_t count)
{
    size_t bytes = (count * sizeof(float) + 63) / 64 * 64;
    float *block = aligned_alloc(64, bytes ? bytes : 64);
    if (block)
        memset(block, 0, bytes);
    return block;
}

graph *graph_new(team *t, uint64_t seed, int ordinal, bool score)
{
    graph *g = calloc(1, sizeof *g);
    if (!g)
        return NULL;
    g->team = t;
    g->seed = seed;
    g->ordinal = ordinal;
    g->score = score;
    g->spare = (tensor){.graph = g, .op = &op_leaf, .s = {1, 1, 1, 1}};
    return g;
}

void graph_free(graph *g)
{
    if (!g)
        return;
    for (int i = 0; i < g->count; i++)
        free(g->tensors[i]);
    free(g);
}

void graph_fail(graph *g, const char *op_name, const char *format, ...)
{
    if (g->failure.code != ERROR_NONE)
        return;
    char detail[256];
    va_list arguments;
    va_start(arguments, format);
    vsnprintf(detail, sizeof detail, format, arguments);
    va_end(arguments);
    error_set(&g->failure, ERROR_INVALID, "%s: %s", op_name, detail);
}

void graph_fail_memory(graph *g, const char *what)
{
    if (g->failure.code == ERROR_NONE)
        error_memory(&g->failure, what);
}

tensor *graph_record(graph *g, const op *o, shape s, tensor *const *sources, int count)
{
    assert(count <= OP_SOURCES_MAX);
    if (g->count == GRAPH_TENSORS_MAX) {
        graph_fail(g, o->name, "more than %d tensors in a graph", GRAPH_TENSORS_MAX);
        return &g->spare;
    }
    if (s.n < 1 || s.h < 1 || s.w < 1 || s.c < 1) {
        graph_fail(g, o->name, "an extent of %d×%d×%d×%d is not positive", s.n, s.h, s.w, s.c);
        s = (shape){1, 1, 1, 1};
    }
    tensor *t = calloc(1, sizeof *t);
    if (!t) {
        graph_fail_memory(g, "a graph");
        return &g->spare;
    }
    t->graph = g;
    t->op = o;
    t->s = s;
    t->index = g->count;
    t->source_count = count;
    t->at.score = g->score;
    for (int i = 0; i < count; i++) {
        assert(sources[i]->graph == g);
        t->source[i] = sources[i];
    }
    g->tensors[g->count++] = t;
    return t;
}

shape tensor_shape(const tensor *t)
{
    return t->s;
}

/* The values of leaves and weights lie outside the plan, and nothing is run for them. */
const op op_leaf = {.name = "leaf"};
const op op_weight = {.name = "weight"};

tensor *t_leaf(graph *g, array *a)
{
    for (int i = 0; i < g->count; i++)
        if (g->tensors[i]->op == &op_leaf && g->tensors[i]->array == a)
            return g->tensors[i];
    tensor *t = graph_record(g, &op_leaf, a->s, NULL, 0);
    t->array = a;
    return t;
}

tensor *graph_param(graph *g, param *p, const net *owner)
{
    for (int i = 0; i < g->count; i++)
        if (g->tensors[i]->param == p)
            return g->tensors[i];
    tensor *t = graph_record(g, &op_weight, p->s, NULL, 0);
    t->param = p;
    t->owner = owner;
    return t;
}

tensor *t_output(tensor *a, const char *name)
{
    if (a->output && strcmp(a->output, name) != 0)
        graph_fail(a->graph, a->op->name, "output %s is to be %s too", a->output, name);
    a->output = name;
    return a;
}

void graph_drop_outputs(graph *g, const char *prefix)
{
    for (int i = 0; i < g->count; i++) {
        tensor *t = g->tensors[i];
        if (t->output && strncmp(t->output, prefix, strlen(prefix)) == 0)
            t->output = NULL;
    }
}

/* Returns NULL when the graph is full, which is then its failure. */
static objective *objective_new(graph *g, objective values)
{
    if (g->objective_count == GRAPH_OBJECTIVES_MAX) {
        graph_fail(g, "minimise", "more than %d objectives", GRAPH_OBJECTIVES_MAX);
        return NULL;
    }
    g->objectives[g->objective_count] = values;
    return &g->objectives[g->objective_count++];
}

void minimise(graph *g, tensor *loss, net **nets, optim *o)
{
    if (!o)
        graph_fail(g, "minimise", "there is no optimiser");
    objective *added = objective_new(g, (objective){.loss = loss, .optim = o});
    if (!added)
        return;
    int count = 0;
    for (; nets[count]; count++) {
        if (count == OBJECTIVE_NETS_MAX) {
            graph_fail(g, "minimise", "more than %d nets in an objective", OBJECTIVE_NETS_MAX);
            return;
        }
        added->nets[count] = nets[count];
    }
}

void minimise_at(graph *g, tensor *loss, array *at, optim *o)
{
    net *none[] = {NULL};
    minimise(g, loss, none, o);
    if (g->failure.code == ERROR_NONE)
        g->objectives[g->objective_count - 1].at = at;
}

void differentiate(graph *g, tensor *loss, array *at)
{
    objective_new(g, (objective){.loss = loss, .at = at});
}

int map_chunks(size_t count)
{
    enum { VALUES_MIN = 8192 };
    size_t chunks = count / VALUES_MIN;
    return chunks < 1 ? 1 : chunks > MAP_CHUNKS_MAX ? MAP_CHUNKS_MAX : (int)chunks;
}

void map_range(size_t count, int chunks, int chunk, size_t *first, size_t *last)
{
    /* Chunks are whole cache lines, so that no two write the same one. */
    size_t lines = (count + 15) / 16;
    *first = lines * (size_t)chunk / (size_t)chunks * 16;
    size_t end = lines * (size_t)(chunk + 1) / (size_t)chunks * 16;
    *last = end < count ? end : count;
}
