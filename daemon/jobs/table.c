/* SPDX-License-Identifier: MIT */
/* table.c — the open jobs, the events of those that ended lately, and what others read of them. */
#include "api/json/json.h"
#include "daemon/jobs/job.h"
#include "daemon/platform/log.h"

#include <assert.h>
#include <math.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

jobs *jobs_new(const jobs_config *c, error *e)
{
    jobs *j = calloc(1, sizeof *j);
    if (!j) {
        error_memory(e, "the jobs");
        return NULL;
    }
    j->c = *c;
    j->end = &j->first;
    queue_init(j);
    char host[64] = "";
    gethostname(host, sizeof host - 1);
    snprintf(j->worker_name, sizeof j->worker_name, "%s/%d", host, (int)getpid());
    return j;
}

static void job_free(job *b)
{
    job_row_free(&b->row);
    free(b->failure);
    free(b);
}

void jobs_free(jobs *j)
{
    if (!j)
        return;
    while (j->first) {
        job *b = j->first;
        assert(!machine_busy(&b->machine));
        j->first = b->next;
        events_free(b->log);
        job_free(b);
    }
    for (size_t i = 0; i < JOBS_ENDED_KEPT; i++)
        events_free(j->ended[i].log);
    queue_free(j);
}

/* ---- the table */

job *job_find(const jobs *j, const char *id)
{
    for (job *b = j->first; b; b = b->next)
        if (!strcmp(b->row.id, id))
            return b;
    return NULL;
}

job *job_open(jobs *j, job_row *row, uint64_t last_event)
{
    job *b = calloc(1, sizeof *b);
    events *log = events_new(last_event);
    if (!b || !log) {
        free(b);
        events_free(log);
        return NULL;
    }
    b->owner = j;
    b->row = *row;
    b->machine = machine_of(row->state, 0);
    b->log = log;
    *j->end = b;
    j->end = &b->next;
    j->count++;
    queue_wake(j);
    return b;
}

/* Keeps the events of a job that has ended, in place of those of the job that ended the longest ago. */
static void keep_events(jobs *j, const char *id, events *log)
{
    ended_job *slot = &j->ended[j->ended_next];
    j->ended_next = (j->ended_next + 1) % JOBS_ENDED_KEPT;
    events_free(slot->log);
    slot->log = log;
    snprintf(slot->id, sizeof slot->id, "%s", id);
}

void job_close(job *b)
{
    jobs *j = b->owner;
    assert(b->machine.phase == PHASE_ENDED && !b->asking);
    job **at = &j->first;
    while (*at != b)
        at = &(*at)->next;
    *at = b->next;
    if (j->end == &b->next)
        j->end = at;
    j->count--;
    keep_events(j, b->row.id, b->log);
    job_free(b);
}

bool job_folder(const job *b, path_text *p, error *e)
{
    return path_format(p, e, "%s/jobs/%s", b->owner->c.state, b->row.id);
}

/* ---- events */

char *json_line(json_t *o)
{
    char *line = o ? json_dumps(o, JSON_COMPACT | JSON_REAL_PRECISION(9)) : NULL;
    json_decref(o);
    return line;
}

void job_event_state(events *log, const job_row *r)
{
    static_assert(JOB_SUCCEEDED > JOB_CANCELLING && JOB_CANCELLED + 1 == JOB_STATES, "how a job ends comes last");
    json_t *o = json_pack("{s:s, s:i}", "state", job_state_name(r->state), "attempt", r->attempt);
    if (o && r->failure)
        json_object_set_new(o, "failure", json_text(r->failure));
    if (o && r->state == JOB_SUCCEEDED) {
        json_object_set_new(o, "run", json_string(r->run));
        json_object_set_new(o, "model", json_string(r->spec.model));
        json_object_set_new(o, "version", json_count(r->version));
    }
    events_push(log, "state", json_line(o), r->state >= JOB_SUCCEEDED);
}

void job_event_log(job *b, const char *format, ...)
{
    char text[ERROR_MESSAGE_MAX];
    va_list arguments;
    va_start(arguments, format);
    vsnprintf(text, sizeof text, format, arguments);
    va_end(arguments);
    log_line(LOG_LEVEL_WARN, "job %s: %s", b->row.id, text);
    events_push(b->log, "log", json_line(json_pack("{s:o}", "message", json_text(text))), false);
}

/* ---- rows for others */

static char *copy(const char *text, bool *good)
{
    char *c = text ? strdup(text) : NULL;
    *good = *good && (!text || c);
    return c;
}

static bool row_copy(job_row *to, const job_row *from, error *e)
{
    bool good = true;
    *to = *from;
    to->spec.hyperparameters = copy(from->spec.hyperparameters, &good);
    to->values = copy(from->values, &good);
    to->failure = copy(from->failure, &good);
    if (good)
        return true;
    job_row_free(to);
    return error_memory(e, "a job's row");
}

bool jobs_get(jobs *j, const char *id, job_row *row, error *e)
{
    const job *b = job_find(j, id);
    return b ? row_copy(row, &b->row, e) : store_job_get(j->c.reader, id, row, e);
}

bool jobs_list(jobs *j, const job_filter *f, record_page *page, job_row *rows, int *count, error *e)
{
    if (!store_job_list(j->c.reader, f, page, rows, count, e))
        return false;
    for (int i = 0; i < *count; i++) {
        /* The open job has fresher numbers than the registry; the state stays the one that was filtered by. */
        const job *b = job_find(j, rows[i].id);
        char *values = b && b->row.values ? strdup(b->row.values) : NULL;
        if (!b)
            continue;
        rows[i].epoch = b->row.epoch;
        rows[i].epochs = b->row.epochs;
        rows[i].step = b->row.step;
        rows[i].steps = b->row.steps;
        rows[i].scored = b->row.scored;
        rows[i].to_score = b->row.to_score;
        rows[i].images_s = b->row.images_s;
        rows[i].eta_s = b->row.eta_s;
        rows[i].threads = b->row.threads;
        if (values) {
            free(rows[i].values);
            rows[i].values = values;
        }
    }
    return true;
}

static events *find_ended(jobs *j, const char *id)
{
    for (size_t i = 0; i < JOBS_ENDED_KEPT; i++)
        if (j->ended[i].log && !strcmp(j->ended[i].id, id))
            return j->ended[i].log;
    return NULL;
}

/* A job that ended before this daemon began has one event left: how it ended. */
static events *from_row(jobs *j, const char *id, error *e)
{
    job_row row;
    uint64_t last;
    if (!store_job_events(j->c.reader, id, &last, e) || !store_job_get(j->c.reader, id, &row, e))
        return NULL;
    events *log = events_new(last ? last - 1 : 0);
    if (log) {
        job_event_state(log, &row);
        keep_events(j, id, log);
    } else {
        error_memory(e, "a job's events");
    }
    job_row_free(&row);
    return log;
}

void *jobs_watch(jobs *j, const char *id, uint64_t after, event_sink *sink, void *context, error *e)
{
    job *b = job_find(j, id);
    events *log = b ? b->log : find_ended(j, id);
    if (!log && !(log = from_row(j, id, e)))
        return NULL;
    /* A watcher that has seen the last event gets it again: it tells that nothing will follow. */
    if (events_ended(log) && after >= events_last(log))
        after = events_last(log) - 1;
    void *w = events_watch(log, after, sink, context);
    if (!w)
        error_memory(e, "a watcher");
    return w;
}

void jobs_unwatch(void *subscription)
{
    events_unwatch(subscription);
}

/* ---- jobs that others queue */

bool jobs_reserve(jobs *j, size_t count, error *e)
{
    if (j->stopping)
        return error_set(e, ERROR_BUSY, "the daemon is stopping");
    if (count > 0 && j->count + j->reserved + count > JOBS_QUEUED_MAX)
        return error_set(e, ERROR_BUSY, "there are %zu open jobs already; at most %d", j->count + j->reserved,
                         JOBS_QUEUED_MAX);
    j->reserved += count;
    return true;
}

void jobs_release(jobs *j, size_t count)
{
    assert(count <= j->reserved);
    j->reserved -= count;
}

bool jobs_adopt(jobs *j, const char *id, error *e)
{
    job_row row;
    if (job_find(j, id))
        return true;
    if (!store_job_get(j->c.reader, id, &row, e))
        return false;
    job *b = row.state == JOB_QUEUED ? job_open(j, &row, 0) : NULL;
    if (!b) {
        bool ended = row.state != JOB_QUEUED;
        job_row_free(&row);
        return ended || error_memory(e, "a job");
    }
    job_event_state(b->log, &b->row);
    return true;
}

/* ---- jobs that a former daemon left */

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

/* ---- how fast they are */

const job_pace job_pace_unknown = {NAN, NAN, NAN, NAN, 0};

job_pace jobs_pace(const jobs *j, const char *id)
{
    const job *b = job_find(j, id);
    return b && b->row.state == JOB_RUNNING && b->pace.threads ? b->pace : job_pace_unknown;
}

int jobs_capacity(const jobs *j)
{
    return cpus_capacity(&j->c.cpus);
}
