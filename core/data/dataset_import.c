/* SPDX-License-Identifier: MIT */
/*
 * dataset_import.c — imports a data set into a packed file: lists the files, finds their format, prepares a reader,
 * reserves the file, reads into it and seals it. The readers know the formats.
 */
#include "data/dataset.h"

#include "base/file.h"
#include "data/copies.h"
#include "data/dataset_packed.h"
#include "data/dataset_reader.h"

#include <stdlib.h>
#include <string.h>

static const dataset_reader *const readers[] = {&cifar_reader, &idx_reader, &folder_reader};

const char *listing_base_name(const listing_entry *entry)
{
    const char *slash = strrchr(entry->name, '/');
    return slash ? slash + 1 : entry->name;
}

static void listing_free(listing *l)
{
    for (size_t i = 0; i < l->count; i++)
        free(l->entries[i].name);
    free(l->entries);
}

static bool list_member(void *context, const source_member *m, error *e)
{
    listing *l = context;
    if (l->count == l->capacity) {
        size_t capacity = l->capacity ? 2 * l->capacity : 64;
        listing_entry *entries = realloc(l->entries, capacity * sizeof *entries);
        if (!entries)
            return error_memory(e, "the list of files");
        l->entries = entries;
        l->capacity = capacity;
    }
    listing_entry *entry = &l->entries[l->count];
    *entry = (listing_entry){.name = strdup(m->name), .bytes = m->size};
    if (!entry->name)
        return error_memory(e, "the list of files");
    l->count++;
    if (!source_read(m->content, entry->head, sizeof entry->head, &entry->head_bytes, e))
        return false;
    if (m->size != SOURCE_SIZE_UNKNOWN)
        return true;
    /* Reading compressed data to their end also verifies them before anything is reserved. */
    entry->bytes = entry->head_bytes;
    return source_drain(m->content, &entry->bytes, e);
}

/* One import under way. */
struct import {
    listing files;
    const dataset_reader *reader;
    void *state;
    reader_target target;
    size_t visited;
};

static bool read_member(void *context, const source_member *m, error *e)
{
    struct import *i = context;
    if (m->index >= i->files.count || strcmp(m->name, i->files.entries[m->index].name))
        return error_set(e, ERROR_IO, "the files changed while they were read");
    i->visited++;
    return i->reader->read(i->state, m, &i->target, e);
}

static const dataset_reader *recognise(const listing *l, const char *source, error *e)
{
    if (!l->count) {
        error_set(e, ERROR_INVALID, "%s: there is no file in it", source);
        return NULL;
    }
    for (size_t k = 0; k < sizeof readers / sizeof *readers; k++)
        if (readers[k]->claims(l))
            return readers[k];
    error_set(e, ERROR_UNSUPPORTED,
              "%s: no data set found in %zu file%s (the first is %s); expected IDX files, CIFAR-10 binary batches or a "
              "folder of PNG images for each class, as a folder, zip, tar or tar.gz",
              source, l->count, l->count == 1 ? "" : "s", l->entries[0].name);
    return NULL;
}

/* Makes a fixed 20% of a class the test split, for sources that have none. The key is part of the format, so that the
 * same images always give the same packed file. */
static bool draw_of_class(const reader_target *t, const copies_deck *deck, uint8_t *held, error *e)
{
    size_t room = (deck->count + 2) / 5;
    if (!copies_deal(deck, &room, 1, held, e))
        return false;
    for (size_t i = 0; i < deck->count; i++)
        if (held[i])
            t->splits[deck->members[i]] = SPLIT_TEST;
    return true;
}

static bool draw_test_split(const reader_target *t, const uint32_t *first, int classes, error *e)
{
    size_t n = (size_t)t->image.n;
    uint32_t *members = malloc(n * sizeof *members);
    uint8_t *held = malloc(n);
    bool drawn = (members && held) || error_memory(e, "drawing a test split");
    copies_deck deck = {.first = first, .images = n, .members = members, .key = random_stream(0, "test part")};
    for (int k = 0; drawn && k < classes; k++) {
        deck.draw = (uint64_t)k;
        deck.count = 0;
        for (size_t i = 0; i < n; i++)
            if (t->labels[i] == k)
                members[deck.count++] = (uint32_t)i;
        drawn = draw_of_class(t, &deck, held, e);
    }
    free(members);
    free(held);
    return drawn;
}

static bool ensure_splits(const reader_target *t, const uint32_t *first, int classes, error *e)
{
    size_t tests = 0;
    for (int i = 0; i < t->image.n; i++)
        tests += t->splits[i] == SPLIT_TEST;
    if (tests == (size_t)t->image.n)
        return error_set(e, ERROR_INVALID, "all %zu images are test images; there is nothing to train on", tests);
    return tests || draw_test_split(t, first, classes, e);
}

/* Completes splits and facts once all images are there. */
static bool arrange(const reader_target *t, dataset_info *info, error *e)
{
    uint32_t *first = malloc((size_t)t->image.n * sizeof *first);
    bool good = (first || error_memory(e, "looking for copies of images")) &&
                copies_find(t->pixels, t->image, first, e) && ensure_splits(t, first, info->classes, e) &&
                copies_count(first, t->labels, t->splits, info, e);
    free(first);
    return good;
}

/* Reads everything into the mapped file and closes it with its header. */
static bool fill(struct import *i, const char *source, uint8_t *file, const packed_layout *layout, dataset_info *info,
                 error *e)
{
    i->target = (reader_target){
        .image = info->image,
        .pixels = file + layout->pixels,
        .labels = file + layout->labels,
        .splits = file + layout->splits,
    };
    if (!source_walk(source, read_member, i, e))
        return false;
    if (i->visited != i->files.count)
        return error_set(e, ERROR_IO, "%s: files vanished while they were read", source);
    if (i->reader->complete && !i->reader->complete(i->state, &i->target, info, e))
        return error_at(e, "%s", source);
    if (!arrange(&i->target, info, e))
        return error_at(e, "%s", source);
    packed_seal(file, layout, info);
    return true;
}

static bool write_packed(struct import *i, const char *source, const char *packed, dataset_info *info, error *e)
{
    packed_layout layout;
    if (!packed_layout_of(info->image, &layout, e))
        return error_at(e, "%s", source);
    file_output *output = file_output_new(packed, e);
    if (!output)
        return false;
    uint8_t *file = file_output_map(output, layout.total, e);
    if (file && fill(i, source, file, &layout, info, e))
        return file_output_commit(output, e);
    file_output_abandon(output);
    return false;
}

bool dataset_import(const char *source, const char *packed, dataset_info *info, error *e)
{
    struct import i = {0};
    *info = (dataset_info){0};
    bool imported = source_walk(source, list_member, &i.files, e);
    if (imported) {
        i.reader = recognise(&i.files, source, e);
        imported = i.reader != NULL;
    }
    if (imported) {
        memcpy(info->format, i.reader->format, strlen(i.reader->format));
        i.state = i.reader->prepare(&i.files, info, e);
        imported = i.state ? write_packed(&i, source, packed, info, e) : error_at(e, "%s", source);
    }
    if (i.reader && i.state)
        i.reader->free(i.state);
    listing_free(&i.files);
    return imported;
}
