/* SPDX-License-Identifier: MIT */
/* recover.c — takes up what a former daemon left: queued jobs, and those whose worker died with it. */
#include "daemon/jobs/job.h"
#include "daemon/platform/log.h"

#include <string.h>

static bool open_all(jobs *j, error *e)
{
    char after[RECORD_ID_MAX] = "";
    store_open_job found;
    while (store_open_job_next(j->c.reader, after, &found, e)) {
        memcpy(after, found.row.id, sizeof after);
        /* Numbers may have been given out since the last one written. */
        job *b = job_open(j, &found.row, found.events ? found.events + EVENTS_KEPT : 0);
        if (!b) {
            job_row_free(&found.row);
            return error_memory(e, "the open jobs");
        }
        b->machine = machine_of(b->row.state, found.deaths);
        b->token = found.token;
        log_line(LOG_LEVEL_INFO, "job %s: taken up, %s", b->row.id, job_state_name(b->row.state));
    }
    return e->code == ERROR_NONE;
}

bool jobs_recover(jobs *j, error *e)
{
    if (!open_all(j, e) || !folders_sweep(j, e))
        return false;
    for (job *b = j->first, *next; b; b = next) {
        next = b->next;
        if (b->machine.recovered)
            job_post(b, EVENT_TIMER);
    }
    return true;
}
