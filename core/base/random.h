/* SPDX-License-Identifier: MIT */
/*
 * random.h — random numbers as a pure function of (seed, stream, counter, index).
 *
 * Philox4x32-10 (Salmon et al., "Parallel random numbers: as easy as 1, 2, 3", SC 2011). There is no
 * generator state to save: the same key and counter give the same numbers on any thread, in any
 * order, and resuming a run needs only its step number. Adding a stream never shifts another.
 */
#ifndef ANOMALYD_BASE_RANDOM_H
#define ANOMALYD_BASE_RANDOM_H

#include <stddef.h>
#include <stdint.h>

typedef struct random_key {
    uint32_t word[2];
} random_key;

/* Returns the key of a named stream of a seed. Names are stable identifiers such as "shuffle". All functions here are
 * pure: any thread. */
random_key random_stream(uint64_t seed, const char *name);

/* Computes the four words of block `index` of `counter`: Philox itself, from which the functions below draw. */
void random_block(random_key key, uint64_t counter, uint64_t index, uint32_t out[4]);

/* Each fills out[0 … n-1] for one `counter` (for instance a step); any bits of `counter` may be used. */
void random_bits(random_key key, uint64_t counter, uint32_t *out, size_t n);
/* Draws uniform numbers on [low, high). */
void random_uniform(random_key key, uint64_t counter, float low, float high, float *out, size_t n);
/* Draws normal numbers by the method of Box and Muller, computed in double. */
void random_normal(random_key key, uint64_t counter, float mean, float deviation, float *out, size_t n);
/* Draws normal numbers with |value - mean| < 2 deviations, by rejection. */
void random_truncated_normal(random_key key, uint64_t counter, float mean, float deviation, float *out, size_t n);
/* Draws a uniformly random permutation of 0 … n-1. */
void random_permutation(random_key key, uint64_t counter, uint32_t *out, size_t n);
/* Returns the index-th number of this counter, uniform on 0 … bound-1 with a bias below bound/2^64. */
uint32_t random_below(random_key key, uint64_t counter, uint64_t index, uint32_t bound);

#endif
