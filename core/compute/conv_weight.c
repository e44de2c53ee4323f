/* SPDX-License-Identifier: MIT */
/*
 * conv_weight.c — the weight gradient: the lowered x, transposed, times dy.
 *
 * A large dw is cut into slices of rows, and one worker sums each slice over all images. A small dw has too few rows
 * for that: there the lines of the batch are cut instead, and the partial results are added in a fixed order.
 */
#include "compute/conv.h"

#include "base/minmax.h"
#include "compute/conv_internal.h"
#include "compute/conv_winograd.h"

enum {
    SMALL_DW = 1 << 15, /* floats of a dw that is summed from partial ones */
    SLICES_MAX = 4,     /* few, since OpenBLAS copies all of dy for each slice */
    SLICE_MIN = 128,    /* rows of a slice */
    UNIT = 16,          /* floats of a vector register */
    ROWS_MIN = 256,     /* positions of a group, if the batch has so many */
    ROWS_MAX = 2048,
    LOWERED_FLOATS = 1 << 18,     /* wanted size of a lowered group: 1 MiB */
    LOWERED_FLOATS_MAX = 1 << 20, /* not exceeded for the sake of ROWS_MIN */
    UNPACKED_MACS = 1000000,      /* OpenBLAS's AVX-512 kernels do not copy the operands of products up to this size */
    UNPACKED_ROWS_MIN = 192
};

typedef struct division {
    bool is_small;
    int chunks;      /* slices of dw's rows, or partial results */
    int group_lines; /* lines lowered at once */
    int depth_max;   /* floats of a lowered row */
} division;

static division divide(const conv_geometry *g)
{
    const int depth = conv_depth(g), lines = g->n * g->oh;
    division p = {.is_small = (long)depth * g->oc <= SMALL_DW, .depth_max = depth};
    if (p.is_small) {
        p.chunks = min_int(max_int(conv_positions(g) / ROWS_MIN, 1), min_int(CONV_CHUNKS_MAX, lines));
    } else {
        p.chunks = min_int(max_int(depth / SLICE_MIN, 1), SLICES_MAX);
        p.depth_max = (depth / UNIT / p.chunks + 2) * UNIT;
    }
    int rows = min_int(max_int(LOWERED_FLOATS / p.depth_max, ROWS_MIN), ROWS_MAX);
    rows = min_int(rows, LOWERED_FLOATS_MAX / p.depth_max);
    /* A product that is kept small for this needs enough rows to be worth it. */
    const int unpacked = (int)((long)UNPACKED_MACS / p.depth_max / g->oc);
    if (unpacked >= UNPACKED_ROWS_MIN)
        rows = min_int(rows, unpacked);
    p.group_lines = min_int(max_int(rows / g->ow, 1), lines);
    return p;
}

size_t conv_weight_work(const conv_geometry *g)
{
    if (conv_is_plain(g))
        return gemm_team_work(conv_depth(g), g->oc, conv_positions(g));
    division p = divide(g);
    return p.is_small ? (size_t)p.chunks * (size_t)conv_depth(g) * (size_t)g->oc : 0;
}

size_t conv_weight_scratch(const conv_geometry *g)
{
    division p = divide(g);
    return conv_is_plain(g) ? 0 : (size_t)p.group_lines * (size_t)g->ow * (size_t)p.depth_max;
}

typedef struct weight_job {
    team *team;
    const conv_geometry *g;
    const float *x, *dy;
    float *dw;
    bool add;
    float *work;
    division division;
} weight_job;

/* Sums `rows` of dw over `lines` of the batch into out, which begins at row rows.from. */
static void sum_lines(const weight_job *job, span rows, span lines, float *out, float *lowered)
{
    const conv_geometry *g = job->g;
    const stencil window = conv_window(g);
    const int count = lines.to - lines.from;
    const int groups = (count + job->division.group_lines - 1) / job->division.group_lines;
    bool add = job->add && !job->division.is_small;
    for (int group = 0; group < groups; group++, add = true) {
        span s = span_of(count, 1, group, groups);
        size_t first = (size_t)lines.from + (size_t)s.from;
        stencil_lower(&window, job->x, first, s.to - s.from, rows.from, rows.to, lowered);
        gemm(&(gemm_call){.a_transposed = true,
                          .m = rows.to - rows.from,
                          .n = g->oc,
                          .k = (s.to - s.from) * g->ow,
                          .alpha = 1,
                          .beta = add ? 1 : 0,
                          .a = lowered,
                          .lda = rows.to - rows.from,
                          .b = job->dy + first * (size_t)g->ow * (size_t)g->oc,
                          .ldb = g->oc,
                          .c = out,
                          .ldc = g->oc});
    }
}

static void run_slice(void *context, int chunk, int worker)
{
    const weight_job *job = context;
    const conv_geometry *g = job->g;
    span rows = span_of(conv_depth(g), UNIT, chunk, job->division.chunks);
    sum_lines(job, rows, (span){0, g->n * g->oh}, job->dw + (size_t)rows.from * (size_t)g->oc,
              team_scratch(job->team, worker));
}

static void run_partial(void *context, int chunk, int worker)
{
    const weight_job *job = context;
    const conv_geometry *g = job->g;
    span lines = span_of(g->n * g->oh, 1, chunk, job->division.chunks);
    sum_lines(job, (span){0, conv_depth(g)}, lines, job->work + (size_t)chunk * (size_t)conv_depth(g) * (size_t)g->oc,
              team_scratch(job->team, worker));
}

static void sum_partials(const weight_job *job)
{
    const size_t floats = (size_t)conv_depth(job->g) * (size_t)job->g->oc;
    for (size_t i = 0; i < floats; i++) {
        float sum = job->add ? job->dw[i] : 0;
        for (int chunk = 0; chunk < job->division.chunks; chunk++)
            sum += job->work[(size_t)chunk * floats + i];
        job->dw[i] = sum;
    }
}

void conv_weight_gradient(team *t, const conv_geometry *g, const float *x, const float *dy, float *dw, bool add,
                          float *work)
{
    if (conv_winograd_fits(g)) {
        conv_winograd_weight(t, g, x, dy, dw, add, work);
        return;
    }
    if (conv_is_plain(g)) {
        gemm_team(t,
                  &(gemm_call){.a_transposed = true,
                               .m = conv_depth(g),
                               .n = g->oc,
                               .k = conv_positions(g),
                               .alpha = 1,
                               .beta = add ? 1 : 0,
                               .a = x,
                               .lda = conv_depth(g),
                               .b = dy,
                               .ldb = g->oc,
                               .c = dw,
                               .ldc = g->oc},
                  (row_bias){.period = g->oc}, work);
        return;
    }
    weight_job job = {.team = t, .g = g, .x = x, .dy = dy, .dw = dw, .add = add, .work = work, .division = divide(g)};
    team_run(t, job.division.chunks, job.division.is_small ? run_partial : run_slice, &job);
    if (job.division.is_small)
        sum_partials(&job);
}
