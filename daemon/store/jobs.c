/* SPDX-License-Identifier: MIT */
/* jobs.c — rows of jobs: adding, claiming, moving, their progress and their epochs' numbers. */
#include "daemon/store/internal.h"

#include <math.h>
#include <string.h>

/* ---- adding */

typedef struct job_add {
    job_row row;
    const char *key, *fingerprint; /* empty: none */
} job_add;

job_row job_queued(const char *id, const job_spec *spec, record_time created)
{
    job_row row = {.state = JOB_QUEUED, .spec = *spec, .created = created, .images_s = NAN, .eta_s = NAN};
    snprintf(row.id, sizeof row.id, "%s", id);
    return row;
}

bool job_insert(connection *c, const job_row *row, error *e)
{
    query q = query_begin(c, SQL_JOB_ADD);
    query_put_record(&q, &job_record, row);
    return query_run(&q, e);
}

static bool add_apply(connection *c, void *arguments, store_answer *answer, error *e)
{
    const job_add *a = arguments;
    const key_use key = {STORE_KEY_OF_JOB, a->key, a->fingerprint, a->row.created};
    bool known;
    if (!key_find(c, &key, answer->id, &known, e))
        return false;
    if (known)
        return true;
    if (!job_insert(c, &a->row, e) || !key_add(c, &key, a->row.id, e))
        return false;
    answer->fresh = true;
    snprintf(answer->id, sizeof answer->id, "%s", a->row.id);
    return true;
}

static const write_kind adding = WRITE("a job's row", add_apply, job_add, WRITE_TEXT(job_add, row.spec.hyperparameters),
                                       WRITE_TEXT(job_add, key), WRITE_TEXT(job_add, fingerprint));

bool store_job_add(store *s, const store_new_job *j, store_reply reply, error *e)
{
    if (j->key && (!*j->key || strlen(j->key) > STORE_KEY_MAX))
        return error_set(e, ERROR_INVALID, "Idempotency-Key: expected 1 to %d bytes, found %zu", STORE_KEY_MAX,
                         strlen(j->key));
    char none[] = "{}";
    job_add a = {.row = job_queued(j->row->id, &j->row->spec, j->row->created),
                 .key = j->key ? j->key : "",
                 .fingerprint = j->key ? j->fingerprint : ""};
    if (!a.row.spec.hyperparameters)
        a.row.spec.hyperparameters = none;
    return store_queue(s, &adding, &a, reply, e);
}

/* ---- claiming */

static bool claim_apply(connection *c, void *arguments, store_answer *answer, error *e)
{
    const store_claim *a = arguments;
    query q = query_begin(c, SQL_JOB_CLAIM);
    query_put_text(&q, a->id);
    query_put_text(&q, a->worker);
    query_put_int(&q, a->lease_until);
    query_put_int(&q, a->now);
    bool claimed = query_step(&q);
    if (claimed) {
        answer->token = query_get_int(&q);
        answer->attempt = (int)query_get_int(&q);
        snprintf(answer->id, sizeof answer->id, "%s", a->id);
        query_step(&q); /* to its end: RETURNING finishes the write there */
    }
    if (!query_end(&q, e))
        return false;
    return claimed || error_set(e, ERROR_CONFLICT, "job %s is not queued any more", a->id);
}

static const write_kind claiming =
    WRITE("a job's claim", claim_apply, store_claim, WRITE_TEXT(store_claim, id), WRITE_TEXT(store_claim, worker));

bool store_job_claim(store *s, const store_claim *c, store_reply reply, error *e)
{
    return store_queue(s, &claiming, c, reply, e);
}

/* ---- moving */

static bool stale(const char *id, error *e)
{
    return error_set(e, ERROR_CONFLICT, "job %s: another worker has it now", id);
}

static bool move_apply(connection *c, void *arguments, store_answer *answer, error *e)
{
    (void)answer;
    const store_move *m = arguments;
    query q = query_begin(c, SQL_JOB_MOVE);
    query_put_text(&q, m->id);
    query_put_int(&q, m->token);
    query_put_text(&q, job_state_name(m->to));
    query_put_text(&q, m->failure);
    query_put_int(&q, m->deaths);
    query_put_int(&q, m->finished);
    query_put_int(&q, (int64_t)m->events);
    if (!query_run(&q, e))
        return false;
    return query_changes(&q) == 1 || stale(m->id, e);
}

static const write_kind moving =
    WRITE("a job's move", move_apply, store_move, WRITE_TEXT(store_move, id), WRITE_TEXT(store_move, failure));

bool store_job_move(store *s, const store_move *m, store_reply reply, error *e)
{
    return store_queue(s, &moving, m, reply, e);
}

/* ---- progress */

typedef struct job_progress {
    store_progress progress; /* but for its row, which is the caller's */
    job_row row;
} job_progress;

static bool progress_apply(connection *c, void *arguments, store_answer *answer, error *e)
{
    (void)answer;
    const job_progress *a = arguments;
    query q = query_begin(c, SQL_JOB_PROGRESS);
    query_put_text(&q, a->row.id);
    query_put_int(&q, a->progress.token);
    query_put_int(&q, a->row.epoch);
    query_put_int(&q, a->row.epochs);
    query_put_int(&q, (int64_t)a->row.step);
    query_put_int(&q, (int64_t)a->row.steps);
    query_put_real(&q, a->row.images_s);
    query_put_real(&q, a->row.eta_s);
    query_put_text(&q, a->row.values);
    query_put_int(&q, a->progress.deaths);
    query_put_int(&q, (int64_t)a->progress.events);
    query_put_int(&q, a->progress.lease_until);
    if (!query_run(&q, e))
        return false;
    return query_changes(&q) == 1 || stale(a->row.id, e);
}

static const write_kind progressing =
    WRITE("a job's progress", progress_apply, job_progress, WRITE_TEXT(job_progress, row.values));

bool store_job_progress(store *s, const store_progress *p, store_reply reply, error *e)
{
    return store_queue(s, &progressing, &(job_progress){*p, *p->row}, reply, e);
}

/* ---- an epoch's numbers */

enum { METRIC_NAME_MAX = 64, METRICS_MAX = 32 };

typedef struct job_epoch {
    store_epoch epoch; /* but for its lists, which are the caller's */
    char names[METRICS_MAX][METRIC_NAME_MAX];
    double values[METRICS_MAX];
} job_epoch;

static bool epoch_apply(connection *c, void *arguments, store_answer *answer, error *e)
{
    (void)answer;
    const job_epoch *a = arguments;
    const store_epoch *m = &a->epoch;
    query check = query_begin(c, SQL_JOB_TOKEN);
    query_put_text(&check, m->id);
    bool ours = query_step(&check) && query_get_int(&check) == m->token;
    if (!query_end(&check, e))
        return false;
    if (!ours)
        return stale(m->id, e);
    for (int i = 0; i < m->count; i++) {
        query q = query_begin(c, SQL_METRIC_PUT);
        query_put_text(&q, m->id);
        query_put_int(&q, m->epoch);
        query_put_text(&q, a->names[i]);
        query_put_real(&q, a->values[i]);
        if (!query_run(&q, e))
            return false;
    }
    return true;
}

static const write_kind measuring =
    WRITE("an epoch's metrics", epoch_apply, job_epoch, WRITE_TEXT(job_epoch, epoch.id));

bool store_job_epoch(store *s, const store_epoch *m, store_reply reply, error *e)
{
    if (m->count > METRICS_MAX)
        return error_set(e, ERROR_LIMIT, "job %s: %d metrics an epoch, at most %d", m->id, m->count, METRICS_MAX);
    job_epoch a = {.epoch = *m};
    for (int i = 0; i < m->count; i++) {
        snprintf(a.names[i], METRIC_NAME_MAX, "%s", m->names[i]);
        a.values[i] = m->values[i];
    }
    return store_queue(s, &measuring, &a, reply, e);
}

/* ---- reading */

static const row_kind rows_of_jobs = {.cursor = 'j', .record = &job_record, .size = sizeof(job_row)};

bool store_job_list(store_reader *r, const job_filter *f, record_page *page, job_row *rows, int *count, error *e)
{
    int64_t key;
    char id[RECORD_NAME_MAX];
    *count = 0;
    if (!cursor_read(page, &rows_of_jobs, &key, id, e))
        return false;
    query q = query_begin(&r->on, SQL_JOB_LIST);
    query_put_text(&q, id);
    query_put_filter(&q, f->state);
    query_put_filter(&q, f->method);
    query_put_filter(&q, f->dataset);
    query_put_int(&q, page->limit + 1);
    return query_page(page, &rows_of_jobs, &q, rows, count, e);
}

bool store_job_get(store_reader *r, const char *id, job_row *row, error *e)
{
    bool found;
    query q = query_begin(&r->on, SQL_JOB_GET);
    query_put_text(&q, id);
    return query_find(&q, &rows_of_jobs, row, &found, e) &&
           (found || error_set(e, ERROR_NOT_FOUND, "there is no job \"%s\"", id));
}

bool store_job_events(store_reader *r, const char *id, uint64_t *last, error *e)
{
    query q = query_begin(&r->on, SQL_JOB_EVENTS);
    query_put_text(&q, id);
    *last = query_step(&q) ? (uint64_t)query_get_int(&q) : 0;
    return query_end(&q, e);
}

static bool read_open(query *q, void *row, error *e)
{
    (void)e;
    store_open_job *out = row;
    out->token = query_get_int(q);
    out->deaths = (int)query_get_int(q);
    out->events = (uint64_t)query_get_int(q);
    return true;
}

bool store_open_job_next(store_reader *r, const char *id, store_open_job *out, error *e)
{
    static const row_kind open = {.record = &job_record, .size = sizeof *out, .rest = read_open};
    bool found;
    *e = (error){0};
    query q = query_begin(&r->on, SQL_JOB_OPEN_NEXT);
    query_put_text(&q, id);
    return query_find(&q, &open, out, &found, e) && found;
}

bool store_job_counts(store_reader *r, uint64_t counts[JOB_STATES], error *e)
{
    memset(counts, 0, JOB_STATES * sizeof *counts);
    query q = query_begin(&r->on, SQL_JOB_COUNTS);
    return query_counts(&q, counts, e);
}
