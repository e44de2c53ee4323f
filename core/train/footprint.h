/* SPDX-License-Identifier: MIT */
/* footprint.h — how much memory a run takes, told before it is made. Private to train. */
#ifndef ANOMALYD_TRAIN_FOOTPRINT_H
#define ANOMALYD_TRAIN_FOOTPRINT_H

#include "train/ensemble.h"

/* Bytes of all that the run has in memory at once. The first member has begun. */
size_t footprint_bytes(const ensemble *n);
/* Prints what was built, the bytes of each kind of memory, and their sum. */
bool footprint_print(const ensemble *n, FILE *out, error *e);

#endif
