/* SPDX-License-Identifier: MIT */
/* test_experiments.c — sweeps: what is passed on, every fault told at once, changes, and the table's formats. */
#include "tests/api/fake_service.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

static void an_experiment_is_passed_on_whole(void **state)
{
    fake *f = *state;
    static const char body[] =
        "{\"name\": \"sweep\", \"methods\": [\"toy\", \"plain\"], \"dataset\": \"digits\", \"protocol\": "
        "\"one-vs-rest\", \"classes\": [8, \"nine\"], \"seeds\": [3, 4], \"held_out\": 0.2, \"test_images\": 500, "
        "\"trace\": true, \"reuse\": true, \"hyperparameters\": {\"toy\": {\"epochs\": 3}}, "
        "\"overrides\": {\"plain\": {\"test_images\": 0}, \"toy\": {}}}";
    reply r = ask(f, "POST", "/experiments", "Content-Type: application/json\r\nIdempotency-Key: k-1\r\n", body,
                  sizeof body - 1);
    assert_status(&r, 202);
    assert_string_equal(reply_header(&r, "Location"), "/experiments/experiment-1");
    const experiment_spec *s = &f->experiment;
    assert_string_equal(f->key, "k-1");
    assert_string_equal(s->name, "sweep");
    assert_string_equal(s->protocol, "one-vs-rest");
    assert_true(s->method_count == 2 && s->class_count == 2 && s->seed_count == 2);
    assert_string_equal(f->experiment_class, "8");
    assert_string_equal(f->experiment_options, "{\"epochs\":3}");
    assert_int_equal(f->experiment_seed, 4);
    assert_true(s->held_out == 0.2 && s->test_images == 500 && s->trace && s->reuse == REUSE_SAME_VERSION);
    const experiment_method *last = &f->experiment_last;
    assert_true(last->held_out == 0.2 && !last->overrides_held_out);
    assert_true(last->test_images == 0 && last->overrides_test_images);
    reply_free(&r);
}

static void an_experiment_has_sensible_presets(void **state)
{
    fake *f = *state;
    reply r = post_json(f, "/experiments", "{\"methods\": [\"toy\"], \"dataset\": \"digits\"}");
    assert_status(&r, 202);
    const experiment_spec *s = &f->experiment;
    assert_string_equal(s->protocol, "one-class");
    assert_true(s->class_count == 0 && s->seed_count == 1 && f->experiment_seed == 0);
    assert_true(s->held_out == 0.1 && s->test_images == 0 && !s->trace && s->reuse == REUSE_NONE);
    const experiment_method *last = &f->experiment_last;
    assert_true(last->held_out == 0.1 && last->test_images == 0);
    assert_false(last->overrides_held_out || last->overrides_test_images);
    reply_free(&r);
}

static void runs_of_any_version_can_be_asked_for(void **state)
{
    fake *f = *state;
    reply r =
        post_json(f, "/experiments", "{\"methods\": [\"toy\"], \"dataset\": \"digits\", \"reuse\": \"any-version\"}");
    assert_status(&r, 202);
    assert_int_equal(f->experiment.reuse, REUSE_ANY_VERSION);
    reply_free(&r);
}

static void every_fault_of_an_experiment_is_told_at_once(void **state)
{
    fake *f = *state;
    reply r =
        post_json(f, "/experiments",
                  "{\"methods\": [\"toy\", \"toyy\"], \"classes\": [\"1\", 1], \"seeds\": [0, -1], \"colour\": 1, "
                  "\"protocol\": \"unlabelled\", \"hyperparameters\": {\"toy\": {\"epoch\": 3}, \"kde\": {}}, "
                  "\"overrides\": {\"toy\": {\"held_out\": 0.5, \"test_images\": 3, \"epochs\": 3}, \"kde\": {}}}");
    assert_problem(&r, 422, "");
    assert_true(has_error(&r, "/dataset", "is missing"));
    assert_true(has_error(&r, "/methods", "unknown method 'toyy'; there are: toy, plain"));
    assert_true(has_error(&r, "/classes", "'1' twice"));
    assert_true(has_error(&r, "/seeds", "at 1: expected a whole number"));
    assert_true(has_error(&r, "/colour", ""));
    assert_true(has_error(&r, "/protocol", "no test"));
    assert_true(has_error(&r, "/hyperparameters/toy/epoch", "unknown hyperparameter 'epoch'"));
    assert_true(has_error(&r, "/hyperparameters", "'kde' is none of the methods"));
    assert_true(has_error(&r, "/overrides/toy/held_out", "0.5 is not in 0 ... 0.4"));
    assert_true(has_error(&r, "/overrides/toy/test_images", "3 is neither 0, for all, nor at least"));
    assert_true(has_error(&r, "/overrides/toy/epochs", "unknown key 'epochs'; accepted: held_out, test_images"));
    assert_true(has_error(&r, "/overrides", "'kde' is none of the methods"));
    assert_int_equal(f->submits, 0);
    reply_free(&r);
    r = post_json(f, "/experiments", "{\"methods\": [\"toy\"], \"dataset\": \"d\", \"seeds\": [[1, 2], [1, 2]]}");
    assert_problem(&r, 422, "");
    assert_true(has_error(&r, "/seeds", "at 0: expected a name or a number"));
    reply_free(&r);
}

static void lists_are_neither_empty_nor_repeat_themselves(void **state)
{
    static const struct {
        const char *body, *pointer;
    } cases[] = {
        {"{\"dataset\": \"digits\", \"methods\": []}", "/methods"},
        {"{\"dataset\": \"digits\", \"methods\": [\"toy\", \"toy\"]}", "/methods"},
        {"{\"dataset\": \"digits\", \"methods\": \"toy\"}", "/methods"},
        {"{\"dataset\": \"digits\", \"methods\": [\"toy\"], \"seeds\": []}", "/seeds"},
        {"{\"dataset\": \"digits\", \"methods\": [\"toy\"], \"seeds\": [1, 1]}", "/seeds"},
        {"{\"dataset\": \"digits\", \"methods\": [\"toy\"], \"classes\": \"some\"}", "/classes"},
        {"{\"dataset\": \"digits\", \"methods\": [\"toy\"], \"classes\": [true]}", "/classes"},
        {"{\"dataset\": \"digits\", \"methods\": [\"toy\"], \"hyperparameters\": []}", "/hyperparameters"},
        {"{\"dataset\": \"digits\", \"methods\": [\"toy\"], \"reuse\": 1}", "/reuse"},
        {"{\"dataset\": \"digits\", \"methods\": [\"toy\"], \"reuse\": \"any\"}", "/reuse"},
        {"{\"dataset\": \"digits\", \"methods\": [\"toy\"], \"overrides\": 0.1}", "/overrides"},
        {"{\"dataset\": \"digits\", \"methods\": [\"toy\"], \"overrides\": {\"toy\": 0.1}}", "/overrides/toy"},
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        reply r = post_json(*state, "/experiments", cases[i].body);
        assert_problem(&r, 422, "");
        if (!has_error(&r, cases[i].pointer, ""))
            fail_msg("no complaint at %s: %s", cases[i].pointer, r.body);
        reply_free(&r);
    }
}

static void an_experiment_tells_its_cells_and_progress(void **state)
{
    reply r = get(*state, "/experiments/experiment-1");
    assert_status(&r, 200);
    const json_t *progress = json_object_get(r.json, "progress");
    assert_string_equal(json_string_value(json_object_get(r.json, "state")), "active");
    assert_int_equal(json_integer_value(json_object_get(progress, "cells")), 2);
    assert_int_equal(json_integer_value(json_object_get(progress, "succeeded")), 1);
    assert_true(json_number_value(json_object_get(r.json, "eta_s")) == 2.5);
    assert_int_equal(json_object_size(json_object_get(r.json, "overrides")), 0); /* the row was made without any */
    const json_t *cell = json_array_get(json_object_get(r.json, "cells"), 1);
    assert_string_equal(json_string_value(json_object_get(cell, "state")), "queued");
    assert_true(json_is_null(json_object_get(cell, "auroc")) && json_is_null(json_object_get(cell, "code_version")));
    cell = json_array_get(json_object_get(r.json, "cells"), 0);
    assert_string_equal(json_string_value(json_object_get(cell, "code_version")), "1.2");
    assert_true(json_is_false(json_object_get(r.json, "reuse")));
    reply_free(&r);
}

static void experiments_are_cancelled_and_resumed(void **state)
{
    static const struct {
        const char *verb, *path;
        int status;
    } cases[] = {{"DELETE", "/experiments/experiment-1", 202},
                 {"DELETE", "/experiments/none", 404},
                 {"POST", "/experiments/experiment-1/resume", 202},
                 {"POST", "/experiments/none/resume", 404}};
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        reply r = ask(*state, cases[i].verb, cases[i].path, "", NULL, 0);
        assert_status(&r, cases[i].status);
        reply_free(&r);
    }
}

static void refusals_of_the_service_are_passed_on(void **state)
{
    static const struct {
        enum error_code code;
        int status;
    } cases[] = {{ERROR_NOT_FOUND, 422}, {ERROR_CONFLICT, 409}, {ERROR_BUSY, 429}, {ERROR_CANCELLED, 503}};
    fake *f = *state;
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        error_set(&f->failure, cases[i].code, "because %d", cases[i].status);
        reply r = post_json(f, "/experiments", "{\"methods\": [\"toy\"], \"dataset\": \"digits\"}");
        assert_problem(&r, cases[i].status, "because");
        reply_free(&r);
    }
    error_set(&f->failure, ERROR_CANCELLED, "because it stops");
    reply r = ask(f, "POST", "/experiments/experiment-1/resume", "", NULL, 0);
    assert_problem(&r, 503, "because it stops");
    reply_free(&r);
}

static void the_table_comes_in_three_formats(void **state)
{
    static const struct {
        const char *target, *accept, *type, *part;
    } cases[] = {
        {"", "", "application/json", "\"auroc\": 0.75"},
        {"?format=json", "", "application/json", "\"survey\""},
        {"?format=csv", "", "text/csv", "cell,kde,,8,0.75,,1,0,\r\n"},
        {"?format=markdown", "", "text/markdown", "| kde | 0.750 | 0.750 | 0.750 |\n| *survey, table 2* | 0.500 |"},
        {"", "Accept: text/csv\r\n", "text/csv", "cell,kde,\"survey, table 2\",8,0.5"},
        {"", "Accept: text/markdown, application/json;q=0.5\r\n", "text/markdown", "| toy | – | – | – |"},
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        char target[64];
        snprintf(target, sizeof target, "/experiments/experiment-1/table%s", cases[i].target);
        reply r = ask(*state, "GET", target, cases[i].accept, NULL, 0);
        assert_status(&r, 200);
        assert_non_null(strstr(reply_header(&r, "Content-Type"), cases[i].type));
        if (!strstr(r.body, cases[i].part))
            fail_msg("lacks '%s':\n%s", cases[i].part, r.body);
        reply_free(&r);
    }
    reply r = get(*state, "/experiments/experiment-1/table?format=xml");
    assert_problem(&r, 400, "json, csv, markdown");
    reply_free(&r);
}

static void the_table_is_of_any_score_of_the_runs(void **state)
{
    reply r = get(*state, "/experiments/experiment-1/table?score=complexity");
    assert_status(&r, 200);
    assert_string_equal(json_string_value(json_object_get(r.json, "score")), "complexity");
    assert_non_null(strstr(r.body, "\"auroc\": 0.875"));
    reply_free(&r);
    r = get(*state, "/experiments/experiment-1/table?score=complexity&format=markdown");
    assert_non_null(strstr(r.body, ", score complexity, "));
    reply_free(&r);
    r = get(*state, "/experiments/experiment-1/table");
    assert_true(json_is_null(json_object_get(r.json, "score")));
    reply_free(&r);
    r = get(*state, "/experiments/experiment-1/table?score=beauty");
    assert_problem(&r, 400, "beauty");
    reply_free(&r);
}

#define CASE(name) cmocka_unit_test_setup_teardown(name, fake_set_up, fake_tear_down)

int main(void)
{
    const struct CMUnitTest tests[] = {
        CASE(an_experiment_is_passed_on_whole),
        CASE(an_experiment_has_sensible_presets),
        CASE(runs_of_any_version_can_be_asked_for),
        CASE(every_fault_of_an_experiment_is_told_at_once),
        CASE(lists_are_neither_empty_nor_repeat_themselves),
        CASE(an_experiment_tells_its_cells_and_progress),
        CASE(experiments_are_cancelled_and_resumed),
        CASE(refusals_of_the_service_are_passed_on),
        CASE(the_table_comes_in_three_formats),
        CASE(the_table_is_of_any_score_of_the_runs),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
