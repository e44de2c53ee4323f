/* SPDX-License-Identifier: MIT */
/* runs.c — the AUROC history: filtered pages as JSON or CSV, single runs, and runs from elsewhere. */
#include "api/resources/page.h"
#include "api/resources/routes.h"
#include "api/resources/submission.h"

#include "api/json/json.h"
#include "api/json/run_json.h"
#include "api/tables/csv.h"
#include "base/file.h"
#include "data/protocol.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* The columns of CSV, by their places in an answer's JSON; each is headed by the last part of its path. */
/* clang-format off */
static const char *const csv_paths[] = {
    "id", "created", "method", "dataset", "protocol", "class", "seed", "model", "version", "auroc", "auroc_low",
    "auroc_high", "auroc_deviation", "average_precision", "train_s", "score_s", "epochs", "chosen_epoch",
    "images/train", "images/validation", "images/calibration", "images/test_normals", "images/test_anomalies",
    "parameters", "job", "code_version", "hyperparameters", "held_out", "test_images", "imported"};
/* clang-format on */

static void answer_csv(exchange *x, const void *rows, int count, const char *cursor)
{
    const run_row *at = rows;
    char *text = NULL;
    size_t size = 0;
    FILE *out = open_memstream(&text, &size);
    if (out) {
        enum { COLUMNS = sizeof csv_paths / sizeof *csv_paths };
        csv_head(out, csv_paths, COLUMNS);
        for (int i = 0; i < count; i++)
            csv_row(out, &run_record, &at[i], csv_paths, COLUMNS);
    }
    text = file_close_text(out, true, &text);
    response a = response_bytes(200, CSV_MEDIA_TYPE, text, size);
    if (cursor[0])
        response_add_header(&a, "X-Next-Cursor", "%s", cursor);
    exchange_answer(x, &a);
}

static bool query_time(const request *r, const char *name, record_time *out, problem *p)
{
    const char *text = request_query(r, name);
    return !text || json_parse_time(text, out) ||
           problem_set(p, 400, "%s: '%.40s' is not a time like 2026-01-31T12:00:00Z", name, text);
}

static const char *const orders[RUN_ORDERS] = {"newest", "oldest", "auroc"};

static bool read_filter(const request *r, run_filter *f, problem *p)
{
    *f = (run_filter){.method = request_query_text(r, "method"),
                      .dataset = request_query_text(r, "dataset"),
                      .protocol = request_query_text(r, "protocol"),
                      .class_name = request_query_text(r, "class"),
                      .model = request_query_text(r, "model"),
                      .seed = request_query_text(r, "seed"),
                      .min_auroc = NAN};
    enum protocol protocol;
    error e = {0};
    const char *min = request_query(r, "min_auroc"), *order = request_query(r, "order");
    if (f->protocol[0] && !protocol_parse(f->protocol, &protocol, &e))
        return problem_set(p, 400, "protocol: %.400s", e.message);
    if (f->seed[0] && (strspn(f->seed, "0123456789") != strlen(f->seed) || strlen(f->seed) > 19))
        return problem_set(p, 400, "seed: '%.32s' is not a whole number", f->seed);
    if (min) {
        char *end;
        f->min_auroc = strtod(min, &end);
        if (*end || !*min || !(f->min_auroc >= 0 && f->min_auroc <= 1))
            return problem_set(p, 400, "min_auroc: '%.32s' is not a number in 0 ... 1", min);
    }
    while (order && f->order < RUN_ORDERS && strcmp(order, orders[f->order]) != 0)
        f->order++;
    if (f->order == RUN_ORDERS)
        return problem_set(p, 400, "order: '%.32s' is none of newest, oldest, auroc", order);
    return query_time(r, "since", &f->since, p) && query_time(r, "until", &f->until, p);
}

/* The format asked for by ?format=, else by Accept. */
static bool wants_csv(const request *r, bool *csv, problem *p)
{
    const char *format = request_query(r, "format");
    *csv = format ? !strcmp(format, "csv") : media_prefers(request_header(r, "Accept"), "text/csv", "application/json");
    return !format || *csv || !strcmp(format, "json") ||
           problem_set(p, 400, "format: '%.32s' is neither 'json' nor 'csv'", format);
}

static json_t *listed_json(const void *row)
{
    return run_json(row, RECORD_LISTED);
}

void get_runs(exchange *x)
{
    const request *r = exchange_request(x);
    struct list list = {"a page of runs", &run_record, sizeof(run_row), .item = listed_json, .varies = true};
    record_page page;
    run_filter filter;
    problem p = {0};
    bool csv;
    if (!page_read(x, &page))
        return;
    if (!wants_csv(r, &csv, &p) || !read_filter(r, &filter, &p)) {
        exchange_answer_problem(x, &p);
        return;
    }
    list.answer = csv ? answer_csv : NULL;
    page_answer_rows(x, &list, exchange_service(x)->run_list, &filter, &page);
}

void get_run(exchange *x)
{
    const service *s = exchange_service(x);
    error e = {0};
    run_row row = {0};
    if (!s->run_get(s->self, request_parameter(exchange_request(x), "id"), &row, &e)) {
        exchange_answer_error(x, &e, PROBLEM_REQUEST);
        return;
    }
    json_t *body = run_json(&row, RECORD_WHOLE);
    run_row_free(&row);
    exchange_answer_json(x, 200, body);
}

/* The run is answered as it was kept. */
static void imported(void *context, const char *id, bool fresh, const error *failure)
{
    const service *s = exchange_service(context);
    error e = {0};
    run_row row = {0};
    if (failure) {
        submission_failed(context, failure, PROBLEM_CONTENT);
    } else if (!s->run_get(s->self, id, &row, &e)) {
        submission_failed(context, &e, PROBLEM_REQUEST);
    } else {
        submission_created(context, fresh ? 201 : 200, "/runs", id, run_json(&row, RECORD_WHOLE));
        run_row_free(&row);
    }
}

/* A posted run while it is read. */
typedef struct posting {
    exchange *exchange; /* deferred */
    run_row row;
    problem failure;
} posting;

static void read_posted(void *context) /* pool thread */
{
    posting *t = context;
    json_t *body = body_read_json(exchange_body(t->exchange), &t->failure);
    if (body)
        run_read(body, &t->row, &t->failure);
    json_decref(body);
}

static void import_posted(void *context)
{
    posting *t = context;
    const service *s = exchange_service(t->exchange);
    error e = {0};
    if (t->failure.status) {
        exchange_answer_problem(t->exchange, &t->failure);
        exchange_release(t->exchange);
    } else if (!s->run_import(s->self, &t->row, imported, t->exchange, &e)) {
        submission_failed(t->exchange, &e, PROBLEM_CONTENT);
    }
    run_row_free(&t->row);
    free(t);
}

void post_runs(exchange *x)
{
    posting *t = calloc(1, sizeof *t);
    problem p = {0};
    if (!t) {
        problem_set(&p, 503, "out of memory for a run");
        exchange_answer_problem(x, &p);
        return;
    }
    t->exchange = x;
    if (!exchange_offload(x, read_posted, import_posted, t))
        free(t);
}
