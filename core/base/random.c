/* SPDX-License-Identifier: MIT */
/*
 * random.c — Philox4x32-10 and the distributions made from it. Knows keys and counters, not what the
 * numbers are for.
 *
 * A block is four words, a function of the key and of four counter words: the low and high half of the
 * block's index, then the low and high half of the caller's counter.
 */
#include "base/random.h"

#include <assert.h>
#include <math.h>
#include <sodium.h>
#include <string.h>

enum { BLOCK_WORDS = 4, ROUNDS = 10, ATTEMPT_SHIFT = 48 };

typedef struct block {
    uint32_t word[BLOCK_WORDS];
} block;

static block philox(random_key key, uint64_t index, uint64_t counter)
{
    const uint32_t multiplier_0 = 0xD2511F53, multiplier_1 = 0xCD9E8D57;
    const uint32_t weyl_0 = 0x9E3779B9, weyl_1 = 0xBB67AE85;
    uint32_t x0 = (uint32_t)index, x1 = (uint32_t)(index >> 32);
    uint32_t x2 = (uint32_t)counter, x3 = (uint32_t)(counter >> 32);
    uint32_t k0 = key.word[0], k1 = key.word[1];
    for (int round = 0; round < ROUNDS; round++) {
        uint64_t p0 = (uint64_t)multiplier_0 * x0, p1 = (uint64_t)multiplier_1 * x2;
        x0 = (uint32_t)(p1 >> 32) ^ x1 ^ k0;
        x1 = (uint32_t)p1;
        x2 = (uint32_t)(p0 >> 32) ^ x3 ^ k1;
        x3 = (uint32_t)p0;
        k0 += weyl_0;
        k1 += weyl_1;
    }
    return (block){{x0, x1, x2, x3}};
}

void random_block(random_key key, uint64_t counter, uint64_t index, uint32_t out[4])
{
    block b = philox(key, index, counter);
    memcpy(out, b.word, sizeof b.word);
}

static uint32_t word_at(const unsigned char *bytes)
{
    return (uint32_t)bytes[0] | (uint32_t)bytes[1] << 8 | (uint32_t)bytes[2] << 16 | (uint32_t)bytes[3] << 24;
}

random_key random_stream(uint64_t seed, const char *name)
{
    unsigned char seed_bytes[8], digest[crypto_generichash_BYTES];
    for (int i = 0; i < 8; i++)
        seed_bytes[i] = (unsigned char)(seed >> (8 * i));
    crypto_generichash_state state;
    crypto_generichash_init(&state, NULL, 0, sizeof digest);
    crypto_generichash_update(&state, seed_bytes, sizeof seed_bytes);
    crypto_generichash_update(&state, (const unsigned char *)name, strlen(name));
    crypto_generichash_final(&state, digest, sizeof digest);
    return (random_key){{word_at(digest), word_at(digest + 4)}};
}

void random_bits(random_key key, uint64_t counter, uint32_t *out, size_t n)
{
    for (size_t i = 0; i < n; i += BLOCK_WORDS) {
        block b = philox(key, i / BLOCK_WORDS, counter);
        size_t count = n - i < BLOCK_WORDS ? n - i : BLOCK_WORDS;
        memcpy(out + i, b.word, count * sizeof *out);
    }
}

void random_uniform(random_key key, uint64_t counter, float low, float high, float *out, size_t n)
{
    const double unit = 0x1p-32;
    double span = (double)high - (double)low;
    for (size_t i = 0; i < n; i += BLOCK_WORDS) {
        block b = philox(key, i / BLOCK_WORDS, counter);
        for (size_t j = 0; j < BLOCK_WORDS && i + j < n; j++) {
            float value = (float)((double)low + span * (unit * (double)b.word[j]));
            /* Rounding to float may give `high`, which is excluded. */
            out[i + j] = value < high || low >= high ? value : nextafterf(high, low);
        }
    }
}

/* Makes four standard normals of one block, by Box–Muller on its two pairs of words. */
static void normals(block b, double out[BLOCK_WORDS])
{
    const double unit = 0x1p-32, turn = 6.283185307179586476925;
    for (int pair = 0; pair < BLOCK_WORDS; pair += 2) {
        double radius = sqrt(-2.0 * log(unit * ((double)b.word[pair] + 1.0)));
        double angle = turn * unit * (double)b.word[pair + 1];
        out[pair] = radius * cos(angle);
        out[pair + 1] = radius * sin(angle);
    }
}

void random_normal(random_key key, uint64_t counter, float mean, float deviation, float *out, size_t n)
{
    for (size_t i = 0; i < n; i += BLOCK_WORDS) {
        double z[BLOCK_WORDS];
        normals(philox(key, i / BLOCK_WORDS, counter), z);
        for (size_t j = 0; j < BLOCK_WORDS && i + j < n; j++)
            out[i + j] = (float)((double)mean + (double)deviation * z[j]);
    }
}

/* Returns the first candidate within two deviations. Each attempt has its own block, so no value depends on how often
 * another was rejected. */
static double truncated_normal(random_key key, uint64_t counter, uint64_t index)
{
    assert(index >> ATTEMPT_SHIFT == 0);
    for (uint64_t attempt = 0; attempt >> (64 - ATTEMPT_SHIFT) == 0; attempt++) {
        double z[BLOCK_WORDS];
        normals(philox(key, index | attempt << ATTEMPT_SHIFT, counter), z);
        for (int j = 0; j < BLOCK_WORDS; j++)
            if (fabs(z[j]) < 2.0)
                return z[j];
    }
    return 0.0; /* 4·65536 rejections in a row, each with probability 0.046 */
}

void random_truncated_normal(random_key key, uint64_t counter, float mean, float deviation, float *out, size_t n)
{
    for (size_t i = 0; i < n; i++)
        out[i] = (float)((double)mean + (double)deviation * truncated_normal(key, counter, i));
}

uint32_t random_below(random_key key, uint64_t counter, uint64_t index, uint32_t bound)
{
    assert(bound > 0);
    block b = philox(key, index, counter);
    /* bits·bound/2^64 with 64 random bits: no number is likelier than another by more than bound/2^64. */
    uint64_t upper = (uint64_t)b.word[1] * bound, lower = (uint64_t)b.word[0] * bound;
    return (uint32_t)((upper + (lower >> 32)) >> 32);
}

void random_permutation(random_key key, uint64_t counter, uint32_t *out, size_t n)
{
    assert(n <= UINT32_MAX);
    for (size_t i = 0; i < n; i++) {
        size_t j = random_below(key, counter, i, (uint32_t)i + 1);
        out[i] = out[j];
        out[j] = (uint32_t)i;
    }
}
