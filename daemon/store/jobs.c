/* SPDX-License-Identifier: MIT */
/* jobs.c — rows of jobs: adding, claiming, moving, their progress and their epochs' numbers. */
#include "daemon/store/internal.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

/* ---- adding */

typedef struct job_add {
    write_op op;
    job_row row;
    char fingerprint[DATASET_DIGEST_TEXT];
    char key[STORE_KEY_MAX + 1]; /* empty: none */
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

static bool add_apply(connection *c, write_op *op, error *e)
{
    job_add *a = (job_add *)op;
    const key_use key = {STORE_KEY_OF_JOB, a->key, a->fingerprint, a->row.created};
    bool known;
    if (!key_find(c, &key, a->op.answer.id, &known, e))
        return false;
    if (known)
        return true;
    if (!job_insert(c, &a->row, e) || !key_add(c, &key, a->row.id, e))
        return false;
    a->op.answer.fresh = true;
    snprintf(a->op.answer.id, sizeof a->op.answer.id, "%s", a->row.id);
    return true;
}

static void add_release(write_op *op)
{
    free(((job_add *)op)->row.spec.hyperparameters);
    free(op);
}

bool store_job_add(store *s, const store_new_job *j, store_reply reply, error *e)
{
    if (j->key && (!*j->key || strlen(j->key) > STORE_KEY_MAX))
        return error_set(e, ERROR_INVALID, "Idempotency-Key: expected 1 to %d bytes, found %zu", STORE_KEY_MAX,
                         strlen(j->key));
    job_add *a = calloc(1, sizeof *a);
    if (!a)
        return error_memory(e, "a job's row");
    a->op = (write_op){.apply = add_apply, .release = add_release};
    a->row = job_queued(j->row->id, &j->row->spec, j->row->created);
    if (j->key) {
        snprintf(a->key, sizeof a->key, "%s", j->key);
        snprintf(a->fingerprint, sizeof a->fingerprint, "%s", j->fingerprint);
    }
    const char *given = j->row->spec.hyperparameters;
    a->row.spec.hyperparameters = strdup(given ? given : "{}");
    if (!a->row.spec.hyperparameters) {
        free(a);
        return error_memory(e, "a job's row");
    }
    store_queue(s, &a->op, reply);
    return true;
}

/* ---- claiming */

typedef struct job_claim {
    write_op op;
    char id[RECORD_ID_MAX], worker[128];
    record_time now, lease_until;
} job_claim;

static bool claim_apply(connection *c, write_op *op, error *e)
{
    job_claim *a = (job_claim *)op;
    query q = query_begin(c, SQL_JOB_CLAIM);
    query_put_text(&q, a->id);
    query_put_text(&q, a->worker);
    query_put_int(&q, a->lease_until);
    query_put_int(&q, a->now);
    bool claimed = query_step(&q);
    if (claimed) {
        op->answer.token = query_get_int(&q);
        op->answer.attempt = (int)query_get_int(&q);
        snprintf(op->answer.id, sizeof op->answer.id, "%s", a->id);
        query_step(&q); /* to its end: RETURNING finishes the write there */
    }
    if (!query_end(&q, e))
        return false;
    return claimed || error_set(e, ERROR_CONFLICT, "job %s is not queued any more", a->id);
}

static void plain_release(write_op *op)
{
    free(op);
}

bool store_job_claim(store *s, const store_claim *c, store_reply reply, error *e)
{
    job_claim *a = calloc(1, sizeof *a);
    if (!a)
        return error_memory(e, "a job's claim");
    a->op = (write_op){.apply = claim_apply, .release = plain_release};
    snprintf(a->id, sizeof a->id, "%s", c->id);
    snprintf(a->worker, sizeof a->worker, "%s", c->worker);
    a->now = c->now;
    a->lease_until = c->lease_until;
    store_queue(s, &a->op, reply);
    return true;
}

/* ---- moving */

typedef struct job_move_op {
    write_op op;
    char id[RECORD_ID_MAX];
    store_move move;
    char *failure;
} job_move_op;

static bool stale(const char *id, error *e)
{
    return error_set(e, ERROR_CONFLICT, "job %s: another worker has it now", id);
}

static bool move_apply(connection *c, write_op *op, error *e)
{
    job_move_op *a = (job_move_op *)op;
    query q = query_begin(c, SQL_JOB_MOVE);
    query_put_text(&q, a->id);
    query_put_int(&q, a->move.token);
    query_put_text(&q, job_state_name(a->move.to));
    query_put_text(&q, a->failure);
    query_put_int(&q, a->move.deaths);
    query_put_int(&q, a->move.finished);
    query_put_int(&q, (int64_t)a->move.events);
    if (!query_run(&q, e))
        return false;
    return query_changes(&q) == 1 || stale(a->id, e);
}

static void move_release(write_op *op)
{
    free(((job_move_op *)op)->failure);
    free(op);
}

bool store_job_move(store *s, const store_move *m, store_reply reply, error *e)
{
    job_move_op *a = calloc(1, sizeof *a);
    if (!a || (m->failure && !(a->failure = strdup(m->failure)))) {
        free(a);
        return error_memory(e, "a job's move");
    }
    a->op = (write_op){.apply = move_apply, .release = move_release};
    a->move = *m;
    a->move.id = a->move.failure = NULL;
    snprintf(a->id, sizeof a->id, "%s", m->id);
    store_queue(s, &a->op, reply);
    return true;
}

/* ---- progress */

typedef struct job_progress_op {
    write_op op;
    job_row row; /* its numbers; values is owned here */
    store_progress progress;
} job_progress_op;

static bool progress_apply(connection *c, write_op *op, error *e)
{
    job_progress_op *a = (job_progress_op *)op;
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

static void progress_release(write_op *op)
{
    free(((job_progress_op *)op)->row.values);
    free(op);
}

bool store_job_progress(store *s, const store_progress *p, store_reply reply, error *e)
{
    job_progress_op *a = calloc(1, sizeof *a);
    if (!a)
        return error_memory(e, "a job's progress");
    a->op = (write_op){.apply = progress_apply, .release = progress_release};
    a->progress = *p;
    a->progress.row = NULL;
    a->row = *p->row;
    a->row.values = p->row->values ? strdup(p->row->values) : NULL;
    if (p->row->values && !a->row.values) {
        free(a);
        return error_memory(e, "a job's progress");
    }
    store_queue(s, &a->op, reply);
    return true;
}

/* ---- an epoch's numbers */

enum { METRIC_NAME_MAX = 64, METRICS_MAX = 32 };

typedef struct job_epoch_op {
    write_op op;
    char id[RECORD_ID_MAX];
    int64_t token;
    int epoch, count;
    char names[METRICS_MAX][METRIC_NAME_MAX];
    double values[METRICS_MAX];
} job_epoch_op;

static bool epoch_apply(connection *c, write_op *op, error *e)
{
    job_epoch_op *a = (job_epoch_op *)op;
    query check = query_begin(c, SQL_JOB_TOKEN);
    query_put_text(&check, a->id);
    bool ours = query_step(&check) && query_get_int(&check) == a->token;
    if (!query_end(&check, e))
        return false;
    if (!ours)
        return stale(a->id, e);
    for (int i = 0; i < a->count; i++) {
        query q = query_begin(c, SQL_METRIC_PUT);
        query_put_text(&q, a->id);
        query_put_int(&q, a->epoch);
        query_put_text(&q, a->names[i]);
        query_put_real(&q, a->values[i]);
        if (!query_run(&q, e))
            return false;
    }
    return true;
}

bool store_job_epoch(store *s, const store_epoch *m, store_reply reply, error *e)
{
    if (m->count > METRICS_MAX)
        return error_set(e, ERROR_LIMIT, "job %s: %d metrics an epoch, at most %d", m->id, m->count, METRICS_MAX);
    job_epoch_op *a = calloc(1, sizeof *a);
    if (!a)
        return error_memory(e, "an epoch's metrics");
    a->op = (write_op){.apply = epoch_apply, .release = plain_release};
    snprintf(a->id, sizeof a->id, "%s", m->id);
    a->token = m->token;
    a->epoch = m->epoch;
    a->count = m->count;
    for (int i = 0; i < m->count; i++) {
        snprintf(a->names[i], METRIC_NAME_MAX, "%s", m->names[i]);
        a->values[i] = m->values[i];
    }
    store_queue(s, &a->op, reply);
    return true;
}

/* ---- reading */

bool store_job_list(store_reader *r, const job_filter *f, record_page *page, job_row *rows, int *count, error *e)
{
    int64_t key;
    char id[RECORD_NAME_MAX];
    *count = 0;
    if (!page_start(page, 'j', &key, id, e))
        return false;
    query q = query_begin(&r->on, SQL_JOB_LIST);
    query_put_text(&q, id);
    query_put_filter(&q, f->state);
    query_put_filter(&q, f->method);
    query_put_filter(&q, f->dataset);
    query_put_int(&q, page->limit + 1);
    bool more = false;
    while (page_step(page, &q, *count, &more))
        query_get_record(&q, &job_record, memset(&rows[(*count)++], 0, sizeof *rows));
    if (!query_end(&q, e)) {
        while (*count)
            job_row_free(&rows[--*count]);
        return false;
    }
    page_end(page, 'j', more, 0, *count ? rows[*count - 1].id : "");
    return true;
}

bool store_job_get(store_reader *r, const char *id, job_row *row, error *e)
{
    query q = query_begin(&r->on, SQL_JOB_GET);
    query_put_text(&q, id);
    bool found = query_step(&q);
    if (found)
        query_get_record(&q, &job_record, memset(row, 0, sizeof *row));
    if (!query_end(&q, e)) {
        if (found)
            job_row_free(row);
        return false;
    }
    return found || error_set(e, ERROR_NOT_FOUND, "there is no job \"%s\"", id);
}

bool store_job_events(store_reader *r, const char *id, uint64_t *last, error *e)
{
    query q = query_begin(&r->on, SQL_JOB_EVENTS);
    query_put_text(&q, id);
    *last = query_step(&q) ? (uint64_t)query_get_int(&q) : 0;
    return query_end(&q, e);
}

bool store_open_job_next(store_reader *r, const char *id, store_open_job *out, error *e)
{
    *e = (error){0};
    query q = query_begin(&r->on, SQL_JOB_OPEN_NEXT);
    query_put_text(&q, id);
    bool found = query_step(&q);
    if (found) {
        query_get_record(&q, &job_record, memset(&out->row, 0, sizeof out->row));
        out->token = query_get_int(&q);
        out->deaths = (int)query_get_int(&q);
        out->events = (uint64_t)query_get_int(&q);
    }
    if (query_end(&q, e))
        return found;
    if (found)
        job_row_free(&out->row);
    return false;
}

bool store_job_counts(store_reader *r, uint64_t counts[JOB_STATES], error *e)
{
    memset(counts, 0, JOB_STATES * sizeof *counts);
    query q = query_begin(&r->on, SQL_JOB_COUNTS);
    while (query_step(&q)) {
        enum job_state state = query_get_state(&q);
        counts[state] = (uint64_t)query_get_int(&q);
    }
    return query_end(&q, e);
}
