/* SPDX-License-Identifier: MIT */
/* cancel.c — requests to cancel a job, and their answers. What a request means to the job is the machine's to say. */
#include "daemon/jobs/job.h"

#include <stdlib.h>
#include <string.h>

struct cancellation {
    cancellation *next;
    jobs *owner;
    char id[RECORD_ID_MAX];
    job_done *done;
    void *context;
    error e;
};

static void fail(void *context)
{
    cancellation *c = context;
    c->done(c->context, NULL, &c->e);
    free(c);
}

static void answer(void *context)
{
    cancellation *c = context;
    job_row row;
    if (!jobs_get(c->owner, c->id, &row, &c->e)) {
        fail(c);
        return;
    }
    c->done(c->context, &row, NULL);
    job_row_free(&row);
    free(c);
}

static cancellation *pop(job *b)
{
    cancellation *c = b->asking;
    if (c)
        b->asking = c->next;
    return c;
}

static bool has_ended(const char *id, enum job_state how, error *e)
{
    return error_set(e, ERROR_CONFLICT, "job %s has ended: %s", id, job_state_name(how));
}

void cancel_answer(job *b)
{
    cancellation *c = pop(b);
    if (c)
        loop_defer(c->owner->c.loop, answer, c);
}

void cancel_refuse(job *b)
{
    cancellation *c = pop(b);
    has_ended(c->id, b->machine.target, &c->e);
    loop_defer(c->owner->c.loop, fail, c);
}

void cancel_answer_written(job *b, const error *failure)
{
    for (cancellation *c; (c = pop(b));) {
        if (!failure) {
            answer(c);
            continue;
        }
        c->e = *failure;
        loop_defer(c->owner->c.loop, fail, c);
    }
}

bool jobs_cancel(jobs *j, const char *id, job_done *done, void *context, error *e)
{
    job *b = job_find(j, id);
    job_row row;
    if (!b && jobs_get(j, id, &row, e)) {
        has_ended(id, row.state, e);
        job_row_free(&row);
    }
    cancellation *c = b ? calloc(1, sizeof *c) : NULL;
    if (!c)
        return b ? error_memory(e, "a cancellation") : false;
    *c = (cancellation){.next = b->asking, .owner = j, .done = done, .context = context};
    snprintf(c->id, sizeof c->id, "%s", id);
    b->asking = c;
    job_post(b, EVENT_CANCEL);
    return true;
}
