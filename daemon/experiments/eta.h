/* SPDX-License-Identifier: MIT */
/* eta.h — when an experiment should be done: arithmetic alone. */
#ifndef ANOMALYD_DAEMON_EXPERIMENTS_ETA_H
#define ANOMALYD_DAEMON_EXPERIMENTS_ETA_H

#include "daemon/jobs/jobs.h"

/* Seconds until the last cell of `row` should be done with `capacity` threads at work. paces: one a cell, unknown where
 * it does not run. What is left costs what done cells of the same method cost, or what the paces of running ones let
 * expect; the scoring counts once a cell of the method has come to it. Twice the threads do the sum of the work in half
 * the time, but no single cell is expected to be faster than it was seen to be. NaN: nothing is left, or something is
 * left whose cost is not known. */
double experiments_eta(const experiment_row *row, const job_pace *paces, int capacity);

#endif
