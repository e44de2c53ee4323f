/* SPDX-License-Identifier: MIT */
/*
 * experiments.h — sweeps: checks one whole, makes its jobs, and tells how far they are. The jobs run, end and survive
 * restarts as any others; an experiment has no state beyond theirs. Also takes up runs of other registries. Loop thread
 * only.
 */
#ifndef ANOMALYD_DAEMON_EXPERIMENTS_EXPERIMENTS_H
#define ANOMALYD_DAEMON_EXPERIMENTS_EXPERIMENTS_H

#include "api/service.h"
#include "daemon/jobs/jobs.h"

enum { EXPERIMENT_CELLS_MAX = JOBS_QUEUED_MAX };

typedef struct experiments {
    loop *loop;
    store *store;
    store_reader *reader;
    id_source *ids;
    jobs *jobs;
} experiments;

/* As experiment_submit and the others in service.h. The struct must outlive what was asked of it. */
bool experiments_submit(experiments *x, const experiment_spec *spec, const char *key, experiment_done *done,
                        void *context, error *e);
bool experiments_cancel(experiments *x, const char *id, experiment_done *done, void *context, error *e);
bool experiments_resume(experiments *x, const char *id, experiment_done *done, void *context, error *e);
bool experiments_get(experiments *x, const char *id, experiment_row *row, error *e);
/* As run_import in service.h. */
bool experiments_import_run(const experiments *x, const run_row *row, run_done *done, void *context, error *e);

/* Seconds until the last cell of `row` should be done with `capacity` threads at work. paces: one a cell, unknown where
 * it does not run. What is left costs what done cells of the same method cost, or what the paces of running ones let
 * expect; the scoring counts once a cell of the method has come to it. Twice the threads do the sum of the work in half
 * the time, but no single cell is expected to be faster than it was seen to be. NaN: nothing is left, or something is
 * left whose cost is not known. */
double experiments_eta(const experiment_row *row, const job_pace *paces, int capacity);

#endif
