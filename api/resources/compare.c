/* SPDX-License-Identifier: MIT */
/* compare.c — the paired DeLong test of two runs on the same test images. */
#include "api/resources/routes.h"

#include "api/json/json.h"
#include "api/service.h"
#include "eval/metric.h"

#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

typedef struct comparison {
    exchange *exchange; /* deferred */
    run_row rows[2];
    run_test tests[2];
    auroc_difference difference;
    error failure;
} comparison;

static void comparison_free(comparison *c)
{
    for (int i = 0; i < 2; i++) {
        run_row_free(&c->rows[i]);
        run_test_free(&c->tests[i]);
    }
    free(c);
}

/* ---- what is compared */

static bool differ(const comparison *c, error *e, const char *what, const char *a, const char *b)
{
    return error_set(e, ERROR_CONFLICT, "runs %s and %s were not tested on the same images: %s \"%s\" and \"%s\"",
                     c->rows[0].id, c->rows[1].id, what, a, b);
}

/* Names the first reason why the two were tested on different images or labels. */
static bool explain_difference(const comparison *c, error *e)
{
    const run_row *a = &c->rows[0], *b = &c->rows[1];
    if (strcmp(a->subject.dataset_digest, b->subject.dataset_digest) != 0)
        return differ(c, e, "data sets", a->subject.dataset, b->subject.dataset);
    if (strcmp(a->subject.protocol, b->subject.protocol) != 0)
        return differ(c, e, "protocols", a->subject.protocol, b->subject.protocol);
    if (strcmp(a->subject.class_name, b->subject.class_name) != 0)
        return differ(c, e, "classes", a->subject.class_name, b->subject.class_name);
    return error_set(e, ERROR_CONFLICT,
                     "runs %s and %s were not tested on the same images: test_images %" PRIu32 " of seed %" PRIu64
                     " and %" PRIu32 " of seed %" PRIu64,
                     a->id, b->id, a->subject.test_images, a->subject.seed, b->subject.test_images, b->subject.seed);
}

static bool check_same(const comparison *c, error *e)
{
    const run_test *a = &c->tests[0], *b = &c->tests[1];
    if (strcmp(a->images, b->images) != 0)
        return explain_difference(c, e);
    if (a->count == b->count && !memcmp(a->anomalous, b->anomalous, a->count))
        return true;
    return error_set(e, ERROR_INTERNAL, "runs %s and %s: one digest of test images, but other labels", c->rows[0].id,
                     c->rows[1].id);
}

static bool read_runs(comparison *c, error *e)
{
    static const char *const names[2] = {"a", "b"};
    const service *s = exchange_service(c->exchange);
    const request *r = exchange_request(c->exchange);
    for (int i = 0; i < 2; i++) {
        const char *id = request_query_text(r, names[i]);
        if (!id[0])
            return error_set(e, ERROR_INVALID, "%s: missing; two runs are compared, as in /compare?a=RUN&b=RUN",
                             names[i]);
    }
    for (int i = 0; i < 2; i++) {
        const char *id = request_query_text(r, names[i]);
        if (!s->run_get(s->self, id, &c->rows[i], e) || !s->run_test(s->self, id, &c->tests[i], e))
            return error_at(e, "%s", names[i]);
    }
    return check_same(c, e);
}

/* ---- the answer */

static json_t *side_json(const run_row *row)
{
    return json_pack("{s:s, s:s, s:s, s:i, s:I, s:o, s:o, s:o}", "id", row->id, "method", row->subject.method, "model",
                     row->model, "version", row->version, "seed", (json_int_t)row->subject.seed, "auroc",
                     json_number(row->auroc), "auroc_low", json_number(row->auroc_low), "auroc_high",
                     json_number(row->auroc_high));
}

static json_t *comparison_json(const comparison *c)
{
    const run_row *a = &c->rows[0];
    const auroc_difference *d = &c->difference;
    json_t *images = json_pack("{s:s, s:s, s:s, s:o, s:s, s:I, s:I}", "dataset", a->subject.dataset, "dataset_digest",
                               a->subject.dataset_digest, "protocol", a->subject.protocol, "class",
                               json_name(a->subject.class_name), "digest", c->tests[0].images, "normals",
                               (json_int_t)a->test_normals, "anomalies", (json_int_t)a->test_anomalies);
    return json_pack("{s:o, s:o, s:o, s:o, s:o, s:o, s:o, s:o, s:o, s:o}", "a", side_json(a), "b",
                     side_json(&c->rows[1]), "images", images, "difference", json_number(d->value), "deviation",
                     json_number(d->deviation), "low", json_number(d->low), "high", json_number(d->high), "z",
                     json_number(d->z), "p_value", json_number(d->p_value), "untested",
                     d->untested ? json_string(d->untested) : json_null());
}

static void compare(void *context) /* pool thread */
{
    comparison *c = context;
    const run_test *a = &c->tests[0];
    metric_compare(a->scores, c->tests[1].scores, a->anomalous, a->count, &c->difference, &c->failure);
}

static void compared(void *context)
{
    comparison *c = context;
    if (c->failure.code)
        exchange_answer_error(c->exchange, &c->failure, PROBLEM_CONTENT);
    else
        exchange_answer_json(c->exchange, 200, comparison_json(c));
    exchange_release(c->exchange);
    comparison_free(c);
}

void get_compare(exchange *x)
{
    error e = {0};
    comparison *c = calloc(1, sizeof *c);
    if (c)
        c->exchange = x;
    else
        error_memory(&e, "a comparison");
    if (!c || !read_runs(c, &e)) {
        exchange_answer_error(x, &e, PROBLEM_REQUEST);
        if (c)
            comparison_free(c);
        return;
    }
    if (!exchange_offload(x, compare, compared, c))
        comparison_free(c);
}
