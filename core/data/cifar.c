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

static bool split_by_name(const listing_entry *entry, enum dataset_split *split)
{
    const char *name = listing_base_name(entry);
    size_t n = strlen(name);
    if (n < 4 || strcmp(name + n - 4, ".bin"))
        return false;
    *split = strncmp(name, "test_batch", 10) ? SPLIT_TRAIN : SPLIT_TEST;
    return *split == SPLIT_TEST || !strncmp(name, "data_batch", 10);
}

static bool cifar_claims(const listing *l)
{
    enum dataset_split split;
    for (size_t i = 0; i < l->count; i++)
        if (split_by_name(&l->entries[i], &split))
            return true;
    return false;
}

/* One batch of the plan, by its index in the listing. */
struct batch {
    const char *name;
    size_t listed, first, count;
    enum dataset_split split;
};

struct cifar {
    struct batch *batches;
    size_t count;
};

/* Training batches before test batches, then by name, whatever the order in the archive. */
static int by_split_and_name(const void *a, const void *b)
{
    const struct batch *x = a, *y = b;
    return x->split != y->split ? (int)x->split - (int)y->split : strverscmp(x->name, y->name);
}

static void cifar_release(void *state)
{
    struct cifar *c = state;
    free(c->batches);
    free(c);
}

static bool plan_batches(struct cifar *c, const listing *l, dataset_info *info, error *e)
{
    for (size_t i = 0; i < l->count; i++) {
        const listing_entry *entry = &l->entries[i];
        struct batch b = {.name = entry->name, .listed = i};
        if (!split_by_name(entry, &b.split))
            continue;
        if (!entry->bytes || entry->bytes % RECORD_BYTES)
            return error_set(e, ERROR_CORRUPT,
                             "%s: %llu bytes are not a whole number of records of %d bytes (%llu bytes remain)",
                             entry->name, (unsigned long long)entry->bytes, RECORD_BYTES,
                             (unsigned long long)(entry->bytes % RECORD_BYTES));
        if (entry->bytes / RECORD_BYTES > DATASET_IMAGES_MAX)
            return error_set(e, ERROR_LIMIT, "%s: more than %d records", entry->name, DATASET_IMAGES_MAX);
        b.count = (size_t)entry->bytes / RECORD_BYTES;
        c->batches[c->count++] = b;
    }
    qsort(c->batches, c->count, sizeof *c->batches, by_split_and_name);
    size_t total = 0;
    for (size_t i = 0; i < c->count; i++) {
        c->batches[i].first = total;
        total += c->batches[i].count;
        if (total > DATASET_IMAGES_MAX)
            return error_set(e, ERROR_LIMIT, "more than %d images", DATASET_IMAGES_MAX);
    }
    info->image = (shape){.n = (int)total, .h = SIDE, .w = SIDE, .c = 3};
    info->classes = CLASSES;
    for (int k = 0; k < CLASSES; k++)
        memcpy(info->class_names[k], class_names[k], strlen(class_names[k]));
    return true;
}

static void *cifar_plan(const listing *l, dataset_info *info, error *e)
{
    struct cifar *c = calloc(1, sizeof *c);
    struct batch *batches = calloc(l->count, sizeof *batches);
    if (!c || !batches) {
        free(c);
        free(batches);
        error_memory(e, "the list of batches");
        return NULL;
    }
    c->batches = batches;
    if (plan_batches(c, l, info, e))
        return c;
    cifar_release(c);
    return NULL;
}

static void interleave(const uint8_t *restrict planes, uint8_t *restrict pixels)
{
    for (size_t i = 0; i < PLANE; i++)
        for (size_t k = 0; k < 3; k++)
            pixels[3 * i + k] = planes[k * PLANE + i];
}

static bool read_batch(const struct batch *b, source_stream *content, const reader_target *to, error *e)
{
    uint8_t record[RECORD_BYTES];
    size_t got;
    for (size_t i = 0; i < b->count; i++) {
        if (!source_read(content, record, sizeof record, &got, e))
            return false;
        if (got < sizeof record)
            return error_set(e, ERROR_CORRUPT, "truncated: record %zu has %zu of %d bytes", i, got, RECORD_BYTES);
        if (record[0] >= CLASSES)
            return error_set(e, ERROR_CORRUPT, "record %zu has label %u; 0 to %d are possible", i, record[0],
                             CLASSES - 1);
        to->labels[b->first + i] = record[0];
        to->splits[b->first + i] = (uint8_t)b->split;
        interleave(record + 1, to->pixels + (b->first + i) * 3 * PLANE);
    }
    if (!source_read(content, record, 1, &got, e))
        return false;
    return !got || error_set(e, ERROR_IO, "it has grown while it was read");
}

static bool cifar_read(void *state, const source_member *m, const reader_target *to, error *e)
{
    const struct cifar *c = state;
    for (size_t i = 0; i < c->count; i++)
        if (c->batches[i].listed == m->index)
            return read_batch(&c->batches[i], m->content, to, e);
    return true;
}

const dataset_reader cifar_reader = {
    .format = "cifar10",
    .claims = cifar_claims,
    .plan = cifar_plan,
    .read = cifar_read,
    .release = cifar_release,
};
