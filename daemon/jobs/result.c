/* SPDX-License-Identifier: MIT */
/* result.c — registers what a worker left: the files are the truth, the rows follow. */
#include "daemon/jobs/job.h"
#include "daemon/platform/log.h"
#include "daemon/worker/wire.h"
#include "nn/bundle.h"

#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

typedef struct registration {
    job *of;
    path_text model_path, result_path;
    model_row model;
    run_row run;
    tested tested;
    error e;
} registration;

static void registration_free(registration *r)
{
    model_row_free(&r->model);
    run_row_free(&r->run);
    tested_free(&r->tested);
    free(r);
}

static void fail(registration *r)
{
    job *b = r->of;
    error e = r->e;
    registration_free(r);
    snprintf(b->how, sizeof b->how, "%s",
             b->machine.recovered ? "ended with its daemon" : "said it was done, but left no valid result");
    job_post_failure(b, &e);
}

static void stored(void *context, const store_answer *answer, const error *failure)
{
    registration *r = context;
    job *b = r->of;
    if (failure) {
        r->e = *failure;
        fail(r);
        return;
    }
    b->row.version = answer->version;
    memcpy(b->row.run, r->run.id, sizeof b->row.run);
    b->finished = r->run.created;
    log_line(LOG_LEVEL_INFO, "job %s: made %s:%d, AUROC %.4f", b->row.id, r->model.name, answer->version, r->run.auroc);
    registration_free(r);
    job_post(b, EVENT_STORED);
}

/* The model must be the one the result speaks of, whole. */
static void check_model(registration *r)
{
    if (!wire_read_result(r->result_path.text, &r->model, &r->run, &r->tested, &r->e))
        return;
    struct stat facts;
    if (stat(r->model_path.text, &facts)) {
        error_system(&r->e, "%s", r->model_path.text);
        return;
    }
    r->model.bytes = (uint64_t)facts.st_size;
    bundle *b = bundle_open(r->model_path.text, &r->e);
    if (b && strcmp(bundle_digest(b), r->model.digest) != 0)
        error_set(&r->e, ERROR_CORRUPT, "%s: not the file that result.json names", r->model_path.text);
    bundle_free(b);
}

static void check_files(void *context) /* pool thread */
{
    registration *r = context;
    check_model(r);
    if (r->e.code == ERROR_CORRUPT)
        unlink(r->result_path.text); /* else the next attempt would leave it at this one, and not go on */
}

/* What the worker does not know: names, ids, times. */
static void fill_rows(registration *of)
{
    const job *b = of->of;
    const job_spec *spec = &b->row.spec;
    model_row *m = &of->model;
    run_row *r = &of->run;
    id_make(b->owner->c.ids, r->id);
    r->created = m->created = time_now();
    memcpy(r->job, b->row.id, sizeof r->job);
    memcpy(m->job, b->row.id, sizeof m->job);
    memcpy(m->run, r->id, sizeof m->run);
    r->subject = m->subject = spec->subject;
    memcpy(r->model, spec->model, sizeof r->model);
    memcpy(m->name, spec->model, sizeof m->name);
}

static void checked(void *context)
{
    registration *r = context;
    job *b = r->of;
    if (r->e.code) {
        fail(r);
        return;
    }
    fill_rows(r);
    store_finish s = {.id = b->row.id,
                      .token = b->token,
                      .finished = r->run.created,
                      .events = events_last(b->log) + 1,
                      .model = &r->model,
                      .run = &r->run,
                      .tested = &r->tested,
                      .model_path = r->model_path.text};
    if (!store_job_finish(b->owner->c.store, &s, (store_reply){.done = stored, .context = r}, &r->e))
        fail(r);
}

void result_register(job *b)
{
    registration *r = calloc(1, sizeof *r);
    path_text folder;
    if (!r) {
        error e = {0};
        error_memory(&e, "a job's result");
        job_post_failure(b, &e);
        return;
    }
    r->of = b;
    if (job_folder(b, &folder, &r->e) && path_format(&r->model_path, &r->e, "%s/model", folder.text) &&
        path_format(&r->result_path, &r->e, "%s/result.json", folder.text))
        loop_offload(b->owner->c.loop, check_files, checked, r);
    else
        fail(r);
}
