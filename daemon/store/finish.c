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
    store_finish finish; /* but for its rows and test, which are the caller's */
    model_row model;
    run_row run;
    tested tested;
} job_finish;

static bool next_version(connection *c, const char *name, int *version, error *e)
{
    query q = query_begin(c, SQL_MODEL_VERSION);
    query_put_text(&q, name);
    if (query_step(&q))
        *version = (int)query_get_int(&q);
    return query_end(&q, e);
}

static bool finish_row(connection *c, const job_finish *a, error *e)
{
    query q = query_begin(c, SQL_JOB_FINISH);
    query_put_text(&q, a->finish.id);
    query_put_int(&q, a->finish.token);
    query_put_int(&q, a->finish.finished);
    query_put_int(&q, (int64_t)a->finish.events);
    query_put_text(&q, a->run.id);
    query_put_int(&q, a->model.version);
    if (!query_run(&q, e))
        return false;
    return query_changes(&q) == 1 || error_set(e, ERROR_CONFLICT, "job %s: another worker has it now", a->finish.id);
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
    if (!file_map_open(a->finish.model_path, &map, e))
        return false;
    query q = query_begin(c, SQL_FILE_ADD);
    query_put_text(&q, a->model.name);
    query_put_int(&q, a->model.version);
    query_put_bytes(&q, map.bytes, map.size);
    bool good = query_run(&q, e);
    file_map_close(&map);
    return good;
}

static bool finish_apply(connection *c, void *arguments, store_answer *answer, error *e)
{
    job_finish *a = arguments;
    if (!next_version(c, a->model.name, &a->model.version, e))
        return false;
    a->run.version = a->model.version;
    answer->version = a->model.version;
    snprintf(answer->id, sizeof answer->id, "%s", a->finish.id);
    return finish_row(c, a, e) && add_whole_run(c, &a->run, &a->tested, e) && add_model(c, &a->model, e) &&
           add_file(c, a, e);
}

static const write_kind finishing =
    WRITE("a finished job's rows", finish_apply, job_finish, WRITE_TEXT(job_finish, finish.id),
          WRITE_TEXT(job_finish, finish.model_path), WRITE_TEXT(job_finish, model.hyperparameters),
          WRITE_TEXT(job_finish, run.hyperparameters), WRITE_TEXT(job_finish, run.detail),
          {offsetof(job_finish, tested.bytes), offsetof(job_finish, tested.size)});

bool store_job_finish(store *s, const store_finish *f, store_reply reply, error *e)
{
    return store_queue(s, &finishing, &(job_finish){*f, *f->model, *f->run, *f->tested}, reply, e);
}

/* ---- runs of other registries */

typedef struct run_import {
    run_row run;
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

/* series: {"epoch": [1, …], NAME: [value or null, …], …}; NULL: none. */
static bool add_series(connection *c, const char *job, json_t *series, error *e)
{
    const char *name;
    json_t *list, *value, *epochs = json_object_get(series, "epoch");
    size_t at;
    json_object_foreach(series, name, list)
    {
        if (list == epochs)
            continue;
        json_array_foreach(list, at, value)
        {
            query q = query_begin(c, SQL_METRIC_PUT);
            query_put_text(&q, job);
            query_put_int(&q, json_integer_value(json_array_get(epochs, at)));
            query_put_text(&q, name);
            query_put_real(&q, json_is_number(value) ? json_number_value(value) : NAN);
            if (!query_run(&q, e))
                return false;
        }
    }
    return true;
}

/* The series of the epochs are taken out of the detail, for the registry has them by job. */
static bool add_import(connection *c, run_import *a, error *e)
{
    tested t = {0};
    snprintf(t.images, sizeof t.images, "%s", a->run.test_digest);
    json_t *detail = json_loads(a->run.detail, 0, NULL), *series = json_incref(json_object_get(detail, "epochs"));
    json_object_del(detail, "epochs");
    a->run.detail = detail ? json_dumps(detail, JSON_COMPACT | JSON_REAL_PRECISION(9)) : NULL;
    bool good = (a->run.detail || error_memory(e, "a run")) && add_job(c, a, e) && add_whole_run(c, &a->run, &t, e) &&
                add_series(c, a->run.job, series, e);
    free(a->run.detail);
    json_decref(series);
    json_decref(detail);
    return good;
}

static bool import_apply(connection *c, void *arguments, store_answer *answer, error *e)
{
    run_import *a = arguments;
    bool known;
    snprintf(answer->id, sizeof answer->id, "%s", a->run.id);
    if (!find_run(c, &a->run, &known, e))
        return false;
    answer->fresh = !known;
    return known || (find_job(c, &a->run, e) && add_import(c, a, e));
}

static const write_kind importing = WRITE(
    "a run", import_apply, run_import, WRITE_TEXT(run_import, run.hyperparameters), WRITE_TEXT(run_import, run.detail));

bool store_run_import(store *s, const store_import *i, store_reply reply, error *e)
{
    return store_queue(s, &importing, &(run_import){*i->run, i->trace}, reply, e);
}
