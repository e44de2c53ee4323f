/* SPDX-License-Identifier: MIT */
/*
 * idx.c — the IDX files of MNIST and its relatives: a big-endian header (two zeros, element type, number of
 * dimensions, their lengths) and bytes. A data set has images and labels of the training split, and perhaps of the test
 * split. The magic number tells images from labels, and "t10k" or "test" in the name tells the test split.
 */
#include "data/dataset_reader.h"
#include "data/image.h"

#include <assert.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { TYPE_BYTE = 8, LABELS_HEADER = 8, IMAGES_HEADER = 16 };

enum idx_kind { IDX_LABELS, IDX_IMAGES, IDX_KINDS };

static const char *const kind_names[IDX_KINDS] = {"labels", "images"};
static const char *const split_names[SPLIT_COUNT] = {"training", "test"};

/* One of up to four files. */
struct idx_file {
    const listing_entry *entry; /* NULL when there is none */
    size_t listed;
    uint32_t count, height, width;
};

struct idx {
    struct idx_file files[SPLIT_COUNT][IDX_KINDS];
    uint8_t label_max[SPLIT_COUNT];
    size_t label_max_at[SPLIT_COUNT];
};

static uint32_t get_u32(const uint8_t *at)
{
    return (uint32_t)at[0] << 24 | (uint32_t)at[1] << 16 | (uint32_t)at[2] << 8 | at[3];
}

static bool has_magic(const listing_entry *entry)
{
    const uint8_t *h = entry->head;
    return entry->head_bytes >= 4 && !h[0] && !h[1] && h[2] >= 8 && h[2] <= 14 && h[3] >= 1 && h[3] <= 4;
}

static bool is_named_idx(const listing_entry *entry)
{
    const char *name = listing_base_name(entry);
    return strstr(name, "idx1-ubyte") || strstr(name, "idx3-ubyte");
}

static bool idx_claims(const listing *l)
{
    for (size_t i = 0; i < l->count; i++)
        if (has_magic(&l->entries[i]) || is_named_idx(&l->entries[i]))
            return true;
    return false;
}

static bool check_dimensions(const struct idx_file *p, enum idx_kind kind, error *e)
{
    const char *name = p->entry->name;
    if (p->count > DATASET_IMAGES_MAX || !p->count)
        return error_set(e, ERROR_LIMIT, "%s: %u %s; 1 to %d are accepted", name, p->count, kind_names[kind],
                         DATASET_IMAGES_MAX);
    if (kind == IDX_IMAGES && (!p->height || !p->width || p->height > IMAGE_SIDE_MAX || p->width > IMAGE_SIDE_MAX))
        return error_set(e, ERROR_LIMIT, "%s: images of %u x %u pixels; 1 to %d each way are accepted", name, p->width,
                         p->height, IMAGE_SIDE_MAX);
    uint64_t header = kind == IDX_IMAGES ? IMAGES_HEADER : LABELS_HEADER;
    uint64_t body = kind == IDX_IMAGES ? (uint64_t)p->count * p->height * p->width : p->count;
    if (p->entry->bytes != header + body)
        return error_set(e, ERROR_CORRUPT, "%s: %llu bytes after the header; %u %s need %llu", name,
                         (unsigned long long)(p->entry->bytes - header), p->count, kind_names[kind],
                         (unsigned long long)body);
    return true;
}

/* Parses a file's header into the entry that its kind and name give it. */
static bool place_file(struct idx *x, const listing *l, size_t i, error *e)
{
    const listing_entry *entry = &l->entries[i];
    const uint8_t *h = entry->head;
    if (!has_magic(entry) || h[2] != TYPE_BYTE || (h[3] != 1 && h[3] != 3))
        return error_set(e, ERROR_CORRUPT,
                         "%s: wrong magic number 0x%08x; expected 0x00000803 for images or 0x00000801 for labels",
                         entry->name, entry->head_bytes >= 4 ? get_u32(h) : 0);
    enum idx_kind kind = h[3] == 3 ? IDX_IMAGES : IDX_LABELS;
    size_t header = kind == IDX_IMAGES ? IMAGES_HEADER : LABELS_HEADER;
    if (entry->head_bytes < header)
        return error_set(e, ERROR_CORRUPT, "%s: truncated: %zu of the header's %zu bytes", entry->name,
                         entry->head_bytes, header);
    const char *name = listing_base_name(entry);
    enum dataset_split split = strstr(name, "t10k") || strstr(name, "test") ? SPLIT_TEST : SPLIT_TRAIN;
    struct idx_file *p = &x->files[split][kind];
    if (p->entry)
        return error_set(e, ERROR_INVALID, "two files of %s %s: %s and %s", split_names[split], kind_names[kind],
                         p->entry->name, entry->name);
    *p = (struct idx_file){.entry = entry, .listed = i, .count = get_u32(h + 4)};
    if (kind == IDX_IMAGES) {
        p->height = get_u32(h + 8);
        p->width = get_u32(h + 12);
    }
    return check_dimensions(p, kind, e);
}

static bool check_pair(const struct idx *x, enum dataset_split split, error *e)
{
    const struct idx_file *images = &x->files[split][IDX_IMAGES], *labels = &x->files[split][IDX_LABELS];
    if (!images->entry && !labels->entry)
        return split == SPLIT_TEST || error_set(e, ERROR_INVALID, "there is no IDX file of training images");
    if (!images->entry || !labels->entry)
        return error_set(e, ERROR_INVALID, "%s: the %s that belong to it are missing",
                         (images->entry ? images : labels)->entry->name,
                         kind_names[images->entry ? IDX_LABELS : IDX_IMAGES]);
    if (images->count != labels->count)
        return error_set(e, ERROR_CORRUPT, "%s has %u images, but %s has %u labels", images->entry->name, images->count,
                         labels->entry->name, labels->count);
    return true;
}

static bool prepare_files(struct idx *x, const listing *l, dataset_info *info, error *e)
{
    for (size_t i = 0; i < l->count; i++)
        if ((has_magic(&l->entries[i]) || is_named_idx(&l->entries[i])) && !place_file(x, l, i, e))
            return false;
    if (!check_pair(x, SPLIT_TRAIN, e) || !check_pair(x, SPLIT_TEST, e))
        return false;
    const struct idx_file *train = &x->files[SPLIT_TRAIN][IDX_IMAGES], *test = &x->files[SPLIT_TEST][IDX_IMAGES];
    assert(train->entry);
    if (test->entry && (test->height != train->height || test->width != train->width))
        return error_set(e, ERROR_INVALID, "%s has images of %u x %u pixels, but %s of %u x %u", train->entry->name,
                         train->width, train->height, test->entry->name, test->width, test->height);
    info->image =
        (shape){.n = (int)(train->count + test->count), .h = (int)train->height, .w = (int)train->width, .c = 1};
    return true;
}

static void *idx_prepare(const listing *l, dataset_info *info, error *e)
{
    struct idx *x = calloc(1, sizeof *x);
    if (!x) {
        error_memory(e, "reading IDX files");
        return NULL;
    }
    if (prepare_files(x, l, info, e))
        return x;
    free(x);
    return NULL;
}

/* The lengths were checked when the file was listed; another length now means that it changed since. */
static bool read_body(const source_member *m, size_t header, uint8_t *to, size_t bytes, error *e)
{
    uint8_t head[IMAGES_HEADER];
    size_t got_header, got = 0, more = 0;
    if (!source_read(m->content, head, header, &got_header, e) || !source_read(m->content, to, bytes, &got, e) ||
        !source_read(m->content, head, 1, &more, e))
        return false;
    return (got == bytes && !more) || error_set(e, ERROR_IO, "its length changed while it was read");
}

static bool read_file(struct idx *x, enum dataset_split split, enum idx_kind kind, const source_member *m,
                      const reader_target *to, error *e)
{
    const struct idx_file *p = &x->files[split][kind];
    size_t first = split == SPLIT_TEST ? x->files[SPLIT_TRAIN][IDX_IMAGES].count : 0;
    if (kind == IDX_IMAGES) {
        size_t bytes = shape_row(to->image);
        return read_body(m, IMAGES_HEADER, to->pixels + first * bytes, p->count * bytes, e);
    }
    if (!read_body(m, LABELS_HEADER, to->labels + first, p->count, e))
        return false;
    for (size_t i = 0; i < p->count; i++) {
        to->splits[first + i] = (uint8_t)split;
        if (to->labels[first + i] > x->label_max[split]) {
            x->label_max[split] = to->labels[first + i];
            x->label_max_at[split] = i;
        }
    }
    return true;
}

static bool idx_read(void *state, const source_member *m, const reader_target *to, error *e)
{
    struct idx *x = state;
    for (int split = 0; split < SPLIT_COUNT; split++)
        for (int kind = 0; kind < IDX_KINDS; kind++)
            if (x->files[split][kind].entry && x->files[split][kind].listed == m->index)
                return read_file(x, (enum dataset_split)split, (enum idx_kind)kind, m, to, e);
    return true;
}

/* IDX does not tell the number of classes. The training labels do, and test labels must be among them. */
static bool idx_complete(void *state, const reader_target *t, dataset_info *info, error *e)
{
    (void)t;
    const struct idx *x = state;
    if (x->label_max[SPLIT_TEST] > x->label_max[SPLIT_TRAIN])
        return error_set(e, ERROR_CORRUPT, "%s: item %zu has label %u; those of %s are 0 to %u",
                         x->files[SPLIT_TEST][IDX_LABELS].entry->name, x->label_max_at[SPLIT_TEST],
                         x->label_max[SPLIT_TEST], x->files[SPLIT_TRAIN][IDX_LABELS].entry->name,
                         x->label_max[SPLIT_TRAIN]);
    info->classes = x->label_max[SPLIT_TRAIN] + 1;
    for (int k = 0; k < info->classes; k++)
        snprintf(info->class_names[k], sizeof info->class_names[k], "%d", k);
    return true;
}

static void idx_free(void *state)
{
    free(state);
}

const dataset_reader idx_reader = {
    .format = "idx",
    .claims = idx_claims,
    .prepare = idx_prepare,
    .read = idx_read,
    .complete = idx_complete,
    .free = idx_free,
};
