/* SPDX-License-Identifier: MIT */
/* admission.h — whether a job's memory fits beside that of the running ones: arithmetic alone. */
#ifndef ANOMALYD_DAEMON_JOBS_ADMISSION_H
#define ANOMALYD_DAEMON_JOBS_ADMISSION_H

#include <stdbool.h>
#include <stdint.h>

typedef struct admission_rule {
    uint64_t bytes; /* that all running jobs may plan together; 0: no limit */
    bool strict;    /* also for one that runs alone; else that one may plan any */
} admission_rule;

enum admission { ADMISSION_YES, ADMISSION_WAIT /* until others have ended */, ADMISSION_NEVER };

/* For a job that plans so many bytes (0: not known yet), beside `others` running ones that together plan `beside`. */
enum admission admission_judge(const admission_rule *r, uint64_t planned, uint64_t beside, int others);

#endif
