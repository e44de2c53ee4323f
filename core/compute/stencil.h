/* SPDX-License-Identifier: MIT */
/*
 * stencil.h — a window that slides over an image and the matrix its positions make. Row p of the lowered
 * matrix holds what the window sees at position p: kh·kw·c floats, zero outside the image.
 */
#ifndef ANOMALYD_COMPUTE_STENCIL_H
#define ANOMALYD_COMPUTE_STENCIL_H

#include <stdbool.h>
#include <stddef.h>

typedef struct stencil {
    int h, w, c;       /* the image */
    int rows, columns; /* positions of the window */
    int kh, kw;        /* extents of the window */
    int stride;
    int top, left; /* image coordinates of the window's corner at position (0, 0); may be negative */
} stencil;

/* Floats in a row of the lowered matrix: kh·kw·c. */
static inline int stencil_depth(const stencil *s)
{
    return s->kh * s->kw * s->c;
}

static inline int stencil_positions(const stencil *s)
{
    return s->rows * s->columns;
}

/* Whether the lowered matrix is the image itself, so that nothing need be copied. */
bool stencil_is_plain(const stencil *s);

/* Lowers `lines` lines of positions, counted through the images of a batch from `first` = image·rows + row,
 * and of their rows only the floats from … to-1. out: lines·columns × (to - from). */
void stencil_lower(const stencil *s, const float *images, size_t first, int lines, int from, int to, float *out);

/* Lowers one position of one image, and of its row only the floats from … to-1. */
void stencil_lower_position(const stencil *s, const float *image, int position, int from, int to, float *out);

#endif
