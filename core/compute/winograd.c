/* SPDX-License-Identifier: MIT */
/* winograd.c — see winograd.h. One body for all forms; the compiler folds the matrices into it. */
#include "compute/winograd.h"

#include "base/simd.h"

#include <string.h>

enum { LANES = 16 };

typedef float lanes __attribute__((vector_size(LANES * sizeof(float))));
typedef float lanes_anywhere __attribute__((vector_size(LANES * sizeof(float)), aligned(sizeof(float)), may_alias));

#define INLINE static inline __attribute__((always_inline))

INLINE void load(const float *from, size_t count, lanes *value)
{
    if (count == LANES) {
        *value = *(const lanes_anywhere *)from;
        return;
    }
    *value = (lanes){0};
    memcpy(value, from, count * sizeof *from);
}

INLINE void store(float *to, size_t count, const lanes *value)
{
    if (count == LANES)
        *(lanes_anywhere *)to = *value;
    else
        memcpy(to, value, count * sizeof *to);
}

/* A row for each point: it spreads, and its transpose gathers. */
typedef struct matrix {
    int rows, columns;
    float value[WINOGRAD_POINTS_MAX][WINOGRAD_POINTS_MAX];
} matrix;

INLINE int sides(const matrix *m, bool transposed)
{
    return transposed ? m->columns : m->rows;
}

/* out[i] = Σ m[i][j] in[j]; those of a side lie `in_step` and `out_step` lanes apart. */
INLINE void transform(const matrix *m, bool transposed, const lanes *in, int in_step, lanes *out, int out_step)
{
#pragma GCC unroll 6
    for (int i = 0; i < sides(m, transposed); i++) {
        lanes sum = {0};
        bool is_first = true;
#pragma GCC unroll 6
        for (int j = 0; j < sides(m, !transposed); j++) {
            const float weight = transposed ? m->value[j][i] : m->value[i][j];
            if (weight == 0)
                continue;
            const lanes term = weight == 1    ? in[j * in_step]
                               : weight == -1 ? -in[j * in_step]
                                              : weight * in[j * in_step];
            sum = is_first ? term : sum + term;
            is_first = false;
        }
        out[i * out_step] = sum;
    }
}

INLINE void transform_both(const matrix *m, bool transposed, lanes *block)
{
    lanes half[WINOGRAD_PRODUCTS_MAX];
    const int in = sides(m, !transposed), out = sides(m, transposed);
    for (int j = 0; j < in; j++)
        transform(m, transposed, block + j, in, half + j, in);
    for (int i = 0; i < out; i++)
        transform(m, transposed, half + i * in, 1, block + i * out, 1);
}

INLINE void spread_block(const matrix *m, const float *const *from, size_t at, size_t count, float *products,
                         size_t step)
{
    lanes block[WINOGRAD_PRODUCTS_MAX];
    for (int i = 0; i < m->columns * m->columns; i++)
        if (from[i])
            load(from[i] + at, count, &block[i]);
        else
            block[i] = (lanes){0};
    transform_both(m, false, block);
    for (int i = 0; i < m->rows * m->rows; i++)
        store(products + (size_t)i * step + at, count, &block[i]);
}

INLINE void gather_block(const matrix *m, const float *products, size_t step, const float *bias, bool add, size_t at,
                         size_t count, float *const *to)
{
    lanes block[WINOGRAD_PRODUCTS_MAX], biases = {0};
    for (int i = 0; i < m->rows * m->rows; i++)
        load(products + (size_t)i * step + at, count, &block[i]);
    transform_both(m, true, block);
    if (bias)
        load(bias + at, count, &biases);
    for (int i = 0; i < m->columns * m->columns; i++) {
        if (!to[i])
            continue;
        lanes held = biases;
        if (add) {
            load(to[i] + at, count, &held);
            held += biases;
        }
        block[i] += held;
        store(to[i] + at, count, &block[i]);
    }
}

INLINE void spread(const matrix *m, const float *const *from, size_t n, float *products, size_t step)
{
    size_t at = 0;
    for (; at + LANES <= n; at += LANES)
        spread_block(m, from, at, LANES, products, step);
    if (at < n)
        spread_block(m, from, at, n - at, products, step);
}

INLINE void gather(const matrix *m, const float *products, size_t step, const float *bias, bool add, size_t n,
                   float *const *to)
{
    size_t at = 0;
    for (; at + LANES <= n; at += LANES)
        gather_block(m, products, step, bias, add, at, LANES, to);
    if (at < n)
        gather_block(m, products, step, bias, add, at, n - at, to);
}

/*
 * A form is Toom and Cook's: polynomials are multiplied by their values at points a, and at ∞. With P(x) = Π(x − a), a
 * point's row of B has the coefficients of P(x)/(x − a), that of ∞ those of P(x); a row of A has the powers of a; one
 * of G these over the value of P(x)/(x − a) at a. Which points decides what rounding costs: errors of both larger forms
 * are twice those of plain sums, where 0, ±1 and ±2 would make them four times those.
 */

/* 0, 1, ∞: exact, but for the order of sums. */
static const matrix b22 = {3, 3, {{1, -1, 0}, {0, 1, 0}, {0, -1, 1}}};
static const matrix a22 = {3, 2, {{1, 0}, {1, 1}, {0, 1}}};
static const matrix g22 = {3, 2, {{1, 0}, {1, 1}, {0, 1}}};

/* 0, −1, 1/2, 2, ∞ */
static const matrix b42 = {5,
                           5,
                           {{1, -3.0f / 2, -3.0f / 2, 1, 0},
                            {0, 1, -5.0f / 2, 1, 0},
                            {0, -2, -1, 1, 0},
                            {0, -1.0f / 2, 1.0f / 2, 1, 0},
                            {0, 1, -3.0f / 2, -3.0f / 2, 1}}};
static const matrix a42 = {
    5, 4, {{1, 0, 0, 0}, {1, -1, 1, -1}, {1, 1.0f / 2, 1.0f / 4, 1.0f / 8}, {1, 2, 4, 8}, {0, 0, 0, 1}}};
static const matrix g42 = {5, 2, {{1, 0}, {-2.0f / 9, 2.0f / 9}, {-8.0f / 9, -4.0f / 9}, {1.0f / 9, 2.0f / 9}, {0, 1}}};

/* 0, ±3/4, ±3/2, ∞ */
static const matrix b43 = {6,
                           6,
                           {{81.0f / 64, 0, -45.0f / 16, 0, 1, 0},
                            {0, -27.0f / 16, -9.0f / 4, 3.0f / 4, 1, 0},
                            {0, 27.0f / 16, -9.0f / 4, -3.0f / 4, 1, 0},
                            {0, -27.0f / 32, -9.0f / 16, 3.0f / 2, 1, 0},
                            {0, 27.0f / 32, -9.0f / 16, -3.0f / 2, 1, 0},
                            {0, 81.0f / 64, 0, -45.0f / 16, 0, 1}}};
static const matrix a43 = {6,
                           4,
                           {{1, 0, 0, 0},
                            {1, 3.0f / 4, 9.0f / 16, 27.0f / 64},
                            {1, -3.0f / 4, 9.0f / 16, -27.0f / 64},
                            {1, 3.0f / 2, 9.0f / 4, 27.0f / 8},
                            {1, -3.0f / 2, 9.0f / 4, -27.0f / 8},
                            {0, 0, 0, 1}}};
static const matrix g43 = {6,
                           3,
                           {{64.0f / 81, 0, 0},
                            {-128.0f / 243, -32.0f / 81, -8.0f / 27},
                            {-128.0f / 243, 32.0f / 81, -8.0f / 27},
                            {32.0f / 243, 16.0f / 81, 8.0f / 27},
                            {32.0f / 243, -16.0f / 81, 8.0f / 27},
                            {0, 0, 1}}};

#define MATRIX(name_)                                                                                                 \
    static SIMD_CLONES void spread_##name_(const float *const *from, size_t n, float *products, size_t step)          \
    {                                                                                                                 \
        spread(&(name_), from, n, products, step);                                                                    \
    }                                                                                                                 \
    static SIMD_CLONES void gather_##name_(const float *products, size_t step, const float *bias, bool add, size_t n, \
                                           float *const *to)                                                          \
    {                                                                                                                 \
        gather(&(name_), products, step, bias, add, n, to);                                                           \
    }

MATRIX(b22)
MATRIX(a22)
MATRIX(g22)
MATRIX(b42)
MATRIX(a42)
MATRIX(g42)
MATRIX(b43)
MATRIX(a43)
MATRIX(g43)

#define FORM(outputs_, taps_, name_)                                                                                \
    {                                                                                                               \
        .outputs = (outputs_), .taps = (taps_), .points = (outputs_) + (taps_)-1, .spread_inputs = spread_b##name_, \
        .spread_outputs = spread_a##name_, .spread_taps = spread_g##name_, .gather_inputs = gather_b##name_,        \
        .gather_outputs = gather_a##name_, .gather_taps = gather_g##name_                                           \
    }

const winograd_form winograd_forms[WINOGRAD_FORMS] = {FORM(2, 2, 22), FORM(4, 2, 42), FORM(4, 3, 43)};
