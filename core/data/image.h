/* SPDX-License-Identifier: MIT */
/*
 * image.h — pixels in memory: decoding PNG under limits, channel conversion, resizing.
 * Knows nothing of files, data sets or models.
 */
#ifndef ANOMALYD_DATA_IMAGE_H
#define ANOMALYD_DATA_IMAGE_H

#include "base/error.h"
#include "base/shape.h"

#include <stddef.h>
#include <stdint.h>

enum {
    IMAGE_SIDE_MAX = 4096,         /* pixels, each way */
    IMAGE_FILE_BYTES_MAX = 8 << 20 /* of an encoded image */
};

/* Row-major, channels innermost: 1 (grey) or 3 (RGB); 8 bits each. Owns its pixels. */
typedef struct image {
    int width, height, channels;
    uint8_t *pixels;
} image;

/* Decodes a PNG held in memory, by the low-level libpng API with limits on sides, chunk count and
 * chunk size, ancillary chunks ignored. Grey (any depth) and grey+alpha give 1 channel; palette, RGB and
 * RGBA give 3; alpha is composited on black; 16 bits are scaled to 8. Returns pixels in *out (free with
 * image_free). Errors: ERROR_UNSUPPORTED (not a PNG), ERROR_LIMIT (too large), ERROR_CORRUPT. Any thread. */
bool image_decode_png(const void *bytes, size_t size, image *out, error *e);
void image_free(image *i);

/* Encodes as PNG. *bytes is returned new; free() it. */
bool image_encode_png(const image *i, void **bytes, size_t *size, error *e);

/* Converts h×w×c bytes to target.h×target.w×target.c floats in [0, 1]: channels first (RGB to grey by
 * Rec. 601 luma, grey to RGB by copying), then resizing, axis by axis: area average where an axis shrinks,
 * bilinear with half-pixel centres (edge clamped) where it grows. target.n is not read. The same function
 * serves training and scoring, so that both see the same values. `work` has image_work() floats.
 * Deterministic; allocates nothing. */
void image_convert(const uint8_t *pixels, shape from, shape target, float *out, float *work);
size_t image_work(shape from, shape target);

/* Resizes h×w×c floats under the same rules; channels must agree. */
void image_resize(const float *pixels, shape from, shape target, float *out, float *work);

/* Total variation of h×w×c floats: the mean absolute difference of horizontal neighbours and that of vertical ones,
 * added. 0 where there are none. */
float image_variation(const float *pixels, shape s);

#endif
