/* SPDX-License-Identifier: MIT */
/*
 * stencil.h — a window that slides over an image, and the lowered matrix (im2col) of its positions. Row p of this
 * matrix holds the kh·kw·c floats that the window sees at position p; outside the image they are zero.
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

/* Returns the floats of a row of the lowered matrix: kh·kw·c. */
static inline int stencil_depth(const stencil *s)
{
    return s->kh * s->kw * s->c;
}

/* Returns the rows of the lowered matrix of one image. */
static inline int stencil_positions(const stencil *s)
{
    return s->rows * s->columns;
}

/* True where the lowered matrix is the image itself, so that nothing need be copied. */
bool stencil_is_plain(const stencil *s);

/* Copies `lines` lines of positions into a matrix: line `first` = image·rows + row and those behind it, across the
 * images of a batch. Of each row of the matrix only the floats from … to-1 are made. images: n×h×w×c,
 * out: lines·columns × (to - from). */
void stencil_lower(const stencil *s, const float *images, size_t first, int lines, int from, int to, float *out);

/* Copies the floats from … to-1 of one position's row. image: h×w×c, out: to - from. */
void stencil_lower_position(const stencil *s, const float *image, int position, int from, int to, float *out);

#endif
