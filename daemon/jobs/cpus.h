/* SPDX-License-Identifier: MIT */
/* cpus.h — divides the CPUs among training jobs: arithmetic alone. Why so: docs/decisions/0010-cpus-are-divided.md. */
#ifndef ANOMALYD_DAEMON_JOBS_CPUS_H
#define ANOMALYD_DAEMON_JOBS_CPUS_H

typedef struct cpus {
    int count;   /* that there are; at least 1 */
    int workers; /* jobs that run at once; 0: none; negative: as many as have a CPU for each of their threads */
    int threads; /* of a job; negative: the CPUs are divided among those that run */
} cpus;

/* Jobs that may run at once; 0: none. */
int cpus_workers(const cpus *c);
/* Threads that a job may be given at most. */
int cpus_most(const cpus *c);
/* Threads for the one at `place` (0: the oldest) of `running` jobs: all CPUs together, one at least. */
int cpus_share(const cpus *c, int running, int place);
/* Threads of all jobs together while there are jobs enough; 0: none start. */
int cpus_capacity(const cpus *c);

#endif
