/* SPDX-License-Identifier: MIT */
/* column_sums.c — sums down the columns of a matrix. Each chunk of rows makes partial sums, which are then added in
 * the order of the chunks. */
#include "compute/column_sums.h"

#include "base/simd.h"

#include <string.h>

enum { CHUNKS_MAX = 8, ROWS_MIN = 64 };

static int chunks_of(size_t rows)
{
    size_t chunks = rows / ROWS_MIN;
    return chunks < 1 ? 1 : chunks > CHUNKS_MAX ? CHUNKS_MAX : (int)chunks;
}

/* Doubles that hold one chunk's partial sums: whole cache lines. */
static size_t partial_size(size_t columns)
{
    return (2 * columns + 7) / 8 * 8;
}

size_t column_sums_work(size_t rows, size_t columns)
{
    return (size_t)chunks_of(rows) * partial_size(columns) * sizeof(double) / sizeof(float);
}

SIMD_CLONES static void add_row(double *sum, const float *a, size_t n)
{
    for (size_t j = 0; j < n; j++)
        sum[j] += (double)a[j];
}

SIMD_CLONES static void add_rows(double *sum, double *product, const float *a, const float *b, size_t n)
{
    for (size_t j = 0; j < n; j++) {
        sum[j] += (double)a[j];
        product[j] += (double)a[j] * (double)b[j];
    }
}

typedef struct column_sums_job {
    const column_sums_call *c;
    double *partial;
    int chunks;
} column_sums_job;

static void sum_chunk(void *context, int chunk, int worker)
{
    (void)worker;
    const column_sums_job *j = context;
    const column_sums_call *c = j->c;
    double *sum = j->partial + (size_t)chunk * partial_size(c->columns), *product = sum + c->columns;
    memset(sum, 0, 2 * c->columns * sizeof *sum);
    size_t first = c->rows * (size_t)chunk / (size_t)j->chunks,
           last = c->rows * (size_t)(chunk + 1) / (size_t)j->chunks;
    for (size_t i = first; i < last; i++) {
        if (c->b)
            add_rows(sum, product, c->a + i * c->columns, c->b + i * c->columns, c->columns);
        else
            add_row(sum, c->a + i * c->columns, c->columns);
    }
}

static void gather(double *out, const column_sums_job *j, size_t skip)
{
    for (size_t i = 0; i < j->c->columns; i++) {
        double sum = 0;
        for (int k = 0; k < j->chunks; k++)
            sum += j->partial[(size_t)k * partial_size(j->c->columns) + skip + i];
        out[i] = sum;
    }
}

void column_sums(team *t, const column_sums_call *c, float *work)
{
    column_sums_job j = {.c = c, .partial = (double *)(void *)work, .chunks = chunks_of(c->rows)};
    team_run(t, j.chunks, sum_chunk, &j);
    gather(c->sum_a, &j, 0);
    if (c->b)
        gather(c->sum_ab, &j, c->columns);
}
