/* SPDX-License-Identifier: MIT */
/*
 * protocol.h — which images of a data set are normal, and how a protocol splits them.
 *
 * Test images come from the test split only. Validation (epoch selection) and calibration (conformal
 * p-values) are held out of the TRAINING normals, by a seeded permutation, so that no label of an anomaly
 * is ever used before the test. The four subsets are disjoint, by index and by content: copies of an image stay in one
 * subset, and a training image that the test split has too is in none, whatever its label there. The test split itself
 * is not changed. An unlabelled run has no test, so it leaves nothing out.
 *
 * A test may use only some of its images. Which ones depends on the data set and the seed alone, so that methods,
 * classes and protocols of one seed are measured on the same images.
 */
#ifndef ANOMALYD_DATA_PROTOCOL_H
#define ANOMALYD_DATA_PROTOCOL_H

#include "data/dataset.h"

enum protocol {
    PROTOCOL_ONE_CLASS,   /* class c is normal, all others are anomalous */
    PROTOCOL_ONE_VS_REST, /* class c is anomalous, all others are normal */
    PROTOCOL_UNLABELLED   /* every training image is normal; nothing to test against */
};

/* "one-class", "one-vs-rest", "unlabelled". */
const char *protocol_name(enum protocol p);
bool protocol_parse(const char *name, enum protocol *out, error *e);

typedef struct protocol_spec {
    enum protocol protocol;
    int class_index;          /* of the data set; not read for PROTOCOL_UNLABELLED */
    double validation_share;  /* of the training normals, 0 … 0.4 */
    double calibration_share; /* of the training normals, 0 … 0.4 */
    uint64_t seed;
    size_t test_images; /* 0: all there are; else at least PROTOCOL_TEST_MIN, drawn without replacement */
} protocol_spec;
enum { PROTOCOL_TEST_MIN = 20 };

/* Returns how many images of the training split serve as normals: those of the protocol's classes that are not left
 * out. */
size_t protocol_normals(const dataset_info *info, const protocol_spec *spec);

/* Checks a spec as far as a data set's facts allow. ERROR_INVALID says what is wrong and what is accepted. */
bool protocol_check(const dataset_info *info, const protocol_spec *spec, error *e);

/* The images of the four subsets as indices into the data set, ascending in each; owned by this struct. */
struct split {
    uint32_t *train, *validation, *calibration, *test;
    size_t train_count, validation_count, calibration_count, test_count;
    size_t left_out_count; /* normals of the training split that the test split has too */
    uint8_t *anomalous;    /* one a test image: 1 is an anomaly */
};

/* Deals out all normals of the training split and, unless unlabelled, all images of the test split or as many as asked
 * for. The held-out counts are rounded shares; they are smaller where the copies of an image do not fit in. Fills *out,
 * which split_free releases; it is empty on failure. ERROR_INVALID where the data set cannot serve the spec, and where
 * the drawn test images are all normal or all anomalous. Depends on data set and spec alone. */
bool split_make(const dataset *d, const protocol_spec *spec, struct split *out, error *e);
void split_free(struct split *s);
/* Fills only the counts of *out: those of split_make if no two normals were the same. */
bool split_count(const dataset_info *info, const protocol_spec *spec, struct split *out, error *e);

/* Writes the SHA-256 of what a run learns from: the data set's digest (its 64 digits), then for each of
 * train, validation and calibration how many there are and their indices, ascending; numbers of 4 bytes, little-endian.
 */
void split_training_digest(const struct split *s, const dataset_info *info, char out[DATASET_DIGEST_TEXT]);
/* Writes the SHA-256 of the data set, its test images in their order, and which of them are anomalies. Two runs with
 * the same digest can be compared image by image. */
void split_test_digest(const struct split *s, const dataset_info *info, char out[DATASET_DIGEST_TEXT]);

#endif
