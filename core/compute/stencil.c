/* SPDX-License-Identifier: MIT */
/* stencil.c — copies the pixels under a window into rows of a matrix. Knows layouts, not arithmetic. */
#include "compute/stencil.h"

#include "base/minmax.h"

#include <assert.h>
#include <string.h>

bool stencil_is_plain(const stencil *s)
{
    bool is_at_origin = s->top == 0 && s->left == 0;
    bool is_point = s->kh == 1 && s->kw == 1 && s->stride == 1 && s->rows == s->h && s->columns == s->w;
    bool is_whole = s->kh == s->h && s->kw == s->w && s->rows == 1 && s->columns == 1;
    return is_at_origin && (is_point || is_whole);
}

static void clear(float *out, int n)
{
    if (n > 0)
        memset(out, 0, (size_t)n * sizeof *out);
}

/* One line of an image, of `length` floats, under `count` windows. Window j begins at base + j·step, and its floats
 * from … to-1, counted from there, are copied. A window's share of a line is contiguous, so all is counted in floats,
 * not in pixels. */
typedef struct strip {
    const float *line;
    int length, base, step, count, from, to;
} strip;

static void copy_clipped(const strip *s, int start, int n, float *out)
{
    int before = min_int(max_int(-start, 0), n), inside = max_int(min_int(s->length - start, n), before);
    clear(out, before);
    if (inside > before)
        memcpy(out + before, s->line + start + before, (size_t)(inside - before) * sizeof *out);
    clear(out + inside, n - inside);
}

/* n is s->to - s->from. Callers pass it as a constant, so that copying a whole window becomes a few moves. */
static inline void copy_windows(const strip *s, const int n, float *restrict out, size_t pitch)
{
    int start = s->base + s->from;
    for (int j = 0; j < s->count; j++, out += pitch, start += s->step) {
        if (start >= 0 && start + n <= s->length)
            memcpy(out, s->line + start, (size_t)n * sizeof *out);
        else
            copy_clipped(s, start, n, out);
    }
}

static void copy_strip(const strip *s, float *out, size_t pitch)
{
    /* Windows 3, 4 and 5 pixels wide, of one and of three channels, are too short for a call of memcpy each. */
    switch (s->to - s->from) {
    case 3:
        copy_windows(s, 3, out, pitch);
        return;
    case 4:
        copy_windows(s, 4, out, pitch);
        return;
    case 5:
        copy_windows(s, 5, out, pitch);
        return;
    case 9:
        copy_windows(s, 9, out, pitch);
        return;
    case 12:
        copy_windows(s, 12, out, pitch);
        return;
    case 15:
        copy_windows(s, 15, out, pitch);
        return;
    default:
        copy_windows(s, s->to - s->from, out, pitch);
    }
}

static void clear_strip(int n, int count, float *out, size_t pitch)
{
    for (int j = 0; j < count; j++, out += pitch)
        clear(out, n);
}

typedef struct range {
    int from, to;
} range;

/* Lowers the positions (row, columns.from … columns.to-1) of one image, floats `wanted` of each. */
static void lower(const stencil *s, const float *image, int row, range columns, range wanted, float *out)
{
    const int across = s->kw * s->c; /* floats of the window in one line of the image */
    const size_t pitch = (size_t)(wanted.to - wanted.from);
    const int count = columns.to - columns.from;
    for (int ky = wanted.from / across; ky * across < wanted.to; ky++) {
        int from = max_int(wanted.from - ky * across, 0), to = min_int(wanted.to - ky * across, across);
        int y = s->top + row * s->stride + ky;
        if (y >= 0 && y < s->h) {
            const strip seen = {.line = image + (size_t)y * (size_t)(s->w * s->c),
                                .length = s->w * s->c,
                                .base = (s->left + columns.from * s->stride) * s->c,
                                .step = s->stride * s->c,
                                .count = count,
                                .from = from,
                                .to = to};
            copy_strip(&seen, out, pitch);
        } else
            clear_strip(to - from, count, out, pitch);
        out += to - from;
    }
}

void stencil_lower(const stencil *s, const float *images, size_t first, int lines, int from, int to, float *out)
{
    assert(from >= 0 && from < to && to <= stencil_depth(s));
    const size_t image_floats = (size_t)s->h * (size_t)s->w * (size_t)s->c;
    const size_t line_floats = (size_t)s->columns * (size_t)(to - from);
    for (int i = 0; i < lines; i++) {
        size_t line = first + (size_t)i;
        lower(s, images + line / (size_t)s->rows * image_floats, (int)(line % (size_t)s->rows), (range){0, s->columns},
              (range){from, to}, out + (size_t)i * line_floats);
    }
}

void stencil_lower_position(const stencil *s, const float *image, int position, int from, int to, float *out)
{
    int row = position / s->columns, column = position % s->columns;
    lower(s, image, row, (range){column, column + 1}, (range){from, to}, out);
}
