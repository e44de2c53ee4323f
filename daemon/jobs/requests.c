/* SPDX-License-Identifier: MIT */
/* requests.c — requests to submit and to cancel a job, and their answers. A submitted job is checked against its method
 * and data set, and durable before it is answered. */
#include "daemon/jobs/job.h"
#include "daemon/platform/log.h"
#include "daemon/worker/wire.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

struct job_request {
    job_request *next;
    jobs *owner;
    char id[RECORD_ID_MAX]; /* of the job */
    job_done *done;
    void *context;
    error e; /* ERROR_NONE: it is answered with the job */
};

/* Answers with the job as it is now, or with the failure. */
static void answer(void *context)
{
    job_request *r = context;
    job_row row;
    bool found = !r->e.code && jobs_get(r->owner, r->id, &row, &r->e);
    r->done(r->context, found ? &row : NULL, found ? NULL : &r->e);
    if (found)
        job_row_free(&row);
    free(r);
}

/* ---- submitting */

typedef struct submission {
    job_request request; /* first: answer frees the whole */
    job_row row;
    dataset_row set;
    char key[STORE_KEY_MAX + 1];
    char fingerprint[DATASET_DIGEST_TEXT];
    size_t reserved; /* 1: a place among the open jobs is kept for it */
} submission;

static void release(submission *s)
{
    jobs_release(s->request.owner, s->reserved);
    job_row_free(&s->row);
}

static void finish(submission *s)
{
    release(s);
    answer(&s->request);
}

static void open_job(submission *s)
{
    job *b = job_open(s->request.owner, &s->row, 0);
    if (!b) { /* it is in the registry: the next start finds it */
        log_line(LOG_LEVEL_ERROR, "job %s: accepted, but out of memory to run it before a restart", s->row.id);
        return;
    }
    s->row.spec.hyperparameters = NULL; /* it is the job's now */
    job_event_state(b->log, &b->row);
    log_line(LOG_LEVEL_INFO, "job %s: %s on %s, accepted", b->row.id, b->row.spec.subject.method,
             b->row.spec.subject.dataset);
}

/* The key may stand for an earlier job, which is answered then. */
static void stored(void *context, const store_answer *reply, const error *failure)
{
    submission *s = context;
    if (failure) {
        s->request.e = *failure;
    } else {
        memcpy(s->request.id, reply->id, sizeof s->request.id);
        if (reply->fresh)
            open_job(s);
    }
    finish(s);
}

static void check(void *context) /* pool thread */
{
    submission *s = context;
    error *e = &s->request.e;
    wire_plan plan;
    if (wire_plan_make(&plan, &s->row.spec, &s->set.info, e) && train_check(&plan.train, &s->set.info, e))
        e->code = ERROR_NONE;
    wire_plan_free(&plan);
}

static void checked(void *context)
{
    submission *s = context;
    jobs *j = s->request.owner;
    if (s->request.e.code) {
        finish(s);
        return;
    }
    id_make(j->c.ids, s->row.id);
    s->row.created = time_now();
    memcpy(s->row.spec.subject.dataset_digest, s->set.info.digest, sizeof s->set.info.digest);
    store_new_job n = {.row = &s->row, .key = s->key[0] ? s->key : NULL, .fingerprint = s->fingerprint};
    if (!store_job_add(j->c.store, &n, (store_reply){.done = stored, .context = s}, &s->request.e))
        finish(s);
}

static bool prepare(submission *s, const char *key, error *e)
{
    jobs *j = s->request.owner;
    const job_spec *spec = &s->row.spec;
    if (!name_valid(spec->model))
        return error_set(e, ERROR_INVALID, "model: \"%s\" is not a name (^[a-z0-9][a-z0-9._-]{0,62}$)", spec->model);
    if (!name_valid(spec->subject.dataset))
        return error_set(e, ERROR_NOT_FOUND, "there is no data set \"%s\"", spec->subject.dataset);
    if (key && (!*key || strlen(key) > STORE_KEY_MAX))
        return error_set(e, ERROR_INVALID, "Idempotency-Key: expected 1 to %d bytes", STORE_KEY_MAX);
    if (key)
        memcpy(s->key, key, strlen(key) + 1);
    size_t wanted = key && store_key_known(j->c.reader, STORE_KEY_OF_JOB, key) ? 0 : 1;
    if (!jobs_reserve(j, wanted, e))
        return false;
    s->reserved = wanted;
    return store_dataset_get(j->c.reader, spec->subject.dataset, &s->set, e) &&
           wire_fingerprint(spec, s->fingerprint, e);
}

bool jobs_submit(jobs *j, const job_spec *spec, const char *key, job_done *done, void *context, error *e)
{
    submission *s = calloc(1, sizeof *s);
    if (!s)
        return error_memory(e, "a job");
    *s = (submission){.request = {.owner = j, .done = done, .context = context}, .row.spec = *spec};
    s->row.images_s = s->row.eta_s = NAN;
    s->row.spec.hyperparameters = strdup(spec->hyperparameters ? spec->hyperparameters : "{}");
    if ((s->row.spec.hyperparameters || error_memory(e, "a job")) && prepare(s, key, e) &&
        (loop_try_offload(j->c.loop, check, checked, s) || error_memory(e, "a job")))
        return true;
    release(s);
    free(s);
    return false;
}

/* ---- cancelling: what a request means to the job is the machine's to say */

static job_request *pop(job *b)
{
    job_request *r = b->asking;
    if (r)
        b->asking = r->next;
    return r;
}

static bool has_ended(const char *id, enum job_state how, error *e)
{
    return error_set(e, ERROR_CONFLICT, "job %s has ended: %s", id, job_state_name(how));
}

void cancel_answer(job *b)
{
    job_request *r = pop(b);
    if (r)
        loop_defer(r->owner->c.loop, answer, r);
}

void cancel_refuse(job *b)
{
    has_ended(b->row.id, b->machine.target, &b->asking->e);
    cancel_answer(b);
}

void cancel_answer_written(job *b, const error *failure)
{
    for (job_request *r; (r = pop(b));) {
        if (!failure) {
            answer(r);
            continue;
        }
        r->e = *failure;
        loop_defer(r->owner->c.loop, answer, r);
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
    job_request *r = b ? calloc(1, sizeof *r) : NULL;
    if (!r)
        return b ? error_memory(e, "a cancellation") : false;
    *r = (job_request){.next = b->asking, .owner = j, .done = done, .context = context};
    snprintf(r->id, sizeof r->id, "%s", id);
    b->asking = r;
    job_post(b, EVENT_CANCEL);
    return true;
}
