/* SPDX-License-Identifier: MIT */
/* submit.c — accepts a job: it is checked against its method and data set, and durable before it is answered. */
#include "daemon/jobs/job.h"
#include "daemon/platform/log.h"
#include "daemon/worker/wire.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

typedef struct submission {
    jobs *owner;
    job_row row;
    dataset_row set;
    char key[STORE_KEY_MAX + 1];
    char fingerprint[DATASET_DIGEST_TEXT];
    size_t reserved; /* 1: a place among the open jobs is kept for it */
    job_done *done;
    void *context;
    error e;
} submission;

static void submission_free(submission *s)
{
    jobs_release(s->owner, s->reserved);
    job_row_free(&s->row);
    free(s);
}

static void fail(submission *s)
{
    s->done(s->context, NULL, &s->e);
    submission_free(s);
}

/* Answers with the job as it is now: this one, or the one the key stands for. */
static void answer(submission *s, const char *id)
{
    job_row row;
    if (!jobs_get(s->owner, id, &row, &s->e)) {
        fail(s);
        return;
    }
    s->done(s->context, &row, NULL);
    job_row_free(&row);
    submission_free(s);
}

static void open_job(submission *s)
{
    job *b = job_open(s->owner, &s->row, 0);
    if (!b) { /* it is in the registry: the next start finds it */
        log_line(LOG_LEVEL_ERROR, "job %s: accepted, but out of memory to run it before a restart", s->row.id);
        return;
    }
    s->row.spec.hyperparameters = NULL; /* it is the job's now */
    job_event_state(b->log, &b->row);
    log_line(LOG_LEVEL_INFO, "job %s: %s on %s, accepted", b->row.id, b->row.spec.subject.method,
             b->row.spec.subject.dataset);
}

static void stored(void *context, const store_answer *reply, const error *failure)
{
    submission *s = context;
    if (failure) {
        s->e = *failure;
        fail(s);
        return;
    }
    if (reply->fresh)
        open_job(s);
    answer(s, reply->id);
}

static void check(void *context) /* pool thread */
{
    submission *s = context;
    wire_plan plan;
    if (wire_plan_make(&plan, &s->row.spec, &s->set.info, &s->e) && train_check(&plan.train, &s->set.info, &s->e))
        s->e.code = ERROR_NONE;
    wire_plan_free(&plan);
}

static void checked(void *context)
{
    submission *s = context;
    jobs *j = s->owner;
    if (s->e.code) {
        fail(s);
        return;
    }
    id_make(j->c.ids, s->row.id);
    s->row.created = time_now();
    memcpy(s->row.spec.subject.dataset_digest, s->set.info.digest, sizeof s->set.info.digest);
    store_new_job n = {.row = &s->row, .key = s->key[0] ? s->key : NULL, .fingerprint = s->fingerprint};
    if (!store_job_add(j->c.store, &n, (store_reply){.done = stored, .context = s}, &s->e))
        fail(s);
}

static bool prepare(submission *s, const char *key, error *e)
{
    jobs *j = s->owner;
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
    *s = (submission){.owner = j, .row.spec = *spec, .done = done, .context = context};
    s->row.images_s = s->row.eta_s = NAN;
    s->row.spec.hyperparameters = strdup(spec->hyperparameters ? spec->hyperparameters : "{}");
    if ((s->row.spec.hyperparameters || error_memory(e, "a job")) && prepare(s, key, e) &&
        (loop_try_offload(j->c.loop, check, checked, s) || error_memory(e, "a job")))
        return true;
    submission_free(s);
    return false;
}
