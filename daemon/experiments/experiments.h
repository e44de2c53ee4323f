/* SPDX-License-Identifier: MIT */
/*
 * experiments.h — sweeps: checks one whole, makes its jobs, and tells how far they are. The jobs run, end and survive
 * restarts as any others; an experiment has no state beyond theirs. Loop thread only.
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

/* Seconds until the last of the row's cells should be done with `capacity` threads at work: from what cells of the same
 * method cost, and from the paces of running ones (one a cell); without the scoring while no cell of the method has
 * come that far. For their sum, twice the threads count as twice as fast; but no cell is expected to be faster than it
 * was seen to be. NaN when something is left whose cost nothing measured tells, and when nothing is left. */
double experiments_eta(const experiment_row *row, const job_pace *paces, int capacity);

#endif
