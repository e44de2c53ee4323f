/* SPDX-License-Identifier: MIT */
/*
 * dataset.h — a data set imported once into one packed, checksummed file, then mapped read-only.
 *
 * Knows the formats users download (IDX plain and .gz, CIFAR-10 binary as files or official tar.gz,
 * folders of PNG, and zip/tar archives of such) and detects which one it was given; knows nothing of methods.
 */
#ifndef ANOMALYD_DATA_DATASET_H
#define ANOMALYD_DATA_DATASET_H

#include "base/error.h"
#include "base/shape.h"

#include <stddef.h>
#include <stdint.h>

enum {
    DATASET_CLASSES_MAX = 256,
    DATASET_CLASS_NAME_MAX = 64,
    DATASET_IMAGES_MAX = 2000000,
    DATASET_DIGEST_TEXT = 65 /* 64 hexadecimal digits of SHA-256 and a NUL */
};

enum dataset_split { SPLIT_TRAIN, SPLIT_TEST, SPLIT_COUNT };

typedef struct dataset_info {
    char format[16]; /* "idx", "cifar10", "folder" */
    shape image;     /* n = number of images; h, w, c of each */
    int classes;
    char class_names[DATASET_CLASSES_MAX][DATASET_CLASS_NAME_MAX]; /* "0" … "9", "airplane", … */
    uint32_t counts[SPLIT_COUNT][DATASET_CLASSES_MAX];
    uint32_t copies[SPLIT_COUNT]; /* images whose exact pixels an earlier one of the same split has */
    uint32_t duplicates;          /* test images whose exact pixels also are in the training split */
    uint32_t conflicting;         /* images whose exact pixels also are those of an image of another class */
    /* Training images whose exact pixels also are in the test split: nothing that is tested is trained on them. */
    uint32_t left_out[DATASET_CLASSES_MAX];
    char digest[DATASET_DIGEST_TEXT]; /* SHA-256 over shape, images, labels and splits */
} dataset_info;

typedef struct dataset dataset;

/* Reads whatever is at `source` (a file, an archive or a folder; format detected from contents, not from
 * names alone) and writes the packed file at `packed` (temporary file, fsync, rename: nothing is left behind
 * on failure, and a former file stays). Never changes `source`; the message of an error names the file and the place
 * in it. Where the source has no test part, a fixed random 20% of each class becomes it; copies of
 * an image within its class stay together. Any thread; *info is large.
 *
 * Folders: CLASS/NAME.png, or train/CLASS/NAME.png and test/CLASS/NAME.png, below any folders that all share; classes
 * in natural order of their names; images in no folder are the class "all"; "ground_truth" beside train and test is
 * passed over, as are hidden files and files that are no images. All images take the size of the first (others are
 * resized) and 1 channel when all are grey. Limits: 2,000,000 images, 1,000,000 files, 16 GiB, 100 to 1 inflation. */
bool dataset_import(const char *source, const char *packed, dataset_info *info, error *e);

/* Maps a packed file, verifies its header, sizes and checksum, and finds copies of images. Returns new. Any thread may
 * read. */
dataset *dataset_open(const char *packed, error *e);
void dataset_free(dataset *d);
/* Bytes of its packed file, all of which dataset_open reads into memory. */
size_t dataset_bytes(const dataset_info *info);
const dataset_info *dataset_facts(const dataset *d);

/* Borrows: h·w·c bytes, valid until dataset_free. */
const uint8_t *dataset_image(const dataset *d, size_t index);
int dataset_label(const dataset *d, size_t index);
enum dataset_split dataset_split_of(const dataset *d, size_t index);
/* Borrows: for each image the index of the earliest one with exactly the same pixels, its own where there is none. */
const uint32_t *dataset_first(const dataset *d);
/* The class of that name, or -1. */
int dataset_class(const dataset_info *info, const char *name);

#endif
