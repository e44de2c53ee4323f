/* SPDX-License-Identifier: MIT */
/*
 * cifar.c — CIFAR-10 in its binary version: batches of records of a label and 32×32 red, green and blue pixels, one
 * plane after another. The files have no magic number; they are known by their official names and record size.
 */
#include "data/dataset_reader.h"

#include <stdlib.h>
#include <string.h>

enum { SIDE = 32, PLANE = SIDE * SIDE, RECORD_BYTES = 1 + 3 * PLANE, CLASSES = 10 };

/* In the order of the official batches.meta.txt. */
static const char *const class_names[CLASSES] = {
    "airplane", "automobile", "bird", "cat", "deer", "dog", "frog", "horse", "ship", "truck",
};

/* In the order of the data set: the training split, then the test split. */
static const char *const batch_names[] = {
    "data_batch_1.bin", "data_batch_2.bin", "data_batch_3.bin",
    "data_batch_4.bin", "data_batch_5.bin", "test_batch.bin",
};
enum { BATCHES = sizeof batch_names / sizeof *batch_names, TEST_BATCH = BATCHES - 1 };

static bool is_batch(const char *name)
{
    size_t n = strlen(name);
    return n > 4 && !strcmp(name + n - 4, ".bin") &&
           (!strncmp(name, "data_batch", 10) || !strncmp(name, "test_batch", 10));
}

static bool cifar_claims(const listing *l)
{
    for (size_t i = 0; i < l->count; i++)
        if (is_batch(listing_base_name(&l->entries[i])))
            return true;
    return false;
}

struct cifar {
    const listing_entry *batches[BATCHES];
    size_t listed[BATCHES], count; /* records of each */
};

static bool check_size(const listing_entry *entry, error *e)
{
    if (!entry->bytes || entry->bytes % RECORD_BYTES)
        return error_set(e, ERROR_CORRUPT,
                         "%s: %llu bytes are not a whole number of records of %d bytes (%llu bytes remain)",
                         entry->name, (unsigned long long)entry->bytes, RECORD_BYTES,
                         (unsigned long long)(entry->bytes % RECORD_BYTES));
    if (entry->bytes / RECORD_BYTES > DATASET_IMAGES_MAX / BATCHES)
        return error_set(e, ERROR_LIMIT, "%s: more than %d records", entry->name, DATASET_IMAGES_MAX / BATCHES);
    return true;
}

static bool place_batch(struct cifar *c, const listing_entry *entry, size_t listed, error *e)
{
    int k = 0;
    while (k < BATCHES && strcmp(listing_base_name(entry), batch_names[k]) != 0)
        k++;
    if (k == BATCHES)
        return error_set(e, ERROR_INVALID,
                         "%s: no file of CIFAR-10; data_batch_1.bin to data_batch_5.bin and test_batch.bin are",
                         entry->name);
    if (c->batches[k])
        return error_set(e, ERROR_INVALID, "two files of one batch: %s and %s", c->batches[k]->name, entry->name);
    c->batches[k] = entry;
    c->listed[k] = listed;
    return check_size(entry, e);
}

/* All six must exist and have one length: an incomplete download may end with a whole record. */
static bool check_batches(const struct cifar *c, error *e)
{
    for (int k = 0; k < BATCHES; k++)
        if (!c->batches[k])
            return error_set(e, ERROR_INVALID,
                             "%s is missing; CIFAR-10 is data_batch_1.bin to data_batch_5.bin and test_batch.bin",
                             batch_names[k]);
    for (int k = 1; k < BATCHES; k++)
        if (c->batches[k]->bytes != c->batches[0]->bytes)
            return error_set(e, ERROR_CORRUPT, "%s has %llu records, but %s has %llu; all batches have as many",
                             c->batches[k]->name, (unsigned long long)(c->batches[k]->bytes / RECORD_BYTES),
                             c->batches[0]->name, (unsigned long long)(c->batches[0]->bytes / RECORD_BYTES));
    return true;
}

static void cifar_free(void *state)
{
    free(state);
}

static bool find_batches(struct cifar *c, const listing *l, dataset_info *info, error *e)
{
    for (size_t i = 0; i < l->count; i++)
        if (is_batch(listing_base_name(&l->entries[i])) && !place_batch(c, &l->entries[i], i, e))
            return false;
    if (!check_batches(c, e))
        return false;
    c->count = (size_t)c->batches[0]->bytes / RECORD_BYTES;
    info->image = (shape){.n = (int)(BATCHES * c->count), .h = SIDE, .w = SIDE, .c = 3};
    info->classes = CLASSES;
    for (int k = 0; k < CLASSES; k++)
        memcpy(info->class_names[k], class_names[k], strlen(class_names[k]));
    return true;
}

static void *cifar_prepare(const listing *l, dataset_info *info, error *e)
{
    struct cifar *c = calloc(1, sizeof *c);
    if (!c) {
        error_memory(e, "the list of batches");
        return NULL;
    }
    if (find_batches(c, l, info, e))
        return c;
    cifar_free(c);
    return NULL;
}

static void interleave(const uint8_t *restrict planes, uint8_t *restrict pixels)
{
    for (size_t i = 0; i < PLANE; i++)
        for (size_t k = 0; k < 3; k++)
            pixels[3 * i + k] = planes[k * PLANE + i];
}

static bool read_batch(const struct cifar *c, int k, source_stream *content, const reader_target *to, error *e)
{
    uint8_t record[RECORD_BYTES];
    size_t first = (size_t)k * c->count, got;
    for (size_t i = 0; i < c->count; i++) {
        if (!source_read(content, record, sizeof record, &got, e))
            return false;
        if (got < sizeof record)
            return error_set(e, ERROR_CORRUPT, "truncated: record %zu has %zu of %d bytes", i, got, RECORD_BYTES);
        if (record[0] >= CLASSES)
            return error_set(e, ERROR_CORRUPT, "record %zu has label %u; 0 to %d are possible", i, record[0],
                             CLASSES - 1);
        to->labels[first + i] = record[0];
        to->splits[first + i] = k == TEST_BATCH ? SPLIT_TEST : SPLIT_TRAIN;
        interleave(record + 1, to->pixels + (first + i) * 3 * PLANE);
    }
    if (!source_read(content, record, 1, &got, e))
        return false;
    return !got || error_set(e, ERROR_IO, "it has grown while it was read");
}

static bool cifar_read(void *state, const source_member *m, const reader_target *to, error *e)
{
    const struct cifar *c = state;
    for (int k = 0; k < BATCHES; k++)
        if (c->listed[k] == m->index)
            return read_batch(c, k, m->content, to, e);
    return true;
}

const dataset_reader cifar_reader = {
    .format = "cifar10",
    .claims = cifar_claims,
    .prepare = cifar_prepare,
    .read = cifar_read,
    .free = cifar_free,
};
