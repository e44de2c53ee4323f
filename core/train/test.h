/* SPDX-License-Identifier: MIT */
/* test.h — the one test of a finished run. Private to train. */
#ifndef ANOMALYD_TRAIN_TEST_H
#define ANOMALYD_TRAIN_TEST_H

#include "train/calibration.h"

/* Scores the test images once, measures the run's score and every other that comes with it, and tells the watch. Does
 * nothing where there are no test images. */
bool test_measure(scoring *s, const calibration *k, train_result *out, error *e);

#endif
