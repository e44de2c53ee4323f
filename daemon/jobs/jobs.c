/* SPDX-License-Identifier: MIT */
/* jobs.c — the table of open jobs: submitting, looking up, cancelling, and the one function that changes a state. */
#include "daemon/jobs/jobs.h"

#include "api/json/json.h"
#include "daemon/jobs/job.h"
#include "daemon/platform/log.h"
#include "daemon/worker/wire.h"

#include <assert.h>
#include <math.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

/* Row: from. A job whose worker is to go on later returns from running to queued. */
static const bool legal[JOB_STATES][JOB_STATES] = {
    [JOB_QUEUED] = {[JOB_RUNNING] = true, [JOB_CANCELLED] = true, [JOB_FAILED] = true},
    [JOB_RUNNING] = {[JOB_QUEUED] = true,
                     [JOB_CANCELLING] = true,
                     [JOB_CANCELLED] = true,
                     [JOB_SUCCEEDED] = true,
                     [JOB_FAILED] = true},
    [JOB_CANCELLING] = {[JOB_CANCELLED] = true, [JOB_SUCCEEDED] = true, [JOB_FAILED] = true},
};

static bool is_final(enum job_state s)
{
    return s == JOB_SUCCEEDED || s == JOB_FAILED || s == JOB_CANCELLED;
}

jobs *jobs_new(const jobs_config *c, error *e)
{
    jobs *j = calloc(1, sizeof *j);
    if (!j) {
        error_memory(e, "the jobs");
        return NULL;
    }
    j->c = *c;
    j->end = &j->first;
    char host[64] = "";
    gethostname(host, sizeof host - 1);
    snprintf(j->worker_name, sizeof j->worker_name, "%s/%d", host, (int)getpid());
    return j;
}

void jobs_free(jobs *j)
{
    if (!j)
        return;
    while (j->first) {
        job *b = j->first;
        assert(!b->child && !b->busy);
        j->first = b->next;
        job_row_free(&b->row);
        events_free(b->log);
        free(b);
    }
    for (size_t i = 0; i < JOBS_ENDED_KEPT; i++)
        events_free(j->ended[i].log);
    free(j);
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
    b->log = log;
    *j->end = b;
    j->end = &b->next;
    j->count++;
    return b;
}

/* Keeps the events of a job that has ended in place of the longest ended one's. */
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
    assert(!b->child && !b->busy);
    job **at = &j->first;
    while (*at != b)
        at = &(*at)->next;
    *at = b->next;
    if (j->end == &b->next)
        j->end = at;
    j->count--;
    keep_events(j, b->row.id, b->log);
    job_row_free(&b->row);
    free(b);
}

bool job_folder(const job *b, path_text *p, error *e)
{
    return path_format(p, e, "%s/jobs/%s", b->owner->c.state, b->row.id);
}

/* ---- events and moves */

char *json_line(json_t *o)
{
    char *line = o ? json_dumps(o, JSON_COMPACT | JSON_REAL_PRECISION(9)) : NULL;
    json_decref(o);
    return line;
}

void job_event_state(job *b)
{
    const job_row *r = &b->row;
    json_t *o = json_pack("{s:s, s:i}", "state", job_state_name(r->state), "attempt", r->attempt);
    if (o && r->failure)
        json_object_set_new(o, "failure", json_text(r->failure));
    if (o && r->state == JOB_SUCCEEDED) {
        json_object_set_new(o, "run", json_string(r->run));
        json_object_set_new(o, "model", json_string(r->spec.model));
        json_object_set_new(o, "version", json_count(r->version));
    }
    events_push(b->log, "state", json_line(o), is_final(r->state));
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

void job_move(job *b, enum job_state to, const char *failure, store_reply reply)
{
    assert(legal[b->row.state][to]);
    b->row.state = to;
    free(b->row.failure);
    b->row.failure = failure ? strdup(failure) : NULL;
    if (is_final(to))
        b->row.finished = time_now();
    job_write_state(b, reply);
}

void job_write_state(job *b, store_reply reply)
{
    /* The number of the event that tells of this move, which is published once the move is durable. */
    store_move m = {.id = b->row.id,
                    .token = b->token,
                    .to = b->row.state,
                    .failure = b->row.failure,
                    .deaths = b->deaths,
                    .finished = b->row.finished,
                    .events = events_last(b->log) + 1};
    error e = {0};
    if (!store_job_move(b->owner->c.store, &m, reply, &e) && reply.done)
        reply.done(reply.context, NULL, &e);
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

bool jobs_list(jobs *j, const job_filter *f, service_page *page, job_row *rows, int *count, error *e)
{
    if (!store_job_list(j->c.reader, f, page, rows, count, e))
        return false;
    for (int i = 0; i < *count; i++) {
        /* Fresher numbers than the last row written; the state stays the one that was filtered by. */
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
    job b = {.owner = j, .row = row, .log = events_new(last ? last - 1 : 0)};
    if (b.log) {
        job_event_state(&b);
        keep_events(j, id, b.log);
    } else {
        error_memory(e, "a job's events");
    }
    job_row_free(&row);
    return b.log;
}

void *jobs_watch(jobs *j, const char *id, uint64_t after, event_sink *sink, void *context, error *e)
{
    job *b = job_find(j, id);
    events *log = b ? b->log : find_ended(j, id);
    if (!log && !(log = from_row(j, id, e)))
        return NULL;
    /* Who has seen how it ended is told that again, and so that there is nothing to wait for. */
    if (events_ended(log) && after >= events_last(log))
        after = events_last(log) - 1;
    void *w = events_watch(log, after, sink, context);
    if (!w)
        error_memory(e, "a watcher");
    return w;
}

void jobs_unwatch(jobs *j, void *subscription)
{
    (void)j;
    events_unwatch(subscription);
}

/* ---- those that others queue */

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
    job_event_state(b);
    return true;
}

void jobs_start(jobs *j)
{
    jobs_pump(j);
}

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

/* ---- submitting */

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

static void submission_end(void *context)
{
    submission *s = context;
    s->done(s->context, NULL, &s->e);
    submission_free(s);
}

/* Answers with the job as it is now: this one, or the one the key stands for. */
static void submission_answer(submission *s, const char *id)
{
    job_row row;
    if (jobs_get(s->owner, id, &row, &s->e)) {
        s->done(s->context, &row, NULL);
        job_row_free(&row);
        submission_free(s);
    } else {
        submission_end(s);
    }
}

static void submission_stored(void *context, const store_answer *answer, const error *failure)
{
    submission *s = context;
    if (failure) {
        s->e = *failure;
        submission_end(s);
        return;
    }
    if (answer->fresh) {
        job *b = job_open(s->owner, &s->row, 0);
        if (b) {
            s->row.spec.hyperparameters = NULL; /* it is the job's now */
            job_event_state(b);
            log_line(LOG_LEVEL_INFO, "job %s: %s on %s, accepted", b->row.id, b->row.spec.subject.method,
                     b->row.spec.subject.dataset);
        } else {
            /* It is in the registry: the next start finds it. */
            log_line(LOG_LEVEL_ERROR, "job %s: accepted, but out of memory to run it before a restart", answer->id);
        }
    }
    jobs *j = s->owner;
    submission_answer(s, answer->id);
    jobs_pump(j);
}

static void submission_check(void *context) /* pool thread */
{
    submission *s = context;
    wire_plan plan;
    if (wire_plan_make(&plan, &s->row.spec, &s->set.info, &s->e) && train_check(&plan.train, &s->set.info, &s->e))
        s->e.code = ERROR_NONE;
    wire_plan_free(&plan);
}

static void submission_checked(void *context)
{
    submission *s = context;
    jobs *j = s->owner;
    if (s->e.code) {
        submission_end(s);
        return;
    }
    id_make(j->c.ids, s->row.id);
    s->row.created = time_now();
    memcpy(s->row.spec.subject.dataset_digest, s->set.info.digest, sizeof s->set.info.digest);
    store_new_job n = {.row = &s->row, .key = s->key[0] ? s->key : NULL, .fingerprint = s->fingerprint};
    store_reply reply = {.done = submission_stored, .context = s};
    if (!store_job_add(j->c.store, &n, reply, &s->e))
        submission_end(s);
}

static bool submission_start(submission *s, const char *key, error *e)
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

void jobs_submit(jobs *j, const job_spec *spec, const char *key, job_done *done, void *context)
{
    submission *s = calloc(1, sizeof *s);
    char *hyperparameters = s ? strdup(spec->hyperparameters ? spec->hyperparameters : "{}") : NULL;
    if (!hyperparameters) {
        free(s);
        error e = {0};
        error_memory(&e, "a job");
        done(context, NULL, &e);
        return;
    }
    s->owner = j;
    s->done = done;
    s->context = context;
    s->row.spec = *spec;
    s->row.spec.hyperparameters = hyperparameters;
    s->row.images_s = s->row.eta_s = NAN;
    if (submission_start(s, key, &s->e))
        loop_offload(j->c.loop, submission_check, submission_checked, s);
    else
        loop_defer(j->c.loop, submission_end, s);
}

/* ---- cancelling */

typedef struct cancellation {
    jobs *owner;
    char id[SERVICE_ID_MAX];
    enum job_state to;
    job_done *done;
    void *context;
    error e;
} cancellation;

static void cancellation_fail(void *context)
{
    cancellation *c = context;
    c->done(c->context, NULL, &c->e);
    free(c);
}

static void cancellation_answer(void *context)
{
    cancellation *c = context;
    job_row row;
    if (!jobs_get(c->owner, c->id, &row, &c->e)) {
        cancellation_fail(c);
        return;
    }
    c->done(c->context, &row, NULL);
    job_row_free(&row);
    free(c);
}

/* The registry has not heard of it: the job goes on, also a running one whose worker was told to stop. */
static void take_back(job *b)
{
    b->put_back = b->row.state == JOB_CANCELLING;
    b->row.state = b->put_back ? JOB_RUNNING : JOB_QUEUED;
    b->row.finished = 0;
    jobs_pump(b->owner);
}

/* Queued: cancelled at once. Running: its worker is asked. */
static void cancellation_stored(void *context, const store_answer *answer, const error *failure)
{
    (void)answer;
    cancellation *c = context;
    job *b = job_find(c->owner, c->id);
    if (failure) {
        log_line(LOG_LEVEL_ERROR, "job %s: %s", c->id, failure->message);
        if (b && b->row.state == c->to)
            take_back(b);
        c->e = *failure;
        cancellation_fail(c);
        return;
    }
    if (b && b->row.state == c->to) /* else it has gone further, and that is told elsewhere */
        job_event_state(b);
    jobs *j = c->owner;
    bool ends = b && c->to == JOB_CANCELLED;
    char id[SERVICE_ID_MAX];
    memcpy(id, c->id, sizeof id);
    cancellation_answer(c);
    if (ends) {
        job_close(b);
        job_clean(j, id);
    }
}

static void cancel_open(job *b, cancellation *c)
{
    store_reply reply = {.done = cancellation_stored, .context = c};
    if (b->row.state == JOB_QUEUED && !b->busy) {
        c->to = JOB_CANCELLED;
        job_move(b, c->to, NULL, reply);
    } else if (b->row.state == JOB_RUNNING && b->child && !b->put_back) {
        job_stop_child(b);
        c->to = JOB_CANCELLING;
        job_move(b, c->to, NULL, reply);
    } else {
        /* A claim or a result is being written, or it is being cancelled already: soon, by whoever is at it. */
        b->cancel_wanted = true;
        loop_defer(b->owner->c.loop, cancellation_answer, c);
    }
}

void jobs_cancel(jobs *j, const char *id, job_done *done, void *context)
{
    cancellation *c = calloc(1, sizeof *c);
    if (!c) {
        error e = {0};
        error_memory(&e, "a cancellation");
        done(context, NULL, &e);
        return;
    }
    *c = (cancellation){.owner = j, .done = done, .context = context};
    snprintf(c->id, sizeof c->id, "%s", id);
    job *b = job_find(j, id);
    if (b && !is_final(b->row.state)) {
        cancel_open(b, c);
        return;
    }
    job_row row;
    if (jobs_get(j, id, &row, &c->e)) {
        error_set(&c->e, ERROR_CONFLICT, "job %s has ended: %s", c->id, job_state_name(row.state));
        job_row_free(&row);
    }
    loop_defer(j->c.loop, cancellation_fail, c);
}
