/* SPDX-License-Identifier: MIT */
/* spread.c — cuts one matrix product for a team. Knows extents, not what the matrices are. */
#include "compute/spread.h"

#include <assert.h>
#include <string.h>

enum {
    PARTS_MAX = 8,
    PIECE_MIN = 64,        /* rows or columns of a piece */
    PIECE_UNIT = 16,       /* floats of a vector register */
    DEPTH_MIN = 256,       /* terms of a sum in a piece */
    PARTIAL_MAX = 1 << 15, /* floats of a result that is summed from partial ones */
    SMALL_MACS = 1 << 16   /* not worth waking anybody */
};

enum cut { CUT_NONE, CUT_ROWS, CUT_COLUMNS, CUT_DEPTH };

typedef struct plan {
    enum cut cut;
    int parts;
} plan;

static int parts_of(int extent, int piece)
{
    int parts = extent / piece;
    return parts < 1 ? 1 : parts > PARTS_MAX ? PARTS_MAX : parts;
}

static plan plan_for(int m, int n, int k)
{
    if ((double)m * n * k <= SMALL_MACS)
        return (plan){CUT_NONE, 1};
    /* A small result of long sums: pieces of the other kinds would all read the long operands again. */
    if ((double)m * n <= PARTIAL_MAX && k >= 2 * DEPTH_MIN)
        return (plan){CUT_DEPTH, parts_of(k, DEPTH_MIN)};
    if (m >= n)
        return (plan){CUT_ROWS, parts_of(m, PIECE_MIN)};
    return (plan){CUT_COLUMNS, parts_of(n, PIECE_MIN)};
}

span span_part(int n, int unit, int part, int parts)
{
    long units = (n + unit - 1) / unit;
    long from = units * part / parts * unit, to = units * (part + 1) / parts * unit;
    return (span){(int)(from < n ? from : n), (int)(to < n ? to : n)};
}

void row_bias_apply(row_bias b, bool add, int from, int n, float *row)
{
    if (!b.value) {
        if (!add)
            memset(row, 0, (size_t)n * sizeof *row);
        return;
    }
    int at = from % b.period;
    for (int i = 0; i < n; at = 0) {
        int run = b.period - at < n - i ? b.period - at : n - i;
        if (add)
            for (int j = 0; j < run; j++)
                row[i + j] += b.value[at + j];
        else
            memcpy(row + i, b.value + at, (size_t)run * sizeof *row);
        i += run;
    }
}

size_t spread_work(int m, int n, int k)
{
    plan p = plan_for(m, n, k);
    return p.cut == CUT_DEPTH ? (size_t)p.parts * (size_t)m * (size_t)n : 0;
}

typedef struct spread_job {
    const gemm_call *whole;
    row_bias bias;
    plan plan;
    float *partial; /* parts × m × n */
} spread_job;

static size_t at(int row, int ld, int column)
{
    return (size_t)row * (size_t)ld + (size_t)column;
}

/* Narrows g to rows, columns or terms [s.from, s.to). */
static gemm_call piece_of(const gemm_call *g, enum cut cut, span s)
{
    gemm_call p = *g;
    if (cut == CUT_ROWS) {
        p.m = s.to - s.from;
        p.a += g->a_transposed ? at(0, 0, s.from) : at(s.from, g->lda, 0);
        p.c += at(s.from, g->ldc, 0);
    } else if (cut == CUT_COLUMNS) {
        p.n = s.to - s.from;
        p.b += g->b_transposed ? at(s.from, g->ldb, 0) : at(0, 0, s.from);
        p.c += s.from;
    } else if (cut == CUT_DEPTH) {
        p.k = s.to - s.from;
        p.a += g->a_transposed ? at(s.from, g->lda, 0) : at(0, 0, s.from);
        p.b += g->b_transposed ? at(0, 0, s.from) : at(s.from, g->ldb, 0);
    }
    return p;
}

static void run_piece(void *context, int chunk, int worker)
{
    (void)worker;
    const spread_job *job = context;
    const gemm_call *whole = job->whole;
    int extent = job->plan.cut == CUT_ROWS ? whole->m : job->plan.cut == CUT_COLUMNS ? whole->n : whole->k;
    span s = span_part(extent, PIECE_UNIT, chunk, job->plan.parts);
    gemm_call piece = piece_of(whole, job->plan.cut, s);
    if (job->plan.cut == CUT_DEPTH) {
        piece.c = job->partial + (size_t)chunk * (size_t)whole->m * (size_t)whole->n;
        piece.ldc = whole->n;
        piece.beta = 0;
    } else if (job->bias.value) {
        int from = job->plan.cut == CUT_COLUMNS ? s.from : 0;
        for (int row = 0; row < piece.m; row++)
            row_bias_apply(job->bias, whole->beta != 0, from, piece.n, piece.c + at(row, piece.ldc, 0));
        piece.beta = 1;
    }
    if (piece.m > 0 && piece.n > 0)
        gemm(&piece);
}

/* Sums the partial results of a few rows, in the order of the parts. */
static void sum_rows(void *context, int chunk, int worker)
{
    (void)worker;
    const spread_job *job = context;
    const gemm_call *g = job->whole;
    const size_t floats = (size_t)g->m * (size_t)g->n;
    span rows = span_part(g->m, 1, chunk, PARTS_MAX);
    for (int row = rows.from; row < rows.to; row++) {
        float *out = g->c + at(row, g->ldc, 0);
        row_bias_apply(job->bias, g->beta != 0, 0, g->n, out);
        for (int part = 0; part < job->plan.parts; part++) {
            const float *in = job->partial + (size_t)part * floats + at(row, g->n, 0);
            for (int i = 0; i < g->n; i++)
                out[i] += in[i];
        }
    }
}

void spread_gemm(team *t, const gemm_call *g, row_bias bias, float *work)
{
    assert(g->beta == 0 || g->beta == 1);
    spread_job job = {.whole = g, .bias = bias, .plan = plan_for(g->m, g->n, g->k), .partial = work};
    team_run(t, job.plan.parts, run_piece, &job);
    if (job.plan.cut == CUT_DEPTH)
        team_run(t, PARTS_MAX, sum_rows, &job);
}
