/* SPDX-License-Identifier: MIT */
/* finish.c — registers what a worker left, and takes up a former daemon's jobs: the files are the truth, the rows
 * follow. */
#include "daemon/jobs/job.h"
#include "daemon/platform/log.h"
#include "daemon/worker/wire.h"
#include "nn/bundle.h"

#include <assert.h>
#include <dirent.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

/* ---- registering a result */

typedef struct finishing {
    job *of;
    job_unfinished *otherwise;
    path_text model_path, result_path;
    model_row model;
    run_row run;
    tested tested;
    error e;
} finishing;

static void finishing_free(finishing *f)
{
    model_row_free(&f->model);
    run_row_free(&f->run);
    tested_free(&f->tested);
    free(f);
}

static void finish_again(job *b)
{
    if (job_goes_on(b))
        job_finish(b, b->otherwise);
}

static void finishing_fail(finishing *f)
{
    job *b = f->of;
    error e = f->e;
    b->otherwise = f->otherwise;
    finishing_free(f);
    if (job_retry(b, &e, finish_again))
        return;
    b->busy = false;
    b->otherwise(b, &e);
}

static void stored(void *context, const store_answer *answer, const error *failure)
{
    finishing *f = context;
    job *b = f->of;
    jobs *j = b->owner;
    if (failure) {
        f->e = *failure;
        finishing_fail(f);
        return;
    }
    b->busy = false;
    b->row.state = JOB_SUCCEEDED;
    b->row.finished = f->run.created;
    b->row.version = answer->version;
    memcpy(b->row.run, f->run.id, sizeof b->row.run);
    job_event_state(b);
    log_line(LOG_LEVEL_INFO, "job %s: made %s:%d, AUROC %.4f", b->row.id, f->model.name, answer->version, f->run.auroc);
    char id[SERVICE_ID_MAX];
    memcpy(id, b->row.id, sizeof id);
    finishing_free(f);
    job_close(b);
    job_clean(j, id);
    jobs_pump(j);
}

/* The model must be the one the result speaks of, whole. */
static void check_model(finishing *f)
{
    if (!wire_read_result(f->result_path.text, &f->model, &f->run, &f->tested, &f->e))
        return;
    struct stat facts;
    if (stat(f->model_path.text, &facts)) {
        error_system(&f->e, "%s", f->model_path.text);
        return;
    }
    f->model.bytes = (uint64_t)facts.st_size;
    bundle *b = bundle_open(f->model_path.text, &f->e);
    if (b && strcmp(bundle_digest(b), f->model.digest) != 0)
        error_set(&f->e, ERROR_CORRUPT, "%s: not the file that result.json names", f->model_path.text);
    bundle_free(b);
}

static void check_files(void *context) /* pool thread */
{
    finishing *f = context;
    check_model(f);
    if (f->e.code == ERROR_CORRUPT)
        unlink(f->result_path.text); /* else the next attempt would leave it at this one, and not go on */
}

/* What the worker does not know: names, ids, times. */
static void fill_rows(finishing *f)
{
    const job *b = f->of;
    const job_spec *spec = &b->row.spec;
    model_row *m = &f->model;
    run_row *r = &f->run;
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
    finishing *f = context;
    job *b = f->of;
    if (f->e.code) {
        finishing_fail(f);
        return;
    }
    fill_rows(f);
    store_finish s = {.id = b->row.id,
                      .token = b->token,
                      .finished = f->run.created,
                      .events = events_last(b->log) + 1,
                      .model = &f->model,
                      .run = &f->run,
                      .tested = &f->tested,
                      .model_path = f->model_path.text};
    if (!store_job_finish(b->owner->c.store, &s, (store_reply){.done = stored, .context = f}, &f->e))
        finishing_fail(f);
}

void job_finish(job *b, job_unfinished *otherwise)
{
    assert(!b->busy && !b->child);
    finishing *f = calloc(1, sizeof *f);
    path_text folder;
    error e = {0};
    if (!f)
        error_memory(&e, "a job's result");
    if (!f || !job_folder(b, &folder, &e) || !path_format(&f->model_path, &e, "%s/model", folder.text) ||
        !path_format(&f->result_path, &e, "%s/result.json", folder.text)) {
        free(f);
        otherwise(b, &e);
        return;
    }
    f->of = b;
    f->otherwise = otherwise;
    b->busy = true;
    loop_offload(b->owner->c.loop, check_files, checked, f);
}

/* ---- cleaning up */

static void remove_folder(void *context) /* pool thread, or the start */
{
    path_text *p = context;
    path_text lock;
    error e = {0};
    /* An orphan that still writes there holds the lock; the next start tries again. */
    int fd =
        path_format(&lock, &e, "%s/lock", p->text) && !access(p->text, F_OK) ? lock_take(lock.text, false, &e) : -1;
    if (fd < 0)
        return;
    if (!folder_remove(p->text, &e))
        log_line(LOG_LEVEL_WARN, "%s", e.message);
    close(fd);
}

void job_clean(jobs *j, const char *id)
{
    path_text *p = malloc(sizeof *p);
    if (p && path_format(p, NULL, "%s/jobs/%s", j->c.state, id))
        loop_offload(j->c.loop, remove_folder, free, p);
    else
        free(p);
}

static bool keeps_checkpoint(const char *folder)
{
    path_text kept;
    return path_format(&kept, NULL, "%s/" PATH_KEPT, folder) && !access(kept.text, F_OK);
}

/* Folders of jobs that have ended: a daemon died between the commit and the removal. */
static bool sweep_folders(jobs *j, error *e)
{
    path_text all, one;
    if (!path_format(&all, e, "%s/jobs", j->c.state))
        return false;
    DIR *d = opendir(all.text);
    if (!d)
        return error_system(e, "%s", all.text);
    for (struct dirent *entry; (entry = readdir(d));)
        if (id_valid(entry->d_name) && !job_find(j, entry->d_name) &&
            path_format(&one, NULL, "%s/%s", all.text, entry->d_name) && !keeps_checkpoint(one.text))
            remove_folder(&one);
    closedir(d);
    return true;
}

static void prune(void *context) /* pool thread, or the start */
{
    const jobs *j = context;
    path_text all, one;
    struct dirent **entries = NULL;
    if (!path_format(&all, NULL, "%s/jobs", j->c.state))
        return;
    int kept = 0, n = scandir(all.text, &entries, NULL, alphasort);
    for (int i = n - 1; i >= 0; i--) { /* ids ascend with time */
        if (id_valid(entries[i]->d_name) && path_format(&one, NULL, "%s/%s", all.text, entries[i]->d_name) &&
            keeps_checkpoint(one.text) && ++kept > JOBS_KEPT_MAX)
            remove_folder(&one);
        free(entries[i]);
    }
    free(entries);
}

static void pruned(void *context)
{
    (void)context;
}

void jobs_prune(jobs *j)
{
    loop_offload(j->c.loop, prune, pruned, j);
}

/* ---- taking up a former daemon's jobs */

static void go_on(job *b, const error *why)
{
    (void)why; /* there is no result yet: nothing is wrong */
    if (b->row.state == JOB_CANCELLING)
        job_end(b, JOB_CANCELLED, NULL);
    else
        job_died(b, "ended with its daemon", "");
}

bool jobs_recover(jobs *j, error *e)
{
    char after[SERVICE_ID_MAX] = "";
    store_open_job found;
    while (store_open_job_next(j->c.reader, after, &found, e)) {
        memcpy(after, found.row.id, sizeof after);
        /* Numbers may have been given out since the last one written. */
        job *b = job_open(j, &found.row, found.events ? found.events + EVENTS_KEPT : 0);
        if (!b) {
            job_row_free(&found.row);
            return error_memory(e, "the open jobs");
        }
        b->token = found.token;
        b->deaths = found.deaths;
        log_line(LOG_LEVEL_INFO, "job %s: taken up, %s", b->row.id, job_state_name(b->row.state));
    }
    if (e->code || !sweep_folders(j, e))
        return false;
    prune(j);
    for (job *b = j->first, *next; b; b = next) {
        next = b->next;
        if (b->row.state != JOB_QUEUED)
            job_finish(b, go_on);
    }
    jobs_pump(j);
    return true;
}
