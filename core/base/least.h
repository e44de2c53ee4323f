/* SPDX-License-Identifier: MIT */
/* least.h — the lesser and the greater of two. */
#ifndef ANOMALYD_BASE_LEAST_H
#define ANOMALYD_BASE_LEAST_H

#include <stddef.h>

static inline int least(int a, int b)
{
    return a < b ? a : b;
}

static inline int most(int a, int b)
{
    return a > b ? a : b;
}

static inline size_t most_size(size_t a, size_t b)
{
    return a > b ? a : b;
}

#endif
