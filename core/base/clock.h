/* SPDX-License-Identifier: MIT */
/* clock.h — the monotonic clock: for durations and deadlines, never for dates. */
#ifndef ANOMALYD_BASE_CLOCK_H
#define ANOMALYD_BASE_CLOCK_H

#include <stdint.h>
#include <time.h>

/* Microseconds since some moment before the program's start. */
static inline int64_t clock_now_us(void)
{
    struct timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t);
    return (int64_t)t.tv_sec * 1000000 + t.tv_nsec / 1000;
}

static inline int64_t clock_now_ms(void)
{
    return clock_now_us() / 1000;
}

/* The same in seconds, to the nanosecond. */
static inline double clock_now_s(void)
{
    struct timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t);
    return (double)t.tv_sec + 1e-9 * (double)t.tv_nsec;
}

#endif
