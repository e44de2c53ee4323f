/* SPDX-License-Identifier: MIT */
/* test_experiment.c — a sweep whose daemon is killed on the way comes to every cell once, and to its table. */
#include "e2e.h"

#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

enum { CELLS = 2 * 3 * 2 };
#define SWEEP                                                                                                          \
    "{\"name\": \"sweep\", \"methods\": [\"pca\", \"kde\"], \"dataset\": \"digits\", \"classes\": [3, \"5\", \"8\"], " \
    "\"seeds\": [0, 1], \"hyperparameters\": {\"pca\": {\"components\": 4}}%s}"

static void begin(e2e *d)
{
    E2E_START(d, "--workers", "1");
}

static json_t *experiment(e2e *d, const char *id)
{
    char path[96];
    snprintf(path, sizeof path, "/experiments/%s", id);
    reply r = e2e_get(d, path);
    assert_int_equal(r.status, 200);
    return r.body;
}

static reply post(const e2e *d, const char *text, size_t size, const char *key)
{
    return e2e_ask(d, &(ask){.verb = "POST",
                             .path = "/experiments",
                             .type = "application/json",
                             .key = key,
                             .bytes = text,
                             .size = size});
}

static reply submit(e2e *d, const char *more, const char *key)
{
    char text[512];
    int n = snprintf(text, sizeof text, SWEEP, more);
    return post(d, text, (size_t)n, key);
}

/* Follows every cell to its end; returns the experiment as it is then. */
static json_t *await_all(e2e *d, const char *id)
{
    size_t i;
    json_t *cell, *o = experiment(d, id);
    json_array_foreach(json_object_get(o, "cells"), i, cell) json_decref(e2e_await(d, text_of(cell, "job")));
    json_decref(o);
    return experiment(d, id);
}

static int64_t progress(const json_t *o, const char *state)
{
    return json_integer_value(json_object_get(json_object_get(o, "progress"), state));
}

static size_t run_count(e2e *d)
{
    reply runs = e2e_get(d, "/runs?limit=100");
    size_t n = json_array_size(json_object_get(runs.body, "items"));
    json_decref(runs.body);
    return n;
}

static void expect_table(e2e *d, const char *id)
{
    char path[128];
    snprintf(path, sizeof path, "/experiments/%s/table", id);
    reply table = e2e_get(d, path);
    assert_int_equal(table.status, 200);
    size_t i;
    json_t *row;
    json_array_foreach(json_object_get(table.body, "rows"), i, row)
    {
        json_t *mean = json_object_get(row, "mean");
        double auroc = json_number_value(json_object_get(mean, "auroc"));
        assert_true(auroc > 0.5 && auroc <= 1);
        assert_int_equal(json_integer_value(json_object_get(mean, "count")), 2);
        assert_int_equal(json_array_size(json_object_get(row, "cells")), 3);
        assert_int_equal(json_array_size(json_object_get(row, "published")), 0); /* it is a sample of the images */
    }
    assert_int_equal(i, 2);
    json_decref(table.body);
    static const char *const formats[] = {"csv", "markdown"};
    for (size_t f = 0; f < 2; f++) {
        snprintf(path, sizeof path, "/experiments/%s/table?format=%s", id, formats[f]);
        reply text = e2e_get(d, path);
        assert_int_equal(text.status, 200);
        assert_null(text.body);
    }
}

static void a_killed_daemon_comes_to_every_cell_once(void **state)
{
    e2e *d = *state;
    begin(d);
    e2e_import(d);
    reply made = submit(d, "", "sweep-1");
    assert_int_equal(made.status, 202);
    assert_int_equal(progress(made.body, "cells"), CELLS);
    char id[64];
    snprintf(id, sizeof id, "%s", text_of(made.body, "id"));
    json_t *first = json_array_get(json_object_get(made.body, "cells"), 0);
    json_decref(e2e_await(d, text_of(first, "job")));
    e2e_end(d, SIGKILL);

    begin(d);
    reply again = submit(d, "", "sweep-1"); /* a client that heard no answer */
    assert_int_equal(again.status, 202);
    assert_string_equal(text_of(again.body, "id"), id);
    json_decref(again.body);
    json_decref(made.body);
    json_t *done = await_all(d, id);
    assert_string_equal(text_of(done, "state"), "complete");
    assert_int_equal(progress(done, "succeeded"), CELLS);
    assert_true(json_is_null(json_object_get(done, "eta_s")));
    json_decref(done);
    assert_int_equal(run_count(d), CELLS);
    expect_table(d, id);

    /* All of it is there already. */
    reply reused = submit(d, ", \"reuse\": true", NULL);
    assert_int_equal(reused.status, 202);
    assert_string_equal(text_of(reused.body, "state"), "complete");
    expect_table(d, text_of(reused.body, "id"));
    json_decref(reused.body);
    assert_int_equal(run_count(d), CELLS);
    assert_int_equal(e2e_end(d, SIGTERM), 0);
}

static void a_cancelled_sweep_is_resumed(void **state)
{
    e2e *d = *state;
    begin(d);
    e2e_import(d);
    reply made = submit(d, "", NULL);
    char id[64], path[128];
    snprintf(id, sizeof id, "%s", text_of(made.body, "id"));
    json_decref(made.body);
    snprintf(path, sizeof path, "/experiments/%s", id);
    reply cancelled = e2e_ask(d, &(ask){.verb = "DELETE", .path = path});
    assert_int_equal(cancelled.status, 202);
    json_decref(cancelled.body);
    json_t *o = await_all(d, id);
    assert_string_equal(text_of(o, "state"), "incomplete");
    assert_true(progress(o, "cancelled") > 0);
    json_decref(o);
    snprintf(path, sizeof path, "/experiments/%s/resume", id);
    reply resumed = e2e_ask(d, &(ask){.verb = "POST", .path = path});
    assert_int_equal(resumed.status, 202);
    json_decref(resumed.body);
    o = await_all(d, id);
    assert_string_equal(text_of(o, "state"), "complete");
    json_decref(o);
    assert_int_equal(run_count(d), CELLS);
    assert_int_equal(e2e_end(d, SIGTERM), 0);
}

static double number_of(const json_t *o, const char *name)
{
    return json_number_value(json_object_get(o, name));
}

/* Its jobs, and its runs, have what is in force for their method. */
static void expect_overrides(e2e *d, const json_t *o)
{
    size_t i;
    json_t *cell;
    json_array_foreach(json_object_get(o, "cells"), i, cell)
    {
        char path[96];
        bool own = !strcmp(text_of(cell, "method"), "pca");
        snprintf(path, sizeof path, "/jobs/%s", text_of(cell, "job"));
        reply job = e2e_get(d, path);
        assert_true(number_of(job.body, "held_out") == (own ? 0.25 : 0.1));
        assert_true(number_of(job.body, "test_images") == (own ? 300 : 0));
        json_decref(job.body);
        snprintf(path, sizeof path, "/runs/%s", text_of(cell, "run"));
        reply run = e2e_get(d, path);
        const json_t *images = json_object_get(run.body, "images");
        double tested = number_of(images, "test_normals") + number_of(images, "test_anomalies");
        assert_true(own ? tested == 300 : tested > 300);
        json_decref(run.body);
    }
}

static void a_method_can_have_settings_of_its_own(void **state)
{
    e2e *d = *state;
    begin(d);
    e2e_import(d);
    static const char more[] = ", \"overrides\": {\"pca\": {\"held_out\": 0.25, \"test_images\": 300}}%s";
    char text[160];
    snprintf(text, sizeof text, more, "");
    reply made = submit(d, text, NULL);
    assert_int_equal(made.status, 202);
    json_t *o = await_all(d, text_of(made.body, "id"));
    expect_overrides(d, o);
    char path[128];
    snprintf(path, sizeof path, "/experiments/%s/table", text_of(o, "id"));
    reply table = e2e_get(d, path);
    assert_true(json_is_false(json_object_get(table.body, "same_images")));
    assert_string_equal(text_of(json_array_get(json_object_get(table.body, "rows"), 0), "note"),
                        "tested on 300 of the test images");
    json_decref(table.body);
    json_decref(o);
    json_decref(made.body);

    /* Nothing is the same for pca when it is asked for as kde is; all of it is when it is asked for so again. */
    snprintf(text, sizeof text, more, ", \"reuse\": \"any-version\"");
    reply again = submit(d, text, NULL), other = submit(d, ", \"reuse\": \"any-version\"", NULL);
    assert_int_equal(progress(again.body, "succeeded"), CELLS);
    assert_int_equal(progress(other.body, "succeeded"), CELLS / 2);
    json_decref(again.body);
    json_decref(other.body);
    assert_int_equal(e2e_end(d, SIGTERM), 0);
}

static void nothing_is_queued_of_a_sweep_with_one_fault(void **state)
{
    e2e *d = *state;
    begin(d);
    e2e_import(d);
    static const char *const bodies[] = {
        "{\"methods\": [\"pca\", \"kde\"], \"dataset\": \"digits\", \"classes\": [\"3\", \"eleven\"]}",
        "{\"methods\": [\"pca\", \"kde\"], \"dataset\": \"digits\", \"hyperparameters\": {\"kde\": {\"k\": 1}}}",
        "{\"methods\": [\"pca\"], \"dataset\": \"digits\", \"protocol\": \"unlabelled\"}"};
    for (size_t i = 0; i < sizeof bodies / sizeof *bodies; i++) {
        reply r = e2e_post(d, "/experiments", "%s", bodies[i]);
        assert_int_equal(r.status, 422);
        json_decref(r.body);
    }
    reply jobs = e2e_get(d, "/jobs"), all = e2e_get(d, "/experiments");
    assert_int_equal(json_array_size(json_object_get(jobs.body, "items")), 0);
    assert_int_equal(json_array_size(json_object_get(all.body, "items")), 0);
    json_decref(jobs.body);
    json_decref(all.body);
    assert_int_equal(e2e_end(d, SIGTERM), 0);
}

static reply fill(const e2e *d, const char *key)
{
    static char seeds[600];
    int n = 0;
    for (int i = 0; i < 100; i++)
        n += snprintf(seeds + n, sizeof seeds - (size_t)n, i ? ", %d" : "%d", i);
    char body[800];
    n = snprintf(body, sizeof body, "{\"methods\": [\"pca\"], \"dataset\": \"digits\", \"seeds\": [%s]}", seeds);
    return post(d, body, (size_t)n, key);
}

/* A thousand cells are as many as there may be: a second sweep has no room, but the first may be asked for again. */
static void a_repeated_sweep_needs_no_room(void **state)
{
    e2e *d = *state;
    E2E_START(d, "--workers", "0");
    e2e_import(d);
    reply first = fill(d, "k"), again = fill(d, "k"), other = fill(d, "l");
    assert_int_equal(first.status, 202);
    assert_int_equal(again.status, 202);
    assert_string_equal(text_of(first.body, "id"), text_of(again.body, "id"));
    assert_int_equal(other.status, 429);
    json_decref(first.body);
    json_decref(again.body);
    json_decref(other.body);
    assert_int_equal(e2e_end(d, SIGTERM), 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(a_killed_daemon_comes_to_every_cell_once, e2e_set_up, e2e_tear_down),
        cmocka_unit_test_setup_teardown(a_cancelled_sweep_is_resumed, e2e_set_up, e2e_tear_down),
        cmocka_unit_test_setup_teardown(a_method_can_have_settings_of_its_own, e2e_set_up, e2e_tear_down),
        cmocka_unit_test_setup_teardown(a_repeated_sweep_needs_no_room, e2e_set_up, e2e_tear_down),
        cmocka_unit_test_setup_teardown(nothing_is_queued_of_a_sweep_with_one_fault, e2e_set_up, e2e_tear_down),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
