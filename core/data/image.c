/* SPDX-License-Identifier: MIT */
/*
 * image.c — converts bytes of any size to floats of the wanted size. Knows arithmetic on pixels, not file formats.
 *
 * One function resizes both axes: it takes an array [before][length][after] and resizes `length`. For the columns,
 * `before` is the rows and `after` a pixel's channels; for the rows, `before` is 1 and `after` a whole row.
 */
#include "data/image.h"

#include <assert.h>
#include <math.h>
#include <string.h>

struct axis {
    size_t before, from, to, after;
};

/* Output i is the mean of the input over [i·from/to, (i+1)·from/to), where edge pixels weigh by the share covered. */
static void shrink(const float *restrict in, struct axis a, float *restrict out)
{
    double ratio = (double)a.from / (double)a.to;
    for (size_t i = 0; i < a.to; i++) {
        double low = (double)i * ratio, high = (double)(i + 1) * ratio;
        size_t first = (size_t)low, last = (size_t)ceil(high);
        if (last > a.from)
            last = a.from;
        for (size_t b = 0; b < a.before; b++) {
            float *to = out + (b * a.to + i) * a.after;
            memset(to, 0, a.after * sizeof *to);
            for (size_t k = first; k < last; k++) {
                double covered = fmin(high, (double)(k + 1)) - fmax(low, (double)k);
                float weight = (float)(covered / ratio);
                const float *from = in + (b * a.from + k) * a.after;
                for (size_t j = 0; j < a.after; j++)
                    to[j] += weight * from[j];
            }
        }
    }
}

/* Output i lies at (i + ½)·from/to - ½ between two inputs, clamped at the edges. */
static void grow(const float *restrict in, struct axis a, float *restrict out)
{
    double ratio = (double)a.from / (double)a.to;
    for (size_t i = 0; i < a.to; i++) {
        double place = fmax(((double)i + 0.5) * ratio - 0.5, 0);
        size_t low = (size_t)place, high = low + 1 < a.from ? low + 1 : low;
        float share = (float)(place - (double)low);
        for (size_t b = 0; b < a.before; b++) {
            const float *from_low = in + (b * a.from + low) * a.after;
            const float *from_high = in + (b * a.from + high) * a.after;
            float *to = out + (b * a.to + i) * a.after;
            for (size_t j = 0; j < a.after; j++)
                to[j] = (1.0f - share) * from_low[j] + share * from_high[j];
        }
    }
}

static void resize_axis(const float *in, struct axis a, float *out)
{
    if (a.to < a.from)
        shrink(in, a, out);
    else
        grow(in, a, out);
}

static void check_shapes(shape from, shape target)
{
    assert(from.h > 0 && from.w > 0 && (from.c == 1 || from.c == 3));
    assert(target.h > 0 && target.w > 0 && (target.c == 1 || target.c == 3));
}

void image_resize(const float *pixels, shape from, shape target, float *out, float *work)
{
    check_shapes(from, target);
    assert(from.c == target.c);
    size_t c = (size_t)from.c, h = (size_t)from.h, w = (size_t)target.w;
    struct axis columns = {.before = h, .from = (size_t)from.w, .to = w, .after = c};
    struct axis rows = {.before = 1, .from = h, .to = (size_t)target.h, .after = w * c};
    bool resizes_columns = from.w != target.w, resizes_rows = from.h != target.h;
    if (resizes_columns && resizes_rows) {
        resize_axis(pixels, columns, work);
        resize_axis(work, rows, out);
    } else if (resizes_columns) {
        resize_axis(pixels, columns, out);
    } else if (resizes_rows) {
        resize_axis(pixels, rows, out);
    } else {
        memcpy(out, pixels, shape_row(target) * sizeof *out);
    }
}

static void to_floats(const uint8_t *restrict pixels, shape from, int channels, float *restrict out)
{
    size_t n = (size_t)from.h * (size_t)from.w;
    if (from.c == channels) {
        for (size_t i = 0; i < n * (size_t)channels; i++)
            out[i] = (float)pixels[i] / 255.0f;
    } else if (channels == 1) {
        for (size_t i = 0; i < n; i++) {
            const uint8_t *p = pixels + 3 * i;
            out[i] = (0.299f * (float)p[0] + 0.587f * (float)p[1] + 0.114f * (float)p[2]) / 255.0f;
        }
    } else {
        for (size_t i = 0; i < n; i++)
            out[3 * i] = out[3 * i + 1] = out[3 * i + 2] = (float)pixels[i] / 255.0f;
    }
}

void image_convert(const uint8_t *pixels, shape from, shape target, float *out, float *work)
{
    check_shapes(from, target);
    if (from.h == target.h && from.w == target.w) {
        to_floats(pixels, from, target.c, out);
        return;
    }
    to_floats(pixels, from, target.c, work);
    shape source = {.n = 1, .h = from.h, .w = from.w, .c = target.c};
    image_resize(work, source, target, out, work + shape_row(source));
}

size_t image_work(shape from, shape target)
{
    check_shapes(from, target);
    size_t c = (size_t)target.c, h = (size_t)from.h;
    return h * (size_t)from.w * c + h * (size_t)target.w * c;
}

/* Returns the sum of |a - b| over n pairs. */
static double sum_of_differences(const float *a, const float *b, size_t n)
{
    double sum = 0;
    for (size_t i = 0; i < n; i++)
        sum += (double)fabsf(a[i] - b[i]);
    return sum;
}

float image_variation(const float *pixels, shape s)
{
    size_t h = (size_t)s.h, w = (size_t)s.w, c = (size_t)s.c, row = w * c;
    double across = 0, down = 0;
    for (size_t y = 0; y < h; y++) {
        const float *at = pixels + y * row;
        across += sum_of_differences(at, at + c, row - c);
        if (y + 1 < h)
            down += sum_of_differences(at, at + row, row);
    }
    size_t pairs_across = h * (row - c), pairs_down = (h - 1) * row;
    return (float)((pairs_across ? across / (double)pairs_across : 0) + (pairs_down ? down / (double)pairs_down : 0));
}
