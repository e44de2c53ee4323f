/* SPDX-License-Identifier: MIT */
/* bench_floor.c — measures matrix products by themselves. Knows their extents, not what they are for. */
#include "daemon/cli/bench.h"

#include "base/blas.h"
#include "base/clock.h"
#include "base/random.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

enum { LONG = 1024, LINE = 16 };

static conv_product cut(conv_product p)
{
    int *extent = p.a_transposed ? &p.k : &p.m;
    if (*extent > LONG)
        *extent = LONG;
    return p;
}

static bool equal(conv_product a, conv_product b)
{
    return a.a_transposed == b.a_transposed && a.m == b.m && a.n == b.n && a.k == b.k;
}

typedef struct adding {
    step_floor *floor;
    double runs;
} adding;

static void add_product(void *context, conv_product whole, double flops)
{
    const adding *a = context;
    step_floor *f = a->floor;
    const conv_product p = cut(whole);
    int i = 0;
    while (i < f->count && !equal(f->shapes[i].product, p))
        i++;
    if (i == FLOOR_SHAPES_MAX)
        i--;
    else if (i == f->count)
        f->shapes[f->count++] = (floor_shape){.product = p};
    f->shapes[i].flops += a->runs * flops;
}

void floor_add(step_floor *f, const program *p, double runs)
{
    adding a = {f, runs};
    program_products(p, add_product, &a);
}

/* One shape on every thread: operands for each, how long, and what each did. */
typedef struct trial {
    conv_product product;
    float *memory;
    size_t floats; /* of a thread */
    double seconds;
    double rate[TEAM_THREADS_MAX];
} trial;

static size_t round_up(size_t floats)
{
    return (floats + LINE - 1) / LINE * LINE;
}

static size_t size_of(int rows, int columns)
{
    return round_up((size_t)rows * (size_t)columns);
}

static void run_thread(void *context, int chunk, int worker)
{
    (void)worker;
    trial *t = context;
    const conv_product p = t->product;
    float *a = t->memory + (size_t)chunk * t->floats, *b = a + size_of(p.m, p.k), *c = b + size_of(p.k, p.n);
    random_uniform(random_stream(1, "floor"), (uint64_t)chunk, -1, 1, a, t->floats);
    const gemm_call call = {.a_transposed = p.a_transposed,
                            .m = p.m,
                            .n = p.n,
                            .k = p.k,
                            .alpha = 1,
                            .a = a,
                            .lda = p.a_transposed ? p.m : p.k,
                            .b = b,
                            .ldb = p.n,
                            .c = c,
                            .ldc = p.n};
    gemm(&call); /* warms up */
    const double start = clock_now_s();
    double took = 0, turns = 0;
    while (took < t->seconds) {
        gemm(&call);
        turns++;
        took = clock_now_s() - start;
    }
    t->rate[chunk] = 2.0 * p.m * p.n * p.k * turns / took;
}

static bool measure_shape(floor_shape *s, team *workers, double seconds, error *e)
{
    const conv_product p = s->product;
    const int threads = team_threads(workers);
    trial t = {.product = p, .seconds = seconds, .floats = size_of(p.m, p.k) + size_of(p.k, p.n) + size_of(p.m, p.n)};
    t.memory = aligned_alloc(64, (size_t)threads * t.floats * sizeof *t.memory);
    if (!t.memory)
        return error_memory(e, "matrices to measure");
    team_run(workers, threads, run_thread, &t);
    s->rate = 0;
    for (int i = 0; i < threads; i++)
        s->rate += t.rate[i];
    free(t.memory);
    return true;
}

bool floor_measure(step_floor *f, team *t, double seconds, error *e)
{
    f->flops = f->seconds = 0;
    for (int i = 0; i < f->count; i++) {
        if (!measure_shape(&f->shapes[i], t, seconds, e))
            return false;
        f->flops += f->shapes[i].flops;
        f->seconds += f->shapes[i].flops / f->shapes[i].rate;
    }
    return true;
}

json_t *floor_json(const step_floor *f)
{
    json_t *list = json_array();
    for (int i = 0; i < f->count; i++) {
        const floor_shape *s = &f->shapes[i];
        json_t *one = json_pack("{s:i, s:i, s:i, s:b, s:f, s:f}", "m", s->product.m, "n", s->product.n, "k",
                                s->product.k, "transposed", s->product.a_transposed, "mflop",
                                round(s->flops / 1e4) / 100, "gflop_per_s", round(s->rate / 1e8) / 10);
        if (json_array_append_new(list, one)) {
            json_decref(list);
            return NULL;
        }
    }
    return list;
}
