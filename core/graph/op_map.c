/* SPDX-License-Identifier: MIT */
/*
 * op_map.c — elementwise operations: one value in, one value out, and the derivative beside it.
 * Binary ones repeat a second source of n = 1 over the batch.
 */
#include "base/exponential.h"
#include "base/simd.h"
#include "graph/graph.h"

#include <math.h>

/* --- one source --- */

/* y = f(x), and dx (+)= dy·f'(x) from x or from y as the record says. `k` are the attributes' numbers. They are copied,
 * since the compiler must assume that y overlaps the attributes, and would not vectorise the loop. */
typedef void map_forward(float *y, const float *x, size_t n, const float *k);
typedef void map_backward(float *dx, const float *dy, const float *v, size_t n, const float *k, bool add);

typedef struct mapping {
    op op;
    map_forward *forward;
    map_backward *backward;
} mapping;

typedef struct map_job {
    const call *c;
    const mapping *m;
    size_t count;
    int chunks;
} map_job;

static void forward_chunk(void *context, int chunk, int worker)
{
    (void)worker;
    const map_job *j = context;
    size_t first, last;
    map_range(j->count, j->chunks, chunk, &first, &last);
    j->m->forward(j->c->y + first, j->c->x[0] + first, last - first, j->c->t->at.number);
}

static void backward_chunk(void *context, int chunk, int worker)
{
    (void)worker;
    const map_job *j = context;
    size_t first, last;
    map_range(j->count, j->chunks, chunk, &first, &last);
    const float *value = j->m->op.reads_y ? j->c->y : j->c->x[0];
    j->m->backward(j->c->dx[0] + first, j->c->dy + first, value + first, last - first, j->c->t->at.number,
                   j->c->add[0]);
}

static map_job job_of(const call *c)
{
    size_t count = shape_size(c->t->s);
    return (map_job){.c = c, .m = (const mapping *)c->t->op, .count = count, .chunks = map_chunks(count)};
}

static void run_forward(const call *c)
{
    map_job j = job_of(c);
    team_run(c->team, j.chunks, forward_chunk, &j);
}

static void run_backward(const call *c)
{
    map_job j = job_of(c);
    if (c->dx[0])
        team_run(c->team, j.chunks, backward_chunk, &j);
}

/* Defines the loops of one operation: VALUE in terms of x, SLOPE in terms of v (x or y). */
#define MAP(name_, value_, slope_)                                                                                     \
    SIMD_CLONES static void name_##_forward(float *y, const float *in, size_t n, const float *k)                       \
    {                                                                                                                  \
        const float k0 = k[0];                                                                                         \
        (void)k0;                                                                                                      \
        for (size_t i = 0; i < n; i++) {                                                                               \
            float x = in[i];                                                                                           \
            y[i] = (value_);                                                                                           \
        }                                                                                                              \
    }                                                                                                                  \
    SIMD_CLONES static void name_##_backward(float *dx, const float *dy, const float *value, size_t n, const float *k, \
                                             bool add)                                                                 \
    {                                                                                                                  \
        const float k0 = k[0];                                                                                         \
        (void)k0;                                                                                                      \
        for (size_t i = 0; i < n; i++) {                                                                               \
            float v = value[i];                                                                                        \
            (void)v;                                                                                                   \
            dx[i] = (add ? dx[i] : 0) + dy[i] * (slope_);                                                              \
        }                                                                                                              \
    }

#define MAP_RECORD(name_, reads_x_, reads_y_)                           \
    static const mapping name_##_op = {.op = {.name = #name_,           \
                                              .forward = run_forward,   \
                                              .backward = run_backward, \
                                              .reads = {reads_x_},      \
                                              .reads_y = reads_y_,      \
                                              .in_place = true},        \
                                       .forward = name_##_forward,      \
                                       .backward = name_##_backward};

/* Returns 1/(1 + e^-x), computed from e^-|x|, which cannot overflow. */
static inline float sigmoid(float x)
{
    float e = exp_negative(-fabsf(x));
    return (x < 0 ? e : 1.0f) / (1.0f + e);
}

/* Returns (1 - e^-2|x|)/(1 + e^-2|x|) with the sign of x. Near 0, where that cancels, it returns x - x³/3. */
static inline float hyperbolic_tangent(float x)
{
    float e = exp_negative(-2.0f * fabsf(x));
    float far = copysignf((1.0f - e) / (1.0f + e), x);
    return fabsf(x) < 0.01f ? x - x * x * x * (1.0f / 3.0f) : far;
}

/* Comparisons are written so that NaN propagates to the losses and is seen there; fmaxf would lose it. */
MAP(scale, x *k0, k0)
MAP_RECORD(scale, 0, false)
MAP(offset, x + k0, 1.0f)
MAP_RECORD(offset, 0, false)
MAP(abs, fabsf(x), v > 0 ? 1.0f : v < 0 ? -1.0f : 0.0f)
MAP_RECORD(abs, 1, false)
MAP(square, x *x, 2.0f * v)
MAP_RECORD(square, 1, false)
MAP(sqrt, sqrtf(x), 0.5f / (v < 1e-12f ? 1e-12f : v))
MAP_RECORD(sqrt, 0, true)
MAP(log, logf(x < 1e-30f ? 1e-30f : x), v <= 1e-30f ? 0.0f : 1.0f / v)
MAP_RECORD(log, 1, false)
MAP(inverse, 1.0f / x, -v *v)
MAP_RECORD(inverse, 0, true)
MAP(relu, x <= 0 ? 0.0f : x, v <= 0 ? 0.0f : 1.0f)
MAP_RECORD(relu, 0, true)
MAP(leaky, x > 0 ? x : k0 * x, v > 0 ? 1.0f : k0)
MAP_RECORD(leaky, 0, true)
MAP(tanh, hyperbolic_tangent(x), 1.0f - v * v)
MAP_RECORD(tanh, 0, true)
MAP(sigmoid, sigmoid(x), v *(1.0f - v))
MAP_RECORD(sigmoid, 0, true)
MAP(softplus, fmaxf(x, 0.0f) + log1pf(expf(-fabsf(x))), sigmoid(v))
MAP_RECORD(softplus, 1, false)

static tensor *record_map(const mapping *m, tensor *a, float k)
{
    tensor *t = graph_record(a->graph, &m->op, a->s, &a, 1);
    t->at.number[0] = k;
    return t;
}

tensor *t_scale(tensor *a, float factor)
{
    return record_map(&scale_op, a, factor);
}

tensor *t_offset(tensor *a, float addend)
{
    return record_map(&offset_op, a, addend);
}

tensor *t_abs(tensor *a)
{
    return record_map(&abs_op, a, 0);
}

tensor *t_square(tensor *a)
{
    return record_map(&square_op, a, 0);
}

tensor *t_sqrt(tensor *a)
{
    return record_map(&sqrt_op, a, 0);
}

tensor *t_log(tensor *a)
{
    return record_map(&log_op, a, 0);
}

tensor *t_inverse(tensor *a)
{
    return record_map(&inverse_op, a, 0);
}

tensor *t_relu(tensor *a)
{
    return record_map(&relu_op, a, 0);
}

tensor *t_leaky(tensor *a, float slope)
{
    /* The derivative is found by the sign of the value, which a slope of 0 or less would lose. */
    if (!(slope > 0))
        graph_fail(a->graph, "leaky", "slope %g is not above 0 (use relu for 0)", (double)slope);
    return record_map(&leaky_op, a, slope);
}

tensor *t_tanh(tensor *a)
{
    return record_map(&tanh_op, a, 0);
}

tensor *t_sigmoid(tensor *a)
{
    return record_map(&sigmoid_op, a, 0);
}

tensor *t_softplus(tensor *a)
{
    return record_map(&softplus_op, a, 0);
}

/* --- two sources --- */

typedef struct pair_job {
    const call *c;
    int rows, chunks;
    size_t row;
    bool repeats; /* source 1 has one row */
} pair_job;

static pair_job pair_of(const call *c)
{
    shape s = c->t->s;
    int chunks = map_chunks(shape_size(s));
    return (pair_job){.c = c,
                      .rows = s.n,
                      .chunks = chunks < s.n ? chunks : s.n,
                      .row = shape_row(s),
                      .repeats = c->t->source[1]->s.n == 1 && s.n > 1};
}

typedef void row_forward(float *y, const float *a, const float *b, size_t n);

SIMD_CLONES static void add_row(float *y, const float *a, const float *b, size_t n)
{
    for (size_t i = 0; i < n; i++)
        y[i] = a[i] + b[i];
}

SIMD_CLONES static void sub_row(float *y, const float *a, const float *b, size_t n)
{
    for (size_t i = 0; i < n; i++)
        y[i] = a[i] - b[i];
}

SIMD_CLONES static void mul_row(float *y, const float *a, const float *b, size_t n)
{
    for (size_t i = 0; i < n; i++)
        y[i] = a[i] * b[i];
}

SIMD_CLONES static void put_row(float *d, const float *dy, float k, size_t n, bool add)
{
    for (size_t i = 0; i < n; i++)
        d[i] = (add ? d[i] : 0) + k * dy[i];
}

SIMD_CLONES static void put_product(float *d, const float *dy, const float *v, size_t n, bool add)
{
    for (size_t i = 0; i < n; i++)
        d[i] = (add ? d[i] : 0) + v[i] * dy[i];
}

static void each_row(const pair_job *j, int chunk, row_forward *f)
{
    int first = j->rows * chunk / j->chunks, last = j->rows * (chunk + 1) / j->chunks;
    for (int i = first; i < last; i++) {
        size_t at = (size_t)i * j->row;
        f(j->c->y + at, j->c->x[0] + at, j->c->x[1] + (j->repeats ? 0 : at), j->row);
    }
}

static void add_chunk(void *context, int chunk, int worker)
{
    (void)worker;
    each_row(context, chunk, add_row);
}

static void sub_chunk(void *context, int chunk, int worker)
{
    (void)worker;
    each_row(context, chunk, sub_row);
}

static void mul_chunk(void *context, int chunk, int worker)
{
    (void)worker;
    each_row(context, chunk, mul_row);
}

static void add_forward(const call *c)
{
    pair_job j = pair_of(c);
    team_run(c->team, j.chunks, add_chunk, &j);
}

static void sub_forward(const call *c)
{
    pair_job j = pair_of(c);
    team_run(c->team, j.chunks, sub_chunk, &j);
}

static void mul_forward(const call *c)
{
    pair_job j = pair_of(c);
    team_run(c->team, j.chunks, mul_chunk, &j);
}

/* The gradient of source 1 is computed first, since that of source 0 may overwrite dy. A repeated source sums the rows
 * in order. */
static void linear_backward(const call *c, float sign)
{
    pair_job j = pair_of(c);
    size_t all = j.row * (size_t)j.rows;
    if (c->dx[1] && !j.repeats)
        put_row(c->dx[1], c->dy, sign, all, c->add[1]);
    for (int i = 0; c->dx[1] && j.repeats && i < j.rows; i++)
        put_row(c->dx[1], c->dy + (size_t)i * j.row, sign, j.row, c->add[1] || i > 0);
    if (c->dx[0])
        put_row(c->dx[0], c->dy, 1, all, c->add[0]);
}

static void add_backward(const call *c)
{
    linear_backward(c, 1);
}

static void sub_backward(const call *c)
{
    linear_backward(c, -1);
}

static void mul_backward(const call *c)
{
    pair_job j = pair_of(c);
    for (int i = 0; i < j.rows; i++) {
        size_t at = (size_t)i * j.row, b = j.repeats ? 0 : at;
        if (c->dx[1])
            put_product(c->dx[1] + b, c->dy + at, c->x[0] + at, j.row, c->add[1] || (j.repeats && i > 0));
        if (c->dx[0])
            put_product(c->dx[0] + at, c->dy + at, c->x[1] + b, j.row, c->add[0]);
    }
}

static const op op_add = {.name = "add", .forward = add_forward, .backward = add_backward, .in_place = true};
static const op op_sub = {.name = "sub", .forward = sub_forward, .backward = sub_backward, .in_place = true};
static const op op_mul = {
    .name = "mul", .forward = mul_forward, .backward = mul_backward, .reads = {2, 1}, .in_place = true};

static tensor *record_pair(const op *o, tensor *a, tensor *b)
{
    shape s = a->s, r = b->s;
    if (s.h != r.h || s.w != r.w || s.c != r.c || (s.n != r.n && r.n != 1)) {
        graph_fail(a->graph, o->name, "%d×%d×%d×%d against %d×%d×%d×%d", s.n, s.h, s.w, s.c, r.n, r.h, r.w, r.c);
        b = a;
    }
    return graph_record(a->graph, o, s, (tensor *[]){a, b}, 2);
}

tensor *t_add(tensor *a, tensor *b)
{
    return record_pair(&op_add, a, b);
}

tensor *t_sub(tensor *a, tensor *b)
{
    return record_pair(&op_sub, a, b);
}

tensor *t_mul(tensor *a, tensor *b)
{
    return record_pair(&op_mul, a, b);
}
