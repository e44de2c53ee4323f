/* SPDX-License-Identifier: MIT */
/* protocol.c — deals the images of a data set out to the parts of an experiment. Knows labels, not pixels. */
#include "data/protocol.h"

#include "base/digest.h"
#include "base/random.h"

#include <assert.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

static const double share_max = 0.4;

static const char *const names[] = {
    [PROTOCOL_ONE_CLASS] = "one-class",
    [PROTOCOL_ONE_VS_REST] = "one-vs-rest",
    [PROTOCOL_UNLABELLED] = "unlabelled",
};
enum { PROTOCOLS = sizeof names / sizeof *names };

const char *protocol_name(enum protocol p)
{
    assert((int)p >= 0 && (int)p < PROTOCOLS);
    return names[p];
}

bool protocol_parse(const char *name, enum protocol *out, error *e)
{
    for (int p = 0; p < PROTOCOLS; p++) {
        if (!strcmp(name, names[p])) {
            *out = (enum protocol)p;
            return true;
        }
    }
    return error_set(e, ERROR_INVALID, "protocol \"%.64s\": one-class, one-vs-rest or unlabelled is expected", name);
}

static bool is_anomalous(const protocol_spec *spec, int label)
{
    switch (spec->protocol) {
    case PROTOCOL_ONE_CLASS:
        return label != spec->class_index;
    case PROTOCOL_ONE_VS_REST:
        return label == spec->class_index;
    case PROTOCOL_UNLABELLED:
        return false;
    }
    assert(!"a protocol that is not listed");
    return false;
}

static bool check_spec(const dataset_info *info, const protocol_spec *spec, error *e)
{
    if (spec->protocol != PROTOCOL_UNLABELLED && (spec->class_index < 0 || spec->class_index >= info->classes))
        return error_set(e, ERROR_INVALID, "class %d: the data set has classes 0 to %d", spec->class_index,
                         info->classes - 1);
    if (!(spec->validation_share >= 0 && spec->validation_share <= share_max))
        return error_set(e, ERROR_INVALID, "validation share: %g is not between 0 and %g", spec->validation_share,
                         share_max);
    if (!(spec->calibration_share >= 0 && spec->calibration_share <= share_max))
        return error_set(e, ERROR_INVALID, "calibration share: %g is not between 0 and %g", spec->calibration_share,
                         share_max);
    if (spec->test_images && spec->test_images < PROTOCOL_TEST_LEAST)
        return error_set(e, ERROR_INVALID, "test_images: %zu is neither 0, for all, nor at least %d", spec->test_images,
                         PROTOCOL_TEST_LEAST);
    if (spec->test_images && spec->protocol == PROTOCOL_UNLABELLED)
        return error_set(e, ERROR_INVALID, "test_images: protocol unlabelled tests on none; leave it out");
    return true;
}

/* Counts normals of the training split, and test images by kind. */
struct census {
    size_t normals, tests, test_anomalies;
};

static bool take_census(const dataset_info *info, const protocol_spec *spec, struct census *out, error *e)
{
    *out = (struct census){0};
    for (int k = 0; k < info->classes; k++) {
        bool anomalous = is_anomalous(spec, k);
        out->normals += anomalous ? 0 : info->counts[SPLIT_TRAIN][k];
        out->tests += info->counts[SPLIT_TEST][k];
        out->test_anomalies += anomalous ? info->counts[SPLIT_TEST][k] : 0;
    }
    const char *name = spec->protocol == PROTOCOL_UNLABELLED ? "" : info->class_names[spec->class_index];
    if (!out->normals)
        return error_set(e, ERROR_INVALID, "%s with class \"%s\": there is no normal image to train on",
                         protocol_name(spec->protocol), name);
    if (spec->protocol == PROTOCOL_UNLABELLED)
        return true;
    if (!out->tests)
        return error_set(e, ERROR_INVALID, "the data set has no test images; protocol unlabelled needs none");
    if (!out->test_anomalies || out->test_anomalies == out->tests)
        return error_set(e, ERROR_INVALID,
                         "%s with class \"%s\": all %zu test images are %s, so nothing can be measured",
                         protocol_name(spec->protocol), name, out->tests, out->test_anomalies ? "anomalous" : "normal");
    if (spec->test_images > out->tests)
        return error_set(e, ERROR_INVALID, "test_images: %zu are more than the data set's %zu test images",
                         spec->test_images, out->tests);
    return true;
}

bool protocol_check(const dataset_info *info, const protocol_spec *spec, error *e)
{
    struct census c;
    return check_spec(info, spec, e) && take_census(info, spec, &c, e);
}

static bool allocate(parts *p, error *e)
{
    /* One more than needed: an empty part is no failure of malloc. */
    p->train = malloc((p->train_count + 1) * sizeof *p->train);
    p->validation = malloc((p->validation_count + 1) * sizeof *p->validation);
    p->calibration = malloc((p->calibration_count + 1) * sizeof *p->calibration);
    p->test = malloc((p->test_count + 1) * sizeof *p->test);
    p->anomalous = malloc(p->test_count + 1);
    if (p->train && p->validation && p->calibration && p->test && p->anomalous)
        return true;
    return error_memory(e, "the parts of an experiment");
}

enum holder { HELD_BY_TRAINING, HELD_BY_VALIDATION, HELD_BY_CALIBRATION };

/* A random order of 0 … n-1, of a stream of its own. Returns new. */
static uint32_t *draw_order(uint64_t seed, const char *stream, size_t n, error *e)
{
    uint32_t *order = malloc((n + 1) * sizeof *order);
    if (order)
        random_permutation(random_stream(seed, stream), 0, order, n);
    else
        error_memory(e, "the parts of an experiment");
    return order;
}

/* Which part holds the i-th normal: the first of a random order validate, the next calibrate. Returns new. */
static uint8_t *draw_holders(const parts *p, uint64_t seed, error *e)
{
    size_t n = p->train_count + p->validation_count + p->calibration_count;
    uint32_t *order = draw_order(seed, "split", n, e);
    uint8_t *holders = order ? calloc(n, 1) : NULL;
    if (order && !holders)
        error_memory(e, "the parts of an experiment");
    for (size_t i = 0; holders && i < p->validation_count; i++)
        holders[order[i]] = HELD_BY_VALIDATION;
    for (size_t i = 0; holders && i < p->calibration_count; i++)
        holders[order[p->validation_count + i]] = HELD_BY_CALIBRATION;
    free(order);
    return holders;
}

/* Which of the test split's images are tested on: the first of a random order that nothing but the seed decides.
 * Returns new. */
static uint8_t *draw_tested(const parts *p, size_t tests, uint64_t seed, error *e)
{
    uint32_t *order = draw_order(seed, "test", tests, e);
    uint8_t *tested = order ? calloc(tests + 1, 1) : NULL;
    if (order && !tested)
        error_memory(e, "the parts of an experiment");
    for (size_t i = 0; tested && i < p->test_count; i++)
        tested[order[i]] = 1;
    free(order);
    return tested;
}

/* Every part lists its images in the order of the data set. */
static void deal(const dataset *d, const protocol_spec *spec, const uint8_t *holders, const uint8_t *tested, parts *p)
{
    size_t normals = 0, train = 0, validation = 0, calibration = 0, tests = 0, test = 0;
    size_t n = (size_t)dataset_facts(d)->image.n;
    for (size_t i = 0; i < n; i++) {
        bool anomalous = is_anomalous(spec, dataset_label(d, i));
        if (dataset_split_of(d, i) == SPLIT_TEST) {
            if (tested[tests++]) {
                p->anomalous[test] = anomalous;
                p->test[test++] = (uint32_t)i;
            }
            continue;
        }
        if (anomalous)
            continue;
        uint8_t holder = holders[normals++];
        if (holder == HELD_BY_VALIDATION)
            p->validation[validation++] = (uint32_t)i;
        else if (holder == HELD_BY_CALIBRATION)
            p->calibration[calibration++] = (uint32_t)i;
        else
            p->train[train++] = (uint32_t)i;
    }
    assert(train == p->train_count && validation == p->validation_count);
    assert(calibration == p->calibration_count && test == p->test_count);
}

static bool check_kinds(const parts *p, const protocol_spec *spec, error *e)
{
    size_t anomalies = 0;
    for (size_t i = 0; i < p->test_count; i++)
        anomalies += p->anomalous[i];
    if (!p->test_count || (anomalies && anomalies < p->test_count))
        return true;
    return error_set(e, ERROR_INVALID,
                     "test_images: the %zu that seed %llu draws are all %s, so nothing can be measured; take more, or "
                     "another seed",
                     p->test_count, (unsigned long long)spec->seed, anomalies ? "anomalous" : "normal");
}

static bool count_parts(const dataset_info *info, const protocol_spec *spec, struct census *out, parts *counts,
                        error *e)
{
    if (!check_spec(info, spec, e) || !take_census(info, spec, out, e))
        return false;
    const struct census c = *out;
    size_t wanted = spec->test_images ? spec->test_images : c.tests;
    parts p = {
        .validation_count = (size_t)llround(spec->validation_share * (double)c.normals),
        .calibration_count = (size_t)llround(spec->calibration_share * (double)c.normals),
        .test_count = spec->protocol == PROTOCOL_UNLABELLED ? 0 : wanted,
    };
    if (p.validation_count + p.calibration_count >= c.normals)
        return error_set(e, ERROR_INVALID,
                         "of %zu normal images none is left to train on: %zu validate and %zu calibrate", c.normals,
                         p.validation_count, p.calibration_count);
    p.train_count = c.normals - p.validation_count - p.calibration_count;
    *counts = p;
    return true;
}

bool parts_count(const dataset_info *info, const protocol_spec *spec, parts *out, error *e)
{
    struct census c;
    *out = (parts){0};
    return count_parts(info, spec, &c, out, e);
}

bool parts_make(const dataset *d, const protocol_spec *spec, parts *out, error *e)
{
    *out = (parts){0};
    struct census c;
    parts p;
    if (!count_parts(dataset_facts(d), spec, &c, &p, e))
        return false;
    uint8_t *holders = NULL, *tested = NULL;
    bool good = allocate(&p, e) && (holders = draw_holders(&p, spec->seed, e)) &&
                (tested = draw_tested(&p, c.tests, spec->seed, e));
    if (good) {
        deal(d, spec, holders, tested, &p);
        good = check_kinds(&p, spec, e);
    }
    free(holders);
    free(tested);
    if (good)
        *out = p;
    else
        parts_finish(&p);
    return good;
}

void parts_finish(parts *p)
{
    free(p->train);
    free(p->validation);
    free(p->calibration);
    free(p->test);
    free(p->anomalous);
    *p = (parts){0};
}

void parts_test_digest(const parts *p, const dataset_info *info, char out[DATASET_DIGEST_TEXT])
{
    digest d;
    digest_begin(&d);
    digest_update(&d, info->digest, DATASET_DIGEST_TEXT - 1);
    digest_update(&d, p->test, p->test_count * sizeof *p->test);
    digest_update(&d, p->anomalous, p->test_count);
    digest_end_hex(&d, out);
}
