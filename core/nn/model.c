/* SPDX-License-Identifier: MIT */
/* model.c — owns nets, arrays, optimisers, graphs and programs, and finds them by name; has the averages and the kept
 * copy. Knows no files. */
#include "nn/model.h"

#include "base/digest.h"
#include "base/simd.h"
#include "nn/internal.h"

#include <assert.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static void net_begin(net *n, model *owner, const char *name)
{
    snprintf(n->name, sizeof n->name, "%s", name);
    n->owner = owner;
    n->init = (init_rule){.kind = INIT_NORMAL, .deviation = 0.02f, .gamma_deviation = 0.02f};
    n->norm = (norm_rule){.momentum = 0.1f, .epsilon = 1e-5f};
}

model *model_new(uint64_t seed, team *t, error *e)
{
    model *m = calloc(1, sizeof *m);
    if (!m) {
        error_memory(e, "a model");
        return NULL;
    }
    m->seed = seed;
    m->team = t;
    m->moves = 1;
    net_begin(&m->spare, m, "spare");
    return m;
}

static void param_free(param *p)
{
    free(p->values);
    free(p->gradient);
    free(p->average);
    free(p->kept);
    if (p->resolved)
        param_free(p->resolved);
    free(p);
}

static void params_free(const net *n)
{
    for (int i = 0; i < n->count; i++)
        param_free(n->params[i]);
}

void model_free(model *m)
{
    if (!m)
        return;
    for (int i = 0; i < m->graph_count; i++) {
        program_free(m->programs[i]);
        graph_free(m->graphs[i]);
    }
    for (int i = 0; i < m->net_count; i++) {
        params_free(m->nets[i]);
        free(m->nets[i]);
    }
    params_free(&m->spare);
    for (int i = 0; i < m->array_count; i++) {
        free(m->arrays[i]->values);
        free(m->arrays[i]->gradient);
        free(m->arrays[i]);
    }
    for (int i = 0; i < m->optim_count; i++)
        optim_free(m->optims[i]);
    free(m->settling);
    free(m);
}

team *model_team(const model *m)
{
    return m->team;
}

uint64_t model_seed(const model *m)
{
    return m->seed;
}

void model_set_prefix(model *m, const char *prefix)
{
    snprintf(m->prefix, sizeof m->prefix, "%s", prefix);
}

/* Returns where to put a failure; NULL after the first, since only that is reported. */
static error *first(model *m)
{
    return m->failure.code == ERROR_NONE ? &m->failure : NULL;
}

static bool has_room(model *m, int count, const char *things)
{
    return count < MODEL_THINGS_MAX ||
           error_set(first(m), ERROR_LIMIT, "a model: more than %d %s", MODEL_THINGS_MAX, things);
}

net *model_net(model *m, const char *name)
{
    for (int i = 0; i < m->net_count; i++)
        if (!strcmp(m->nets[i]->name, name))
            return m->nets[i];
    if (!has_room(m, m->net_count, "nets"))
        return &m->spare;
    net *n = calloc(1, sizeof *n);
    if (!n) {
        error_memory(first(m), "a net");
        return &m->spare;
    }
    net_begin(n, m, name);
    m->nets[m->net_count++] = n;
    return n;
}

array *model_find_array(const model *m, const char *name)
{
    for (int i = 0; i < m->array_count; i++)
        if (!strcmp(m->arrays[i]->name, name))
            return m->arrays[i];
    return NULL;
}

array *model_array(model *m, const char *name, shape s)
{
    array *a = model_find_array(m, name);
    if (a && shape_equal(a->s, s))
        return a;
    if (a) {
        error_set(first(m), ERROR_INTERNAL, "array %s exists with another shape", name);
        return NULL;
    }
    if (!has_room(m, m->array_count, "arrays"))
        return NULL;
    a = calloc(1, sizeof *a);
    float *values = a ? floats_new(shape_size(s)) : NULL;
    if (!values) {
        free(a);
        error_memory(first(m), name);
        return NULL;
    }
    snprintf(a->name, sizeof a->name, "%s", name);
    a->s = s;
    a->values = values;
    m->arrays[m->array_count++] = a;
    return a;
}

float *array_values(array *a)
{
    return a->values;
}

shape array_shape(const array *a)
{
    return a->s;
}

const float *array_gradient(const array *a)
{
    return a->gradient;
}

void array_save(array *a)
{
    a->saved = true;
}

static optim *optim_named(model *m, const char *name, optim preset)
{
    for (int i = 0; i < m->optim_count; i++)
        if (!strcmp(m->optims[i]->name, name))
            return m->optims[i];
    if (!has_room(m, m->optim_count, "optimisers"))
        return NULL;
    optim *o = malloc(sizeof *o);
    if (!o) {
        error_memory(first(m), "an optimiser");
        return NULL;
    }
    *o = preset;
    snprintf(o->name, sizeof o->name, "%s", name);
    m->optims[m->optim_count++] = o;
    return o;
}

optim *model_adam(model *m, const char *name, struct adam a)
{
    return optim_named(m, name,
                       (optim){.rule = OPTIM_ADAM,
                               .rate = a.rate,
                               .beta1 = a.beta1,
                               .beta2 = a.beta2,
                               .epsilon = a.epsilon,
                               .decay = a.decay,
                               .clip = a.clip});
}

optim *model_sgd(model *m, const char *name, float rate)
{
    return optim_named(m, name, (optim){.rule = OPTIM_SGD, .rate = rate});
}

static const char *net_name(const net *n)
{
    return n->name;
}

graph *model_graph(model *m, enum mode mode)
{
    if (!has_room(m, m->graph_count, "graphs"))
        return NULL;
    graph *g = graph_new(m->team, m->seed, m->graph_count, mode == SCORE);
    if (!g) {
        error_memory(first(m), "a graph");
        return NULL;
    }
    g->making = &m->failure;
    g->net_name = net_name;
    g->owner = &m->programs[m->graph_count];
    g->moves = &m->moves;
    m->graphs[m->graph_count++] = g;
    return g;
}

size_t model_parameters(const model *m)
{
    size_t sum = 0;
    for (int i = 0; i < m->net_count; i++)
        sum += net_parameters(m->nets[i]);
    return sum;
}

/* --- every parameter, in the order of nets and layers --- */

static param *param_at(const model *m, int *net_index, int *param_index)
{
    while (*net_index < m->net_count && *param_index == m->nets[*net_index]->count) {
        ++*net_index;
        *param_index = 0;
    }
    return *net_index < m->net_count ? m->nets[*net_index]->params[(*param_index)++] : NULL;
}

#define EACH_PARAM(m_, p_) for (int net_ = 0, at_ = 0; ((p_) = param_at((m_), &net_, &at_)) != NULL;)

void model_digest(const model *m, char out[65])
{
    digest d;
    digest_begin(&d);
    param *p;
    EACH_PARAM(m, p)
    digest_update(&d, p->values, shape_size(p->s) * sizeof(float));
    for (int i = 0; i < m->array_count; i++)
        if (m->arrays[i]->saved)
            digest_update(&d, m->arrays[i]->values, shape_size(m->arrays[i]->s) * sizeof(float));
    digest_end_hex(&d, out);
}

bool model_finite(const model *m)
{
    param *p;
    EACH_PARAM(m, p)
    for (size_t i = 0; i < shape_size(p->s); i++)
        if (!isfinite(p->values[i]))
            return false;
    return true;
}

/* --- the moving average and the kept copy --- */

SIMD_CLONES static void blend(float *average, const float *values, float keep, size_t n)
{
    for (size_t i = 0; i < n; i++)
        average[i] += (1 - keep) * (values[i] - average[i]);
}

/* Returns the floats of one copy of all weights and statistics. */
static size_t copy_floats(const model *m)
{
    param *p;
    size_t floats = 0;
    EACH_PARAM(m, p)
    floats += shape_size(p->s);
    return floats;
}

/* Returns the floats of work space that settling the average needs. */
static size_t settling_floats(const model *m)
{
    size_t floats_max = 0;
    for (int i = 0; i < m->net_count; i++) {
        const net *n = m->nets[i];
        for (int j = 1; j < n->count; j++) {
            size_t floats = n->params[j]->draw == DRAW_DIRECTION ? op_spectral_settle_work(n->params[j - 1]->s) : 0;
            floats_max = floats > floats_max ? floats : floats_max;
        }
    }
    return floats_max;
}

size_t model_weights_bytes(const model *m)
{
    return copy_floats(m) * sizeof(float);
}

size_t model_average_bytes(const model *m)
{
    return m->averaging ? 0 : (copy_floats(m) + settling_floats(m)) * sizeof(float);
}

size_t model_keep_bytes(const model *m)
{
    return m->has_kept ? 0 : copy_floats(m) * sizeof(float);
}

bool model_start_average(model *m, error *e)
{
    param *p;
    const size_t work = settling_floats(m);
    EACH_PARAM(m, p)
    {
        if (!p->average && !(p->average = floats_new(shape_size(p->s))))
            return error_memory(e, "averaged weights");
        memcpy(p->average, p->values, shape_size(p->s) * sizeof(float));
    }
    if (work > 0 && !m->settling && !(m->settling = floats_new(work)))
        return error_memory(e, "averaged weights");
    m->settling_floats = work;
    m->averaging = true;
    return true;
}

typedef struct averaging {
    model *m;
    float keep;
} averaging;

static void average_param(void *context, int chunk, int worker)
{
    (void)worker;
    const averaging *a = context;
    int net_index = 0, param_index = 0;
    param *p = NULL;
    for (int i = 0; i <= chunk; i++)
        p = param_at(a->m, &net_index, &param_index);
    assert(p);
    blend(p->average, p->values, a->keep, shape_size(p->s));
}

bool model_average(model *m, float decay, uint64_t step, error *e)
{
    if (!m->averaging && !model_start_average(m, e))
        return false;
    double ramp = (1 + (double)step) / (10 + (double)step);
    averaging a = {m, (float)fmin((double)decay, ramp)};
    int params = 0;
    for (int i = 0; i < m->net_count; i++)
        params += m->nets[i]->count;
    team_run(m->team, params, average_param, &a);
    return true;
}

/* Brings the power-iteration vectors of the average to its kernels. */
static void settle_average(model *m)
{
    for (int i = 0; i < m->net_count; i++) {
        const net *n = m->nets[i];
        for (int j = 1; j < n->count; j++)
            if (n->params[j]->draw == DRAW_DIRECTION)
                op_spectral_settle(m->team, n->params[j - 1]->average, n->params[j - 1]->s, n->params[j]->average,
                                   m->settling);
    }
}

void model_average_swap(model *m)
{
    param *p;
    if (!m->averaging)
        return;
    if (!m->swapped)
        settle_average(m);
    m->swapped = !m->swapped;
    m->moves++;
    EACH_PARAM(m, p)
    {
        for (size_t i = 0; i < shape_size(p->s); i++) {
            float value = p->values[i];
            p->values[i] = p->average[i];
            p->average[i] = value;
        }
    }
}

bool model_keep(model *m, error *e)
{
    param *p;
    EACH_PARAM(m, p)
    {
        if (!p->kept && !(p->kept = floats_new(shape_size(p->s))))
            return error_memory(e, "the best epoch's weights");
        memcpy(p->kept, p->values, shape_size(p->s) * sizeof(float));
    }
    m->has_kept = true;
    return true;
}

void model_restore(model *m)
{
    param *p;
    if (!m->has_kept)
        return;
    m->moves++;
    EACH_PARAM(m, p)
    memcpy(p->values, p->kept, shape_size(p->s) * sizeof(float));
}

bool model_has_kept(const model *m)
{
    return m->has_kept;
}
