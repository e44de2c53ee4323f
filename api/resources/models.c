/* SPDX-License-Identifier: MIT */
/* models.c — the registry of models, read only. */
#include "api/http/request.h"
#include "api/resources/resources.h"

#include "api/json/json.h"

#include <stdlib.h>

static json_t *model_json(const model_row *row)
{
    json_t *body = json_pack("{s:s, s:i, s:o, s:s, s:s, s:s, s:s, s:o, s:I, s:o, s:o, s:o}", "name", row->name,
                             "version", row->version, "created", json_time(row->created), "method", row->subject.method,
                             "dataset", row->subject.dataset, "dataset_digest", row->subject.dataset_digest, "protocol",
                             row->subject.protocol, "class", json_name(row->subject.class_name), "seed",
                             (json_int_t)row->subject.seed, "hyperparameters", json_embedded(row->hyperparameters),
                             "data", json_shape(row->data), "input", json_shape(row->input));
    json_t *rest = json_pack(
        "{s:I, s:I, s:s, s:I, s:o, s:o, s:o, s:b, s:I, s:o, s:o, s:s}", "parameters", (json_int_t)row->parameters,
        "bytes", (json_int_t)row->bytes, "digest", row->digest, "calibration_count", (json_int_t)row->calibration_count,
        "threshold", json_number(row->threshold), "false_alarm_rate", json_number(row->false_alarm_rate), "auroc",
        json_number(row->auroc), "resident", row->resident_bytes > 0, "resident_bytes", (json_int_t)row->resident_bytes,
        "job", json_name(row->job), "run", json_name(row->run), "code_version", row->code_version);
    if (json_object_update_new(body, rest) == 0)
        return body;
    json_decref(body);
    return NULL;
}

void get_models(request *r)
{
    service_page page;
    error e = {0};
    int count = 0;
    if (!request_page(r, &page))
        return;
    model_row *rows = calloc((size_t)page.limit, sizeof *rows);
    if (!rows)
        error_memory(&e, "a page of models");
    if (!rows || !r->host->model_list(r->host->self, &page, rows, &count, &e)) {
        request_reply_error(r, &e, PROBLEM_REQUEST);
        free(rows);
        return;
    }
    json_t *items = json_array();
    for (int i = 0; i < count; i++) {
        json_array_append_new(items, model_json(&rows[i]));
        model_row_free(&rows[i]);
    }
    free(rows);
    request_reply_list(r, items, page.cursor);
}

/* The model of a version (0: the newest), with the numbers of all there are. */
static void reply_model(request *r, int version)
{
    error e = {0};
    model_row row = {0};
    int versions[SERVICE_PAGE_MAX], count = 0;
    const char *name = r->match.parameters[0];
    if (!r->host->model_get(r->host->self, name, version, &row, &e) ||
        !r->host->model_versions(r->host->self, name, versions, SERVICE_PAGE_MAX, &count, &e)) {
        request_reply_error(r, &e, PROBLEM_REQUEST);
        model_row_free(&row);
        return;
    }
    json_t *list = json_array();
    for (int i = 0; i < count; i++)
        json_array_append_new(list, json_integer(versions[i]));
    json_t *body = model_json(&row);
    json_object_set_new(body, "versions", list);
    model_row_free(&row);
    request_reply_json(r, 200, body);
}

void get_model(request *r)
{
    reply_model(r, 0);
}

void get_model_version(request *r)
{
    problem p = {0};
    int version = version_parse(r->match.parameters[1]);
    if (version) {
        reply_model(r, version);
        return;
    }
    problem_set(&p, 404, "'%.32s' is no version: a whole number from 1", r->match.parameters[1]);
    request_reply_problem(r, &p);
}
