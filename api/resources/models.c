/* SPDX-License-Identifier: MIT */
/* models.c — the registry of models, read only. */
#include "api/resources/page.h"
#include "api/resources/routes.h"

#include "api/json/record_json.h"

#include <stdlib.h>

static json_t *model_json(const void *of)
{
    const model_row *row = of;
    json_t *body = record_json(&model_record, row, RECORD_WHOLE);
    json_object_set_new(body, "resident", json_boolean(row->resident_bytes > 0));
    return body;
}

static const struct list models = {"a page of models", &model_record, sizeof(model_row), .item = model_json};

void get_models(exchange *x)
{
    record_page page;
    if (page_read(x, &page))
        page_answer_rows(x, &models, exchange_service(x)->model_list, NULL, &page);
}

/* The model of a version (0: the newest), with the numbers of all there are. */
static void answer_model(exchange *x, int version)
{
    const service *s = exchange_service(x);
    error e = {0};
    model_row row = {0};
    int versions[RECORD_PAGE_MAX], count = 0;
    const char *name = request_parameter(exchange_request(x), "name");
    if (!s->model_get(s->self, name, version, &row, &e) ||
        !s->model_versions(s->self, name, versions, RECORD_PAGE_MAX, &count, &e)) {
        exchange_answer_error(x, &e, PROBLEM_REQUEST);
        model_row_free(&row);
        return;
    }
    json_t *list = json_array();
    for (int i = 0; i < count; i++)
        json_array_append_new(list, json_integer(versions[i]));
    json_t *body = model_json(&row);
    json_object_set_new(body, "versions", list);
    model_row_free(&row);
    exchange_answer_json(x, 200, body);
}

void get_model(exchange *x)
{
    answer_model(x, 0);
}

void get_model_version(exchange *x)
{
    problem p = {0};
    const char *text = request_parameter(exchange_request(x), "version");
    int version = version_parse(text);
    if (version) {
        answer_model(x, version);
        return;
    }
    problem_set(&p, 404, "'%.32s' is no version: a whole number from 1", text);
    exchange_answer_problem(x, &p);
}
