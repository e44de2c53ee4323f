/* SPDX-License-Identifier: MIT */
/*
 * product.c — lowers a group of lines, multiplies, and puts the rows where they belong. Knows nothing of
 * gradients.
 *
 * Three ways of cutting. Freely: lines of the whole batch in groups, each a matrix that fits the cache. With
 * fixed tiles: the same within one image, or, where an image has fewer than TILE positions, TILE images
 * at a time at one position, with the weights on the left. Bits of a result row then depend neither on its
 * place in the batch nor on its neighbours: OpenBLAS's kernels treat the rows of such a tile alike, which is
 * not so for other counts of rows.
 */
#include "compute/product.h"

#include <assert.h>
#include <string.h>

enum {
    TILE = 16,
    SLICE_MIN = 64, /* outputs a slice of a tile has at least */
    SLICES_MAX = 8,
    ROWS_MIN = 256, /* rows of a group, and of a part, where the batch has them */
    ROWS_MAX = 1024,
    LOWERED_FLOATS = 1 << 18,    /* wanted size of a lowered group: 1 MiB */
    LOWERED_FLOATS_MAX = 1 << 20 /* not exceeded for the sake of ROWS_MIN */
};

static bool is_tiled(const product *p)
{
    return p->fixed_tiles && stencil_positions(&p->window) < TILE;
}

static int tile_slices(const product *p)
{
    int slices = p->outputs / SLICE_MIN;
    return slices < 1 ? 1 : slices > SLICES_MAX ? SLICES_MAX : slices;
}

static int tile_count(const product *p)
{
    return (p->n + TILE - 1) / TILE;
}

/* Lines of positions a group has at most. */
static int group_lines(const product *p)
{
    int depth = stencil_depth(&p->window), rows = ROWS_MAX;
    if (depth > 0) {
        rows = LOWERED_FLOATS / depth;
        rows = rows < ROWS_MIN ? ROWS_MIN : rows > ROWS_MAX ? ROWS_MAX : rows;
        if (rows > LOWERED_FLOATS_MAX / depth)
            rows = LOWERED_FLOATS_MAX / depth;
    }
    int lines = rows / p->window.columns;
    return lines < 1 ? 1 : lines;
}

/* Whether the result's rows lie one behind the other in the target. */
static bool is_contiguous(const product *p)
{
    const stencil *s = &p->window;
    return p->column_step == (size_t)p->outputs && p->row_step == p->column_step * (size_t)s->columns &&
           p->image_step == p->row_step * (size_t)s->rows;
}

int product_parts(const product *p, int parts_max)
{
    const stencil *s = &p->window;
    if (stencil_positions(s) == 0)
        return 0;
    if (is_tiled(p))
        return tile_count(p) * stencil_positions(s) * tile_slices(p);
    if (p->fixed_tiles)
        return p->n;
    long lines = (long)p->n * s->rows, parts = lines * s->columns / ROWS_MIN;
    parts = parts > parts_max ? parts_max : parts;
    parts = parts > lines ? lines : parts;
    return parts < 1 ? 1 : (int)parts;
}

/* Floats up to the next cache line. */
static size_t aligned(size_t floats)
{
    return (floats + 15) / 16 * 16;
}

size_t product_scratch(const product *p)
{
    const stencil *s = &p->window;
    size_t depth = (size_t)stencil_depth(s), outputs = (size_t)p->outputs;
    if (is_tiled(p))
        return TILE * (depth + outputs);
    size_t lines = (size_t)(p->fixed_tiles ? s->rows : s->rows * p->n);
    if (lines > (size_t)group_lines(p))
        lines = (size_t)group_lines(p);
    size_t rows = lines * (size_t)s->columns;
    return (stencil_is_plain(s) ? 0 : aligned(rows * depth)) + (is_contiguous(p) ? 0 : aligned(rows * outputs));
}

static float *target_line(const product *p, size_t line)
{
    size_t rows = (size_t)p->window.rows;
    return p->target + line / rows * p->image_step + line % rows * p->row_step;
}

static void scatter(const product *p, size_t first, int lines, const float *rows)
{
    const size_t outputs = (size_t)p->outputs;
    for (int i = 0; i < lines; i++) {
        float *out = target_line(p, first + (size_t)i);
        for (int column = 0; column < p->window.columns; column++, out += p->column_step, rows += outputs) {
            if (!p->add)
                memcpy(out, rows, outputs * sizeof *out);
            else
                for (size_t k = 0; k < outputs; k++)
                    out[k] += rows[k];
        }
    }
}

static void run_group(const product *p, size_t first, int lines, float *scratch)
{
    const stencil *s = &p->window;
    const int depth = stencil_depth(s), rows = lines * s->columns;
    const bool is_direct = is_contiguous(p);
    const float *lowered = p->source + first * (size_t)s->columns * (size_t)depth;
    float *result = is_direct ? target_line(p, first) : scratch;
    if (!is_direct)
        scratch += aligned((size_t)rows * (size_t)p->outputs);
    if (!stencil_is_plain(s) && depth > 0) {
        stencil_lower(s, p->source, first, lines, 0, depth, scratch);
        lowered = scratch;
    }
    bool is_added = is_direct && p->add;
    if (p->bias.value || depth == 0)
        for (int row = 0; row < rows; row++)
            row_bias_apply(p->bias, is_added, 0, p->outputs, result + (size_t)row * (size_t)p->outputs);
    if (depth > 0)
        gemm(&(gemm_call){.b_transposed = p->is_transposed,
                          .m = rows,
                          .n = p->outputs,
                          .k = depth,
                          .alpha = 1,
                          .beta = is_added || p->bias.value ? 1 : 0,
                          .a = lowered,
                          .lda = depth,
                          .b = p->weights,
                          .ldb = p->is_transposed ? depth : p->outputs,
                          .c = result,
                          .ldc = p->outputs});
    if (!is_direct)
        scatter(p, first, lines, result);
}

/* Lines first … first+lines-1 in groups of nearly equal size. */
static void run_lines(const product *p, size_t first, int lines, float *scratch)
{
    int most = group_lines(p), groups = (lines + most - 1) / most;
    for (int group = 0; group < groups; group++) {
        span s = span_part(lines, 1, group, groups);
        run_group(p, first + (size_t)s.from, s.to - s.from, scratch);
    }
}

/* The rows of TILE images at one position; images beyond the batch are zero. */
static const float *tile_rows(const product *p, int tile, int position, float *scratch)
{
    const stencil *s = &p->window;
    const size_t depth = (size_t)stencil_depth(s), image = (size_t)s->h * (size_t)s->w * (size_t)s->c;
    const float *source = p->source + (size_t)tile * TILE * image;
    int images = p->n - tile * TILE < TILE ? p->n - tile * TILE : TILE;
    if (image == depth && images == TILE && stencil_is_plain(s))
        return source;
    for (int i = 0; i < images; i++)
        stencil_lower_position(s, source + (size_t)i * image, position, scratch + (size_t)i * depth);
    memset(scratch + (size_t)images * depth, 0, (size_t)(TILE - images) * depth * sizeof *scratch);
    return scratch;
}

/* Writes the transposed result (outputs × TILE) of a slice to where its images have it. */
static void tile_store(const product *p, int tile, int position, span slice, const float *result)
{
    const stencil *s = &p->window;
    float *out = p->target + (size_t)tile * TILE * p->image_step + (size_t)(position / s->columns) * p->row_step +
                 (size_t)(position % s->columns) * p->column_step + slice.from;
    for (int i = 0; i < TILE && tile * TILE + i < p->n; i++, out += p->image_step) {
        row_bias_apply(p->bias, p->add, slice.from, slice.to - slice.from, out);
        for (int k = 0; k < slice.to - slice.from; k++)
            out[k] += result[k * TILE + i];
    }
}

static void run_tile(const product *p, int part, float *scratch)
{
    const int positions = stencil_positions(&p->window), slices = tile_slices(p), depth = stencil_depth(&p->window);
    const int tile = part / (positions * slices), position = part / slices % positions;
    const span slice = span_part(p->outputs, TILE, part % slices, slices);
    const int outputs = slice.to - slice.from;
    float *result = scratch + (size_t)TILE * (size_t)depth;
    if (depth == 0)
        memset(result, 0, (size_t)outputs * TILE * sizeof *result);
    else
        gemm(&(gemm_call){.a_transposed = !p->is_transposed,
                          .b_transposed = true,
                          .m = outputs,
                          .n = TILE,
                          .k = depth,
                          .alpha = 1,
                          .a = p->weights + (size_t)slice.from * (size_t)(p->is_transposed ? depth : 1),
                          .lda = p->is_transposed ? depth : p->outputs,
                          .b = tile_rows(p, tile, position, scratch),
                          .ldb = depth,
                          .c = result,
                          .ldc = TILE});
    tile_store(p, tile, position, slice, result);
}

void product_run(const product *p, int part, int parts, float *scratch)
{
    assert(part >= 0 && part < parts);
    const int rows = p->window.rows;
    if (is_tiled(p)) {
        run_tile(p, part, scratch);
    } else if (p->fixed_tiles) {
        run_lines(p, (size_t)part * (size_t)rows, rows, scratch);
    } else {
        span lines = span_part(p->n * rows, 1, part, parts);
        run_lines(p, (size_t)lines.from, lines.to - lines.from, scratch);
    }
}
