/* SPDX-License-Identifier: MIT */
/* experiments.c — sweeps: checked whole before anything is queued, listed, looked up, resumed, cancelled, tabulated. */
#include "api/resources/page.h"
#include "api/resources/routes.h"
#include "api/resources/submission.h"

#include "api/json/experiment_read.h"
#include "api/json/record_json.h"
#include "api/json/training.h"
#include "api/tables/csv.h"
#include "api/tables/experiment_table.h"

#include <stdlib.h>
#include <string.h>

/* ---- answers */

static uint64_t cells_of(const experiment_row *row)
{
    uint64_t n = 0;
    for (int s = 0; s < JOB_STATES; s++)
        n += row->counts[s];
    return n;
}

/* "active" while anything may still come by itself; then "complete" or "incomplete". */
static const char *state_of(const experiment_row *row)
{
    if (row->counts[JOB_QUEUED] + row->counts[JOB_RUNNING] + row->counts[JOB_CANCELLING])
        return "active";
    return row->counts[JOB_SUCCEEDED] == cells_of(row) ? "complete" : "incomplete";
}

static json_t *progress_json(const experiment_row *row)
{
    json_t *o = json_pack("{s:I}", "cells", (json_int_t)cells_of(row));
    for (int s = 0; o && s < JOB_STATES; s++)
        json_object_set_new(o, job_state_name((enum job_state)s), json_integer((json_int_t)row->counts[s]));
    return o;
}

static json_t *experiment_json(const experiment_row *row, enum record_view view)
{
    json_t *body = record_json(&experiment_record, row, view), *axes = json_embedded(row->axes);
    json_object_set_new(body, "state", json_string(state_of(row)));
    json_object_set_new(body, "reuse", experiment_reuse_json(row->reuse));
    json_object_set_new(body, "progress", progress_json(row));
    json_object_set_new(body, "overrides", json_object());
    bool good = body && !json_object_update(body, axes);
    json_decref(axes);
    if (good)
        return body;
    json_decref(body);
    return NULL;
}

static json_t *whole_json(const experiment_row *row)
{
    json_t *body = experiment_json(row, RECORD_WHOLE), *cells = json_array();
    for (int i = 0; i < row->cell_count; i++)
        json_array_append_new(cells, record_json(&cell_record, &row->cells[i], RECORD_WHOLE));
    json_object_set_new(body, "cells", cells);
    return body;
}

static json_t *listed_json(const void *row)
{
    return experiment_json(row, RECORD_LISTED);
}

static const struct list experiments = {"a page of experiments", &experiment_record, sizeof(experiment_row),
                                        .item = listed_json};

void get_experiments(exchange *x)
{
    record_page page;
    if (page_read(x, &page))
        page_answer_rows(x, &experiments, exchange_service(x)->experiment_list, NULL, &page);
}

/* The experiment as it is now. False and *e when it cannot be read. */
static bool read_whole(const service *s, const char *id, json_t **body, error *e)
{
    experiment_row row = {0};
    if (!s->experiment_get(s->self, id, &row, e))
        return false;
    *body = whole_json(&row);
    experiment_row_free(&row);
    return true;
}

void get_experiment(exchange *x)
{
    error e = {0};
    json_t *body;
    if (read_whole(exchange_service(x), request_parameter(exchange_request(x), "id"), &body, &e))
        exchange_answer_json(x, 200, body);
    else
        exchange_answer_error(x, &e, PROBLEM_REQUEST);
}

/* ---- changes */

/* Answers with the experiment as it was changed, or created. */
static void answer_change(exchange *x, const char *id, const error *failure, bool created)
{
    error e = {0};
    json_t *body;
    if (failure)
        submission_failed(x, failure, created ? PROBLEM_CONTENT : PROBLEM_REQUEST);
    else if (!read_whole(exchange_service(x), id, &body, &e))
        submission_failed(x, &e, PROBLEM_REQUEST);
    else if (created)
        submission_created(x, 202, "/experiments", id, body);
    else
        submission_accepted(x, body);
}

static void changed(void *context, const char *id, const error *failure)
{
    answer_change(context, id, failure, false);
}

void delete_experiment(exchange *x)
{
    const service *s = exchange_service(x);
    error e = {0};
    exchange_defer(x);
    if (!s->experiment_cancel(s->self, request_parameter(exchange_request(x), "id"), changed, x, &e))
        submission_failed(x, &e, PROBLEM_REQUEST);
}

void post_experiment_resume(exchange *x)
{
    const service *s = exchange_service(x);
    error e = {0};
    exchange_defer(x);
    if (!s->experiment_resume(s->self, request_parameter(exchange_request(x), "id"), changed, x, &e))
        submission_failed(x, &e, PROBLEM_REQUEST);
}

static void submitted(void *context, const char *id, const error *failure)
{
    answer_change(context, id, failure, true);
}

static void submit(exchange *x, const experiment_spec *spec, const char *key)
{
    const service *s = exchange_service(x);
    error e = {0};
    exchange_defer(x);
    if (!s->experiment_submit(s->self, spec, key, submitted, x, &e))
        submission_failed(x, &e, PROBLEM_CONTENT);
}

void post_experiments(exchange *x)
{
    problem p = {0};
    experiment_spec spec = {0};
    const char *key;
    json_t *body = submission_read(x, &key, &p);
    if (body)
        experiment_read(body, &spec, &p);
    if (p.status)
        exchange_answer_problem(x, &p);
    else
        submit(x, &spec, key);
    experiment_spec_free(&spec);
    json_decref(body);
}

/* ---- the table */

/* The format asked for by ?format=, else by Accept. */
static bool choose_format(const request *r, enum table_format *format, problem *p)
{
    static const char *const names[] = {"json", "csv", "markdown"};
    static const char *const types[] = {"application/json", "text/csv", "text/markdown"};
    const char *asked = request_query(r, "format"), *accept = request_header(r, "Accept");
    *format = TABLE_JSON;
    for (int i = TABLE_JSON; i <= TABLE_MARKDOWN; i++) {
        if (asked && !strcmp(asked, names[i])) {
            *format = (enum table_format)i;
            return true;
        }
        if (!asked && media_prefers(accept, types[i], types[*format]))
            *format = (enum table_format)i;
    }
    return !asked || problem_set(p, 400, "format: '%.32s' is none of json, csv, markdown", asked);
}

static void answer_table(exchange *x, const experiment_table *t, enum table_format format)
{
    static const char *const types[TABLE_FORMATS] = {"application/json", CSV_MEDIA_TYPE,
                                                     "text/markdown; charset=utf-8"};
    size_t size;
    char *text = experiment_table_write(t, format, &size);
    response a = response_bytes(200, types[format], text, size);
    a.varies = true;
    exchange_answer(x, &a);
}

static void tabulate(exchange *x, const experiment_row *row, enum table_format format)
{
    const service *s = exchange_service(x);
    error e = {0};
    int count = 0;
    experiment_table t = {0};
    published_row *published = calloc(EXPERIMENT_PUBLISHED_MAX, sizeof *published);
    if (!published)
        error_memory(&e, "a table");
    if (published &&
        s->published_list(s->self, row->dataset_digest, row->protocol, published, EXPERIMENT_PUBLISHED_MAX, &count,
                          &e) &&
        experiment_table_make(&t, row, published, count, &e))
        answer_table(x, &t, format);
    else
        exchange_answer_error(x, &e, PROBLEM_REQUEST);
    experiment_table_free(&t);
    free(published);
}

void get_experiment_table(exchange *x)
{
    const service *s = exchange_service(x);
    const request *r = exchange_request(x);
    error e = {0};
    problem p = {0};
    enum table_format format;
    experiment_row row = {0};
    if (!choose_format(r, &format, &p)) {
        exchange_answer_problem(x, &p);
        return;
    }
    if (!s->experiment_get(s->self, request_parameter(r, "id"), &row, &e)) {
        exchange_answer_error(x, &e, PROBLEM_REQUEST);
        return;
    }
    const char *score = request_query(r, "score");
    if (score && !s->experiment_score(s->self, &row, score, &e))
        exchange_answer_error(x, &e, PROBLEM_REQUEST);
    else
        tabulate(x, &row, format);
    experiment_row_free(&row);
}
