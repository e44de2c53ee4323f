/* SPDX-License-Identifier: MIT */
/* datasets.c — data sets: imported from a path or from the body, listed, looked up. */
#include "api/http/request.h"
#include "api/resources/resources.h"

#include "api/http/spool.h"
#include "api/json/json.h"

#include <stdlib.h>

/* null where an earlier program imported the set and did not count. */
static json_t *copies_json(const dataset_row *row, json_int_t left_out)
{
    const dataset_info *info = &row->info;
    if (!row->copies_counted)
        return json_null();
    return json_pack("{s:I, s:I, s:I, s:I}", "train", (json_int_t)info->copies[SPLIT_TRAIN], "test",
                     (json_int_t)info->copies[SPLIT_TEST], "conflicting", (json_int_t)info->conflicting, "left_out",
                     left_out);
}

static json_t *dataset_json(const dataset_row *row)
{
    const dataset_info *info = &row->info;
    json_int_t total[SPLIT_COUNT] = {0}, left_out = 0;
    json_t *classes = json_array();
    for (int i = 0; i < info->classes; i++) {
        total[SPLIT_TRAIN] += info->counts[SPLIT_TRAIN][i];
        total[SPLIT_TEST] += info->counts[SPLIT_TEST][i];
        left_out += info->left_out[i];
        json_array_append_new(classes, json_pack("{s:o, s:I, s:I, s:o}", "name", json_text(info->class_names[i]),
                                                 "train", (json_int_t)info->counts[SPLIT_TRAIN][i], "test",
                                                 (json_int_t)info->counts[SPLIT_TEST][i], "left_out",
                                                 row->copies_counted ? json_integer(info->left_out[i]) : json_null()));
    }
    return json_pack("{s:s, s:o, s:s, s:o, s:{s:I, s:I}, s:o, s:I, s:o, s:s, s:I}", "name", row->name, "created",
                     json_time(row->created), "format", info->format, "image", json_shape(info->image), "images",
                     "train", total[SPLIT_TRAIN], "test", total[SPLIT_TEST], "classes", classes, "duplicates",
                     (json_int_t)info->duplicates, "copies", copies_json(row, left_out), "digest", info->digest,
                     "bytes", (json_int_t)row->bytes);
}

void get_datasets(request *r)
{
    service_page page;
    error e = {0};
    int count = 0;
    if (!request_page(r, &page))
        return;
    dataset_row *rows = calloc((size_t)page.limit, sizeof *rows);
    if (!rows)
        error_memory(&e, "a page of data sets");
    if (!rows || !r->host->dataset_list(r->host->self, &page, rows, &count, &e)) {
        request_reply_error(r, &e, PROBLEM_REQUEST);
        free(rows);
        return;
    }
    json_t *items = json_array();
    for (int i = 0; i < count; i++)
        json_array_append_new(items, dataset_json(&rows[i]));
    free(rows);
    request_reply_list(r, items, page.cursor);
}

void get_dataset(request *r)
{
    error e = {0};
    dataset_row row;
    if (!r->host->dataset_get(r->host->self, r->match.parameters[0], &row, &e))
        request_reply_error(r, &e, PROBLEM_REQUEST);
    else
        request_reply_json(r, 200, dataset_json(&row));
}

static void imported(void *context, const dataset_row *row, const error *failure)
{
    request *r = context;
    char location[32 + SERVICE_NAME_MAX];
    if (failure) {
        request_reply_error(r, failure, PROBLEM_CONTENT);
    } else {
        snprintf(location, sizeof location, "/datasets/%s", row->name);
        request_add_header(r, MHD_HTTP_HEADER_LOCATION, location);
        request_reply_json(r, 201, dataset_json(row));
    }
    request_release(r);
}

static void start_import(request *r, const dataset_request *wanted)
{
    request_wait(r);
    request_hold(r);
    r->host->dataset_import(r->host->self, wanted, imported, r);
}

static void import_upload(request *r)
{
    problem p = {0};
    const char *name = request_query(r, "name");
    if (!name || !name_valid(name)) {
        problem_set(&p, 400, "name: an upload needs ?name= of " NAME_RULE);
        request_reply_problem(r, &p);
        return;
    }
    dataset_request wanted = {.name = name, .source = spool_path(r->body.spool), .uploaded = true};
    spool_hand_over(r->body.spool);
    start_import(r, &wanted);
}

static void import_path(request *r)
{
    static const char *const names[] = {"name", "path", NULL};
    problem p = {0};
    json_t *body = json_read(r->body.bytes, r->body.size, &p);
    if (!body) {
        request_reply_problem(r, &p);
        return;
    }
    fields f = fields_of(body, "", names, &p);
    dataset_request wanted = {.name = fields_text(&f, "name", NULL), .source = fields_text(&f, "path", NULL)};
    fields_require(&f, "name");
    fields_require(&f, "path");
    if (wanted.name && !name_valid(wanted.name))
        fields_complain(&f, "name", "'%.64s' is not " NAME_RULE, wanted.name);
    if (p.status)
        request_reply_problem(r, &p);
    else
        start_import(r, &wanted);
    json_decref(body);
}

void post_datasets(request *r)
{
    if (r->body.spool) {
        import_upload(r);
        return;
    }
    if (request_query(r, "name")) {
        problem p = {0};
        problem_set(&p, 400, "name: with a JSON body it belongs into the body");
        request_reply_problem(r, &p);
        return;
    }
    import_path(r);
}
