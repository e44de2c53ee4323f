/* SPDX-License-Identifier: MIT */
/* datasets.c — data sets: imported from a path or from the body, listed, looked up. */
#include "api/resources/page.h"
#include "api/resources/routes.h"
#include "api/resources/submission.h"

#include "api/json/record_json.h"

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

static json_t *dataset_json(const void *of)
{
    const dataset_row *row = of;
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
    json_t *body = record_json(&dataset_record, row, RECORD_WHOLE);
    json_object_set_new(body, "images",
                        json_pack("{s:I, s:I}", "train", total[SPLIT_TRAIN], "test", total[SPLIT_TEST]));
    json_object_set_new(body, "classes", classes);
    json_object_set_new(body, "copies", copies_json(row, left_out));
    return body;
}

static const struct list datasets = {"a page of data sets", &dataset_record, sizeof(dataset_row), .item = dataset_json};

void get_datasets(exchange *x)
{
    record_page page;
    if (page_read(x, &page))
        page_answer_rows(x, &datasets, exchange_service(x)->dataset_list, NULL, &page);
}

void get_dataset(exchange *x)
{
    const service *s = exchange_service(x);
    error e = {0};
    dataset_row row;
    if (!s->dataset_get(s->self, request_parameter(exchange_request(x), "name"), &row, &e))
        exchange_answer_error(x, &e, PROBLEM_REQUEST);
    else
        exchange_answer_json(x, 200, dataset_json(&row));
}

static void imported(void *context, const dataset_row *row, const error *failure)
{
    if (failure)
        submission_failed(context, failure, PROBLEM_CONTENT);
    else
        submission_created(context, 201, "/datasets", row->name, dataset_json(row));
}

static void import(exchange *x, const dataset_request *wanted)
{
    const service *s = exchange_service(x);
    error e = {0};
    exchange_defer(x);
    if (!s->dataset_import(s->self, wanted, imported, x, &e))
        submission_failed(x, &e, PROBLEM_CONTENT);
}

static void import_upload(exchange *x, const char *name)
{
    problem p = {0};
    request_body *b = exchange_body(x);
    if (!name || !name_valid(name)) {
        problem_set(&p, 400, "name: an upload needs ?name= of " NAME_RULE);
        exchange_answer_problem(x, &p);
        return;
    }
    body_give_file(b);
    import(x, &(dataset_request){.name = name, .source = body_file(b), .uploaded = true});
}

static void import_path(exchange *x)
{
    static const char *const names[] = {"name", "path", NULL};
    problem p = {0};
    json_t *document = body_read_json(exchange_body(x), &p);
    if (!document) {
        exchange_answer_problem(x, &p);
        return;
    }
    fields f = fields_of(document, "", names, &p);
    dataset_request wanted = {.name = fields_text(&f, "name", NULL), .source = fields_text(&f, "path", NULL)};
    fields_require(&f, "name");
    fields_require(&f, "path");
    if (wanted.name && !name_valid(wanted.name))
        fields_complain(&f, "name", "'%.64s' is not " NAME_RULE, wanted.name);
    if (p.status)
        exchange_answer_problem(x, &p);
    else
        import(x, &wanted);
    json_decref(document);
}

void post_datasets(exchange *x)
{
    const char *name = request_query(exchange_request(x), "name");
    problem p = {0};
    if (body_file(exchange_body(x))) {
        import_upload(x, name);
    } else if (name) {
        problem_set(&p, 400, "name: with a JSON body it belongs into the body");
        exchange_answer_problem(x, &p);
    } else {
        import_path(x);
    }
}
