/* SPDX-License-Identifier: MIT */
/* jobs.c — training jobs: checked against the method's option table, queued, listed, looked up, cancelled. */
#include "api/resources/page.h"
#include "api/resources/routes.h"
#include "api/resources/submission.h"

#include "api/json/record_json.h"
#include "api/json/training.h"
#include "data/protocol.h"

#include <stdlib.h>
#include <string.h>

static json_t *job_json(const void *of)
{
    const job_row *row = of;
    json_t *body = record_json(&job_record, row, RECORD_WHOLE);
    if (row->finished)
        json_object_set_new(json_object_get(body, "progress"), "eta_s", json_null());
    return body;
}

/* The state's name is checked here, since an unknown one would silently find nothing. */
static bool state_known(const char *name, problem *p)
{
    enum job_state state;
    return job_state_find(name, &state) ||
           problem_set(p, 400, "state: '%.32s' is not one of queued, running, cancelling, succeeded, failed, cancelled",
                       name);
}

static const struct list jobs = {"a page of jobs", &job_record, sizeof(job_row), .item = job_json};

void get_jobs(exchange *x)
{
    const request *r = exchange_request(x);
    problem unknown = {0};
    record_page page;
    const job_filter filter = {.state = request_query_text(r, "state"),
                               .method = request_query_text(r, "method"),
                               .dataset = request_query_text(r, "dataset")};
    if (!page_read(x, &page))
        return;
    if (filter.state[0] && !state_known(filter.state, &unknown))
        exchange_answer_problem(x, &unknown);
    else
        page_answer_rows(x, &jobs, exchange_service(x)->job_list, &filter, &page);
}

void get_job(exchange *x)
{
    const service *s = exchange_service(x);
    error e = {0};
    job_row row = {0};
    if (!s->job_get(s->self, request_parameter(exchange_request(x), "id"), &row, &e)) {
        exchange_answer_error(x, &e, PROBLEM_REQUEST);
        return;
    }
    exchange_answer_json(x, 200, job_json(&row));
    job_row_free(&row);
}

static void cancelled(void *context, const job_row *row, const error *failure)
{
    if (failure)
        submission_failed(context, failure, PROBLEM_REQUEST);
    else
        submission_accepted(context, job_json(row));
}

void delete_job(exchange *x)
{
    const service *s = exchange_service(x);
    error e = {0};
    exchange_defer(x);
    if (!s->job_cancel(s->self, request_parameter(exchange_request(x), "id"), cancelled, x, &e))
        submission_failed(x, &e, PROBLEM_REQUEST);
}

static void submitted(void *context, const job_row *row, const error *failure)
{
    if (failure)
        submission_failed(context, failure, PROBLEM_CONTENT);
    else
        submission_created(context, 202, "/jobs", row->id, job_json(row));
}

static void read_method(const fields *f, job_spec *spec)
{
    const char *id = fields_text(f, "method", NULL);
    const method *m = id ? method_find(id) : NULL;
    json_t *values = fields_value(f, "hyperparameters");
    spec->hyperparameters = values ? json_dumps(values, JSON_REAL_PRECISION(17)) : strdup("{}");
    if (m) {
        snprintf(spec->subject.method, sizeof spec->subject.method, "%s", m->id);
        if (values)
            training_check_options(m, values, "/hyperparameters", f->problem);
        return;
    }
    if (id)
        training_complain_method(f, "method", id);
}

static void read_class(const fields *f, job_spec *spec, enum protocol protocol)
{
    json_t *value = fields_value(f, "class");
    if (protocol == PROTOCOL_UNLABELLED) {
        if (value)
            fields_complain(f, "class", "has no meaning with the protocol 'unlabelled'");
        return;
    }
    int n = -1;
    if (json_is_string(value))
        n = snprintf(spec->subject.class_name, sizeof spec->subject.class_name, "%s", fields_text(f, "class", ""));
    else if (json_is_integer(value))
        n = snprintf(spec->subject.class_name, sizeof spec->subject.class_name, "%" JSON_INTEGER_FORMAT,
                     json_integer_value(value));
    if (!value)
        fields_require(f, "class");
    else if (n <= 0 || n >= (int)sizeof spec->subject.class_name)
        fields_complain(f, "class", "expected a class's name, of 1 to %d bytes, or its number",
                        (int)sizeof spec->subject.class_name - 1);
}

static void read_protocol(const fields *f, job_spec *spec)
{
    const char *name = fields_text(f, "protocol", "one-class");
    enum protocol protocol;
    error e = {0};
    if (!protocol_parse(name, &protocol, &e)) {
        fields_complain(f, "protocol", "%s", e.message);
        return;
    }
    snprintf(spec->subject.protocol, sizeof spec->subject.protocol, "%s", protocol_name(protocol));
    read_class(f, spec, protocol);
}

/* Without a name the model is DATASET-METHOD. */
static void read_model(const fields *f, job_spec *spec)
{
    training_read_name(f, "model", spec->model);
    if (spec->model[0] || !spec->subject.dataset[0] || !spec->subject.method[0] || fields_value(f, "model"))
        return;
    int n = snprintf(spec->model, sizeof spec->model, "%.*s-%.*s", RECORD_NAME_MAX, spec->subject.dataset,
                     RECORD_NAME_MAX, spec->subject.method);
    if (n >= (int)sizeof spec->model)
        fields_complain(f, "model", "is missing, and '%.40s...-%s' is too long", spec->subject.dataset,
                        spec->subject.method);
}

static void read_job(json_t *body, job_spec *spec, problem *p)
{
    static const char *const names[] = {"kind",  "method",          "dataset",  "protocol",    "class", "seed",
                                        "model", "hyperparameters", "held_out", "test_images", "trace", NULL};
    fields f = fields_of(body, "", names, p);
    const char *kind = fields_text(&f, "kind", "train");
    if (strcmp(kind, "train") != 0)
        fields_complain(&f, "kind", "'%.32s' is not 'train'", kind);
    fields_require(&f, "method");
    fields_require(&f, "dataset");
    read_method(&f, spec);
    training_read_name(&f, "dataset", spec->subject.dataset);
    read_protocol(&f, spec);
    spec->subject.seed = (uint64_t)fields_integer(&f, "seed", 0, SUBJECT_SEED_MAX, 0);
    spec->subject.held_out = fields_number(&f, "held_out", 0, SUBJECT_HELD_OUT_MAX, TRAINING_HELD_OUT_PRESET);
    spec->subject.test_images = training_read_test_images(&f, 0);
    spec->trace = fields_flag(&f, "trace", false);
    read_model(&f, spec);
    if (!p->status && !spec->hyperparameters)
        problem_set(p, 503, "out of memory");
}

static void submit(exchange *x, const job_spec *spec, const char *key)
{
    const service *s = exchange_service(x);
    error e = {0};
    exchange_defer(x);
    if (!s->job_submit(s->self, spec, key, submitted, x, &e))
        submission_failed(x, &e, PROBLEM_CONTENT);
}

void post_jobs(exchange *x)
{
    problem p = {0};
    job_spec spec = {0};
    const char *key;
    json_t *body = submission_read(x, &key, &p);
    if (body)
        read_job(body, &spec, &p);
    if (p.status)
        exchange_answer_problem(x, &p);
    else
        submit(x, &spec, key);
    free(spec.hyperparameters);
    json_decref(body);
}
