/* SPDX-License-Identifier: MIT */
/* progress.c — reads the lines that a worker writes. Numbers go to the job's row, the registry and the job's events;
 * what decides how the job goes on is posted to its machine. */
#include "daemon/jobs/job.h"
#include "daemon/platform/log.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

static void save_progress(job *b, bool now)
{
    uint64_t ms = uv_now(loop_uv(b->owner->c.loop));
    if (!now && ms - b->saved_ms < JOBS_SAVE_MS)
        return;
    b->saved_ms = ms;
    store_progress p = {.row = &b->row,
                        .token = b->token,
                        .lease_until = time_now() + JOBS_LEASE_MS,
                        .deaths = b->machine.deaths,
                        .events = events_last(b->log)};
    error e = {0};
    if (!store_job_progress(b->owner->c.store, &p, (store_reply){0}, &e))
        log_line(LOG_LEVEL_WARN, "job %s: %s", b->row.id, e.message);
}

static double number(json_t *o, const char *key)
{
    json_t *value = json_object_get(o, key);
    return json_is_number(value) ? json_number_value(value) : NAN;
}

/* There is no pace before the first step and where there are no steps; the last step does not tell what all took. */
static void read_pace(job *b, int threads)
{
    const job_row *r = &b->row;
    if (!(r->images_s > 0) || r->step > r->steps)
        return;
    b->pace.threads = threads;
    if (r->to_score) {
        b->pace.left_s = 0;
        b->pace.scoring_left_s = r->eta_s;
        b->pace.scoring_whole_s = (double)r->to_score / r->images_s;
        return;
    }
    b->pace.left_s = r->eta_s;
    if (r->step < r->steps)
        b->pace.whole_s = r->eta_s * (double)r->steps / (double)(r->steps - r->step);
}

static void read_numbers(job *b, json_t *o)
{
    job_row *r = &b->row;
    r->epoch = (int)json_integer_value(json_object_get(o, "epoch"));
    r->epochs = (int)json_integer_value(json_object_get(o, "epochs"));
    r->step = (uint64_t)json_integer_value(json_object_get(o, "step"));
    r->steps = (uint64_t)json_integer_value(json_object_get(o, "steps"));
    r->scored = (uint64_t)json_integer_value(json_object_get(o, "scored"));
    r->to_score = (uint64_t)json_integer_value(json_object_get(o, "to_score"));
    r->images_s = number(o, "images_s");
    r->eta_s = number(o, "eta_s");
    read_pace(b, (int)json_integer_value(json_object_get(o, "threads")));
    json_t *values = json_object_get(o, "values");
    char *text = json_object_size(values) ? json_dumps(values, JSON_COMPACT | JSON_REAL_PRECISION(9)) : NULL;
    if (text) {
        free(r->values);
        r->values = text;
    }
}

static void on_progress(job *b, json_t *o)
{
    read_numbers(b, o);
    json_object_del(o, "event");
    json_object_del(o, "plan_bytes");
    events_push(b->log, "progress", json_dumps(o, JSON_COMPACT | JSON_REAL_PRECISION(9)), false);
    save_progress(b, false);
}

static void on_epoch(job *b, json_t *o)
{
    enum { VALUES_MAX = TRAIN_VALUES_MAX };
    const char *names[VALUES_MAX], *name;
    double values[VALUES_MAX];
    int count = 0;
    json_t *value;
    json_object_foreach(json_object_get(o, "values"), name, value)
    {
        if (count == VALUES_MAX)
            break;
        names[count] = name;
        values[count++] = json_is_number(value) ? json_number_value(value) : NAN;
    }
    read_numbers(b, o);
    store_epoch m = {
        .id = b->row.id, .token = b->token, .epoch = b->row.epoch, .count = count, .names = names, .values = values};
    error e = {0};
    if (!store_job_epoch(b->owner->c.store, &m, (store_reply){0}, &e))
        log_line(LOG_LEVEL_WARN, "job %s: %s", b->row.id, e.message);
    events_push(b->log, "metrics",
                json_line(json_pack("{s:i, s:O}", "epoch", b->row.epoch, "values", json_object_get(o, "values"))),
                false);
    save_progress(b, false);
}

static void on_checkpoint(job *b, json_t *o)
{
    job_post(b, EVENT_SAID_CHECKPOINT);
    read_numbers(b, o);
    events_push(b->log, "log",
                json_line(json_pack("{s:s, s:I}", "message", "checkpoint", "step", (json_int_t)b->row.step)), false);
    save_progress(b, true);
}

/* A job that does not fit beside the others goes back until one of them ends; one that never fits fails. */
static void on_started(job *b, json_t *o)
{
    const admission_rule *memory = &b->owner->c.memory;
    read_numbers(b, o);
    enum admission said = queue_admit(b, (uint64_t)json_integer_value(json_object_get(o, "plan_bytes")));
    if (said == ADMISSION_NEVER)
        error_set(&b->said, ERROR_LIMIT,
                  "it plans %llu MiB of memory, more than the %llu MiB that jobs may have (job-memory)",
                  (unsigned long long)b->planned >> 20, (unsigned long long)memory->bytes >> 20);
    if (said != ADMISSION_YES)
        job_post(b, said == ADMISSION_WAIT ? EVENT_DOES_NOT_FIT : EVENT_NEVER_FITS);
}

/* A full disk passes, and its last checkpoint is whole. A worker that was told to stop has not failed. */
static void on_failed(job *b, json_t *o)
{
    const char *message = json_string_value(json_object_get(o, "message"));
    enum error_code code = (enum error_code)json_integer_value(json_object_get(o, "code"));
    if (b->said.code)
        return;
    error_set(&b->said, code, "%s", message ? message : "");
    b->kept_step = (uint64_t)json_integer_value(json_object_get(o, "kept"));
    if (code != ERROR_NONE && code != ERROR_CANCELLED)
        job_post(b, code == ERROR_IO ? EVENT_SAID_STUCK : EVENT_SAID_FAILED);
}

static void on_done(job *b, json_t *o)
{
    (void)o;
    job_post(b, EVENT_SAID_DONE);
}

void progress_read(void *context, const char *line)
{
    static const struct {
        const char *event;
        void (*handle)(job *b, json_t *o);
    } known[] = {{"progress", on_progress}, {"evaluating", on_progress},   {"epoch", on_epoch},
                 {"started", on_started},   {"checkpoint", on_checkpoint}, {"failed", on_failed},
                 {"done", on_done}};
    job *b = context;
    json_error_t bad;
    json_t *o = json_loads(line, JSON_REJECT_DUPLICATES, &bad);
    const char *event = json_string_value(json_object_get(o, "event"));
    if (!event)
        log_line(LOG_LEVEL_ERROR, "job %s: its worker said no JSON event: %.200s", b->row.id, line);
    size_t i = 0, count = sizeof known / sizeof *known;
    while (event && i < count && strcmp(event, known[i].event) != 0)
        i++;
    if (event && i < count)
        known[i].handle(b, o); /* which may change o, and `event` with it */
    json_decref(o);
}
