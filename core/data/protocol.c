/* SPDX-License-Identifier: MIT */
/* protocol.c — deals the images of a data set out to the subsets of a split. Knows labels and copies, not pixels. */
#include "data/protocol.h"

#include "base/digest.h"
#include "base/random.h"
#include "data/copies.h"

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
    if (spec->test_images && spec->test_images < PROTOCOL_TEST_MIN)
        return error_set(e, ERROR_INVALID, "test_images: %zu is neither 0, for all, nor at least %d", spec->test_images,
                         PROTOCOL_TEST_MIN);
    if (spec->test_images && spec->protocol == PROTOCOL_UNLABELLED)
        return error_set(e, ERROR_INVALID, "test_images: protocol unlabelled tests on none; leave it out");
    return true;
}

/* How many normals of the training split are dealt out and how many left out, and how many test images there are. */
struct census {
    size_t normals, left_out, tests, test_anomalies;
};

static struct census count_kinds(const dataset_info *info, const protocol_spec *spec)
{
    struct census c = {0};
    bool tested = spec->protocol != PROTOCOL_UNLABELLED;
    for (int k = 0; k < info->classes; k++) {
        bool anomalous = is_anomalous(spec, k);
        size_t left_out = tested && !anomalous ? info->left_out[k] : 0;
        c.normals += anomalous ? 0 : info->counts[SPLIT_TRAIN][k] - left_out;
        c.left_out += left_out;
        c.tests += info->counts[SPLIT_TEST][k];
        c.test_anomalies += anomalous ? info->counts[SPLIT_TEST][k] : 0;
    }
    return c;
}

size_t protocol_normals(const dataset_info *info, const protocol_spec *spec)
{
    return count_kinds(info, spec).normals;
}

static bool check_census(const dataset_info *info, const protocol_spec *spec, struct census *out, error *e)
{
    *out = count_kinds(info, spec);
    const char *name = spec->protocol == PROTOCOL_UNLABELLED ? "" : info->class_names[spec->class_index];
    if (!out->normals && out->left_out)
        return error_set(
            e, ERROR_INVALID,
            "%s with class \"%s\": there is no normal image to train on: all %zu are copies of test images",
            protocol_name(spec->protocol), name, out->left_out);
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
    return check_spec(info, spec, e) && check_census(info, spec, &c, e);
}

/* The subset that an image belongs to. */
enum holder { HELD_BY_NONE, HELD_BY_TRAINING, HELD_BY_VALIDATION, HELD_BY_CALIBRATION, HELD_BY_TEST, HOLDERS };

/* Marks all contents of the test split, each at the first image that has it. */
static void mark_tested(const dataset *d, uint8_t *marks)
{
    const uint32_t *first = dataset_first(d);
    for (size_t i = 0; i < (size_t)dataset_facts(d)->image.n; i++)
        if (dataset_split_of(d, i) == SPLIT_TEST)
            marks[first[i]] = 1;
}

/* Lists the normals to deal out in members; `tested` comes from mark_tested. Returns how many there are. */
static size_t list_normals(const dataset *d, const protocol_spec *spec, const uint8_t *tested, uint32_t *members)
{
    size_t count = 0;
    for (size_t i = 0; i < (size_t)dataset_facts(d)->image.n; i++)
        if (dataset_split_of(d, i) == SPLIT_TRAIN && !is_anomalous(spec, dataset_label(d, i)) &&
            !tested[dataset_first(d)[i]])
            members[count++] = (uint32_t)i;
    return count;
}

/* Deals normals out in a random order: the first are for validation, the next for calibration, the rest for training.
 */
static bool deal_normals(const dataset *d, const protocol_spec *spec, const struct split *counts, uint8_t *holders,
                         error *e)
{
    size_t n = (size_t)dataset_facts(d)->image.n, rooms[] = {counts->validation_count, counts->calibration_count};
    uint32_t *members = malloc(n * sizeof *members);
    uint8_t *tested = calloc(n, 1), *held = malloc(n);
    bool good = (members && tested && held) || error_memory(e, "the split of an experiment");
    if (good) {
        if (spec->protocol != PROTOCOL_UNLABELLED)
            mark_tested(d, tested);
        copies_deck deck = {.first = dataset_first(d), .images = n, .members = members};
        deck.count = list_normals(d, spec, tested, members);
        deck.key = random_stream(spec->seed, "split");
        good = copies_deal(&deck, rooms, 2, held, e);
        for (size_t i = 0; good && i < deck.count; i++)
            holders[members[i]] = (uint8_t)(HELD_BY_TRAINING + held[i]);
    }
    free(members);
    free(tested);
    free(held);
    return good;
}

/* Draws the first `wanted` images of a random order of the test split, which depends on the seed alone. */
static bool draw_tests(const dataset *d, uint64_t seed, size_t tests, size_t wanted, uint8_t *holders, error *e)
{
    uint32_t *order = malloc((tests + 1) * sizeof *order);
    uint8_t *drawn = calloc(tests + 1, 1);
    bool good = (order && drawn) || error_memory(e, "the split of an experiment");
    if (good) {
        random_permutation(random_stream(seed, "test"), 0, order, tests);
        for (size_t k = 0; k < wanted; k++)
            drawn[order[k]] = 1;
        size_t at = 0;
        for (size_t i = 0; i < (size_t)dataset_facts(d)->image.n; i++)
            if (dataset_split_of(d, i) == SPLIT_TEST && drawn[at++])
                holders[i] = HELD_BY_TEST;
    }
    free(order);
    free(drawn);
    return good;
}

/* Makes room for each subset and leaves them empty. */
static bool allocate(const size_t counts[HOLDERS], struct split *s, error *e)
{
    /* One more than needed: malloc may return NULL for 0 bytes. */
    s->train = malloc((counts[HELD_BY_TRAINING] + 1) * sizeof *s->train);
    s->validation = malloc((counts[HELD_BY_VALIDATION] + 1) * sizeof *s->validation);
    s->calibration = malloc((counts[HELD_BY_CALIBRATION] + 1) * sizeof *s->calibration);
    s->test = malloc((counts[HELD_BY_TEST] + 1) * sizeof *s->test);
    s->anomalous = malloc(counts[HELD_BY_TEST] + 1);
    s->train_count = s->validation_count = s->calibration_count = s->test_count = 0;
    if (s->train && s->validation && s->calibration && s->test && s->anomalous)
        return true;
    return error_memory(e, "the split of an experiment");
}

/* Fills the subsets; each lists its images in the order of the data set. */
static bool collect(const dataset *d, const protocol_spec *spec, const uint8_t *holders, struct split *s, error *e)
{
    size_t n = (size_t)dataset_facts(d)->image.n, counts[HOLDERS] = {0};
    for (size_t i = 0; i < n; i++)
        counts[holders[i]]++;
    if (!allocate(counts, s, e))
        return false;
    for (size_t i = 0; i < n; i++) {
        uint32_t image = (uint32_t)i;
        switch ((enum holder)holders[i]) {
        case HELD_BY_TRAINING:
            s->train[s->train_count++] = image;
            break;
        case HELD_BY_VALIDATION:
            s->validation[s->validation_count++] = image;
            break;
        case HELD_BY_CALIBRATION:
            s->calibration[s->calibration_count++] = image;
            break;
        case HELD_BY_TEST:
            s->anomalous[s->test_count] = is_anomalous(spec, dataset_label(d, i));
            s->test[s->test_count++] = image;
            break;
        case HELD_BY_NONE:
        case HOLDERS:
            break;
        }
    }
    return true;
}

static bool check_kinds(const struct split *s, const protocol_spec *spec, error *e)
{
    size_t anomalies = 0;
    for (size_t i = 0; i < s->test_count; i++)
        anomalies += s->anomalous[i];
    if (!s->test_count || (anomalies && anomalies < s->test_count))
        return true;
    return error_set(e, ERROR_INVALID,
                     "test_images: the %zu that seed %llu draws are all %s, so nothing can be measured; take more, or "
                     "another seed",
                     s->test_count, (unsigned long long)spec->seed, anomalies ? "anomalous" : "normal");
}

static bool count_subsets(const dataset_info *info, const protocol_spec *spec, struct census *out, struct split *counts,
                          error *e)
{
    if (!check_spec(info, spec, e) || !check_census(info, spec, out, e))
        return false;
    const struct census c = *out;
    size_t wanted = spec->test_images ? spec->test_images : c.tests;
    struct split s = {
        .validation_count = (size_t)llround(spec->validation_share * (double)c.normals),
        .calibration_count = (size_t)llround(spec->calibration_share * (double)c.normals),
        .test_count = spec->protocol == PROTOCOL_UNLABELLED ? 0 : wanted,
        .left_out_count = c.left_out,
    };
    if (s.validation_count + s.calibration_count >= c.normals)
        return error_set(e, ERROR_INVALID,
                         "of %zu normal images none is left to train on: %zu validate and %zu calibrate", c.normals,
                         s.validation_count, s.calibration_count);
    s.train_count = c.normals - s.validation_count - s.calibration_count;
    *counts = s;
    return true;
}

bool split_count(const dataset_info *info, const protocol_spec *spec, struct split *out, error *e)
{
    struct census c;
    *out = (struct split){0};
    return count_subsets(info, spec, &c, out, e);
}

bool split_make(const dataset *d, const protocol_spec *spec, struct split *out, error *e)
{
    *out = (struct split){0};
    struct census c;
    struct split s;
    if (!count_subsets(dataset_facts(d), spec, &c, &s, e))
        return false;
    uint8_t *holders = calloc((size_t)dataset_facts(d)->image.n, 1);
    bool good = (holders || error_memory(e, "the split of an experiment")) && deal_normals(d, spec, &s, holders, e) &&
                draw_tests(d, spec->seed, c.tests, s.test_count, holders, e) && collect(d, spec, holders, &s, e) &&
                check_kinds(&s, spec, e);
    free(holders);
    if (good)
        *out = s;
    else
        split_free(&s);
    return good;
}

void split_free(struct split *s)
{
    free(s->train);
    free(s->validation);
    free(s->calibration);
    free(s->test);
    free(s->anomalous);
    *s = (struct split){0};
}

static void digest_subset(digest *d, const uint32_t *indices, size_t count)
{
    const uint32_t n = (uint32_t)count;
    digest_update(d, &n, sizeof n);
    digest_update(d, indices, count * sizeof *indices);
}

void split_training_digest(const struct split *s, const dataset_info *info, char out[DATASET_DIGEST_TEXT])
{
    digest d;
    digest_begin(&d);
    digest_update(&d, info->digest, DATASET_DIGEST_TEXT - 1);
    digest_subset(&d, s->train, s->train_count);
    digest_subset(&d, s->validation, s->validation_count);
    digest_subset(&d, s->calibration, s->calibration_count);
    digest_end_hex(&d, out);
}

void split_test_digest(const struct split *s, const dataset_info *info, char out[DATASET_DIGEST_TEXT])
{
    digest d;
    digest_begin(&d);
    digest_update(&d, info->digest, DATASET_DIGEST_TEXT - 1);
    digest_update(&d, s->test, s->test_count * sizeof *s->test);
    digest_update(&d, s->anomalous, s->test_count);
    digest_end_hex(&d, out);
}
