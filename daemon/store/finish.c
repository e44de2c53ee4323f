/* SPDX-License-Identifier: MIT */
/* finish.c — writes what a finished job leaves: a run, a model version and its file; and runs that other
 * registries' jobs left there. */
#include "daemon/store/internal.h"

#include "base/file.h"

#include <jansson.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

/* ---- runs */

static bool add_run(connection *c, const run_row *r, error *e)
{
    query q = query_begin(c, SQL_RUN_ADD);
    query_put_record(&q, &run_record, r);
    return query_run(&q, e);
}

static bool add_detail(connection *c, const run_row *r, error *e)
{
    query q = query_begin(c, SQL_DETAIL_ADD);
    query_put_text(&q, r->id);
    query_put_text(&q, r->detail);
    return query_run(&q, e);
}

static bool add_scores(connection *c, const run_row *r, error *e)
{
    for (int i = 0; i < r->score_count; i++) {
        query q = query_begin(c, SQL_SCORE_ADD);
        query_put_text(&q, r->id);
        query_put_record(&q, &run_score_record, &r->scores[i]);
        if (!query_run(&q, e))
            return false;
    }
    return true;
}

static bool add_test(connection *c, const run_row *r, const tested *t, error *e)
{
    query q = query_begin(c, SQL_TEST_ADD);
    query_put_text(&q, r->id);
    query_put_text(&q, t->images);
    query_put_int(&q, t->count);
    query_put_bytes(&q, t->bytes ? t->bytes : "", t->size); /* NULL would be NULL */
    return query_run(&q, e);
}

/* With its detail, its scores and, where its images are known, its test. */
static bool add_whole_run(connection *c, const run_row *r, const tested *t, error *e)
{
    return add_run(c, r, e) && add_detail(c, r, e) && add_scores(c, r, e) && (!t->images[0] || add_test(c, r, t, e));
}

/* ---- finishing a job */

typedef struct job_finish {
    write_op op;
    char id[RECORD_ID_MAX];
    int64_t token;
    record_time finished;
    uint64_t events;
    model_row model;
    run_row run;
    tested tested;
    char *path;
} job_finish;

static bool next_version(connection *c, const char *name, int *version, error *e)
{
    query q = query_begin(c, SQL_MODEL_VERSION);
    query_put_text(&q, name);
    if (query_step(&q))
        *version = (int)query_get_int(&q);
    return query_end(&q, e);
}

static bool finish_row(connection *c, job_finish *a, error *e)
{
    query q = query_begin(c, SQL_JOB_FINISH);
    query_put_text(&q, a->id);
    query_put_int(&q, a->token);
    query_put_int(&q, a->finished);
    query_put_int(&q, (int64_t)a->events);
    query_put_text(&q, a->run.id);
    query_put_int(&q, a->model.version);
    if (!query_run(&q, e))
        return false;
    return query_changes(&q) == 1 || error_set(e, ERROR_CONFLICT, "job %s: another worker has it now", a->id);
}

static bool add_model(connection *c, const model_row *m, error *e)
{
    query q = query_begin(c, SQL_MODEL_ADD);
    query_put_record(&q, &model_record, m);
    return query_run(&q, e);
}

static bool add_file(connection *c, const job_finish *a, error *e)
{
    file_map map;
    if (!file_map_open(a->path, &map, e))
        return false;
    query q = query_begin(c, SQL_FILE_ADD);
    query_put_text(&q, a->model.name);
    query_put_int(&q, a->model.version);
    query_put_bytes(&q, map.bytes, map.size);
    bool good = query_run(&q, e);
    file_map_close(&map);
    return good;
}

static bool finish_apply(connection *c, write_op *op, error *e)
{
    job_finish *a = (job_finish *)op;
    if (!next_version(c, a->model.name, &a->model.version, e))
        return false;
    a->run.version = a->model.version;
    op->answer.version = a->model.version;
    snprintf(op->answer.id, sizeof op->answer.id, "%s", a->id);
    return finish_row(c, a, e) && add_whole_run(c, &a->run, &a->tested, e) && add_model(c, &a->model, e) &&
           add_file(c, a, e);
}

static void finish_release(write_op *op)
{
    job_finish *a = (job_finish *)op;
    model_row_free(&a->model);
    run_row_free(&a->run);
    tested_free(&a->tested);
    free(a->path);
    free(a);
}

bool store_job_finish(store *s, const store_finish *f, store_reply reply, error *e)
{
    job_finish *a = calloc(1, sizeof *a);
    if (!a)
        return error_memory(e, "a finished job's rows");
    a->op = (write_op){.apply = finish_apply, .release = finish_release};
    snprintf(a->id, sizeof a->id, "%s", f->id);
    a->token = f->token;
    a->finished = f->finished;
    a->events = f->events;
    a->model = *f->model;
    a->run = *f->run;
    a->model.hyperparameters = strdup(f->model->hyperparameters);
    a->run.hyperparameters = strdup(f->run->hyperparameters);
    a->run.detail = strdup(f->run->detail);
    a->path = strdup(f->model_path);
    if (!a->model.hyperparameters || !a->run.hyperparameters || !a->run.detail || !a->path ||
        !tested_copy(f->tested, &a->tested, e)) {
        finish_release(&a->op);
        return error_memory(e, "a finished job's rows");
    }
    store_queue(s, &a->op, reply);
    return true;
}

/* ---- runs of other registries */

typedef struct run_import {
    write_op op;
    run_row run;
    json_t *series; /* {"epoch": [1, …], NAME: [value or null, …], …}; NULL: none */
    bool trace;
} run_import;

/* *known: this run is here. */
static bool find_run(connection *c, const run_row *r, bool *known, error *e)
{
    query q = query_begin(c, SQL_RUN_SAME);
    query_put_text(&q, r->id);
    query_put_text(&q, r->subject.dataset_digest);
    query_put_text(&q, r->weights_digest);
    query_put_int(&q, r->created);
    query_put_real(&q, r->auroc);
    *known = query_step(&q);
    bool same = *known && query_get_int(&q);
    if (!query_end(&q, e))
        return false;
    return !*known || same || error_set(e, ERROR_CONFLICT, "id: there is another run \"%s\"", r->id);
}

static bool find_job(connection *c, const run_row *r, error *e)
{
    query q = query_begin(c, SQL_JOB_TOKEN);
    query_put_text(&q, r->job);
    bool found = query_step(&q);
    if (!query_end(&q, e))
        return false;
    return !found || error_set(e, ERROR_CONFLICT, "job: there is a job \"%s\", with another run or none", r->job);
}

/* A job that succeeded at once, when its run was made. */
static bool add_job(connection *c, const run_import *a, error *e)
{
    const run_row *r = &a->run;
    job_spec spec = {.subject = r->subject, .trace = a->trace, .hyperparameters = r->hyperparameters};
    memcpy(spec.model, r->model, sizeof spec.model);
    job_row job = job_queued(r->job, &spec, r->created);
    job.state = JOB_SUCCEEDED;
    job.started = job.finished = r->created;
    job.epoch = job.epochs = r->epochs;
    memcpy(job.run, r->id, sizeof job.run);
    return job_insert(c, &job, e);
}

static bool add_series(connection *c, const run_import *a, error *e)
{
    const char *name;
    json_t *list, *value, *epochs = json_object_get(a->series, "epoch");
    size_t at;
    json_object_foreach(a->series, name, list)
    {
        if (list == epochs)
            continue;
        json_array_foreach(list, at, value)
        {
            query q = query_begin(c, SQL_METRIC_PUT);
            query_put_text(&q, a->run.job);
            query_put_int(&q, json_integer_value(json_array_get(epochs, at)));
            query_put_text(&q, name);
            query_put_real(&q, json_is_number(value) ? json_number_value(value) : NAN);
            if (!query_run(&q, e))
                return false;
        }
    }
    return true;
}

static bool import_apply(connection *c, write_op *op, error *e)
{
    run_import *a = (run_import *)op;
    tested t = {0};
    bool known;
    snprintf(t.images, sizeof t.images, "%s", a->run.test_digest);
    snprintf(op->answer.id, sizeof op->answer.id, "%s", a->run.id);
    if (!find_run(c, &a->run, &known, e))
        return false;
    op->answer.fresh = !known;
    return known ||
           (find_job(c, &a->run, e) && add_job(c, a, e) && add_whole_run(c, &a->run, &t, e) && add_series(c, a, e));
}

static void import_release(write_op *op)
{
    run_import *a = (run_import *)op;
    run_row_free(&a->run);
    json_decref(a->series);
    free(a);
}

/* Takes the series of the epochs out of the detail, for the registry has them by job. */
static bool move_series(run_import *a)
{
    json_t *detail = json_loads(a->run.detail, 0, NULL);
    a->series = json_incref(json_object_get(detail, "epochs"));
    json_object_del(detail, "epochs");
    free(a->run.detail);
    a->run.detail = detail ? json_dumps(detail, JSON_COMPACT | JSON_REAL_PRECISION(9)) : NULL;
    json_decref(detail);
    return a->run.detail != NULL;
}

bool store_run_import(store *s, const store_import *i, store_reply reply, error *e)
{
    run_import *a = calloc(1, sizeof *a);
    if (!a)
        return error_memory(e, "a run");
    a->op = (write_op){.apply = import_apply, .release = import_release};
    a->run = *i->run;
    a->trace = i->trace;
    a->run.hyperparameters = strdup(i->run->hyperparameters);
    a->run.detail = strdup(i->run->detail);
    if (!a->run.hyperparameters || !a->run.detail || !move_series(a)) {
        import_release(&a->op);
        return error_memory(e, "a run");
    }
    store_queue(s, &a->op, reply);
    return true;
}
