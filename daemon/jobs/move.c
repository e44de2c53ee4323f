/* SPDX-License-Identifier: MIT */
/* move.c — what ends an episode of a job: back to the queue, or to its end. A write that fails for a reason that
 * passes, as on a full disk, is tried again until the registry has it: a job is never lost to that, nor its result. */
#include "daemon/jobs/job.h"
#include "daemon/platform/log.h"

#include <assert.h>
#include <string.h>

static void due(void *context)
{
    job *b = context;
    job_turn *then = b->then;
    b->again = NULL;
    then(b);
}

static bool wait_for(job *b, uint64_t ms, job_turn *then)
{
    assert(b->busy && !b->again);
    b->then = then;
    b->again = loop_timer(b->owner->c.loop, ms, due, b);
    return b->again;
}

bool job_retry(job *b, const error *failure, job_turn *again)
{
    if (b->owner->stopping || (failure->code != ERROR_IO && failure->code != ERROR_MEMORY) ||
        !wait_for(b, JOBS_AGAIN_MS, again))
        return false;
    job_event_log(b, "%s; tried again in %d s", failure->message, JOBS_AGAIN_MS / 1000);
    return true;
}

bool job_goes_on(job *b)
{
    b->busy = false;
    if (!b->cancel_wanted)
        return true;
    job_end(b, JOB_CANCELLED, NULL);
    return false;
}

/* ---- to its end */

static void final_stored(void *context, const store_answer *answer, const error *failure);

static void end_again(job *b)
{
    job_write_state(b, (store_reply){.done = final_stored, .context = b});
}

static void final_stored(void *context, const store_answer *answer, const error *failure)
{
    (void)answer;
    job *b = context;
    jobs *j = b->owner;
    if (failure && job_retry(b, failure, end_again))
        return;
    char id[SERVICE_ID_MAX];
    memcpy(id, b->row.id, sizeof id);
    b->busy = false;
    if (failure) /* the registry says otherwise until a restart takes the job up again */
        log_line(LOG_LEVEL_ERROR, "job %s: %s", id, failure->message);
    job_event_state(b);
    log_line(LOG_LEVEL_INFO, "job %s: %s%s%s", id, job_state_name(b->row.state), b->row.failure ? ": " : "",
             b->row.failure ? b->row.failure : "");
    bool keeps = b->row.state == JOB_FAILED && b->kept_step;
    job_close(b);
    if (!failure && keeps)
        jobs_prune(j);
    else if (!failure)
        job_clean(j, id);
    jobs_pump(j);
}

void job_end(job *b, enum job_state to, const char *why)
{
    b->busy = true;
    job_move(b, to, why, (store_reply){.done = final_stored, .context = b});
}

/* ---- back to the queue */

static void queued_stored(void *context, const store_answer *answer, const error *failure);

static void requeue_again(job *b)
{
    job_write_state(b, (store_reply){.done = queued_stored, .context = b});
}

static void queued_stored(void *context, const store_answer *answer, const error *failure)
{
    (void)answer;
    job *b = context;
    if (failure && job_retry(b, failure, requeue_again))
        return;
    if (failure)
        log_line(LOG_LEVEL_ERROR, "job %s: %s", b->row.id, failure->message);
    if (!job_goes_on(b))
        return;
    job_event_state(b);
    jobs_pump(b->owner);
}

void job_requeue(job *b)
{
    b->busy = true;
    b->put_back = false;
    job_move(b, JOB_QUEUED, NULL, (store_reply){.done = queued_stored, .context = b});
}

/* ---- when its worker ends without a result */

static void rest_over(job *b)
{
    if (job_goes_on(b))
        job_requeue(b);
}

void job_rest(job *b, const char *how, const char *why)
{
    enum { DOUBLINGS_MAX = 6 };
    uint64_t ms = (uint64_t)JOBS_AGAIN_MS << b->rests;
    b->rests += b->rests < DOUBLINGS_MAX;
    job_event_log(b, "its worker %s: %s; tried again in %d s", how, why, (int)(ms / 1000));
    b->busy = true;
    if (!wait_for(b, ms, rest_over))
        job_requeue(b);
}

void job_died(job *b, const char *how, const char *last_words)
{
    b->deaths++;
    job_event_log(b, "its worker %s; %s", how, *last_words ? last_words : "it left no word");
    if (b->deaths < JOBS_DEATHS_MAX) {
        job_requeue(b);
        return;
    }
    char why[ERROR_MESSAGE_MAX];
    snprintf(why, sizeof why, "the worker died %d times without a checkpoint in between; the last one %s: %.300s",
             b->deaths, how, *last_words ? last_words : "(no last words)");
    job_end(b, JOB_FAILED, why);
}
