/* SPDX-License-Identifier: MIT */
/*
 * product.c — lowers a group of lines, multiplies, and puts the rows where they belong. Knows nothing of
 * gradients.
 *
 * Three ways of cutting. Freely: lines of the whole batch in groups, each a matrix that fits the cache. With
 * fixed tiles: the same within one image, or, where an image has fewer than TILE positions, TILE images
 * at a time at one position. Bits of a result row then depend neither on its place in the batch nor on its
 * neighbours: OpenBLAS's kernels treat four or eight rows alike, which is not so for most other counts.
 */
#include "compute/product.h"

#include <assert.h>
#include <string.h>

enum {
    TILE = 8,
    ROWS_MIN = 256, /* rows of a group, and of a part, where the batch has them */
    ROWS_MAX = 1024,
    LOWERED_FLOATS = 1 << 18,     /* wanted size of a lowered group: 1 MiB */
    LOWERED_FLOATS_MAX = 1 << 20, /* not exceeded for the sake of ROWS_MIN */
    /* With fixed tiles, outputs of one product; and its largest size in multiply-accumulates. Up to that size
     * OpenBLAS's AVX-512 kernels read the matrices where they are: for the few rows of one image, copying
     * the weights into its buffers would cost as much as the product. */
    BLOCK = 64,
    BLOCK_MACS = 1000000,
    BLOCK_ROWS_MAX = 192 /* with more rows the copy pays */
};

static bool is_tiled(const product *p)
{
    return p->fixed_tiles && stencil_positions(&p->window) < TILE;
}

/* Pieces of the outputs with fixed tiles: blocks of BLOCK each, in whatever number of pieces. */
static int slice_count(const product *p, int slices_max)
{
    int blocks = (p->outputs + BLOCK - 1) / BLOCK;
    return blocks < slices_max ? blocks : slices_max < 1 ? 1 : slices_max;
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
        long unpacked = (long)BLOCK_MACS / depth / p->outputs;
        if (unpacked >= BLOCK_ROWS_MAX && rows > unpacked)
            rows = (int)unpacked;
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
    if (is_tiled(p)) {
        int tiles = tile_count(p) * stencil_positions(s);
        return tiles * slice_count(p, parts_max / tiles);
    }
    if (p->fixed_tiles)
        return p->n * slice_count(p, parts_max / p->n);
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

/* What one group of rows is multiplied with: the outputs wanted, and the lowered rows. */
typedef struct operand {
    const float *rows; /* count × depth */
    int count;
    span outputs;
} operand;

static const float *weights_of_tap(const product *p, int tap)
{
    const product_weights *w = &p->weights;
    return w->value + tap / p->window.kw * w->row_step + tap % p->window.kw * w->column_step;
}

/* The part of a product that takes terms `terms` of a tap to outputs `outputs`. */
typedef struct block {
    bool add;
    int tap;
    span terms, outputs;
} block;

/* result: count rows, `pitch` apart. */
static void multiply_block(const product *p, const operand *o, block b, float *result, int pitch)
{
    const product_weights *w = &p->weights;
    const int depth = stencil_depth(&p->window);
    const int ld = !w->is_transposed ? p->outputs : w->is_by_taps ? p->window.c : depth;
    const size_t output = (size_t)b.outputs.from, term = (size_t)b.terms.from;
    const size_t at = w->is_transposed ? output * (size_t)ld + term : term * (size_t)ld + output;
    gemm(&(gemm_call){.b_transposed = w->is_transposed,
                      .m = o->count,
                      .n = b.outputs.to - b.outputs.from,
                      .k = b.terms.to - b.terms.from,
                      .alpha = 1,
                      .beta = b.add ? 1 : 0,
                      .a = o->rows + (size_t)b.tap * (size_t)p->window.c + term,
                      .lda = depth,
                      .b = weights_of_tap(p, b.tap) + at,
                      .ldb = ld,
                      .c = result,
                      .ldc = pitch});
}

/* The product in blocks whose sizes depend on the rows' count and the extents of the weights, not on how the
 * outputs were sliced. `result` begins at output o->outputs.from. */
static void multiply_blocks(const product *p, const operand *o, block b, float *result, int pitch)
{
    const int taps = p->weights.is_by_taps ? p->window.kh * p->window.kw : 1;
    const int terms = stencil_depth(&p->window) / taps;
    const int terms_max = o->count < BLOCK_ROWS_MAX ? BLOCK_MACS / (BLOCK * o->count) : terms;
    const int pieces = (terms + terms_max - 1) / terms_max;
    const bool add = b.add;
    for (int from = o->outputs.from; from < o->outputs.to; from += BLOCK) {
        b.outputs = (span){from, from + BLOCK < o->outputs.to ? from + BLOCK : o->outputs.to};
        b.add = add;
        for (b.tap = 0; b.tap < taps; b.tap++)
            for (int piece = 0; piece < pieces; piece++, b.add = true) {
                b.terms = span_part(terms, 1, piece, pieces);
                multiply_block(p, o, b, result + from - o->outputs.from, pitch);
            }
    }
}

static void multiply(const product *p, const operand *o, bool add, float *result, int pitch)
{
    const int depth = stencil_depth(&p->window);
    if (depth == 0)
        return;
    block b = {.add = add, .outputs = o->outputs, .terms = {0, depth}};
    if (p->fixed_tiles)
        multiply_blocks(p, o, b, result, pitch);
    else
        multiply_block(p, o, b, result, pitch);
}

static void scatter(const product *p, size_t first, int lines, span outputs, const float *rows)
{
    const size_t count = (size_t)(outputs.to - outputs.from);
    for (int i = 0; i < lines; i++) {
        float *out = target_line(p, first + (size_t)i) + outputs.from;
        for (int column = 0; column < p->window.columns; column++, out += p->column_step, rows += count) {
            if (!p->add)
                memcpy(out, rows, count * sizeof *out);
            else
                for (size_t k = 0; k < count; k++)
                    out[k] += rows[k];
        }
    }
}

static void run_group(const product *p, size_t first, int lines, span outputs, float *scratch)
{
    const stencil *s = &p->window;
    const int depth = stencil_depth(s), rows = lines * s->columns;
    const bool is_direct = is_contiguous(p);
    const int pitch = is_direct ? p->outputs : outputs.to - outputs.from;
    operand o = {.count = rows, .outputs = outputs};
    float *result = is_direct ? target_line(p, first) + outputs.from : scratch;
    if (!is_direct)
        scratch += aligned((size_t)rows * (size_t)pitch);
    if (stencil_is_plain(s)) {
        o.rows = p->source + first * (size_t)s->columns * (size_t)depth;
    } else if (depth > 0) {
        stencil_lower(s, p->source, first, lines, 0, depth, scratch);
        o.rows = scratch;
    }
    bool is_added = is_direct && p->add;
    if (p->bias.value || depth == 0)
        for (int row = 0; row < rows; row++)
            row_bias_apply(p->bias, is_added, outputs.from, outputs.to - outputs.from,
                           result + (size_t)row * (size_t)pitch);
    multiply(p, &o, is_added || p->bias.value, result, pitch);
    if (!is_direct)
        scatter(p, first, lines, outputs, result);
}

/* Lines first … first+lines-1 in groups of nearly equal size. */
static void run_lines(const product *p, size_t first, int lines, span outputs, float *scratch)
{
    int most = group_lines(p), groups = (lines + most - 1) / most;
    for (int group = 0; group < groups; group++) {
        span s = span_part(lines, 1, group, groups);
        run_group(p, first + (size_t)s.from, s.to - s.from, outputs, scratch);
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

static void run_tile(const product *p, int tile, int position, span outputs, float *scratch)
{
    const stencil *s = &p->window;
    const int depth = stencil_depth(s), count = outputs.to - outputs.from;
    float *result = scratch + (size_t)TILE * (size_t)depth;
    if (depth > 0) {
        const operand o = {.rows = tile_rows(p, tile, position, scratch), .count = TILE, .outputs = outputs};
        multiply(p, &o, false, result, count);
    }
    float *out = p->target + (size_t)tile * TILE * p->image_step + (size_t)(position / s->columns) * p->row_step +
                 (size_t)(position % s->columns) * p->column_step + outputs.from;
    for (int i = 0; i < TILE && tile * TILE + i < p->n; i++, out += p->image_step, result += count) {
        row_bias_apply(p->bias, p->add, outputs.from, count, out);
        for (int k = 0; k < count && depth > 0; k++)
            out[k] += result[k];
    }
}

void product_run(const product *p, int part, int parts, float *scratch)
{
    assert(part >= 0 && part < parts);
    const int rows = p->window.rows;
    if (!p->fixed_tiles) {
        span lines = span_part(p->n * rows, 1, part, parts);
        run_lines(p, (size_t)lines.from, lines.to - lines.from, (span){0, p->outputs}, scratch);
        return;
    }
    const int positions = stencil_positions(&p->window), units = is_tiled(p) ? tile_count(p) * positions : p->n;
    const int slices = parts / units, unit = part / slices;
    const span outputs = span_part(p->outputs, BLOCK, part % slices, slices);
    if (is_tiled(p))
        run_tile(p, unit / positions, unit % positions, outputs, scratch);
    else
        run_lines(p, (size_t)unit * (size_t)rows, rows, outputs, scratch);
}
