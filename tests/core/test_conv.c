/* SPDX-License-Identifier: MIT */
/*
 * test_conv.c — each pass against plain loops in double over odd shapes; the passes are adjoint to each
 * other; bits do not depend on threads, nor, with fixed tiles, on the batch.
 */
#include "compute/conv.h"

#include "base/blas.h"
#include "base/random.h"
#include "thorough.h"

#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

/* n, h, w, c, oc, kernel, stride, pad_begin, pad_end; oh and ow follow. */
typedef struct layer {
    int n, h, w, c, oc, kernel, stride, pad_begin, pad_end;
} layer;

static const layer layers[] = {
    {3, 8, 8, 3, 16, 4, 2, 1, 1},     {2, 16, 16, 8, 24, 4, 2, 1, 1},  {5, 8, 8, 64, 32, 4, 2, 1, 1},
    {7, 4, 4, 40, 10, 4, 1, 0, 0},    {3, 1, 1, 100, 70, 1, 1, 0, 0},  {2, 5, 7, 9, 11, 1, 1, 0, 0},
    {2, 6, 9, 16, 5, 1, 2, 0, 0},     {3, 7, 5, 8, 9, 3, 1, 1, 1},     {2, 9, 11, 3, 7, 3, 2, 0, 1},
    {2, 14, 14, 1, 8, 5, 2, 1, 2},    {2, 7, 7, 64, 8, 5, 2, 2, 2},    {1, 28, 28, 1, 4, 5, 2, 1, 2},
    {2, 8, 8, 12, 6, 3, 2, 0, 1},     {2, 10, 7, 16, 3, 2, 3, 0, 0},   {2, 11, 13, 12, 4, 5, 3, 2, 1},
    {1, 6, 6, 10, 3, 2, 1, 0, 1},     {17, 2, 2, 16, 20, 2, 2, 0, 0},  {4, 4, 4, 16, 8, 4, 2, 1, 1},
    {2, 3, 3, 9, 5, 7, 1, 3, 3},      {3, 4, 6, 1, 1, 3, 3, 2, 0},     {70, 4, 4, 16, 130, 3, 1, 1, 1},
    {20, 16, 16, 64, 70, 3, 2, 1, 1}, {64, 1, 1, 600, 30, 1, 1, 0, 0}, {2, 40, 33, 5, 4, 3, 1, 1, 0},
    {70, 4, 4, 32, 33, 4, 2, 1, 1},   {9, 12, 16, 37, 33, 4, 2, 1, 1}, {11, 18, 14, 33, 40, 4, 2, 1, 1},
    {16, 14, 15, 35, 33, 5, 2, 1, 2}, {66, 7, 7, 32, 49, 5, 2, 2, 2},  {40, 8, 6, 34, 32, 3, 1, 1, 1},
    {16, 9, 9, 32, 32, 6, 2, 2, 2},   {5, 66, 62, 16, 17, 4, 2, 1, 1}, {17, 4, 4, 16, 20, 2, 2, 0, 0},
    {1, 16, 16, 80, 128, 4, 2, 1, 1},
};
enum { LAYERS = sizeof layers / sizeof *layers };

static conv_geometry geometry(const layer *l)
{
    return (conv_geometry){.n = l->n,
                           .h = l->h,
                           .w = l->w,
                           .c = l->c,
                           .oh = conv_extent(l->h, l->kernel, l->stride, l->pad_begin, l->pad_end),
                           .ow = conv_extent(l->w, l->kernel, l->stride, l->pad_begin, l->pad_end),
                           .oc = l->oc,
                           .kernel = l->kernel,
                           .stride = l->stride,
                           .pad_begin = l->pad_begin,
                           .pad_end = l->pad_end};
}

/* x, y, w: the operands; or what a pass made of them. Exact sizes, for the address sanitizer. */
typedef struct tensors {
    size_t x_size, y_size, w_size;
    float *x, *y, *w, *bias_x, *bias_y;
} tensors;

static float *numbers(size_t n, const char *name)
{
    float *values = malloc(n * sizeof *values);
    assert_non_null(values);
    random_uniform(random_stream(1, name), n, -1, 1, values, n);
    return values;
}

static tensors tensors_make(const conv_geometry *g)
{
    tensors t = {.x_size = (size_t)(g->n * g->h * g->w * g->c),
                 .y_size = (size_t)(g->n * g->oh * g->ow * g->oc),
                 .w_size = (size_t)(g->kernel * g->kernel * g->c * g->oc)};
    t.x = numbers(t.x_size, "x");
    t.y = numbers(t.y_size, "y");
    t.w = numbers(t.w_size, "w");
    t.bias_x = numbers((size_t)g->c, "bias of x");
    t.bias_y = numbers((size_t)g->oc, "bias of y");
    return t;
}

static void tensors_free(tensors *t)
{
    free(t->x);
    free(t->y);
    free(t->w);
    free(t->bias_x);
    free(t->bias_y);
}

/* Calls visit for each term of the convolution: indices into x, w and y. */
typedef void visit_function(void *context, size_t x, size_t w, size_t y);

static void each_tap(const conv_geometry *g, size_t position, visit_function *visit, void *context)
{
    int ox = (int)(position % (size_t)g->ow), oy = (int)(position / (size_t)g->ow % (size_t)g->oh);
    int image = (int)(position / (size_t)(g->ow * g->oh));
    for (int ky = 0; ky < g->kernel; ky++)
        for (int kx = 0; kx < g->kernel; kx++) {
            int iy = oy * g->stride - g->pad_begin + ky, ix = ox * g->stride - g->pad_begin + kx;
            if (iy < 0 || iy >= g->h || ix < 0 || ix >= g->w)
                continue;
            for (int c = 0; c < g->c; c++)
                for (int oc = 0; oc < g->oc; oc++)
                    visit(context, (size_t)(((image * g->h + iy) * g->w + ix) * g->c + c),
                          (size_t)(((ky * g->kernel + kx) * g->c + c) * g->oc + oc),
                          position * (size_t)g->oc + (size_t)oc);
        }
}

/* The plain loops: one of the three sums is of interest at a time. */
typedef struct plain {
    const tensors *operands;
    double *x, *y, *w; /* results wanted */
} plain;

static void visit_term(void *context, size_t x, size_t w, size_t y)
{
    plain *p = context;
    if (p->y)
        p->y[y] += (double)p->operands->x[x] * (double)p->operands->w[w];
    if (p->x)
        p->x[x] += (double)p->operands->y[y] * (double)p->operands->w[w];
    if (p->w)
        p->w[w] += (double)p->operands->x[x] * (double)p->operands->y[y];
}

static plain plain_passes(const conv_geometry *g, const tensors *operands)
{
    plain p = {.operands = operands,
               .x = calloc(operands->x_size, sizeof(double)),
               .y = calloc(operands->y_size, sizeof(double)),
               .w = calloc(operands->w_size, sizeof(double))};
    assert_true(p.x && p.y && p.w);
    for (size_t position = 0; position < (size_t)(g->n * g->oh * g->ow); position++)
        each_tap(g, position, visit_term, &p);
    return p;
}

static void plain_free(plain *p)
{
    free(p->x);
    free(p->y);
    free(p->w);
}

/* A team with the scratch, and the work space, of one pass; behind each a fence, which the pass must leave alone. */
typedef struct bench {
    team *team;
    float *work;
    size_t scratch_floats, work_floats;
} bench;

enum { FENCE_FLOATS = 1 << 14, UNTOUCHED = 0xff };

static bench bench_make(const conv_geometry *g, enum conv_pass pass, int threads)
{
    error e = {0};
    bench b = {
        .team = team_new(threads, &e), .scratch_floats = conv_scratch(g, pass), .work_floats = conv_work(g, pass)};
    assert_non_null(b.team);
    assert_true(team_reserve(b.team, b.scratch_floats + FENCE_FLOATS, &e));
    size_t bytes = team_lines(b.work_floats + FENCE_FLOATS) * sizeof(float);
    b.work = aligned_alloc(64, bytes);
    assert_non_null(b.work);
    /* What lies there before must not matter. */
    memset(b.work, UNTOUCHED, bytes);
    for (int worker = 0; worker < threads; worker++)
        memset(team_scratch(b.team, worker), UNTOUCHED, (b.scratch_floats + FENCE_FLOATS) * sizeof(float));
    return b;
}

static bool is_fence_whole(const float *fence)
{
    const unsigned char *bytes = (const unsigned char *)fence;
    return bytes[0] == UNTOUCHED && memcmp(bytes, bytes + 1, FENCE_FLOATS * sizeof *fence - 1) == 0;
}

static void bench_free(bench *b)
{
    assert_true(is_fence_whole(b->work + b->work_floats));
    for (int worker = 0; worker < team_threads(b->team); worker++)
        assert_true(is_fence_whole(team_scratch(b->team, worker) + b->scratch_floats));
    team_free(b->team);
    free(b->work);
}

enum variant { PLAIN, WITH_BIAS, WITH_ADD, WITH_BOTH };

/* Runs a pass into `out`, which holds what `add` adds to. */
static void run_pass(const conv_geometry *g, enum conv_pass pass, int threads, const tensors *t, enum variant variant,
                     float *out)
{
    bool add = variant == WITH_ADD || variant == WITH_BOTH, bias = variant == WITH_BIAS || variant == WITH_BOTH;
    bench b = bench_make(g, pass, threads);
    if (pass == CONV_FORWARD)
        conv_forward(b.team, g, t->x, t->w, bias ? t->bias_y : NULL, out, b.work);
    else if (pass == CONV_INPUT_GRADIENT)
        conv_input_gradient(b.team, g, t->y, t->w, bias ? t->bias_x : NULL, out, add, b.work);
    else
        conv_weight_gradient(b.team, g, t->x, t->y, out, add, b.work);
    bench_free(&b);
}

static size_t result_size(const tensors *t, enum conv_pass pass)
{
    return pass == CONV_FORWARD ? t->y_size : pass == CONV_INPUT_GRADIENT ? t->x_size : t->w_size;
}

/* Operands are in [-1, 1]: errors of float sums grow with the number of terms. */
static void check_pass(const conv_geometry *g, enum conv_pass pass, enum variant variant, const tensors *t,
                       const double *expected)
{
    const size_t n = result_size(t, pass);
    const bool add = variant == WITH_ADD || variant == WITH_BOTH, bias = variant == WITH_BIAS || variant == WITH_BOTH;
    float *out = numbers(n, "held before"), *before = numbers(n, "held before");
    const float *bias_values = pass == CONV_FORWARD ? t->bias_y : t->bias_x;
    const size_t period = (size_t)(pass == CONV_FORWARD ? g->oc : g->c);
    run_pass(g, pass, 2, t, variant, out);
    for (size_t i = 0; i < n; i++) {
        double value = expected[i] + (add ? (double)before[i] : 0) + (bias ? (double)bias_values[i % period] : 0);
        double error_max = 4e-6 * sqrt((double)(g->kernel * g->kernel * g->c + g->n * g->oh * g->ow)) + 1e-6;
        if (!(fabs((double)out[i] - value) < error_max))
            fail_msg("pass %d variant %d of n%d %dx%dx%d->%d k%d s%d p%d,%d tiles %d at %zu: %.9g, expected %.9g", pass,
                     variant, g->n, g->h, g->w, g->c, g->oc, g->kernel, g->stride, g->pad_begin, g->pad_end,
                     g->fixed_tiles, i, (double)out[i], value);
    }
    free(out);
    free(before);
}

static void check_layers(bool fixed_tiles)
{
    for (int i = 0; i < LAYERS; i += TURNS(1, 8)) {
        conv_geometry g = geometry(&layers[i]);
        g.fixed_tiles = fixed_tiles;
        tensors t = tensors_make(&g);
        plain p = plain_passes(&g, &t);
        check_pass(&g, CONV_FORWARD, PLAIN, &t, p.y);
        check_pass(&g, CONV_FORWARD, WITH_BIAS, &t, p.y);
        for (int variant = PLAIN; variant <= WITH_BOTH; variant++)
            check_pass(&g, CONV_INPUT_GRADIENT, (enum variant)variant, &t, p.x);
        check_pass(&g, CONV_WEIGHT_GRADIENT, PLAIN, &t, p.w);
        check_pass(&g, CONV_WEIGHT_GRADIENT, WITH_ADD, &t, p.w);
        plain_free(&p);
        tensors_free(&t);
    }
}

static void all_passes_agree_with_plain_loops(void **state)
{
    (void)state;
    check_layers(false);
}

static void all_passes_in_fixed_tiles_agree_with_plain_loops(void **state)
{
    (void)state;
    check_layers(true);
}

static double dot(const float *a, const float *b, size_t n)
{
    double sum = 0;
    for (size_t i = 0; i < n; i++)
        sum += (double)a[i] * (double)b[i];
    return sum;
}

static void the_three_passes_are_adjoint(void **state)
{
    (void)state;
    for (int i = 0; i < LAYERS; i++) {
        conv_geometry g = geometry(&layers[i]);
        tensors t = tensors_make(&g);
        float *y = numbers(t.y_size, ""), *dx = numbers(t.x_size, ""), *dw = numbers(t.w_size, "");
        run_pass(&g, CONV_FORWARD, 2, &t, PLAIN, y);
        run_pass(&g, CONV_INPUT_GRADIENT, 2, &t, PLAIN, dx);
        run_pass(&g, CONV_WEIGHT_GRADIENT, 2, &t, PLAIN, dw);
        double by_y = dot(y, t.y, t.y_size), by_x = dot(t.x, dx, t.x_size), by_w = dot(t.w, dw, t.w_size);
        double scale = sqrt(dot(y, y, t.y_size) * dot(t.y, t.y, t.y_size));
        assert_true(fabs(by_y - by_x) < 1e-5 * scale);
        assert_true(fabs(by_y - by_w) < 1e-5 * scale);
        free(y);
        free(dx);
        free(dw);
        tensors_free(&t);
    }
}

static void results_are_the_same_bits_at_any_number_of_threads(void **state)
{
    (void)state;
    static const int threads[] = {2, 3, 5};
    for (int i = 0; i < 2 * LAYERS; i++) {
        conv_geometry g = geometry(&layers[i / 2]);
        g.fixed_tiles = i % 2;
        tensors t = tensors_make(&g);
        for (int pass = CONV_FORWARD; pass <= CONV_WEIGHT_GRADIENT; pass++) {
            size_t n = result_size(&t, (enum conv_pass)pass);
            float *one = numbers(n, ""), *many = numbers(n, "");
            run_pass(&g, (enum conv_pass)pass, 1, &t, PLAIN, one);
            for (size_t j = 0; j < sizeof threads / sizeof *threads; j++) {
                run_pass(&g, (enum conv_pass)pass, threads[j], &t, PLAIN, many);
                assert_memory_equal(one, many, n * sizeof *one);
            }
            free(one);
            free(many);
        }
        tensors_free(&t);
    }
}

/* Layers of networks as they are scored, and odd ones. */
static const layer scored[] = {
    {64, 8, 8, 128, 256, 4, 2, 1, 1}, {64, 4, 4, 256, 100, 4, 1, 0, 0}, {64, 8, 8, 3, 64, 4, 2, 1, 1},
    {64, 1, 1, 784, 512, 1, 1, 0, 0}, {64, 1, 1, 100, 784, 1, 1, 0, 0}, {64, 1, 1, 333, 37, 1, 1, 0, 0},
    {64, 2, 2, 64, 48, 3, 1, 1, 1},   {64, 3, 3, 20, 70, 2, 1, 0, 0},   {64, 7, 7, 64, 40, 5, 2, 1, 2},
    {64, 4, 4, 8, 33, 1, 1, 0, 0},    {64, 20, 20, 16, 24, 3, 1, 1, 1}, {64, 2, 2, 64, 48, 1, 1, 0, 0},
    {64, 4, 4, 16, 20, 2, 2, 0, 0},
};
enum { SCORED = sizeof scored / sizeof *scored };

/* One image, alone and at the places of batches of other images: its result must be the same bits. */
static void check_invariance(const conv_geometry *whole, enum conv_pass pass)
{
    static const int batches[] = {1, 2, 7, 16, 17, 64};
    conv_geometry g = *whole;
    g.fixed_tiles = true;
    tensors t = tensors_make(&g);
    const bool is_forward = pass == CONV_FORWARD;
    const size_t in = (is_forward ? t.x_size : t.y_size) / (size_t)g.n;
    const size_t out = (is_forward ? t.y_size : t.x_size) / (size_t)g.n;
    float *alone = numbers(out, ""), *all = numbers(out * (size_t)g.n, "");
    conv_geometry single = g;
    single.n = 1;
    run_pass(&single, pass, 2, &t, WITH_BIAS, alone);
    for (size_t b = 0; b < sizeof batches / sizeof *batches; b++)
        for (int place = 0; place < batches[b]; place += place < TURNS(17, 0) ? 1 : TURNS(5, 31)) {
            tensors among = t;
            float *batch = numbers(in * (size_t)batches[b], "fill");
            memcpy(batch + in * (size_t)place, is_forward ? t.x : t.y, in * sizeof *batch);
            *(is_forward ? &among.x : &among.y) = batch;
            g.n = batches[b];
            run_pass(&g, pass, 2, &among, WITH_BIAS, all);
            if (memcmp(all + out * (size_t)place, alone, out * sizeof *all) != 0)
                fail_msg("%s: pass %d of %dx%dx%d->%d k%d s%d: image %d of %d has other bits than alone", blas_kernel(),
                         pass, g.h, g.w, g.c, g.oc, g.kernel, g.stride, place, batches[b]);
            free(batch);
        }
    free(alone);
    free(all);
    tensors_free(&t);
}

static void with_fixed_tiles_an_image_gets_the_same_bits_in_any_company(void **state)
{
    (void)state;
    for (int i = 0; i < SCORED; i++) {
        conv_geometry g = geometry(&scored[i]);
        check_invariance(&g, CONV_FORWARD);
        check_invariance(&g, CONV_INPUT_GRADIENT);
    }
}

static void positions_that_no_window_covers_get_nothing_but_the_bias(void **state)
{
    (void)state;
    conv_geometry g = geometry(&(layer){1, 7, 7, 12, 5, 2, 3, 0, 0});
    tensors t = tensors_make(&g);
    float *dx = numbers(t.x_size, "held before");
    run_pass(&g, CONV_INPUT_GRADIENT, 2, &t, WITH_BIAS, dx);
    for (int y = 0; y < 7; y++)
        for (int x = 0; x < 7; x++)
            if (y % 3 == 2 || x % 3 == 2 || y == 6 || x == 6)
                assert_memory_equal(dx + (y * 7 + x) * 12, t.bias_x, 12 * sizeof *dx);
    free(dx);
    tensors_free(&t);
}

static void multiply_accumulates_are_counted(void **state)
{
    (void)state;
    conv_geometry g = geometry(&(layer){2, 8, 8, 3, 5, 4, 2, 1, 1});
    assert_true(conv_macs(&g) == 2.0 * 4 * 4 * 4 * 4 * 3 * 5);
}

static void a_pass_is_the_product_it_says(void **state)
{
    (void)state;
    for (int i = 0; i < LAYERS; i++) {
        const conv_geometry g = geometry(&layers[i]);
        const conv_product forward = conv_product_of(&g, CONV_FORWARD),
                           weight = conv_product_of(&g, CONV_WEIGHT_GRADIENT);
        /* One product, or several alike. */
        assert_true(fmod(conv_macs(&g), (double)forward.m * forward.n * forward.k) == 0);
        assert_true(fmod(conv_macs(&g), (double)weight.m * weight.n * weight.k) == 0);
        assert_true(weight.a_transposed && !forward.a_transposed);
    }
    /* A phase of a 4x4 kernel of stride 2 is a 2x2 one; few channels are all taps at once. */
    const conv_geometry wide = geometry(&(layer){5, 8, 8, 64, 32, 4, 2, 1, 1});
    const conv_geometry few = geometry(&(layer){5, 8, 8, 3, 32, 4, 2, 1, 1});
    const conv_product phase = conv_product_of(&wide, CONV_INPUT_GRADIENT);
    const conv_product taps = conv_product_of(&few, CONV_INPUT_GRADIENT);
    assert_true(phase.m == 5 * 4 * 4 && phase.n == 64 && phase.k == 2 * 2 * 32);
    assert_true(taps.m == 5 * 4 * 4 && taps.n == 4 * 4 * 3 && taps.k == 32);
    /* By Winograd a tile of outputs is one row of some products over all phases: of four by four outputs 25, of two by
     * two, where a map has no more, 9. */
    const conv_geometry many = geometry(&(layer){64, 8, 8, 64, 32, 4, 2, 1, 1});
    const conv_product tile = conv_product_of(&many, CONV_FORWARD), back = conv_product_of(&many, CONV_INPUT_GRADIENT);
    assert_true(tile.m == 64 && tile.n == 32 && tile.k == 4 * 64);
    assert_true(back.m == 64 && back.n == 4 * 64 && back.k == 32);
    assert_true(conv_macs(&many) == 25.0 * tile.m * tile.n * tile.k);
    const conv_geometry small = geometry(&(layer){64, 4, 4, 64, 32, 4, 2, 1, 1});
    assert_true(conv_product_of(&small, CONV_FORWARD).m == 64);
    assert_true(conv_macs(&small) == 9.0 * 64 * 32 * 4 * 64);
    /* Phases of a 5x5 kernel have three taps a side, some of them missing; tiles reach over the edge of a map. */
    const conv_geometry odd = geometry(&(layer){64, 14, 14, 64, 32, 5, 2, 1, 2});
    assert_true(conv_product_of(&odd, CONV_FORWARD).m == 64 * 2 * 2);
    assert_true(conv_macs(&odd) == 36.0 * 64 * 2 * 2 * 4 * 64 * 32);
}

int main(int argc, char **argv)
{
    (void)argc;
    error e = {0};
    if (!blas_start(argv, &e)) {
        printf("%s\n", e.message);
        return 1;
    }
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_pass_is_the_product_it_says),
        cmocka_unit_test(all_passes_agree_with_plain_loops),
        cmocka_unit_test(all_passes_in_fixed_tiles_agree_with_plain_loops),
        cmocka_unit_test(the_three_passes_are_adjoint),
        cmocka_unit_test(results_are_the_same_bits_at_any_number_of_threads),
        cmocka_unit_test(with_fixed_tiles_an_image_gets_the_same_bits_in_any_company),
        cmocka_unit_test(positions_that_no_window_covers_get_nothing_but_the_bias),
        cmocka_unit_test(multiply_accumulates_are_counted),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
