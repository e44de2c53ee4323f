/* SPDX-License-Identifier: MIT */
/* test_random.c — Philox gives the published numbers, and the distributions have the moments they claim. */
#include "base/random.h"

#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

typedef struct known {
    uint32_t counter[4], key[2], answer[4];
} known;

static void philox_gives_the_published_answers(void **state)
{
    (void)state;
    static const known vectors[] = {
        {{0, 0, 0, 0}, {0, 0}, {0x6627e8d5, 0xe169c58d, 0xbc57ac4c, 0x9b00dbd8}},
        {{0xffffffff, 0xffffffff, 0xffffffff, 0xffffffff},
         {0xffffffff, 0xffffffff},
         {0x408f276d, 0x41c83b0e, 0xa20bc7c6, 0x6d5451fd}},
        {{0x243f6a88, 0x85a308d3, 0x13198a2e, 0x03707344},
         {0xa4093822, 0x299f31d0},
         {0xd16cfe09, 0x94fdcceb, 0x5001e420, 0x24126ea1}},
    };
    for (size_t i = 0; i < sizeof vectors / sizeof *vectors; i++) {
        const known *v = &vectors[i];
        uint64_t index = (uint64_t)v->counter[1] << 32 | v->counter[0];
        uint64_t counter = (uint64_t)v->counter[3] << 32 | v->counter[2];
        uint32_t out[4];
        random_block((random_key){{v->key[0], v->key[1]}}, counter, index, out);
        assert_memory_equal(out, v->answer, sizeof out);
    }
}

static void streams_differ_by_seed_and_by_name(void **state)
{
    (void)state;
    random_key a = random_stream(1, "shuffle"), b = random_stream(2, "shuffle"), c = random_stream(1, "weights");
    random_key again = random_stream(1, "shuffle"), far = random_stream(1ULL << 63 | 1, "shuffle");
    assert_memory_equal(&a, &again, sizeof a);
    assert_memory_not_equal(&a, &b, sizeof a);
    assert_memory_not_equal(&a, &c, sizeof a);
    assert_memory_not_equal(&a, &far, sizeof a);
}

/* Stored models and resumed runs rest on these numbers: they may not change from version to version. */
static void a_stream_keeps_its_key(void **state)
{
    (void)state;
    random_key key = random_stream(42, "weights");
    /* BLAKE2b-256 of eight little-endian bytes of 42 and "weights"; its first two words. */
    assert_int_equal(key.word[0], 0xb8d6cf24);
    assert_int_equal(key.word[1], 0x31710a5e);
}

static void a_shorter_request_is_the_beginning_of_a_longer_one(void **state)
{
    (void)state;
    random_key key = random_stream(7, "prefix");
    uint32_t bits[23], fewer_bits[23];
    float value[23], fewer[23];
    random_bits(key, 9, bits, 23);
    for (size_t n = 0; n < 23; n++) {
        random_bits(key, 9, fewer_bits, n);
        assert_memory_equal(bits, fewer_bits, n * sizeof *bits);
        random_normal(key, 9, 0, 1, value, 23);
        random_normal(key, 9, 0, 1, fewer, n);
        assert_memory_equal(value, fewer, n * sizeof *value);
        random_uniform(key, 9, 0, 1, value, 23);
        random_uniform(key, 9, 0, 1, fewer, n);
        assert_memory_equal(value, fewer, n * sizeof *value);
        random_truncated_normal(key, 9, 0, 1, value, 23);
        random_truncated_normal(key, 9, 0, 1, fewer, n);
        assert_memory_equal(value, fewer, n * sizeof *value);
    }
    random_bits(key, 10, fewer_bits, 23);
    assert_memory_not_equal(bits, fewer_bits, sizeof bits);
}

enum { SAMPLES = 200000 };

typedef struct moments {
    double mean, variance, kurtosis;
    float least, most;
} moments;

static moments measure(const float *values)
{
    moments m = {.least = INFINITY, .most = -INFINITY};
    for (int i = 0; i < SAMPLES; i++) {
        m.mean += (double)values[i] / SAMPLES;
        m.least = fminf(m.least, values[i]);
        m.most = fmaxf(m.most, values[i]);
    }
    double fourth = 0;
    for (int i = 0; i < SAMPLES; i++) {
        double d = (double)values[i] - m.mean;
        m.variance += d * d / SAMPLES;
        fourth += d * d * d * d / SAMPLES;
    }
    m.kurtosis = fourth / (m.variance * m.variance);
    return m;
}

/* Bounds are five standard errors of each estimate at SAMPLES; the numbers are fixed, so is the outcome. */
static void distributions_have_their_moments(void **state)
{
    (void)state;
    random_key key = random_stream(3, "moments");
    float *values = malloc(SAMPLES * sizeof *values);
    assert_non_null(values);

    random_uniform(key, 1, -2, 6, values, SAMPLES);
    moments m = measure(values);
    assert_true(fabs(m.mean - 2) < 0.026 && fabs(m.variance - 64.0 / 12) < 0.054 && fabs(m.kurtosis - 1.8) < 0.02);
    assert_true(m.least >= -2 && m.most < 6 && m.least < -1.999f && m.most > 5.999f);

    random_normal(key, 2, 5, 3, values, SAMPLES);
    m = measure(values);
    assert_true(fabs(m.mean - 5) < 0.034 && fabs(m.variance - 9) < 0.15 && fabs(m.kurtosis - 3) < 0.055);

    /* Variance of a normal cut at ±2: 1 - 4φ(2)/(2Φ(2)-1) = 0.774. */
    random_truncated_normal(key, 3, -1, 0.5f, values, SAMPLES);
    m = measure(values);
    assert_true(fabs(m.mean + 1) < 0.005 && fabs(m.variance - 0.25 * 0.7737) < 0.003);
    assert_true(m.least >= -2 && m.most <= 0 && m.least < -1.99f && m.most > -0.01f);
    free(values);
}

static void a_uniform_number_never_reaches_its_upper_bound(void **state)
{
    (void)state;
    random_key key = random_stream(4, "bound");
    float values[4096], low = 1, high = nextafterf(1, 2);
    random_uniform(key, 0, low, high, values, 4096);
    for (int i = 0; i < 4096; i++)
        assert_true(values[i] == low);
}

static void a_permutation_holds_each_number_once_and_moves_each_anywhere(void **state)
{
    (void)state;
    enum { N = 6, TRIES = 36000 };
    random_key key = random_stream(5, "shuffle");
    static int at[N][N];
    memset(at, 0, sizeof at);
    for (uint64_t counter = 0; counter < TRIES; counter++) {
        uint32_t out[N];
        unsigned seen = 0;
        random_permutation(key, counter, out, N);
        for (int i = 0; i < N; i++) {
            assert_in_range(out[i], 0, N - 1);
            seen |= 1U << out[i];
            at[i][out[i]]++;
        }
        assert_int_equal(seen, (1U << N) - 1);
    }
    /* 6000 expected at each place; the standard deviation is 71. */
    for (int i = 0; i < N; i++)
        for (int j = 0; j < N; j++)
            assert_in_range(at[i][j], 6000 - 5 * 71, 6000 + 5 * 71);
}

static void a_bounded_number_covers_its_range_evenly(void **state)
{
    (void)state;
    random_key key = random_stream(6, "below");
    int count[7] = {0};
    for (uint64_t i = 0; i < 70000; i++) {
        uint32_t value = random_below(key, 1, i, 7);
        assert_in_range(value, 0, 6);
        count[value]++;
        assert_int_equal(random_below(key, 2, i, 1), 0);
    }
    for (int i = 0; i < 7; i++) /* standard deviation 93 */
        assert_in_range(count[i], 10000 - 5 * 93, 10000 + 5 * 93);
    uint32_t most = 0;
    for (uint64_t i = 0; i < 1000; i++) {
        uint32_t value = random_below(key, 3, i, UINT32_MAX);
        most = value > most ? value : most;
    }
    assert_true(most > 0xff000000);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(philox_gives_the_published_answers),
        cmocka_unit_test(streams_differ_by_seed_and_by_name),
        cmocka_unit_test(a_stream_keeps_its_key),
        cmocka_unit_test(a_shorter_request_is_the_beginning_of_a_longer_one),
        cmocka_unit_test(distributions_have_their_moments),
        cmocka_unit_test(a_uniform_number_never_reaches_its_upper_bound),
        cmocka_unit_test(a_permutation_holds_each_number_once_and_moves_each_anywhere),
        cmocka_unit_test(a_bounded_number_covers_its_range_evenly),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
