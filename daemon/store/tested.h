/* SPDX-License-Identifier: MIT */
/*
 * tested.h — the scores and labels of a run's test images as bytes: `count` floats, little-endian, then one bit an
 * image, lowest first, 1 for an anomaly. So they go from the worker to the registry. Knows nothing of either.
 */
#ifndef ANOMALYD_DAEMON_STORE_TESTED_H
#define ANOMALYD_DAEMON_STORE_TESTED_H

#include "api/records/run.h"
#include "train/train.h"

/* Zeros: nothing was tested, or it was not kept. */
typedef struct tested {
    char images[DATASET_DIGEST_TEXT]; /* see split_test_digest */
    uint32_t count;
    void *bytes; /* owned */
    size_t size;
} tested;

/* Fills *out, for tested_free. */
bool tested_pack(const train_test *t, tested *out, error *e);
/* False when the size of the bytes is not that of `count` images. */
bool tested_whole(const tested *t);
/* Unpacks `bytes` into *out, for run_test_free; *t, whole, says what they are, and its own bytes are not read. */
bool tested_unpack(const tested *t, const void *bytes, run_test *out, error *e);
void tested_free(tested *t);

#endif
