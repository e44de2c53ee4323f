/* SPDX-License-Identifier: MIT */
/* admission.h — whether a job's memory fits beside that of the running ones: arithmetic alone. */
#ifndef ANOMALYD_DAEMON_JOBS_ADMISSION_H
#define ANOMALYD_DAEMON_JOBS_ADMISSION_H

#include <stdbool.h>
#include <stdint.h>

typedef struct admission_rule {
    uint64_t bytes; /* limit of what all running jobs plan together; 0: no limit */
    bool strict;    /* the limit also holds for a job that runs alone */
} admission_rule;

enum admission { ADMISSION_YES, ADMISSION_WAIT /* until other jobs have ended */, ADMISSION_NEVER };

/* For a job that plans `planned` bytes (0: not known yet) beside `others` running jobs that together plan `beside`. */
enum admission admission_judge(const admission_rule *r, uint64_t planned, uint64_t beside, int others);

#endif
