/* SPDX-License-Identifier: MIT */
/* net.c — the parameters of a net, which are made once and reused in order, and the layers that use them. Knows no loss
 * and no method. */
#include "nn/net.h"

#include "nn/internal.h"

#include <assert.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum layer_kind { LAYER_CONV, LAYER_DECONV, LAYER_DENSE, LAYER_NORM };

void net_init(net *n, init_rule rule)
{
    n->init = rule;
}

void net_norm(net *n, norm_rule rule)
{
    n->norm = rule;
}

void net_enter(net *n, graph *g)
{
    n->graph = g;
    n->cursor = 0;
    n->keeps_stats = false;
    memset(n->layers, 0, sizeof n->layers);
}

void net_enter_keep_stats(net *n, graph *g)
{
    net_enter(n, g);
    n->keeps_stats = true;
}

void net_freeze(net *n, bool frozen)
{
    n->frozen = frozen;
}

size_t net_parameters(const net *n)
{
    size_t sum = 0;
    for (int i = 0; i < n->count; i++)
        if (!n->params[i]->is_statistic)
            sum += shape_size(n->params[i]->s);
    return sum;
}

static void draw_weight(const net *n, param *p, random_key key)
{
    size_t count = shape_size(p->s);
    double fans = p->fan_in + p->fan_out;
    switch (n->init.kind) {
    case INIT_NORMAL:
        random_normal(key, n->resets, 0, n->init.deviation, p->values, count);
        break;
    case INIT_TRUNCATED_NORMAL:
        random_truncated_normal(key, n->resets, 0, n->init.deviation, p->values, count);
        break;
    case INIT_GLOROT_NORMAL:
        random_truncated_normal(key, n->resets, 0, (float)sqrt(2 / fans), p->values, count);
        break;
    case INIT_GLOROT_UNIFORM: {
        float bound = (float)sqrt(6 / fans);
        random_uniform(key, n->resets, -bound, bound, p->values, count);
        break;
    }
    }
}

void param_reset(const net *n, param *p)
{
    n->owner->moves++;
    size_t count = shape_size(p->s);
    char stream[2 * PARAM_NAME_MAX + 8];
    snprintf(stream, sizeof stream, "weights/%s/%s", n->name, p->name);
    random_key key = random_stream(n->owner->seed, stream);
    switch ((enum param_draw)p->draw) {
    case DRAW_WEIGHT:
        draw_weight(n, p, key);
        break;
    case DRAW_ZERO:
    case DRAW_ONE:
        for (size_t i = 0; i < count; i++)
            p->values[i] = p->draw == DRAW_ONE;
        break;
    case DRAW_GAMMA:
        random_normal(key, n->resets, 1, n->init.gamma_deviation, p->values, count);
        break;
    case DRAW_DIRECTION:
        random_truncated_normal(key, n->resets, 0, 1, p->values, count);
        break;
    }
}

void net_reset(net *n)
{
    n->resets++;
    for (int i = 0; i < n->count; i++)
        param_reset(n, n->params[i]);
}

uint64_t net_resets(const net *n)
{
    return n->resets;
}

/* The properties that a layer wants of its next parameter. */
typedef struct request {
    const char *layer, *role;
    int layer_index;
    shape s;
    enum param_draw draw;
    bool is_statistic;
    int fan_in, fan_out;
} request;

/* Makes a parameter that has only values, all 0. NULL when out of memory. */
static param *param_bare(shape s)
{
    param *p = calloc(1, sizeof *p);
    float *values = p ? floats_new(shape_size(s)) : NULL;
    if (!values) {
        free(p);
        return NULL;
    }
    p->s = s;
    p->values = values;
    return p;
}

/* The same for a net, whose model keeps the failure. */
static param *weights_new(const net *n, shape s)
{
    param *p = param_bare(s);
    if (!p) {
        char what[PARAM_NAME_MAX + 32];
        snprintf(what, sizeof what, "the weights of net %s", n->name);
        graph_fail_memory(n->graph, what);
    }
    return p;
}

static param *param_new(net *n, const request *r)
{
    if (n->count == NET_PARAMS_MAX) {
        graph_fail(n->graph, r->layer, "more than %d parameters in net %s", NET_PARAMS_MAX, n->name);
        return NULL;
    }
    param *p = weights_new(n, r->s);
    if (!p)
        return NULL;
    p->is_statistic = r->is_statistic;
    p->draw = (int)r->draw;
    p->fan_in = r->fan_in;
    p->fan_out = r->fan_out;
    snprintf(p->name, sizeof p->name, "%s%d.%s", r->layer, r->layer_index, r->role);
    param_reset(n, p);
    n->params[n->count++] = p;
    return p;
}

/* Returns the next parameter of this application. The first application makes it, later ones reuse it. NULL after a
 * failure. */
static param *next_param(net *n, const request *r)
{
    if (n->cursor == n->count) {
        param *made = param_new(n, r);
        n->cursor += made != NULL;
        return made;
    }
    param *p = n->params[n->cursor++];
    if (!shape_equal(p->s, r->s)) {
        graph_fail(n->graph, r->layer, "net %s has %s of %d×%d×%d×%d; this application needs %d×%d×%d×%d", n->name,
                   p->name, p->s.n, p->s.h, p->s.w, p->s.c, r->s.n, r->s.h, r->s.w, r->s.c);
        return NULL;
    }
    return p;
}

static tensor *next_tensor(net *n, const request *r)
{
    param *p = next_param(n, r);
    return p ? graph_param(n->graph, p, n) : NULL;
}

/* Returns the kernel under spectral norm; NULL after a failure. */
static tensor *under_spectral_norm(net *n, tensor *w, param *u)
{
    param *p = w->param;
    if (!n->graph->score) {
        tensor *t = op_spectral_record(w, u, n);
        t->at.holds_statistics = n->keeps_stats;
        return t;
    }
    if (!p->resolved && !(p->resolved = weights_new(n, p->s)))
        return NULL;
    return op_spectral_resolved(w, u, p->resolved);
}

/* Finds the kernel of a convolution-like layer, under spectral norm where wanted, and its bias. False after a failure.
 */
static bool kernel_and_bias(net *n, request r, const struct conv *c, tensor **w, tensor **bias)
{
    shape kernel = r.s;
    r.role = "weight";
    r.draw = DRAW_WEIGHT;
    *w = next_tensor(n, &r);
    if (*w && c->spectral) {
        request direction = {.layer = r.layer, .role = "direction", .layer_index = r.layer_index};
        direction.s = (shape){1, 1, 1, kernel.c};
        direction.draw = DRAW_DIRECTION;
        direction.is_statistic = true;
        param *u = next_param(n, &direction);
        *w = u ? under_spectral_norm(n, *w, u) : NULL;
    }
    *bias = NULL;
    if (*w && c->bias) {
        request b = {.layer = r.layer, .role = "bias", .layer_index = r.layer_index, .draw = DRAW_ZERO};
        b.s = (shape){1, 1, 1, c->out};
        *bias = next_tensor(n, &b);
        return *bias != NULL;
    }
    return *w != NULL;
}

/* Returns the total padding of TensorFlow's SAME for an input extent. */
static int same_total(int extent, int kernel, int stride)
{
    int out = (extent + stride - 1) / stride, total = (out - 1) * stride + kernel - extent;
    return total > 0 ? total : 0;
}

static bool sane(net *n, const char *layer, const struct conv *c)
{
    if (c->out > 0 && c->kernel > 0 && c->stride > 0 && c->pad >= 0)
        return true;
    graph_fail(n->graph, layer, "out %d, kernel %d, stride %d and pad %d must be positive (pad: or 0)", c->out,
               c->kernel, c->stride, c->pad);
    return false;
}

tensor *nn_conv(net *n, tensor *x, struct conv c)
{
    shape s = tensor_shape(x);
    int index = n->layers[LAYER_CONV]++;
    if (!sane(n, "conv", &c))
        return x;
    conv_geometry g = {.n = s.n, .h = s.h, .w = s.w, .c = s.c, .oc = c.out, .kernel = c.kernel, .stride = c.stride};
    int total = same_total(s.h, c.kernel, c.stride);
    g.pad_begin = c.same ? total / 2 : c.pad;
    g.pad_end = c.same ? total - total / 2 : c.pad + c.pad_end;
    g.oh = conv_extent(s.h, c.kernel, c.stride, g.pad_begin, g.pad_end);
    g.ow = conv_extent(s.w, c.kernel, c.stride, g.pad_begin, g.pad_end);
    if (c.same && same_total(s.w, c.kernel, c.stride) != total) {
        graph_fail(n->graph, "conv",
                   "SAME would pad a map of %d×%d by %d rows and %d columns; only equal ones are done", s.h, s.w, total,
                   same_total(s.w, c.kernel, c.stride));
        return x;
    }
    if (s.h + g.pad_begin + g.pad_end < c.kernel || s.w + g.pad_begin + g.pad_end < c.kernel) {
        graph_fail(n->graph, "conv", "a %d×%d kernel does not fit a map of %d×%d", c.kernel, c.kernel, s.h, s.w);
        return x;
    }
    request r = {.layer = "conv", .layer_index = index, .s = {c.kernel, c.kernel, s.c, c.out}};
    r.fan_in = c.kernel * c.kernel * s.c;
    r.fan_out = c.kernel * c.kernel * c.out;
    tensor *w, *bias;
    return kernel_and_bias(n, r, &c, &w, &bias) ? op_conv_record(x, w, bias, &g) : x;
}

tensor *nn_deconv(net *n, tensor *x, struct conv c)
{
    shape s = tensor_shape(x);
    int index = n->layers[LAYER_DECONV]++;
    if (!sane(n, "deconv", &c))
        return x;
    /* This is the geometry of the convolution whose adjoint it is, which maps the output's extents to those of x. */
    conv_geometry g = {.n = s.n, .oh = s.h, .ow = s.w, .oc = s.c, .c = c.out, .kernel = c.kernel, .stride = c.stride};
    int total = c.same ? same_total(s.h * c.stride, c.kernel, c.stride) : 2 * c.pad + c.pad_end;
    g.pad_begin = c.same ? total / 2 : c.pad;
    g.pad_end = total - g.pad_begin;
    g.h = c.same ? s.h * c.stride : (s.h - 1) * c.stride + c.kernel - total;
    g.w = c.same ? s.w * c.stride : (s.w - 1) * c.stride + c.kernel - total;
    if (g.h < 1 || g.w < 1) {
        graph_fail(n->graph, "deconv", "padding leaves a map of %d×%d", g.h, g.w);
        return x;
    }
    request r = {.layer = "deconv", .layer_index = index, .s = {c.kernel, c.kernel, c.out, s.c}};
    r.fan_in = c.kernel * c.kernel * s.c;
    r.fan_out = c.kernel * c.kernel * c.out;
    tensor *w, *bias;
    return kernel_and_bias(n, r, &c, &w, &bias) ? op_deconv_record(x, w, bias, &g) : x;
}

tensor *nn_dense(net *n, tensor *x, struct conv c)
{
    int index = n->layers[LAYER_DENSE]++;
    c.kernel = c.stride = 1;
    if (!sane(n, "dense", &c))
        return x;
    x = t_flat(x);
    shape s = tensor_shape(x);
    conv_geometry g = {.n = s.n, .h = 1, .w = 1, .c = s.c, .oh = 1, .ow = 1, .oc = c.out, .kernel = 1, .stride = 1};
    request r = {.layer = "dense", .layer_index = index, .s = {1, 1, s.c, c.out}, .fan_in = s.c, .fan_out = c.out};
    tensor *w, *bias;
    return kernel_and_bias(n, r, &c, &w, &bias) ? op_conv_record(x, w, bias, &g) : x;
}

tensor *nn_batch_norm(net *n, tensor *x)
{
    int index = n->layers[LAYER_NORM]++;
    shape channels = {1, 1, 1, tensor_shape(x).c};
    request r = {.layer = "norm", .role = "gamma", .layer_index = index, .s = channels, .draw = DRAW_GAMMA};
    tensor *gamma = next_tensor(n, &r);
    r.role = "beta";
    r.draw = DRAW_ZERO;
    tensor *beta = gamma ? next_tensor(n, &r) : NULL;
    r.role = "mean";
    r.is_statistic = true;
    param *mean = beta ? next_param(n, &r) : NULL;
    r.role = "variance";
    r.draw = DRAW_ONE;
    param *variance = mean ? next_param(n, &r) : NULL;
    if (!variance)
        return x;
    attributes at = {
        .statistic = {mean, variance}, .biased = n->norm.biased_variance, .holds_statistics = n->keeps_stats};
    at.is_settled = n->frozen;
    at.number[0] = n->norm.epsilon;
    at.number[1] = n->norm.momentum;
    return op_norm_record(x, gamma, beta, &at, n);
}
