/* SPDX-License-Identifier: MIT */
/* job.c — see job.h. */
#include "api/records/job.h"

#include <string.h>

const char *job_state_name(enum job_state s)
{
    static const char *const names[JOB_STATES] = {"queued",    "running", "cancelling",
                                                  "succeeded", "failed",  "cancelled"};
    return names[s];
}

bool job_state_find(const char *name, enum job_state *out)
{
    for (int s = 0; s < JOB_STATES; s++)
        if (!strcmp(job_state_name((enum job_state)s), name)) {
            *out = (enum job_state)s;
            return true;
        }
    return false;
}
