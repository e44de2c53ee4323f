/* SPDX-License-Identifier: MIT */
/* experiments.c — sweeps: checked whole before anything is queued, listed, looked up, resumed, cancelled, tabulated. */
#include "api/http/request.h"
#include "api/resources/resources.h"

#include "api/json/experiment_read.h"
#include "api/json/json.h"
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

/* What every answer about an experiment has. */
static json_t *row_json(const experiment_row *row)
{
    json_t *body =
        json_pack("{s:s, s:o, s:s, s:o, s:s, s:s, s:s, s:f, s:I, s:b, s:o, s:o, s:{}}", "id", row->id, "name",
                  json_name(row->name), "state", state_of(row), "created", json_time(row->created), "dataset",
                  row->dataset, "dataset_digest", row->dataset_digest, "protocol", row->protocol, "held_out",
                  row->held_out, "test_images", (json_int_t)row->test_images, "trace", (int)row->trace, "reuse",
                  experiment_reuse_json(row->reuse), "progress", progress_json(row), "overrides");
    json_t *axes = json_embedded(row->axes);
    bool whole = body && !json_object_update(body, axes);
    json_decref(axes);
    if (whole)
        return body;
    json_decref(body);
    return NULL;
}

static json_t *cell_json(const experiment_cell *c)
{
    return json_pack("{s:s, s:o, s:I, s:s, s:s, s:b, s:o, s:o, s:o, s:o, s:o}", "method", c->method, "class",
                     json_text(c->class_name), "seed", (json_int_t)c->seed, "job", c->job, "state",
                     job_state_name(c->state), "reused", (int)c->reused, "run", json_name(c->run), "auroc",
                     json_number(c->auroc), "cost_s", json_number(c->cost_s), "code_version",
                     json_name(c->code_version), "failure", json_text(c->failure));
}

static json_t *whole_json(const experiment_row *row)
{
    json_t *body = row_json(row), *cells = json_array();
    for (int i = 0; i < row->cell_count; i++)
        json_array_append_new(cells, cell_json(&row->cells[i]));
    json_object_set_new(body, "eta_s", json_number(row->eta_s));
    json_object_set_new(body, "cells", cells);
    return body;
}

void get_experiments(request *r)
{
    service_page page;
    error e = {0};
    int count = 0;
    if (!request_page(r, &page))
        return;
    experiment_row *rows = calloc((size_t)page.limit, sizeof *rows);
    if (!rows)
        error_memory(&e, "a page of experiments");
    if (!rows || !r->host->experiment_list(r->host->self, &page, rows, &count, &e)) {
        request_reply_error(r, &e, PROBLEM_REQUEST);
        free(rows);
        return;
    }
    json_t *items = json_array();
    for (int i = 0; i < count; i++) {
        json_array_append_new(items, row_json(&rows[i]));
        experiment_row_free(&rows[i]);
    }
    free(rows);
    request_reply_list(r, items, page.cursor);
}

/* Replies with the experiment as it is now, or with *e. */
static void reply_whole(request *r, unsigned status, const char *id)
{
    error e = {0};
    experiment_row row = {0};
    if (!r->host->experiment_get(r->host->self, id, &row, &e)) {
        request_reply_error(r, &e, PROBLEM_REQUEST);
        return;
    }
    request_reply_json(r, status, whole_json(&row));
    experiment_row_free(&row);
}

void get_experiment(request *r)
{
    reply_whole(r, 200, r->match.parameters[0]);
}

/* ---- changes */

static void changed(void *context, const char *id, const error *failure)
{
    request *r = context;
    if (failure)
        request_reply_error(r, failure, PROBLEM_REQUEST);
    else
        reply_whole(r, 202, id);
    request_release(r);
}

void delete_experiment(request *r)
{
    request_wait(r);
    request_hold(r);
    r->host->experiment_cancel(r->host->self, r->match.parameters[0], changed, r);
}

void post_experiment_resume(request *r)
{
    request_wait(r);
    request_hold(r);
    r->host->experiment_resume(r->host->self, r->match.parameters[0], changed, r);
}

static void submitted(void *context, const char *id, const error *failure)
{
    request *r = context;
    char location[24 + SERVICE_ID_MAX];
    if (failure) {
        request_reply_error(r, failure, PROBLEM_CONTENT);
    } else {
        snprintf(location, sizeof location, "/experiments/%s", id);
        request_add_header(r, MHD_HTTP_HEADER_LOCATION, location);
        reply_whole(r, 202, id);
    }
    request_release(r);
}

void post_experiments(request *r)
{
    problem p = {0};
    experiment_spec spec = {0};
    const char *key;
    json_t *body = training_read(r, &key, &p);
    if (body)
        experiment_read(body, &spec, &p);
    if (training_admit(r, &p))
        r->host->experiment_submit(r->host->self, &spec, key, submitted, r);
    experiment_spec_free(&spec);
    json_decref(body);
}

/* ---- the table */

/* The format asked for by ?format=, else by Accept. */
static bool take_format(const request *r, enum table_format *format, problem *p)
{
    static const char *const names[] = {"json", "csv", "markdown"};
    static const char *const types[] = {"application/json", "text/csv", "text/markdown"};
    const char *asked = request_query(r, "format"), *accept = request_header(r, MHD_HTTP_HEADER_ACCEPT);
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

static void reply_table(request *r, const experiment_table *t, enum table_format format)
{
    static const char *const types[TABLE_FORMATS] = {"application/json", CSV_MEDIA_TYPE,
                                                     "text/markdown; charset=utf-8"};
    size_t size;
    char *text = experiment_table_write(t, format, &size);
    request_add_header(r, MHD_HTTP_HEADER_VARY, "Accept");
    request_reply_bytes(r, 200, types[format], text, size);
}

static void tabulate(request *r, const experiment_row *row, enum table_format format)
{
    error e = {0};
    int count = 0;
    experiment_table t = {0};
    published_row *published = calloc(EXPERIMENT_PUBLISHED_MAX, sizeof *published);
    if (!published)
        error_memory(&e, "a table");
    if (published &&
        r->host->published_list(r->host->self, row->dataset_digest, row->protocol, published, EXPERIMENT_PUBLISHED_MAX,
                                &count, &e) &&
        experiment_table_make(&t, row, published, count, &e))
        reply_table(r, &t, format);
    else
        request_reply_error(r, &e, PROBLEM_REQUEST);
    experiment_table_free(&t);
    free(published);
}

void get_experiment_table(request *r)
{
    error e = {0};
    problem p = {0};
    enum table_format format;
    experiment_row row = {0};
    if (!take_format(r, &format, &p)) {
        request_reply_problem(r, &p);
        return;
    }
    if (!r->host->experiment_get(r->host->self, r->match.parameters[0], &row, &e)) {
        request_reply_error(r, &e, PROBLEM_REQUEST);
        return;
    }
    const char *score = request_query(r, "score");
    if (score && !r->host->experiment_score(r->host->self, &row, score, &e))
        request_reply_error(r, &e, PROBLEM_REQUEST);
    else
        tabulate(r, &row, format);
    experiment_row_free(&row);
}
