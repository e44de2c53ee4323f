/* SPDX-License-Identifier: MIT */
/* cpus.h — divides the CPUs among training jobs: arithmetic alone. Why so: docs/decisions/0010-cpus-are-divided.md. */
#ifndef ANOMALYD_DAEMON_JOBS_CPUS_H
#define ANOMALYD_DAEMON_JOBS_CPUS_H

typedef struct cpus {
    int count;   /* CPUs of the machine; min. 1 */
    int workers; /* jobs that may run at once; negative: as many as have a CPU for each of their threads */
    int threads; /* of each job; negative: the CPUs are divided among the running jobs */
} cpus;

/* Jobs that may run at once; 0: no job is started. */
int cpus_workers(const cpus *c);
/* The most threads that a job can be given. */
int cpus_max_threads(const cpus *c);
/* Threads of the job at `place` (0: the oldest) among `running` jobs; min. 1. Their sum is the number of CPUs. */
int cpus_share(const cpus *c, int running, int place);
/* Threads of all running jobs together when as many run as may; 0: no job is started. */
int cpus_capacity(const cpus *c);

#endif
