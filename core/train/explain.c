/* SPDX-License-Identifier: MIT */
/* explain.c — reconstructions as bytes, errors of pixels, and the scale of their colours. */
#include "train/explain.h"

#include "train/prepare.h"

#include <assert.h>
#include <math.h>

static const double share_shown = 0.995;

static shape shown(shape data, int channels)
{
    return (shape){1, data.h, data.w, channels};
}

size_t explain_work(shape input, shape data)
{
    shape picture = shown(data, input.c);
    return shape_row(picture) + image_work(input, picture);
}

void explain_reconstruction(const explain_pair *p, uint8_t *pixels, float *work)
{
    shape to = shown(p->data, p->input.c);
    size_t n = shape_row(to);
    image_resize(p->x_hat, p->input, to, work, work + n);
    prepare_undo_scale(p->method, work, n);
    for (size_t i = 0; i < n; i++)
        pixels[i] = (uint8_t)(255 * (work[i] > 0 ? work[i] < 1 ? work[i] : 1 : 0) + 0.5f);
}

void explain_errors(const explain_pair *p, float *errors, float *work)
{
    size_t pixels = (size_t)p->input.h * (size_t)p->input.w, channels = (size_t)p->input.c;
    float levels = (p->method->unit_range ? 255.0f : 127.5f) / (float)p->input.c;
    for (size_t i = 0; i < pixels; i++) {
        work[i] = 0;
        for (size_t c = 0; c < channels; c++)
            work[i] += levels * fabsf(p->x[i * channels + c] - p->x_hat[i * channels + c]);
    }
    shape from = {1, p->input.h, p->input.w, 1};
    image_resize(work, from, shown(p->data, 1), errors, work + pixels);
}

void explain_count(explain_tally *t, const float *errors, size_t n)
{
    for (size_t i = 0; i < n; i++) {
        float at = errors[i] * EXPLAIN_BINS_A_LEVEL;
        t->bins[at < EXPLAIN_BINS - 1 ? (size_t)at : EXPLAIN_BINS - 1]++;
    }
    t->total += n;
}

double explain_scale(const explain_tally *t)
{
    assert(t->total > 0);
    uint64_t wanted = (uint64_t)ceil(share_shown * (double)t->total), below = 0;
    size_t bin = 0;
    while ((below += t->bins[bin]) < wanted)
        bin++;
    return (double)(bin + 1) / EXPLAIN_BINS_A_LEVEL;
}
