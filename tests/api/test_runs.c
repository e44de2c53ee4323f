/* SPDX-License-Identifier: MIT */
/* test_runs.c — the AUROC history: lists, single runs, comparisons, and runs that come from elsewhere. */
#include "tests/api/fake_service.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static void runs_are_filtered(void **state)
{
    fake *f = *state;
    reply r = get(f, "/runs?class=a%2Bb+c&seed=3&since=2023-11-14T22:13:20Z&until=2023-11-14T23:13:20.5%2B01:00"
                     "&min_auroc=0.75&protocol=one-class");
    assert_status(&r, 200);
    assert_string_equal(f->filter_class, "a+b c");
    assert_string_equal(f->filter_seed, "3");
    assert_true(f->filter.since == 1700000000000);
    assert_true(f->filter.until == 1700000000500);
    assert_true(f->filter.min_auroc == 0.75);
    reply_free(&r);
    r = get(f, "/runs");
    assert_true(isnan(f->filter.min_auroc) && f->filter.since == 0 && f->filter.order == RUN_NEWEST);
    reply_free(&r);
    r = get(f, "/runs?order=auroc");
    assert_true(f->filter.order == RUN_BY_AUROC);
    reply_free(&r);
    static const char *const bad[] = {"seed=-1",    "seed=x",      "since=yesterday", "since=2023-11-14T22:13:20",
                                      "until=1",    "min_auroc=2", "min_auroc=nan",   "min_auroc=",
                                      "protocol=x", "format=xml",  "order=best"};
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) {
        char target[64];
        snprintf(target, sizeof target, "/runs?%s", bad[i]);
        r = get(f, target);
        assert_problem(&r, 400, "");
        reply_free(&r);
    }
}

static void runs_are_csv_when_asked(void **state)
{
    fake *f = *state;
    f->rows = 60;
    reply r = get(f, "/runs?format=csv");
    assert_status(&r, 200);
    assert_string_equal(reply_header(&r, "X-Next-Cursor"), "50");
    assert_non_null(
        strstr(r.body, "\r\nrun-1,2023-11-14T22:13:20.000Z,toy,digits,one-class,\"a,\"\"b\"\"\",1,digits-toy,3,0.9125,"
                       "0.9,0.925,0.0063,,12.5,0,0,0,"));
    reply_free(&r);
    r = ask(f, "GET", "/runs", "Accept: text/csv\r\n", NULL, 0);
    assert_status(&r, 200);
    assert_true(!strncmp(r.body, "id,created,method,", 18));
    reply_free(&r);
    r = ask(f, "GET", "/runs?format=json", "Accept: text/csv\r\n", NULL, 0);
    assert_non_null(r.json);
    reply_free(&r);
    r = ask(f, "GET", "/runs", "Accept: text/csv;q=0.5, application/json\r\n", NULL, 0);
    assert_non_null(r.json);
    reply_free(&r);
}

static void a_run_has_its_details_and_null_for_what_was_not_evaluated(void **state)
{
    reply r = get(*state, "/runs/run-1");
    assert_status(&r, 200);
    assert_true(json_is_null(json_object_get(r.json, "average_precision")));
    assert_int_equal(json_object_size(json_object_get(json_object_get(r.json, "detail"), "roc")), 2);
    assert_non_null(strstr(r.body, "\"auroc\": 0.9125,"));
    assert_string_equal(reply_text(&r, "blas_core"), "Haswell");
    json_t *scores = json_object_get(r.json, "scores"), *features = json_object_get(scores, "features");
    assert_int_equal(json_object_size(scores), 2);
    assert_true(json_real_value(json_object_get(features, "auroc_high")) == 0.925);
    assert_true(json_is_null(json_object_get(json_object_get(scores, "logits"), "auroc")));
    reply_free(&r);
}

static double number_at(const reply *r, const char *key)
{
    return json_real_value(json_object_get(r->json, key));
}

static void two_runs_are_compared(void **state)
{
    reply r = get(*state, "/compare?a=run-1&b=run-2");
    assert_status(&r, 200);
    assert_true(number_at(&r, "difference") == 0.25);
    assert_true(fabs(number_at(&r, "deviation") - sqrt(0.125)) < 1e-12);
    assert_true(fabs(number_at(&r, "z") - sqrt(0.5)) < 1e-12);
    assert_true(fabs(number_at(&r, "p_value") - 0.4795001221869535) < 1e-12);
    assert_true(number_at(&r, "low") < 0 && number_at(&r, "high") > 0.9);
    assert_true(json_is_null(json_object_get(r.json, "untested")));
    assert_string_equal(json_string_value(json_object_get(json_object_get(r.json, "b"), "id")), "run-2");
    assert_string_equal(json_string_value(json_object_get(json_object_get(r.json, "images"), "digest")), "images");
    reply_free(&r);
    r = get(*state, "/compare?a=run-1&b=run-1");
    assert_status(&r, 200);
    assert_true(json_is_real(json_object_get(r.json, "difference")) && number_at(&r, "difference") == 0);
    assert_true(json_is_null(json_object_get(r.json, "p_value")));
    assert_non_null(strstr(reply_text(&r, "untested"), "alike"));
    reply_free(&r);
}

static void runs_that_cannot_be_compared_say_why(void **state)
{
    static const struct {
        const char *target;
        int status;
        const char *words;
    } cases[] = {
        {"/compare", 400, "a: missing"},
        {"/compare?a=run-1", 400, "b: missing"},
        {"/compare?a=&b=run-1", 400, "a: missing"},
        {"/compare?a=run-1&b=run-2&c=run-3", 400, "c"},
        {"/compare?a=run-9&b=run-1", 404, "a: there is no run 'run-9'"},
        {"/compare?a=run-1&b=run-9", 404, "b: there is no run 'run-9'"},
        {"/compare?a=run-1&b=run-3", 409, "classes \"a,\"b\"\" and \"c\""},
        {"/compare?a=run-1&b=run-4", 409, "b: run \"run-4\" keeps no scores"},
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        reply r = get(*state, cases[i].target);
        assert_problem(&r, cases[i].status, cases[i].words);
        reply_free(&r);
    }
}

/* The body of a run as it is answered, for whoever wants to change it. */
static json_t *run_body(fake *f)
{
    reply r = get(f, "/runs/run-1");
    json_t *body = json_incref(r.json);
    reply_free(&r);
    return body;
}

static reply post_run(fake *f, json_t *body)
{
    char *text = json_dumps(body, 0);
    reply r = post_json(f, "/runs", text);
    free(text);
    json_decref(body);
    return r;
}

static void a_run_is_imported_as_it_was_answered(void **state)
{
    fake *f = *state;
    reply r = post_run(f, run_body(f));
    assert_status(&r, 201);
    assert_string_equal(reply_header(&r, "Location"), "/runs/run-1");
    assert_string_equal(reply_text(&r, "id"), "run-1");
    reply_free(&r);
    run_row expected;
    error e = {0};
    assert_true(f->service.run_get(f, "run-1", &expected, &e));
    assert_string_equal(f->run_options, "{\"h\":2}");
    assert_string_equal(f->run_detail, "{\"roc\":{\"false_positive\":[0,1],\"true_positive\":[0,1]},"
                                       "\"histogram\":{\"low\":-2,\"high\":3,\"normal\":[2,0],\"anomalous\":[0,4]},"
                                       "\"epochs\":{\"epoch\":[1,2],\"loss\":[0.5,null]}}");
    assert_true(f->run.imported == 0 && f->run.created == expected.created);
    assert_true(isnan(f->run.average_precision) && f->run.auroc_deviation == expected.auroc_deviation);
    assert_true(f->run.subject.held_out == 0.1 && f->run.subject.test_images == 500 && f->run.threads == 2);
    assert_string_equal(f->run.subject.dataset_digest, expected.subject.dataset_digest);
    assert_string_equal(f->run.subject.class_name, expected.subject.class_name);
    assert_int_equal(f->run.score_count, 2);
    assert_string_equal(f->run.scores[1].name, "logits");
    assert_true(isnan(f->run.scores[1].auroc) && f->run.scores[0].auroc_high == 0.925);
    run_row_free(&expected);
    f->known = true;
    r = post_run(f, run_body(f));
    assert_status(&r, 200);
    reply_free(&r);
}

/* One member of a run's body put in another's place; NULL: taken out. */
typedef struct fault {
    const char *at, *value; /* a pointer of at most three members, JSON */
    const char *pointer, *words;
} fault;

static void put_fault(json_t *body, const fault *c)
{
    char path[64], *rest = path;
    snprintf(path, sizeof path, "%s", c->at);
    const char *name = strsep(&rest, "/");
    while (rest) {
        body = json_object_get(body, name);
        name = strsep(&rest, "/");
    }
    if (c->value)
        json_object_set_new(body, name, json_loads(c->value, JSON_DECODE_ANY, NULL));
    else
        json_object_del(body, name);
}

static void faults_of_an_imported_run_are_named(void **state)
{
    static const fault faults[] = {
        {"id", NULL, "/id", "is missing"},
        {"job", "7", "/job", "expected a string"},
        {"created", "\"yesterday\"", "/created", "is not a time"},
        {"method", "\"ganomaly\"", "/method", "there are: toy, plain"},
        {"dataset_digest", "\"abc\"", "/dataset_digest", "is not a SHA-256"},
        {"dataset_digest", NULL, "/dataset_digest", "is missing"},
        {"protocol", "\"two-class\"", "/protocol", "two-class"},
        {"class", "null", "/class", "is missing"},
        {"seed", "-1", "/seed", "is not in 0"},
        {"held_out", NULL, "/held_out", "is missing"},
        {"held_out", "0.7", "/held_out", "is not in 0 ... 0.4"},
        {"auroc", "1.5", "/auroc", "is not in 0 ... 1"},
        {"images/train", NULL, "/images/train", "is missing"},
        {"images/tests", "3", "/images/tests", "unknown key"},
        {"train_s", "-1", "/train_s", "is not in 0"},
        {"code_version", "\"0123456789012345678901234567890123456789012345678\"", "/code_version", "longer than 47"},
        {"hyperparameters", "[1]", "/hyperparameters", "expected an object"},
        {"hyperparameters/h", "[1]", "/hyperparameters", "'h': expected a number"},
        {"scores", "[]", "/scores", "at most 12 scores"},
        {"scores/logits", "1", "/scores/logits", "expected an object"},
        {"detail", NULL, "/detail", "expected an object"},
        {"detail/roc/true_positive", "[0, 0.5, 1]", "/detail/roc/true_positive", "as many as in the other"},
        {"detail/roc/false_positive", "[0, 1.5]", "/detail/roc/false_positive", "0 ... 1"},
        {"detail/histogram/normal", "[-1, 1]", "/detail/histogram/normal", "expected a list"},
        {"detail/epochs/loss", "[1]", "/detail/epochs", "as long as"},
        {"detail/epochs/epoch", "[1, \"2\"]", "/detail/epochs", "expected lists of numbers"},
        {"extra", "1", "/extra", "unknown key"},
    };
    fake *f = *state;
    for (size_t i = 0; i < sizeof faults / sizeof *faults; i++) {
        json_t *body = run_body(f);
        put_fault(body, &faults[i]);
        reply r = post_run(f, body);
        assert_problem(&r, 422, "");
        if (!has_error(&r, faults[i].pointer, faults[i].words))
            fail_msg("%s, %s: %s", faults[i].at, faults[i].words, r.body);
        reply_free(&r);
    }
    assert_int_equal(f->submits, 0);
}

static void what_only_the_registry_sees_of_a_run_is_422_or_409(void **state)
{
    fake *f = *state;
    error_set(&f->failure, ERROR_NOT_FOUND, "there is no data set of these images");
    reply r = post_run(f, run_body(f));
    assert_problem(&r, 422, "there is no data set of these images");
    reply_free(&r);
    error_set(&f->failure, ERROR_CONFLICT, "id: there is another run");
    r = post_run(f, run_body(f));
    assert_problem(&r, 409, "another run");
    reply_free(&r);
    r = post_json(f, "/runs", "[1]");
    assert_problem(&r, 422, "");
    reply_free(&r);
    r = post_json(f, "/runs", "{");
    assert_problem(&r, 400, "not JSON");
    reply_free(&r);
}

int main(void)
{
#define CASE(name) cmocka_unit_test_setup_teardown(name, fake_set_up, fake_tear_down)
    const struct CMUnitTest tests[] = {
        CASE(runs_are_filtered),
        CASE(runs_are_csv_when_asked),
        CASE(a_run_has_its_details_and_null_for_what_was_not_evaluated),
        CASE(two_runs_are_compared),
        CASE(runs_that_cannot_be_compared_say_why),
        CASE(a_run_is_imported_as_it_was_answered),
        CASE(faults_of_an_imported_run_are_named),
        CASE(what_only_the_registry_sees_of_a_run_is_422_or_409),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
