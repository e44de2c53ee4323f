/* SPDX-License-Identifier: MIT */
/* gemm_team.c — cuts one matrix product for a team. Knows extents, not what the matrices are. */
#include "compute/gemm_team.h"

#include <assert.h>
#include <string.h>

enum {
    CHUNKS_MAX = 8,
    PIECE_MIN = 64,        /* rows or columns of a piece */
    PIECE_UNIT = 16,       /* floats of a vector register */
    DEPTH_MIN = 256,       /* terms of a sum in a piece */
    PARTIAL_MAX = 1 << 15, /* floats of a result that is summed from partial ones */
    SMALL_MACS = 1 << 16   /* a product of so few operations is faster on one thread */
};

enum cut { CUT_NONE, CUT_ROWS, CUT_COLUMNS, CUT_DEPTH };

typedef struct division {
    enum cut cut;
    int chunks;
} division;

static int chunks_for(int extent, int piece)
{
    int chunks = extent / piece;
    return chunks < 1 ? 1 : chunks > CHUNKS_MAX ? CHUNKS_MAX : chunks;
}

static division divide(int m, int n, int k)
{
    if ((double)m * n * k <= SMALL_MACS)
        return (division){CUT_NONE, 1};
    /* The result is small and its sums are long: cut by rows or columns, every piece would read a whole operand. */
    if ((double)m * n <= PARTIAL_MAX && k >= 2 * DEPTH_MIN)
        return (division){CUT_DEPTH, chunks_for(k, DEPTH_MIN)};
    if (m >= n)
        return (division){CUT_ROWS, chunks_for(m, PIECE_MIN)};
    return (division){CUT_COLUMNS, chunks_for(n, PIECE_MIN)};
}

span span_of(int n, int unit, int chunk, int chunks)
{
    long units = (n + unit - 1) / unit;
    long from = units * chunk / chunks * unit, to = units * (chunk + 1) / chunks * unit;
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

size_t gemm_team_work(int m, int n, int k)
{
    division p = divide(m, n, k);
    return p.cut == CUT_DEPTH ? (size_t)p.chunks * (size_t)m * (size_t)n : 0;
}

typedef struct team_job {
    const gemm_call *whole;
    row_bias bias;
    division division;
    float *partial; /* chunks × m × n */
} team_job;

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
    const team_job *job = context;
    const gemm_call *whole = job->whole;
    int extent = job->division.cut == CUT_ROWS ? whole->m : job->division.cut == CUT_COLUMNS ? whole->n : whole->k;
    span s = span_of(extent, PIECE_UNIT, chunk, job->division.chunks);
    gemm_call piece = piece_of(whole, job->division.cut, s);
    if (job->division.cut == CUT_DEPTH) {
        piece.c = job->partial + (size_t)chunk * (size_t)whole->m * (size_t)whole->n;
        piece.ldc = whole->n;
        piece.beta = 0;
    } else if (job->bias.value) {
        int from = job->division.cut == CUT_COLUMNS ? s.from : 0;
        for (int row = 0; row < piece.m; row++)
            row_bias_apply(job->bias, whole->beta != 0, from, piece.n, piece.c + at(row, piece.ldc, 0));
        piece.beta = 1;
    }
    if (piece.m > 0 && piece.n > 0)
        gemm(&piece);
}

/* Adds up the partial results of a few rows, in the order of the chunks. */
static void sum_rows(void *context, int chunk, int worker)
{
    (void)worker;
    const team_job *job = context;
    const gemm_call *g = job->whole;
    const size_t floats = (size_t)g->m * (size_t)g->n;
    span rows = span_of(g->m, 1, chunk, CHUNKS_MAX);
    for (int row = rows.from; row < rows.to; row++) {
        float *out = g->c + at(row, g->ldc, 0);
        row_bias_apply(job->bias, g->beta != 0, 0, g->n, out);
        for (int piece = 0; piece < job->division.chunks; piece++) {
            const float *in = job->partial + (size_t)piece * floats + at(row, g->n, 0);
            for (int i = 0; i < g->n; i++)
                out[i] += in[i];
        }
    }
}

void gemm_team(team *t, const gemm_call *g, row_bias bias, float *work)
{
    assert(g->beta == 0 || g->beta == 1);
    team_job job = {.whole = g, .bias = bias, .division = divide(g->m, g->n, g->k), .partial = work};
    team_run(t, job.division.chunks, run_piece, &job);
    if (job.division.cut == CUT_DEPTH)
        team_run(t, CHUNKS_MAX, sum_rows, &job);
}
