/* SPDX-License-Identifier: MIT */
/* finish.h — what is done once when all members have learned: calibration, the test, the model's file. Private to
 * train. */
#ifndef ANOMALYD_TRAIN_FINISH_H
#define ANOMALYD_TRAIN_FINISH_H

#include "train/ensemble.h"

/* Completes the run: scores, measures and writes what was learned. */
bool finish(const ensemble *n, train_result *out, error *e);

#endif
