/* SPDX-License-Identifier: MIT */
/*
 * dataset_reader.h — the functions that a format must have to be imported. Private to core/data.
 *
 * An import walks its source twice. The first walk lists every file with its first bytes and its length; from that
 * alone a reader finds all sizes, which are checked before anything is reserved. The second walk hands each file, in
 * any order, to the reader, which writes the pixels to their places.
 */
#ifndef ANOMALYD_DATA_DATASET_READER_H
#define ANOMALYD_DATA_DATASET_READER_H

#include "data/dataset.h"
#include "data/source.h"

enum { LISTING_HEAD_BYTES = 32 };

typedef struct listing_entry {
    char *name;
    uint64_t bytes; /* of the content */
    uint8_t head[LISTING_HEAD_BYTES];
    size_t head_bytes;
} listing_entry;

/* In the order of the walk: entries[m.index] is the member m. */
typedef struct listing {
    listing_entry *entries;
    size_t count, capacity;
} listing;

/* Returns what follows the last '/' of a name. */
const char *listing_base_name(const listing_entry *entry);

/* Where a reader puts what it reads; one label and split an image. Owned by the import. */
typedef struct reader_target {
    shape image;
    uint8_t *pixels, *labels, *splits;
} reader_target;

typedef struct dataset_reader {
    const char *format; /* shorter than dataset_info.format */
    /* True where these files are meant to be of this format, however damaged. */
    bool (*claims)(const listing *l);
    /* Fills info->image and, where the names are known yet, info->classes and info->class_names. Returns the
     * reader's state, new; NULL and *e when the files do not make up a data set. Borrows `l` until free. */
    void *(*prepare)(const listing *l, dataset_info *info, error *e);
    /* Reads a member, or ignores one that is not part of the data set. */
    bool (*read)(void *state, const source_member *m, const reader_target *to, error *e);
    /* Called once all are read: completes info->classes and info->class_names. May be NULL. */
    bool (*complete)(void *state, const reader_target *t, dataset_info *info, error *e);
    void (*free)(void *state);
} dataset_reader;

extern const dataset_reader cifar_reader, folder_reader, idx_reader;

#endif
