/* SPDX-License-Identifier: MIT */
/* winograd.c — the transforms of winograd.h. All forms share one body, into which the compiler folds the matrices. */
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

/* A transform's matrix, with one row for each point. The matrix expands, its transpose gathers. */
typedef struct matrix {
    int rows, columns;
    float value[WINOGRAD_POINTS_MAX][WINOGRAD_POINTS_MAX];
} matrix;

INLINE int sides(const matrix *m, bool transposed)
{
    return transposed ? m->columns : m->rows;
}

/* out[i] = Σ m[i][j] in[j]; elements of `in` lie `in_step` lanes apart, those of `out` `out_step`. */
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

INLINE void expand_block(const matrix *m, const float *const *from, size_t at, size_t count, float *products,
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

INLINE void expand(const matrix *m, const float *const *from, size_t n, float *products, size_t step)
{
    size_t at = 0;
    for (; at + LANES <= n; at += LANES)
        expand_block(m, from, at, LANES, products, step);
    if (at < n)
        expand_block(m, from, at, n - at, products, step);
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
 * The forms come from the algorithm of Toom and Cook, which multiplies polynomials by their values at points a and at
 * ∞. Let P(x) = Π(x − a). The row of B for a point has the coefficients of P(x)/(x − a), and the row for ∞ those of
 * P(x). A row of A has the powers of a. A row of G has these powers divided by the value of P(x)/(x − a) at a. The
 * choice of points decides the rounding errors: with those below they are twice the errors of plain sums for both
 * larger forms; with 0, ±1 and ±2 they would be four times.
 */

/* Points 0, 1, ∞. Exact, except for the order of sums. */
static const matrix b22 = {3, 3, {{1, -1, 0}, {0, 1, 0}, {0, -1, 1}}};
static const matrix a22 = {3, 2, {{1, 0}, {1, 1}, {0, 1}}};
static const matrix g22 = {3, 2, {{1, 0}, {1, 1}, {0, 1}}};

/* Points 0, −1, 1/2, 2, ∞. */
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

/* Points 0, ±3/4, ±3/2, ∞. */
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
    static SIMD_CLONES void expand_##name_(const float *const *from, size_t n, float *products, size_t step)          \
    {                                                                                                                 \
        expand(&(name_), from, n, products, step);                                                                    \
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
        .outputs = (outputs_), .taps = (taps_), .points = (outputs_) + (taps_)-1, .expand_inputs = expand_b##name_, \
        .expand_outputs = expand_a##name_, .expand_taps = expand_g##name_, .gather_inputs = gather_b##name_,        \
        .gather_outputs = gather_a##name_, .gather_taps = gather_g##name_                                           \
    }

const winograd_form winograd_forms[WINOGRAD_FORMS] = {FORM(2, 2, 22), FORM(4, 2, 42), FORM(4, 3, 43)};
