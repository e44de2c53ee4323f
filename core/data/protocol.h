/* SPDX-License-Identifier: MIT */
/*
 * protocol.h — which images of a data set are normal, and which part of an experiment sees which.
 *
 * Test images come from the test split only. Validation (epoch selection) and calibration (conformal
 * p-values) are held out of the TRAINING normals, by a seeded permutation, so that no label of an anomaly
 * is ever used before the test. The four parts are disjoint.
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
} protocol_spec;

/* Indices into the data set, ascending in each part; owned by this struct. */
typedef struct parts {
    uint32_t *train, *validation, *calibration, *test;
    size_t train_count, validation_count, calibration_count, test_count;
    uint8_t *anomalous; /* one a test image: 1 is an anomaly */
} parts;

/* Deals out all normals of the training split (held-out counts are rounded shares) and, unless unlabelled, all
 * images of the test split. Fills *out, for parts_finish; it is empty on failure. ERROR_INVALID where the data set
 * cannot serve the protocol. Depends on data set and spec alone. */
bool parts_make(const dataset *d, const protocol_spec *spec, parts *out, error *e);
void parts_finish(parts *p);

#endif
