/* SPDX-License-Identifier: MIT */
/*
 * product.c — lowers a group of lines, multiplies it by the weights, and writes the rows to the target. Knows nothing
 * of gradients.
 *
 * There are two ways of cutting. Without fixed tiles, the lines of the whole batch are cut into groups, each of which
 * fits the cache as a matrix. With fixed tiles, the batch is cut into units: some lines of one image or, where an image
 * has fewer than TILE positions, one position of TILE images. Each unit has its own products, whose sizes depend on the
 * extents of a unit alone, so the bits of a result row depend neither on its place in the batch nor on its neighbours.
 * (OpenBLAS's kernels compute four or eight rows alike, but most other counts not.) Several units are computed together
 * only so that a block of weights is used for all of them while it is in the cache.
 */
#include "compute/product.h"

#include <assert.h>
#include <string.h>

enum {
    TILE = 8,
    ROWS_MIN = 256, /* rows of a group, and of a chunk, if the batch has so many */
    ROWS_MAX = 1024,
    LOWERED_FLOATS = 1 << 18,     /* wanted size of a lowered group: 1 MiB */
    LOWERED_FLOATS_MAX = 1 << 20, /* not exceeded for the sake of ROWS_MIN */
    /* Up to so many multiply-accumulates OpenBLAS's AVX-512 kernels read the matrices where they lie. Above so many
     * rows, copying the weights into its buffers pays. */
    UNPACKED_MACS = 1000000,
    UNPACKED_ROWS = 192,
    /* With fixed tiles: */
    BLOCK = 64,              /* outputs of one product */
    TERMS_UNIT = 16,         /* terms of a cache line */
    TERMS_MIN = 64,          /* with fewer terms a product is inefficient */
    UNIT_ROWS_MIN = 64,      /* rows of a unit, if an image has so many */
    UNITS_MAX = 8,           /* units that are computed together */
    UNITS_FLOATS = 96 << 10, /* floats that these may take of the cache */
    TRANSPOSE_TERMS = 128    /* terms transposed at a time: the first-level cache holds so many lines of the result */
};

static bool is_tiled(const product *p)
{
    return p->fixed_tiles && stencil_positions(&p->window) < TILE;
}

/* Returns into how many slices, of whole blocks each, the outputs are cut with fixed tiles. */
static int slice_count(const product *p, int slices_max)
{
    int blocks = (p->outputs + BLOCK - 1) / BLOCK;
    return blocks < slices_max ? blocks : slices_max < 1 ? 1 : slices_max;
}

/* Returns the lines of an image that a unit has at most. */
static int unit_lines(const product *p)
{
    const stencil *s = &p->window;
    const int depth = stencil_depth(s);
    int rows = UNPACKED_MACS / BLOCK / (depth > 0 ? depth : 1);
    rows = rows < UNIT_ROWS_MIN ? UNIT_ROWS_MIN : rows > ROWS_MAX ? ROWS_MAX : rows;
    const int lines = rows / s->columns;
    return lines < 1 ? 1 : lines > s->rows ? s->rows : lines;
}

static int units_of_image(const product *p)
{
    const int lines = unit_lines(p);
    return (p->window.rows + lines - 1) / lines;
}

static int unit_count(const product *p)
{
    return is_tiled(p) ? (p->n + TILE - 1) / TILE * stencil_positions(&p->window) : p->n * units_of_image(p);
}

static int unit_rows_max(const product *p)
{
    return is_tiled(p) ? TILE : unit_lines(p) * p->window.columns;
}

/* Returns into how many products a unit's sums of `terms` terms are cut, for a block of outputs. */
static int piece_count(const product *p, int terms)
{
    int terms_max = UNPACKED_MACS / BLOCK / unit_rows_max(p);
    terms_max = terms_max < TERMS_MIN ? TERMS_MIN : terms_max / TERMS_UNIT * TERMS_UNIT;
    return (terms + terms_max - 1) / terms_max;
}

/* Returns how many terms of a sum lie in one matrix of weights. */
static int terms_together(const product *p)
{
    return p->weights.is_by_taps ? p->window.c : stencil_depth(&p->window);
}

/* Returns the terms that a piece has at most. */
static int piece_terms(const product *p)
{
    const int terms = terms_together(p), pieces = piece_count(p, terms);
    return pieces > 0 ? ((terms + TERMS_UNIT - 1) / TERMS_UNIT + pieces - 1) / pieces * TERMS_UNIT : 0;
}

/* Returns the lines of positions that a group has at most. */
static int group_lines(const product *p)
{
    int depth = stencil_depth(&p->window), rows = ROWS_MAX;
    if (depth > 0) {
        rows = LOWERED_FLOATS / depth;
        rows = rows < ROWS_MIN ? ROWS_MIN : rows > ROWS_MAX ? ROWS_MAX : rows;
        if (rows > LOWERED_FLOATS_MAX / depth)
            rows = LOWERED_FLOATS_MAX / depth;
        long unpacked = (long)UNPACKED_MACS / depth / p->outputs;
        if (unpacked >= UNPACKED_ROWS && rows > unpacked)
            rows = (int)unpacked;
    }
    int lines = rows / p->window.columns;
    return lines < 1 ? 1 : lines;
}

/* True where the rows of the result follow one another in the target without gaps. */
static bool is_contiguous(const product *p)
{
    const stencil *s = &p->window;
    return p->column_step == (size_t)p->outputs && p->row_step == p->column_step * (size_t)s->columns &&
           p->image_step == p->row_step * (size_t)s->rows;
}

/* Returns the floats of a unit's scratch for its rows of a piece; the result lies behind them. */
static size_t unit_lowered(const product *p)
{
    return team_lines((size_t)unit_rows_max(p) * (size_t)piece_terms(p));
}

/* Returns the floats of a unit's scratch. The result has a place there where it is not written to the target directly.
 */
static size_t unit_scratch(const product *p)
{
    const bool has_result = is_tiled(p) || !is_contiguous(p);
    return unit_lowered(p) + (has_result ? team_lines((size_t)unit_rows_max(p) * (size_t)p->outputs) : 0);
}

/* Returns how many units are computed together at most. */
static int units_together(const product *p)
{
    /* Few tiles have their result in the scratch: only those that are not full. */
    const size_t floats = is_tiled(p) ? unit_lowered(p) : unit_scratch(p), fitting = UNITS_FLOATS / (floats + 1);
    return fitting < 1 ? 1 : fitting > UNITS_MAX ? UNITS_MAX : (int)fitting;
}

static int group_count(const product *p)
{
    const int together = units_together(p);
    return (unit_count(p) + together - 1) / together;
}

int product_chunks(const product *p, int chunks_max)
{
    const stencil *s = &p->window;
    if (stencil_positions(s) == 0)
        return 0;
    if (p->fixed_tiles) {
        const int groups = group_count(p);
        return groups * slice_count(p, chunks_max / groups);
    }
    long lines = (long)p->n * s->rows, chunks = lines * s->columns / ROWS_MIN;
    chunks = chunks > chunks_max ? chunks_max : chunks;
    chunks = chunks > lines ? lines : chunks;
    return chunks < 1 ? 1 : (int)chunks;
}

/* Returns the floats of scratch of all units that are computed together; a block of weights lies behind them. */
static size_t units_scratch(const product *p)
{
    return (size_t)units_together(p) * unit_scratch(p);
}

size_t product_scratch(const product *p)
{
    const stencil *s = &p->window;
    if (p->fixed_tiles)
        return units_scratch(p) + (size_t)piece_terms(p) * BLOCK;
    size_t depth = (size_t)stencil_depth(s), outputs = (size_t)p->outputs, lines = (size_t)s->rows * (size_t)p->n;
    if (lines > (size_t)group_lines(p))
        lines = (size_t)group_lines(p);
    size_t rows = lines * (size_t)s->columns;
    return (stencil_is_plain(s) ? 0 : team_lines(rows * depth)) + (is_contiguous(p) ? 0 : team_lines(rows * outputs));
}

static float *target_line(const product *p, size_t line)
{
    size_t rows = (size_t)p->window.rows;
    return p->target + line / rows * p->image_step + line % rows * p->row_step;
}

static void scatter(const product *p, size_t first, int lines, const float *rows)
{
    const size_t count = (size_t)p->outputs;
    for (int i = 0; i < lines; i++) {
        float *out = target_line(p, first + (size_t)i);
        for (int column = 0; column < p->window.columns; column++, out += p->column_step, rows += count) {
            if (!p->add)
                memcpy(out, rows, count * sizeof *out);
            else
                for (size_t k = 0; k < count; k++)
                    out[k] += rows[k];
        }
    }
}

static void run_group(const product *p, size_t first, int lines, float *scratch)
{
    const stencil *s = &p->window;
    const int depth = stencil_depth(s), rows = lines * s->columns;
    const bool is_direct = is_contiguous(p);
    float *result = is_direct ? target_line(p, first) : scratch;
    const float *lowered = p->source + first * (size_t)s->columns * (size_t)depth;
    if (!is_direct)
        scratch += team_lines((size_t)rows * (size_t)p->outputs);
    if (!stencil_is_plain(s) && depth > 0) {
        stencil_lower(s, p->source, first, lines, 0, depth, scratch);
        lowered = scratch;
    }
    bool is_added = is_direct && p->add;
    if (p->bias.value || depth == 0)
        for (int row = 0; row < rows; row++)
            row_bias_apply(p->bias, is_added, 0, p->outputs, result + (size_t)row * (size_t)p->outputs);
    if (depth > 0)
        gemm(&(gemm_call){.m = rows,
                          .n = p->outputs,
                          .k = depth,
                          .alpha = 1,
                          .beta = is_added || p->bias.value ? 1 : 0,
                          .a = lowered,
                          .lda = depth,
                          .b = p->weights.value,
                          .ldb = p->outputs,
                          .c = result,
                          .ldc = p->outputs});
    if (!is_direct)
        scatter(p, first, lines, result);
}

/* Computes lines first … first+lines-1 in groups of nearly equal size. */
static void run_lines(const product *p, size_t first, int lines, float *scratch)
{
    int lines_max = group_lines(p), groups = (lines + lines_max - 1) / lines_max;
    for (int group = 0; group < groups; group++) {
        span s = span_of(lines, 1, group, groups);
        run_group(p, first + (size_t)s.from, s.to - s.from, scratch);
    }
}

/* --- fixed tiles --- */

/* The terms that one product adds up; all belong to one tap where each tap has its own matrix. */
typedef struct piece {
    int tap;
    span terms;
} piece;

/* A unit: the terms of its rows that the present piece has, and its result from the first wanted output on. */
typedef struct unit {
    size_t image;         /* the first one */
    int images, position; /* of a tile: how many images the batch has for it, and their position */
    int line, lines;      /* of a unit of lines */
    int count;            /* rows */
    float *lowered, *result;
    const float *rows;
    int rows_pitch, result_pitch;
    bool is_direct; /* the result is the target itself */
} unit;

/* Returns where the outputs of a row of the unit go. */
static float *target_of(const product *p, const unit *u, int row)
{
    const int columns = p->window.columns, position = is_tiled(p) ? u->position : u->line * columns + row;
    const size_t image = u->image + (is_tiled(p) ? (size_t)row : 0);
    return p->target + image * p->image_step + (size_t)(position / columns) * p->row_step +
           (size_t)(position % columns) * p->column_step;
}

static unit tile_at(const product *p, int index)
{
    const int positions = stencil_positions(&p->window), first = index / positions * TILE;
    const int images = p->n - first < TILE ? p->n - first : TILE;
    return (unit){.image = (size_t)first,
                  .images = images,
                  .position = index % positions,
                  .count = TILE,
                  .result_pitch = (int)p->image_step,
                  .is_direct = images == TILE && !p->add};
}

static unit lines_at(const product *p, int index)
{
    const int units = units_of_image(p);
    const span lines = span_of(p->window.rows, 1, index % units, units);
    return (unit){.image = (size_t)(index / units),
                  .line = lines.from,
                  .lines = lines.to - lines.from,
                  .count = (lines.to - lines.from) * p->window.columns,
                  .result_pitch = p->outputs,
                  .is_direct = is_contiguous(p)};
}

static unit unit_at(const product *p, int index, span outputs, float *scratch)
{
    unit u = is_tiled(p) ? tile_at(p, index) : lines_at(p, index);
    u.lowered = scratch;
    u.result = target_of(p, &u, 0) + outputs.from;
    if (!u.is_direct) {
        u.result = scratch + unit_lowered(p);
        u.result_pitch = outputs.to - outputs.from;
    }
    return u;
}

/* Lowers a tile; rows beyond the batch's last image are zero. */
static void lower_tile(const product *p, unit *u, int from, int to)
{
    const stencil *s = &p->window;
    const size_t terms = (size_t)(to - from), image = (size_t)s->h * (size_t)s->w * (size_t)s->c;
    const float *source = p->source + u->image * image;
    for (int i = 0; i < u->images; i++)
        stencil_lower_position(s, source + (size_t)i * image, u->position, from, to, u->lowered + (size_t)i * terms);
    memset(u->lowered + (size_t)u->images * terms, 0, (size_t)(TILE - u->images) * terms * sizeof *u->lowered);
}

static void lower_unit(const product *p, unit *u, piece at)
{
    const stencil *s = &p->window;
    const int from = at.tap * s->c + at.terms.from, to = at.tap * s->c + at.terms.to, depth = stencil_depth(s);
    u->rows = u->lowered;
    u->rows_pitch = to - from;
    if (stencil_is_plain(s) && (!is_tiled(p) || u->images == TILE)) {
        /* The rows are read where they lie in the source: a tile's are the same position of successive images. */
        const int positions = stencil_positions(s), position = is_tiled(p) ? u->position : u->line * s->columns;
        const size_t first = u->image * (size_t)positions + (size_t)position;
        u->rows = p->source + first * (size_t)depth + from;
        u->rows_pitch = is_tiled(p) ? positions * depth : depth;
    } else if (is_tiled(p))
        lower_tile(p, u, from, to);
    else
        stencil_lower(s, p->source, u->image * (size_t)s->rows + (size_t)u->line, u->lines, from, to, u->lowered);
}

/* The weights of a piece's terms and a block's outputs: the first `outputs` of every `pitch` floats. */
typedef struct weights_block {
    const float *at;
    int pitch, outputs;
} weights_block;

/* Finds the weights of a block. Transposed weights are transposed back into `copy`: that costs little even for one
 * image, and products are then half as fast again. Other weights are copied together where several units share them,
 * which changes no bit. */
static weights_block block_of(const product *p, piece at, span outputs, bool is_shared, float *copy)
{
    const product_weights *w = &p->weights;
    const int count = outputs.to - outputs.from, terms = at.terms.to - at.terms.from;
    const size_t ld = (size_t)(w->is_transposed ? terms_together(p) : p->outputs), width = (size_t)count;
    const float *tap = w->value + at.tap / p->window.kw * w->row_step + at.tap % p->window.kw * w->column_step;
    if (w->is_transposed) {
        const float *from = tap + (size_t)outputs.from * ld + (size_t)at.terms.from;
        for (int i = 0; i < terms; i += TRANSPOSE_TERMS)
            blas_transpose(count, terms - i < TRANSPOSE_TERMS ? terms - i : TRANSPOSE_TERMS, from + i, (int)ld,
                           copy + (size_t)i * width, count);
        return (weights_block){copy, count, count};
    }
    const float *from = tap + (size_t)at.terms.from * ld + (size_t)outputs.from;
    if (!is_shared || width == ld)
        return (weights_block){from, (int)ld, count};
    for (size_t i = 0; i < (size_t)terms; i++)
        memcpy(copy + i * width, from + i * ld, width * sizeof *copy);
    return (weights_block){copy, count, count};
}

static void multiply(const unit *u, piece at, weights_block b, bool add, float *result)
{
    gemm(&(gemm_call){.m = u->count,
                      .n = b.outputs,
                      .k = at.terms.to - at.terms.from,
                      .alpha = 1,
                      .beta = add ? 1 : 0,
                      .a = u->rows,
                      .lda = u->rows_pitch,
                      .b = b.at,
                      .ldb = b.pitch,
                      .c = result,
                      .ldc = u->result_pitch});
}

/* Computes the sums of several units. `copy` has room for a block of weights. */
static void multiply_units(const product *p, unit *units, int count, span outputs, bool add, float *copy)
{
    const int taps = p->weights.is_by_taps ? p->window.kh * p->window.kw : 1;
    const int terms = terms_together(p), pieces = piece_count(p, terms);
    for (int i = 0; i < taps * pieces; i++) {
        const piece at = {.tap = i / pieces, .terms = span_of(terms, TERMS_UNIT, i % pieces, pieces)};
        for (int k = 0; k < count; k++)
            lower_unit(p, &units[k], at);
        for (int from = outputs.from; from < outputs.to; from += BLOCK) {
            const span block = {from, from + BLOCK < outputs.to ? from + BLOCK : outputs.to};
            const weights_block b = block_of(p, at, block, count > 1, copy);
            for (int k = 0; k < count; k++)
                multiply(&units[k], at, b, add || i > 0, units[k].result + from - outputs.from);
        }
    }
}

static void put_rows(const product *p, const unit *u, span outputs)
{
    const int count = outputs.to - outputs.from, rows = is_tiled(p) ? u->images : u->count;
    const float *in = u->result;
    for (int row = 0; row < rows; row++, in += count) {
        float *out = target_of(p, u, row) + outputs.from;
        if (!p->add)
            memcpy(out, in, (size_t)count * sizeof *out);
        else
            for (int k = 0; k < count; k++)
                out[k] += in[k];
    }
}

static void run_units(const product *p, span wanted, span outputs, float *scratch)
{
    unit units[UNITS_MAX];
    const int count = wanted.to - wanted.from;
    const bool has_sums = stencil_depth(&p->window) > 0, is_added = p->add && !is_tiled(p) && is_contiguous(p);
    assert(count <= UNITS_MAX);
    for (int k = 0; k < count; k++) {
        units[k] = unit_at(p, wanted.from + k, outputs, scratch + (size_t)k * unit_scratch(p));
        for (int row = 0; (p->bias.value || !has_sums) && row < units[k].count; row++)
            row_bias_apply(p->bias, is_added, outputs.from, outputs.to - outputs.from,
                           units[k].result + (size_t)row * (size_t)units[k].result_pitch);
    }
    if (has_sums)
        multiply_units(p, units, count, outputs, is_added || p->bias.value, scratch + units_scratch(p));
    for (int k = 0; k < count; k++)
        if (!units[k].is_direct)
            put_rows(p, &units[k], outputs);
}

void product_run(const product *p, int chunk, int chunks, float *scratch)
{
    assert(chunk >= 0 && chunk < chunks);
    if (!p->fixed_tiles) {
        span lines = span_of(p->n * p->window.rows, 1, chunk, chunks);
        run_lines(p, (size_t)lines.from, lines.to - lines.from, scratch);
        return;
    }
    const int groups = group_count(p), slices = chunks / groups;
    run_units(p, span_of(unit_count(p), 1, chunk / slices, groups), span_of(p->outputs, BLOCK, chunk % slices, slices),
              scratch);
}
