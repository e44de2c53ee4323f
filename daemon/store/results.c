/* SPDX-License-Identifier: MIT */
/* results.c — reads what finished jobs left: models with their files, runs with their tests. */
#include "daemon/store/internal.h"

#include <jansson.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

/* ---- models */

/* A shape of one image, whose count no column holds. */
static bool count_images(query *q, void *row, error *e)
{
    (void)q, (void)e;
    model_row *m = row;
    m->data.n = m->input.n = 1;
    return true;
}

static const row_kind rows_of_models = {'m', "created", &model_record, sizeof(model_row), count_images};

bool store_model_list(store_reader *r, record_page *page, model_row *rows, int *count, error *e)
{
    int64_t key;
    char id[RECORD_NAME_MAX];
    *count = 0;
    if (!cursor_read(page, &rows_of_models, &key, id, e))
        return false;
    query q = query_begin(&r->on, SQL_MODEL_LIST);
    query_put_int(&q, key);
    query_put_text(&q, id);
    query_put_int(&q, page->limit + 1);
    return query_page(page, &rows_of_models, &q, rows, count, e);
}

bool store_model_get(store_reader *r, const char *name, int version, model_row *row, error *e)
{
    bool found;
    query q = query_begin(&r->on, *name ? SQL_MODEL_GET : SQL_MODEL_NEWEST);
    if (*name) {
        query_put_text(&q, name);
        query_put_int(&q, version);
    }
    if (!query_find(&q, &rows_of_models, row, &found, e))
        return false;
    if (found)
        return true;
    if (!*name)
        return error_set(e, ERROR_NOT_FOUND, "there is no model yet");
    if (version)
        return error_set(e, ERROR_NOT_FOUND, "there is no version %d of model \"%s\"", version, name);
    return error_set(e, ERROR_NOT_FOUND, "there is no model \"%s\"", name);
}

bool store_model_versions(store_reader *r, const char *name, int *versions, int limit, int *count, error *e)
{
    *count = 0;
    query q = query_begin(&r->on, SQL_MODEL_VERSIONS);
    query_put_text(&q, name);
    query_put_int(&q, limit);
    while (query_step(&q))
        versions[(*count)++] = (int)query_get_int(&q);
    if (!query_end(&q, e))
        return false;
    return *count || limit == 0 || error_set(e, ERROR_NOT_FOUND, "there is no model \"%s\"", name);
}

bool store_model_file(store_reader *r, const char *name, int version, void **bytes, size_t *size, error *e)
{
    *bytes = NULL;
    query q = query_begin(&r->on, SQL_MODEL_FILE);
    query_put_text(&q, name);
    query_put_int(&q, version);
    bool found = query_step(&q);
    if (found) {
        const void *stored = query_get_bytes(&q, size);
        if (stored && (*bytes = malloc(*size)))
            memcpy(*bytes, stored, *size);
    }
    if (!query_end(&q, e)) {
        free(*bytes);
        return false;
    }
    if (!found)
        return error_set(e, ERROR_NOT_FOUND, "there is no version %d of model \"%s\"", version, name);
    return *bytes || error_memory(e, "a model file");
}

/* ---- runs */

static bool read_scores(store_reader *r, run_row *row, error *e)
{
    query q = query_begin(&r->on, SQL_RUN_SCORES);
    query_put_text(&q, row->id);
    query_put_int(&q, RECORD_SCORES_MAX);
    while (query_step(&q))
        query_get_record(&q, &run_score_record, &row->scores[row->score_count++]);
    return query_end(&q, e);
}

static bool parse_seed(const char *text, int64_t *seed, error *e)
{
    *seed = 0;
    if (!text || !*text)
        return true;
    char *end;
    *seed = (int64_t)strtoull(text, &end, 10);
    return (*text >= '0' && *text <= '9' && !*end) ||
           error_set(e, ERROR_INVALID, "seed: expected a whole number, found \"%s\"", text);
}

/* By enum run_order. */
static const row_kind rows_of_runs[RUN_ORDERS] = {
    [RUN_NEWEST] = {.cursor = 'r', .record = &run_record, .size = sizeof(run_row)},
    [RUN_OLDEST] = {.cursor = 'o', .record = &run_record, .size = sizeof(run_row)},
    [RUN_BY_AUROC] = {.cursor = 'a', .key = "auroc", .record = &run_record, .size = sizeof(run_row)}};

bool store_run_list(store_reader *r, const run_filter *f, record_page *page, run_row *rows, int *count, error *e)
{
    const row_kind *kind = &rows_of_runs[f->order];
    int64_t key, seed;
    double bound;
    char id[RECORD_NAME_MAX];
    *count = 0;
    if (!cursor_read(page, kind, &key, id, e) || !parse_seed(f->seed, &seed, e))
        return false;
    query q = query_begin(&r->on, SQL_RUN_LIST + (int)f->order);
    query_put_text(&q, id);
    query_put_filter(&q, f->method);
    query_put_filter(&q, f->dataset);
    query_put_filter(&q, f->protocol);
    query_put_filter(&q, f->class_name);
    query_put_filter(&q, f->model);
    query_put_filter(&q, f->seed);
    query_put_int(&q, seed);
    query_put_int(&q, f->since);
    query_put_int(&q, f->until);
    query_put_real(&q, f->min_auroc);
    query_put_int(&q, page->limit + 1);
    memcpy(&bound, &key, sizeof bound);
    if (f->order == RUN_BY_AUROC)
        query_put_real(&q, bound);
    return query_page(page, kind, &q, rows, count, e);
}

/* The job's series into o: {"epoch": [1, …], NAME: [value or null, …], …}. */
static bool read_series(store_reader *r, const char *job, json_t *o, error *e)
{
    json_t *epochs = json_array();
    bool good = epochs && !json_object_set_new(o, "epoch", epochs);
    int64_t last = -1;
    query q = query_begin(&r->on, SQL_JOB_SERIES);
    query_put_text(&q, job);
    while (good && query_step(&q)) {
        int64_t epoch = query_get_int(&q);
        char name[RECORD_NAME_MAX];
        query_get_text(&q, name, sizeof name);
        double value = query_get_real(&q);
        if (epoch != last)
            good = !json_array_append_new(epochs, json_integer(epoch));
        last = epoch;
        json_t *series = json_object_get(o, name);
        if (!series && !json_object_set_new(o, name, json_array()))
            series = json_object_get(o, name);
        while (good && series && json_array_size(series) + 1 < json_array_size(epochs))
            good = !json_array_append_new(series, json_null()); /* epochs that lack this one */
        good = good && series && !json_array_append_new(series, isfinite(value) ? json_real(value) : json_null());
    }
    if (!query_end(&q, e))
        return false;
    return good || error_memory(e, "a run's series");
}

static bool add_series(store_reader *r, run_row *row, error *e)
{
    json_t *detail = json_loads(row->detail, 0, NULL), *series = json_object();
    bool good = json_is_object(detail) && series;
    if (!good)
        error_set(e, ERROR_CORRUPT, "registry: the detail of run %s cannot be read", row->id);
    good = good && read_series(r, row->job, series, e);
    char *text = NULL;
    if (good && (json_object_set(detail, "epochs", series) ||
                 !(text = json_dumps(detail, JSON_COMPACT | JSON_REAL_PRECISION(9)))))
        good = error_memory(e, "a run's detail");
    json_decref(series);
    json_decref(detail);
    if (!good)
        return false;
    free(row->detail);
    row->detail = text;
    return true;
}

static bool read_detail(query *q, void *row, error *e)
{
    (void)e;
    run_row *run = row;
    run->detail = query_get_copy(q);
    query_get_text(q, run->test_digest, sizeof run->test_digest);
    return true;
}

bool store_run_get(store_reader *r, const char *id, run_row *row, error *e)
{
    static const row_kind whole = {.record = &run_record, .size = sizeof *row, .rest = read_detail};
    bool found;
    query q = query_begin(&r->on, SQL_RUN_GET);
    query_put_text(&q, id);
    if (!query_find(&q, &whole, row, &found, e))
        return false;
    if (!found)
        return error_set(e, ERROR_NOT_FOUND, "there is no run \"%s\"", id);
    if (read_scores(r, row, e) && add_series(r, row, e))
        return true;
    run_row_free(row);
    return false;
}

/* The test of the run that q stands at. */
static bool read_test(query *q, const char *id, run_test *test, error *e)
{
    tested t = {0};
    char run[RECORD_ID_MAX];
    query_get_text(q, run, sizeof run); /* NULL, so empty, where the run has no test */
    query_get_text(q, t.images, sizeof t.images);
    t.count = (uint32_t)query_get_int(q);
    const void *bytes = query_get_bytes(q, &t.size);
    if (!run[0] || !t.count)
        return error_set(e, ERROR_CONFLICT,
                         "run \"%s\" keeps no scores of test images: it was not tested, it was imported, or an earlier "
                         "program made it",
                         id);
    if (!tested_whole(&t))
        return error_set(e, ERROR_CORRUPT, "registry: the test of run %s cannot be read", id);
    return tested_unpack(&t, bytes, test, e);
}

bool store_run_test(store_reader *r, const char *id, run_test *test, error *e)
{
    *test = (run_test){0};
    query q = query_begin(&r->on, SQL_RUN_TEST);
    query_put_text(&q, id);
    bool found = query_step(&q), good = found && read_test(&q, id, test, e);
    if (!query_end(&q, e)) {
        run_test_free(test);
        return false;
    }
    return found ? good : error_set(e, ERROR_NOT_FOUND, "there is no run \"%s\"", id);
}
