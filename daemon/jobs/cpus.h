/* SPDX-License-Identifier: MIT */
/* cpus.h — divides CPUs and memory among training jobs: arithmetic alone. Why so:
 * docs/decisions/0010-cpus-are-divided.md. */
#ifndef ANOMALYD_DAEMON_JOBS_CPUS_H
#define ANOMALYD_DAEMON_JOBS_CPUS_H

#include <stdbool.h>
#include <stdint.h>

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

typedef struct admission_rule {
    uint64_t bytes; /* limit of what all running jobs plan together; 0: no limit */
    bool strict;    /* the limit also holds for a job that runs alone */
} admission_rule;

enum admission { ADMISSION_YES, ADMISSION_WAIT /* until other jobs have ended */, ADMISSION_NEVER };

/* For a job that plans `planned` bytes (0: not known yet) beside `others` running jobs that together plan `beside`. */
enum admission admission_judge(const admission_rule *r, uint64_t planned, uint64_t beside, int others);

#endif
