/* SPDX-License-Identifier: MIT */
/* ops_table.c — the records. Values are computed in double by the plainest loop there is. */
#include "ops_table.h"

#include <math.h>

#define B(name_) static tensor *name_##_build(const op_case *k)
#define V(name_) static double name_##_value(const op_case *k, place at)

static double at_of(const float *values, shape s, place p)
{
    return (double)
        values[(((size_t)p.n * (size_t)s.h + (size_t)p.h) * (size_t)s.w + (size_t)p.w) * (size_t)s.c + (size_t)p.c];
}

static double a_at(const op_case *k, place p)
{
    return at_of(k->a_values, k->a_shape, p);
}

static double b_at(const op_case *k, place p)
{
    p.n = k->b_shape.n == 1 ? 0 : p.n;
    return at_of(k->b_values, k->b_shape, p);
}

/* Weight `index` of the net, read as kernel row, kernel column, input channel, output channel. */
static double w_at(const op_case *k, int index, place p)
{
    const param *w = k->n->params[index];
    return at_of(w->values, w->s, p);
}

#define MAP_CASE(name_, built_, formula_) \
    B(name_)                              \
    {                                     \
        return built_;                    \
    }                                     \
    V(name_)                              \
    {                                     \
        double x = a_at(k, at);           \
        return formula_;                  \
    }

MAP_CASE(scale, t_scale(k->a, -1.5f), -1.5 * x)
MAP_CASE(offset, t_offset(k->a, 0.75f), x + 0.75)
MAP_CASE(abs, t_abs(k->a), fabs(x))
MAP_CASE(square, t_square(k->a), x *x)
MAP_CASE(sqrt, t_sqrt(k->a), sqrt(x))
MAP_CASE(log, t_log(k->a), log(x))
MAP_CASE(inverse, t_inverse(k->a), 1 / x)
MAP_CASE(relu, t_relu(k->a), x > 0 ? x : 0)
MAP_CASE(leaky, t_leaky(k->a, 0.2f), x > 0 ? x : (double)0.2f * x)
MAP_CASE(tanh, t_tanh(k->a), tanh(x))
MAP_CASE(sigmoid, t_sigmoid(k->a), 1 / (1 + exp(-x)))
MAP_CASE(softplus, t_softplus(k->a), log1p(exp(x)))
MAP_CASE(add, t_add(k->a, k->b), x + b_at(k, at))
MAP_CASE(sub, t_sub(k->a, k->b), x - b_at(k, at))
MAP_CASE(mul, t_mul(k->a, k->b), x *b_at(k, at))
MAP_CASE(self, t_mul(k->a, k->a), x *x)
MAP_CASE(chain, t_tanh(t_leaky(t_scale(k->a, 2), 0.1f)), tanh(2 * x > 0 ? 2 * x : (double)0.1f * 2 * x))

/* --- shape --- */

B(reshape)
{
    return t_reshape(k->a, (shape){k->a_shape.n, k->a_shape.w, k->a_shape.h, k->a_shape.c});
}
V(reshape)
{
    size_t index = (((size_t)at.n * (size_t)k->y_shape.h + (size_t)at.h) * (size_t)k->y_shape.w + (size_t)at.w) *
                       (size_t)k->y_shape.c +
                   (size_t)at.c;
    return (double)k->a_values[index];
}

B(concat)
{
    return t_concat(k->a, k->b);
}
V(concat)
{
    if (at.c < k->a_shape.c)
        return a_at(k, at);
    at.c -= k->a_shape.c;
    return at_of(k->b_values, k->b_shape, at);
}

B(concat_self)
{
    return t_concat(k->a, k->a);
}
V(concat_self)
{
    at.c %= k->a_shape.c;
    return a_at(k, at);
}

B(slice)
{
    return t_slice(k->a, 2, 3);
}
V(slice)
{
    at.c += 2;
    return a_at(k, at);
}

B(stop)
{
    return t_add(t_stop(k->a), k->a);
}
V(stop)
{
    return 2 * a_at(k, at);
}

/* --- pooling --- */

B(max_pool)
{
    return t_max_pool(k->a, 2);
}
V(max_pool)
{
    double best = -INFINITY;
    for (int i = 0; i < 4; i++)
        best = fmax(best, a_at(k, (place){at.n, 2 * at.h + i / 2, 2 * at.w + i % 2, at.c}));
    return best;
}

B(mean_pool)
{
    return t_mean_pool(k->a, 3);
}
V(mean_pool)
{
    double sum = 0;
    for (int i = 0; i < 9; i++)
        sum += a_at(k, (place){at.n, 3 * at.h + i / 3, 3 * at.w + i % 3, at.c});
    return sum / 9;
}

B(upsample)
{
    return t_upsample(k->a, 2);
}
V(upsample)
{
    return a_at(k, (place){at.n, at.h / 2, at.w / 2, at.c});
}

/* --- reductions --- */

static double row_total(const op_case *k, int n, double (*f)(double))
{
    double sum = 0;
    for (size_t i = 0; i < shape_row(k->a_shape); i++)
        sum += f((double)k->a_values[(size_t)n * shape_row(k->a_shape) + i]);
    return sum;
}

static double same(double x)
{
    return x;
}

static double squared(double x)
{
    return x * x;
}

B(sum)
{
    return t_sum(k->a);
}
V(sum)
{
    (void)at;
    double sum = 0;
    for (int n = 0; n < k->a_shape.n; n++)
        sum += row_total(k, n, same);
    return sum;
}

B(mean)
{
    return t_mean(k->a);
}
V(mean)
{
    return sum_value(k, at) / (double)shape_size(k->a_shape);
}

B(row_sum)
{
    return t_row_sum(k->a);
}
V(row_sum)
{
    return row_total(k, at.n, same);
}

B(row_mean)
{
    return t_row_mean(k->a);
}
V(row_mean)
{
    return row_total(k, at.n, same) / (double)shape_row(k->a_shape);
}

B(row_norm)
{
    return t_row_norm(k->a);
}
V(row_norm)
{
    return sqrt(row_total(k, at.n, squared));
}

B(batch_mean)
{
    return t_batch_mean(k->a);
}
V(batch_mean)
{
    double sum = 0;
    for (int n = 0; n < k->a_shape.n; n++)
        sum += a_at(k, (place){n, at.h, at.w, at.c});
    return sum / k->a_shape.n;
}

/* --- losses --- */

B(l1)
{
    return t_l1(k->a, k->b);
}
V(l1)
{
    (void)at;
    double sum = 0;
    for (size_t i = 0; i < shape_size(k->a_shape); i++)
        sum += fabs((double)k->a_values[i] - (double)k->b_values[i]);
    return sum / (double)shape_size(k->a_shape);
}

B(l2)
{
    return t_l2(k->a, k->b);
}
V(l2)
{
    (void)at;
    double sum = 0;
    for (size_t i = 0; i < shape_size(k->a_shape); i++)
        sum += squared((double)k->a_values[i] - (double)k->b_values[i]);
    return sum / (double)shape_size(k->a_shape);
}

B(bce)
{
    return t_bce(t_scale(k->a, 8), 0.9f);
}
V(bce)
{
    (void)at;
    double sum = 0, label = (double)0.9f;
    for (size_t i = 0; i < shape_size(k->a_shape); i++) {
        double probability = 1 / (1 + exp(-8 * (double)k->a_values[i]));
        sum -= label * log(probability) + (1 - label) * log1p(-probability);
    }
    return sum / (double)shape_size(k->a_shape);
}

B(blend)
{
    return T_BLEND({2, t_mean(k->a)}, {-0.5f, t_l2(k->a, k->b)}, {3, t_mean(k->a)});
}
V(blend)
{
    return 5 * mean_value(k, at) - 0.5 * l2_value(k, at);
}

/* --- draws --- */

B(constant)
{
    return t_add(k->a, t_constant(k->g, k->a_shape, 2.5f));
}
V(constant)
{
    return a_at(k, at) + 2.5;
}

B(normal)
{
    return t_mul(k->a, t_normal(k->g, k->a_shape));
}

B(uniform)
{
    return t_mul(k->a, t_uniform(k->g, k->a_shape, -2, 3));
}

B(dropout)
{
    return t_dropout(k->a, 0.3f);
}

/* --- layers --- */

static const struct conv conv_strided = {.out = 5, .kernel = 4, .stride = 2, .pad = 1, .bias = true};
static const struct conv conv_same = {.out = 3, .kernel = 5, .stride = 2, .same = true};
static const struct conv conv_odd = {.out = 2, .kernel = 3, .stride = 3, .pad = 2, .pad_end = 1, .bias = true};
static const struct conv deconv_odd = {.out = 4, .kernel = 3, .stride = 2, .pad = 1, .pad_end = -1, .bias = true};

static int pad_of(const struct conv *c, int extent)
{
    int total = ((extent + c->stride - 1) / c->stride - 1) * c->stride + c->kernel - extent;
    return c->same ? (total > 0 ? total / 2 : 0) : c->pad;
}

static double conv_at(const op_case *k, const struct conv *c, place at)
{
    int pad = pad_of(c, k->a_shape.h);
    double sum = c->bias ? w_at(k, 1, (place){0, 0, 0, at.c}) : 0;
    for (int u = 0; u < c->kernel; u++)
        for (int v = 0; v < c->kernel; v++) {
            int h = at.h * c->stride + u - pad, w = at.w * c->stride + v - pad;
            for (int i = 0; i < k->a_shape.c && h >= 0 && h < k->a_shape.h && w >= 0 && w < k->a_shape.w; i++)
                sum += w_at(k, 0, (place){u, v, i, at.c}) * a_at(k, (place){at.n, h, w, i});
        }
    return sum;
}

static double deconv_at(const op_case *k, const struct conv *c, place at)
{
    int pad = c->same ? pad_of(c, k->a_shape.h * c->stride) : c->pad;
    double sum = c->bias ? w_at(k, 1, (place){0, 0, 0, at.c}) : 0;
    for (int h = 0; h < k->a_shape.h; h++)
        for (int w = 0; w < k->a_shape.w; w++) {
            int u = at.h - h * c->stride + pad, v = at.w - w * c->stride + pad;
            for (int i = 0; i < k->a_shape.c && u >= 0 && u < c->kernel && v >= 0 && v < c->kernel; i++)
                sum += w_at(k, 0, (place){u, v, at.c, i}) * a_at(k, (place){at.n, h, w, i});
        }
    return sum;
}

#define LAYER_CASE(name_, layer_, rule_, naive_) \
    B(name_)                                     \
    {                                            \
        net_enter(k->n, k->g);                   \
        return layer_(k->n, k->a, rule_);        \
    }                                            \
    V(name_)                                     \
    {                                            \
        return naive_(k, &(rule_), at);          \
    }

LAYER_CASE(conv_strided, nn_conv, conv_strided, conv_at)
LAYER_CASE(conv_same, nn_conv, conv_same, conv_at)
LAYER_CASE(conv_odd, nn_conv, conv_odd, conv_at)
LAYER_CASE(deconv_strided, nn_deconv, conv_strided, deconv_at)
LAYER_CASE(deconv_same, nn_deconv, conv_same, deconv_at)
LAYER_CASE(deconv_odd, nn_deconv, deconv_odd, deconv_at)

B(dense)
{
    net_enter(k->n, k->g);
    return nn_dense(k->n, k->a, (struct conv){.out = 7, .bias = true});
}
V(dense)
{
    double sum = w_at(k, 1, (place){0, 0, 0, at.c});
    int row = (int)shape_row(k->a_shape);
    for (int i = 0; i < row; i++)
        sum += w_at(k, 0, (place){0, 0, i, at.c}) * (double)k->a_values[at.n * row + i];
    return sum;
}

/* A net applied twice gathers both gradients. */
B(twice)
{
    net_enter(k->n, k->g);
    tensor *first = nn_dense(k->n, k->a, (struct conv){.out = (int)shape_row(k->a_shape), .bias = true});
    net_enter(k->n, k->g);
    return nn_dense(k->n, t_tanh(first), (struct conv){.out = (int)shape_row(k->a_shape), .bias = true});
}

B(batch_norm)
{
    net_enter(k->n, k->g);
    return nn_batch_norm(k->n, k->a);
}
V(batch_norm)
{
    double mean = 0, square = 0, count = k->a_shape.n * k->a_shape.h * k->a_shape.w;
    for (int n = 0; n < k->a_shape.n; n++)
        for (int h = 0; h < k->a_shape.h; h++)
            for (int w = 0; w < k->a_shape.w; w++) {
                double x = a_at(k, (place){n, h, w, at.c});
                mean += x / count;
                square += x * x / count;
            }
    place channel = {0, 0, 0, at.c};
    double scaled = (a_at(k, at) - mean) / sqrt(square - mean * mean + 1e-5);
    return w_at(k, 0, channel) * scaled + w_at(k, 1, channel);
}
/* Fresh running statistics are mean 0, variance 1. */
V(batch_norm_score)
{
    place channel = {0, 0, 0, at.c};
    return w_at(k, 0, channel) * a_at(k, at) / sqrt(1 + 1e-5) + w_at(k, 1, channel);
}

B(spectral)
{
    net_enter(k->n, k->g);
    return nn_dense(k->n, k->a, (struct conv){.out = 6, .spectral = true});
}
/* The largest singular value by many power iterations from a start of its own. */
V(spectral)
{
    const param *w = k->n->params[0];
    int rows = w->s.w, columns = w->s.c;
    double u[16] = {1, 0.5, -0.3, 0.8, -0.6, 0.2}, sigma = 0;
    for (int turn = 0; turn < 500; turn++) {
        double next[16] = {0};
        for (int i = 0; i < rows; i++) {
            double dot = 0;
            for (int j = 0; j < columns; j++)
                dot += (double)w->values[i * columns + j] * u[j];
            for (int j = 0; j < columns; j++)
                next[j] += (double)w->values[i * columns + j] * dot;
        }
        double norm = 0;
        for (int j = 0; j < columns; j++)
            norm += next[j] * next[j];
        sigma = sqrt(sqrt(norm));
        for (int j = 0; j < columns; j++)
            u[j] = next[j] / sqrt(norm);
    }
    double sum = 0;
    for (int i = 0; i < rows; i++)
        sum += w_at(k, 0, (place){0, 0, i, at.c}) * (double)k->a_values[at.n * rows + i];
    return sum / sigma;
}

#define ODD        \
    {              \
        3, 5, 7, 3 \
    }
#define LARGE         \
    {                 \
        6, 20, 20, 24 \
    }
#define RECORD(op_, what_, name_, ...)                                                        \
    {                                                                                         \
        .op = op_, .what = what_, .build = name_##_build, .value = name_##_value, __VA_ARGS__ \
    }
#define DRAW(op_, name_, ...)                                          \
    {                                                                  \
        .op = op_, .what = "draw", .build = name_##_build, __VA_ARGS__ \
    }

const op_record op_records[] = {
    RECORD("scale", "odd", scale, .a = ODD),
    RECORD("offset", "odd", offset, .a = ODD),
    RECORD("abs", "odd", abs, .a = ODD),
    RECORD("square", "odd", square, .a = ODD),
    RECORD("sqrt", "odd", sqrt, .a = ODD, .positive = true),
    RECORD("log", "odd", log, .a = ODD, .positive = true),
    RECORD("inverse", "odd", inverse, .a = ODD, .positive = true),
    RECORD("relu", "odd", relu, .a = ODD),
    RECORD("leaky", "odd", leaky, .a = ODD),
    RECORD("leaky", "in several chunks", leaky, .a = LARGE),
    RECORD("tanh", "odd", tanh, .a = ODD),
    RECORD("sigmoid", "odd", sigmoid, .a = ODD),
    RECORD("softplus", "odd", softplus, .a = ODD),
    RECORD("add", "equal shapes", add, .a = ODD, .b = ODD),
    RECORD("add", "in several chunks", add, .a = LARGE, .b = LARGE),
    RECORD("sub", "repeated over the batch", sub, .a = ODD, .b = {1, 5, 7, 3}),
    RECORD("mul", "equal shapes", mul, .a = ODD, .b = ODD),
    RECORD("mul", "repeated over the batch", mul, .a = ODD, .b = {1, 5, 7, 3}),
    RECORD("mul", "with itself", self, .a = ODD),
    RECORD("tanh", "in a chain that runs in place", chain, .a = ODD),
    RECORD("reshape", "swaps extents", reshape, .a = ODD),
    RECORD("concat", "different widths", concat, .a = ODD, .b = {3, 5, 7, 4}),
    RECORD("concat", "with itself", concat_self, .a = ODD),
    RECORD("slice", "the middle", slice, .a = {3, 2, 5, 7}),
    RECORD("stop", "beside the live path", stop, .a = ODD),
    RECORD("max_pool", "2x2", max_pool, .a = {3, 4, 6, 3}),
    RECORD("mean_pool", "3x3", mean_pool, .a = {2, 6, 9, 3}),
    RECORD("upsample", "2x", upsample, .a = ODD),
    RECORD("sum", "odd", sum, .a = ODD),
    RECORD("mean", "in several chunks", mean, .a = LARGE),
    RECORD("row_sum", "odd", row_sum, .a = ODD),
    RECORD("row_mean", "odd", row_mean, .a = ODD),
    RECORD("row_norm", "odd", row_norm, .a = ODD),
    RECORD("batch_mean", "odd", batch_mean, .a = ODD),
    RECORD("l1", "in several chunks", l1, .a = LARGE, .b = LARGE),
    RECORD("l2", "odd", l2, .a = ODD, .b = ODD),
    RECORD("bce", "soft label, large logits", bce, .a = ODD),
    RECORD("blend", "one tensor twice", blend, .a = ODD, .b = ODD),
    RECORD("constant", "added", constant, .a = ODD),
    DRAW("normal", normal, .a = LARGE),
    DRAW("uniform", uniform, .a = ODD),
    DRAW("dropout", dropout, .a = LARGE),
    RECORD("conv", "4x4 stride 2 pad 1, bias", conv_strided, .a = {3, 8, 6, 3}, .has_net = true),
    RECORD("conv", "SAME, asymmetric", conv_same, .a = {2, 8, 8, 4}, .has_net = true),
    RECORD("conv", "stride 3, odd pads", conv_odd, .a = {2, 7, 5, 3}, .has_net = true),
    RECORD("conv", "for scoring", conv_strided, .a = {3, 8, 6, 3}, .score = true, .has_net = true),
    RECORD("deconv", "4x4 stride 2 pad 1, bias", deconv_strided, .a = {3, 4, 5, 3}, .has_net = true),
    RECORD("deconv", "SAME, asymmetric", deconv_same, .a = {2, 4, 4, 4}, .has_net = true),
    RECORD("deconv", "output padding", deconv_odd, .a = {2, 5, 3, 3}, .has_net = true),
    RECORD("conv", "dense", dense, .a = {5, 2, 3, 4}, .has_net = true),
    {.op = "conv", .what = "one net applied twice", .build = twice_build, .a = {5, 1, 1, 6}, .has_net = true},
    RECORD("batch_norm", "by batch", batch_norm, .a = {4, 5, 3, 6}, .has_net = true),
    RECORD("batch_norm", "in several chunks", batch_norm, .a = LARGE, .has_net = true),
    {.op = "batch_norm",
     .what = "by running statistics",
     .build = batch_norm_build,
     .value = batch_norm_score_value,
     .a = {4, 5, 3, 6},
     .score = true,
     .has_net = true},
    RECORD("spectral_norm", "dense", spectral, .a = {4, 1, 1, 9}, .has_net = true, .settles = true),
    RECORD("spectral_norm", "in several chunks", spectral, .a = {2, 1, 1, 2800}, .has_net = true, .settles = true),
};
const int op_record_count = (int)(sizeof op_records / sizeof *op_records);
