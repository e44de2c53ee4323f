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

#endif
