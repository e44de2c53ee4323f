/* SPDX-License-Identifier: MIT */
/* shape.h — the extent of a tensor or an image batch, in NHWC order. */
#ifndef ANOMALYD_BASE_SHAPE_H
#define ANOMALYD_BASE_SHAPE_H

#include <stddef.h>

/* n images of h rows, w columns and c channels; channels are innermost in memory. */
typedef struct shape {
    int n, h, w, c;
} shape;

/* Number of values in one row of the batch: h·w·c. */
static inline size_t shape_row(shape s)
{
    return (size_t)s.h * (size_t)s.w * (size_t)s.c;
}

/* Number of values in the whole: n·h·w·c. */
static inline size_t shape_size(shape s)
{
    return (size_t)s.n * shape_row(s);
}

static inline int shape_equal(shape a, shape b)
{
    return a.n == b.n && a.h == b.h && a.w == b.w && a.c == b.c;
}

#endif
