/* SPDX-License-Identifier: MIT */
/*
 * bench_conv.c — each pass at the layers of GANomaly, OCGAN, Fence GAN and AnoGAN, beside bare products of the lowered
 * size on every thread at once: milliseconds on the clock, and GFLOP for every second of CPU, which other programs on
 * the machine disturb less. Both are the best of the repeats. Not a test.
 *
 *   bench_conv [THREADS] [BATCH] [REPEATS] [score]
 */
#include "compute/conv.h"

#include "base/blas.h"
#include "base/random.h"

#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

typedef struct layer {
    const char *name;
    int size, c, oc, stride, pad, kernel;
} layer;

static const layer layers[] = {
    {"32x32x3 -> 64", 32, 3, 64, 2, 1, 4},        {"16x16x64 -> 128", 16, 64, 128, 2, 1, 4},
    {"8x8x128 -> 256", 8, 128, 256, 2, 1, 4},     {"4x4x256 -> 100", 4, 256, 100, 1, 0, 4},
    {"dense 784 -> 512", 1, 784, 512, 1, 0, 1},   {"14x14x64 -> 128 k3", 14, 64, 128, 2, 1, 3},
    {"14x14x64 -> 128 k5", 14, 64, 128, 2, 2, 5}, {"7x7x128 -> 256 k5", 7, 128, 256, 2, 2, 5},
    {"16x16x32 -> 64 k5", 16, 32, 64, 2, 2, 5},   {"8x8x64 -> 128 k5", 8, 64, 128, 2, 2, 5},
    {"4x4x128 -> 256 k5", 4, 128, 256, 2, 2, 5},  {"16x16x128 -> 256", 16, 128, 256, 2, 1, 4},
    {"8x8x256 -> 512", 8, 256, 512, 2, 1, 4},
};

/* What one call took. */
typedef struct cost {
    double clock, cpu; /* seconds; cpu of all threads */
} cost;

static double seconds(clockid_t clock)
{
    struct timespec now;
    clock_gettime(clock, &now);
    return (double)now.tv_sec + 1e-9 * (double)now.tv_nsec;
}

static cost cost_now(void)
{
    return (cost){seconds(CLOCK_MONOTONIC), seconds(CLOCK_PROCESS_CPUTIME_ID)};
}

static const cost endless = {1e9, 1e9};

static cost cheaper(cost best, cost start)
{
    cost now = cost_now();
    now.clock -= start.clock;
    now.cpu -= start.cpu;
    return (cost){now.clock < best.clock ? now.clock : best.clock, now.cpu < best.cpu ? now.cpu : best.cpu};
}

static float *memory(size_t floats)
{
    float *values = aligned_alloc(64, (floats + 16) / 16 * 16 * sizeof *values);
    if (!values) {
        fprintf(stderr, "out of memory\n");
        exit(1);
    }
    random_uniform(random_stream(1, "bench"), floats, -1, 1, values, floats);
    return values;
}

typedef struct operands {
    float *x, *y, *w, *dx, *dw, *work;
} operands;

static void run(team *t, const conv_geometry *g, enum conv_pass pass, const operands *o)
{
    if (pass == CONV_FORWARD)
        conv_forward(t, g, o->x, o->w, NULL, o->dx, o->work);
    else if (pass == CONV_INPUT_GRADIENT)
        conv_input_gradient(t, g, o->y, o->w, NULL, o->dx, false, o->work);
    else
        conv_weight_gradient(t, g, o->x, o->y, o->dw, false, o->work);
}

static cost best_of(int repeats, team *t, const conv_geometry *g, enum conv_pass pass)
{
    size_t x = (size_t)g->n * (size_t)(g->h * g->w * g->c), y = (size_t)g->n * (size_t)(g->oh * g->ow * g->oc);
    size_t w = (size_t)(g->kernel * g->kernel * g->c) * (size_t)g->oc;
    error e = {0};
    if (!team_reserve(t, conv_scratch(g, pass), &e)) {
        fprintf(stderr, "%s\n", e.message);
        exit(1);
    }
    operands o = {.x = memory(x),
                  .y = memory(y),
                  .w = memory(w),
                  .dx = memory(x > y ? x : y),
                  .dw = memory(w),
                  .work = memory(conv_work(g, pass))};
    cost best = endless;
    for (int i = 0; i < repeats; i++) {
        cost start = cost_now();
        run(t, g, pass, &o);
        best = cheaper(best, start);
    }
    free(o.x);
    free(o.y);
    free(o.w);
    free(o.dx);
    free(o.dw);
    free(o.work);
    return best;
}

typedef struct bare {
    float *a, *b, *c; /* a copy of everything a chunk */
    gemm_call call;
} bare;

static void run_bare(void *context, int chunk, int worker)
{
    (void)worker;
    const bare *job = context;
    gemm_call g = job->call;
    g.a = job->a + (size_t)chunk * (size_t)g.m * (size_t)g.k;
    g.b = job->b + (size_t)chunk * (size_t)g.k * (size_t)g.n;
    g.c = job->c + (size_t)chunk * (size_t)g.m * (size_t)g.n;
    gemm(&g);
}

/* GFLOP for a second of CPU of one product of 1024×n×k a thread, all at once. */
static double bare_rate(int repeats, team *t, int n, int k)
{
    const int threads = team_threads(t), m = 1024;
    bare job = {.a = memory((size_t)threads * (size_t)m * (size_t)k),
                .b = memory((size_t)threads * (size_t)k * (size_t)n),
                .c = memory((size_t)threads * (size_t)m * (size_t)n),
                .call = {.m = m, .n = n, .k = k, .alpha = 1, .lda = k, .ldb = n, .ldc = n}};
    cost best = endless;
    for (int i = 0; i < repeats; i++) {
        cost start = cost_now();
        team_run(t, threads, run_bare, &job);
        best = cheaper(best, start);
    }
    free(job.a);
    free(job.b);
    free(job.c);
    return 2e-9 * m * n * k * threads / best.cpu;
}

int main(int argc, char **argv)
{
    error e = {0};
    if (!blas_start(argv, &e)) {
        fprintf(stderr, "%s\n", e.message);
        return 1;
    }
    int threads = argc > 1 ? (int)strtol(argv[1], NULL, 10) : team_default_threads();
    int batch = argc > 2 ? (int)strtol(argv[2], NULL, 10) : 64;
    int repeats = argc > 3 ? (int)strtol(argv[3], NULL, 10) : 30;
    bool is_scoring = argc > 4 && strcmp(argv[4], "score") == 0;
    team *t = team_new(threads, &e);
    if (!t || batch < 1 || repeats < 1) {
        fprintf(stderr, "%s\n", t ? "batch and repeats: expected 1 or more" : e.message);
        return 1;
    }
    blas_warm(t);
    printf("%s %s, %d threads, batch %d, best of %d%s\n", blas_version(), blas_kernel(), threads, batch, repeats,
           is_scoring ? ", fixed tiles" : "");
    printf("%-20s %8s %21s %21s %21s\n", "layer", "bare", "forward", "input gradient", "weight gradient");
    for (size_t i = 0; i < sizeof layers / sizeof *layers; i++) {
        const layer *l = &layers[i];
        const int out = conv_extent(l->size, l->kernel, l->stride, l->pad, l->pad);
        const conv_geometry g = {.n = batch,
                                 .h = l->size,
                                 .w = l->size,
                                 .c = l->c,
                                 .oh = out,
                                 .ow = out,
                                 .oc = l->oc,
                                 .kernel = l->kernel,
                                 .stride = l->stride,
                                 .pad_begin = l->pad,
                                 .pad_end = l->pad,
                                 .fixed_tiles = is_scoring};
        printf("%-20s %4.0f G/s", l->name, bare_rate(repeats, t, l->oc, l->kernel * l->kernel * l->c));
        for (int pass = CONV_FORWARD; pass <= CONV_WEIGHT_GRADIENT; pass++) {
            cost best = best_of(repeats, t, &g, (enum conv_pass)pass);
            printf(" %8.3f ms %5.0f G/s", 1e3 * best.clock, 2e-9 * conv_macs(&g) / best.cpu);
        }
        printf("\n");
    }
    team_free(t);
    return 0;
}
