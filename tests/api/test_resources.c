/* SPDX-License-Identifier: MIT */
/* test_resources.c — data sets, jobs, models and methods: what is read, what is refused, what is passed on. */
#include "tests/api/fake_service.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static void methods_come_with_their_options(void **state)
{
    reply r = get(*state, "/methods");
    assert_status(&r, 200);
    json_t *items = json_object_get(r.json, "items");
    assert_int_equal(json_array_size(items), 2);
    json_t *options = json_object_get(json_array_get(items, 0), "options");
    static const char *const types[] = {"integer", "integer", "choice", "number", "integer", "choice", "integer",
                                        "number",  "number",  "number", "number", "boolean", "choice"};
    assert_int_equal(json_array_size(options), 13);
    for (size_t i = 0; i < 13; i++)
        assert_string_equal(json_string_value(json_object_get(json_array_get(options, i), "type")), types[i]);
    json_t *mode = json_array_get(options, 12);
    assert_string_equal(json_string_value(json_object_get(mode, "default")), "slow");
    assert_int_equal(json_array_size(json_object_get(mode, "choices")), 2);
    assert_non_null(strstr(r.body, "\"default\": 0.001,"));
    reply_free(&r);
}

static void lists_are_paged_by_an_opaque_cursor(void **state)
{
    static const char *const paths[] = {"/datasets", "/jobs", "/models", "/runs", "/experiments"};
    fake *f = *state;
    f->rows = 120;
    for (size_t i = 0; i < sizeof paths / sizeof *paths; i++) {
        char target[64];
        size_t seen = 0;
        reply r = get(f, paths[i]);
        assert_status(&r, 200);
        assert_int_equal(json_array_size(json_object_get(r.json, "items")), 50);
        for (int page = 0; page < 3; page++) {
            seen += json_array_size(json_object_get(r.json, "items"));
            const char *cursor = reply_text(&r, "next_cursor");
            if (!cursor)
                break;
            snprintf(target, sizeof target, "%s?limit=40&cursor=%s", paths[i], cursor);
            reply_free(&r);
            r = get(f, target);
            assert_status(&r, 200);
        }
        assert_int_equal(seen, 120);
        assert_true(json_is_null(json_object_get(r.json, "next_cursor")));
        reply_free(&r);
    }
}

static void limits_and_cursors_out_of_range_are_400(void **state)
{
    static const char *const bad[] = {
        "limit=0", "limit=501", "limit=x", "limit=", "cursor=x", "cursor=", "limit=1&limit=2", "nonsense=1"};
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) {
        char target[64];
        snprintf(target, sizeof target, "/runs?%s", bad[i]);
        reply r = get(*state, target);
        assert_problem(&r, 400, "");
        reply_free(&r);
    }
}

static void single_things_are_found_or_404(void **state)
{
    static const char *const good[] = {"/datasets/digits",          "/jobs/job-1",
                                       "/models/digits-ganomaly",   "/runs/run-1",
                                       "/experiments/experiment-1", "/experiments/experiment-1/table",
                                       "/datasets/%64igits",        "/models/digits-ganomaly/versions/2"};
    static const char *const bad[] = {"/datasets/none",
                                      "/jobs/none",
                                      "/models/none",
                                      "/runs/none",
                                      "/jobs/none/events",
                                      "/experiments/none",
                                      "/experiments/none/table",
                                      "/models/none/versions/1",
                                      "/models/digits-ganomaly/versions/none"};
    for (size_t i = 0; i < sizeof good / sizeof *good; i++) {
        reply r = get(*state, good[i]);
        assert_status(&r, 200);
        reply_free(&r);
    }
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) {
        reply r = get(*state, bad[i]);
        assert_problem(&r, 404, "none");
        reply_free(&r);
    }
    reply r = get(*state, "/datasets/a%00b");
    assert_problem(&r, 404, "nothing at");
    reply_free(&r);
}

static void a_data_set_tells_its_classes_and_time(void **state)
{
    reply r = get(*state, "/datasets/digits");
    assert_string_equal(reply_text(&r, "created"), "2023-11-14T22:13:20.123Z");
    assert_int_equal(json_integer_value(json_object_get(json_object_get(r.json, "images"), "train")), 21);
    assert_int_equal(json_integer_value(json_object_get(json_object_get(r.json, "image"), "width")), 27);
    reply_free(&r);
}

static void a_job_tells_how_far_its_test_is(void **state)
{
    reply r = get(*state, "/jobs/job-1");
    const json_t *progress = json_object_get(r.json, "progress");
    assert_int_equal(json_integer_value(json_object_get(progress, "scored")), 3);
    assert_int_equal(json_integer_value(json_object_get(progress, "to_score")), 8);
    reply_free(&r);
}

static void a_model_lists_its_versions_newest_first(void **state)
{
    reply r = get(*state, "/models/digits-ganomaly");
    json_t *versions = json_object_get(r.json, "versions");
    assert_int_equal(json_array_size(versions), 3);
    assert_int_equal(json_integer_value(json_array_get(versions, 0)), 3);
    assert_true(json_is_null(json_object_get(r.json, "threshold")));
    reply_free(&r);
}

static void an_older_version_is_told_of(void **state)
{
    reply r = get(*state, "/models/digits-ganomaly/versions/2");
    assert_int_equal(json_integer_value(json_object_get(r.json, "version")), 2);
    assert_int_equal(json_array_size(json_object_get(r.json, "versions")), 3);
    reply_free(&r);
    static const char *const bad[] = {"0", "01", "-1", "2x", "1234567890"};
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) {
        char path[64];
        snprintf(path, sizeof path, "/models/digits-ganomaly/versions/%s", bad[i]);
        r = get(*state, path);
        assert_problem(&r, 404, "is no version");
        reply_free(&r);
    }
}

static void a_data_set_is_imported_from_a_path(void **state)
{
    fake *f = *state;
    f->defer = true;
    client *c = client_open(f);
    client_say(c, "POST /datasets HTTP/1.1\r\nHost: a\r\nContent-Type: application/json\r\nContent-Length: 34\r\n\r\n"
                  "{\"name\": \"digits\", \"path\": \"/d/m\"}");
    fake_until(f, f->dataset_done);
    assert_string_equal(f->import_source, "/d/m");
    assert_false(f->import_uploaded);
    fake_answer(f);
    reply r = client_read(c, false);
    assert_status(&r, 201);
    assert_string_equal(reply_header(&r, "Location"), "/datasets/digits");
    reply_free(&r);
    client_close(c);
}

static void an_import_goes_on_when_its_client_leaves(void **state)
{
    fake *f = *state;
    f->defer = true;
    client *c = client_open(f);
    client_say(c, "POST /datasets HTTP/1.1\r\nHost: a\r\nContent-Type: application/json\r\nContent-Length: 34\r\n\r\n"
                  "{\"name\": \"digits\", \"path\": \"/d/m\"}");
    fake_until(f, f->dataset_done);
    client_close(c);
    fake_until(f, server_busy(f->server) == 0);
    assert_non_null(f->dataset_done);
    fake_answer(f); /* late, and harmless */
}

static void imports_that_cannot_be_say_why(void **state)
{
    fake *f = *state;
    reply r = post_json(f, "/datasets", "{\"name\": \"Bad Name\", \"paht\": \"/x\"}");
    assert_problem(&r, 422, "");
    assert_true(has_error(&r, "/paht", "unknown key 'paht'; accepted: name, path"));
    assert_true(has_error(&r, "/path", "missing"));
    assert_true(has_error(&r, "/name", "Bad Name"));
    reply_free(&r);
    error_set(&f->failure, ERROR_CONFLICT, "there is a data set 'digits' already");
    r = post_json(f, "/datasets", "{\"name\": \"digits\", \"path\": \"/x\"}");
    assert_problem(&r, 409, "already");
    reply_free(&r);
    error_set(&f->failure, ERROR_NOT_FOUND, "/x: no such file");
    r = post_json(f, "/datasets", "{\"name\": \"digits\", \"path\": \"/x\"}");
    assert_problem(&r, 422, "no such file");
    reply_free(&r);
    r = post_json(f, "/datasets?name=a", "{\"name\": \"digits\", \"path\": \"/x\"}");
    assert_problem(&r, 400, "body");
    reply_free(&r);
    r = post_json(f, "/datasets", "[1]");
    assert_problem(&r, 422, "expected an object");
    reply_free(&r);
}

static void an_upload_is_spooled_whole(void **state)
{
    fake *f = *state;
    enum { SIZE = 3 * 1024 * 1024 + 17 };
    char *bytes = malloc(SIZE);
    for (size_t i = 0; i < SIZE; i++)
        bytes[i] = (char)(i * 7 / 3);
    reply r = ask(f, "POST", "/datasets?name=digits", "Content-Type: application/zip\r\n", bytes, SIZE);
    assert_status(&r, 201);
    assert_true(f->import_uploaded);
    assert_string_equal(f->import_name, "digits");
    assert_int_equal(f->import_size, SIZE);
    assert_int_equal(f->import_sum, fake_sum(bytes, SIZE, 0));
    reply_free(&r);
    free(bytes);
}

static void an_upload_needs_a_name_and_leaves_nothing_behind(void **state)
{
    fake *f = *state;
    reply r = ask(f, "POST", "/datasets", "Content-Type: application/x-tar\r\n", "abc", 3);
    assert_problem(&r, 400, "?name=");
    assert_int_equal(f->imports, 0);
    reply_free(&r); /* the fake checks that its folder is empty at the end */
}

static void an_upload_whose_client_leaves_is_removed(void **state)
{
    fake *f = *state;
    enum { SIZE = 2 * 1024 * 1024 };
    char *bytes = calloc(1, SIZE);
    client *c = client_open(f);
    client_say(c, "POST /datasets?name=d HTTP/1.1\r\nHost: a\r\nContent-Type: application/gzip\r\n"
                  "Content-Length: 9000000\r\n\r\n");
    client_send(c, bytes, SIZE);
    client_close(c);
    fake_until(f, server_busy(f->server) == 0 && f->pool_count == 0);
    assert_int_equal(f->imports, 0);
    free(bytes);
}

static void draining_ends_an_upload_that_is_being_written(void **state)
{
    fake *f = *state;
    enum { SIZE = 1024 * 1024 };
    char *bytes = calloc(1, SIZE);
    f->pool_held = true;
    client *c = client_open(f);
    client_say(c, "POST /datasets?name=d HTTP/1.1\r\nHost: a\r\nContent-Type: application/gzip\r\n"
                  "Content-Length: 1048577\r\n\r\n");
    client_send(c, bytes, SIZE);
    fake_until(f, f->pool_count == 1);
    server_drain(f->server);
    f->pool_held = false;
    client_send(c, bytes, 1);
    reply r = client_read(c, false);
    assert_problem(&r, 503, "stopping");
    assert_int_equal(f->imports, 0);
    reply_free(&r);
    client_close(c);
    free(bytes);
}

static void an_upload_to_a_broken_disk_is_500(void **state)
{
    fake *f = *state;
    char kept[sizeof f->directory];
    memcpy(kept, f->directory, sizeof kept);
    snprintf(f->directory, sizeof f->directory, "/proc/none");
    reply r = ask(f, "POST", "/datasets?name=d", "Content-Type: application/zip\r\n", "abc", 3);
    assert_status(&r, 500);
    assert_int_equal(f->imports, 0);
    memcpy(f->directory, kept, sizeof kept);
    reply_free(&r);
}

static void a_job_is_queued_with_every_field(void **state)
{
    fake *f = *state;
    static const char body[] =
        "{\"kind\": \"train\", \"method\": \"toy\", \"dataset\": \"digits\", \"protocol\": \"one-vs-rest\", "
        "\"class\": 8, \"seed\": 12, \"hyperparameters\": {\"epochs\": 3, \"rate\": 0.5, \"flip\": false, "
        "\"mode\": \"fast\"}, \"model\": \"m.1\", \"held_out\": 0.2, \"test_images\": 500, "
        "\"trace\": true}";
    reply r = ask(f, "POST", "/jobs", "Content-Type: application/json; charset=utf-8\r\nIdempotency-Key: k-1\r\n", body,
                  sizeof body - 1);
    assert_status(&r, 202);
    assert_string_equal(reply_header(&r, "Location"), "/jobs/job-1");
    assert_string_equal(f->key, "k-1");
    assert_string_equal(f->spec.subject.method, "toy");
    assert_string_equal(f->spec.subject.protocol, "one-vs-rest");
    assert_string_equal(f->spec.subject.class_name, "8");
    assert_string_equal(f->spec.model, "m.1");
    assert_int_equal(f->spec.subject.seed, 12);
    assert_true(f->spec.trace && f->spec.subject.held_out == 0.2 && f->spec.subject.test_images == 500);
    json_t *given = json_loads(f->spec.hyperparameters, 0, NULL);
    assert_int_equal(json_integer_value(json_object_get(given, "epochs")), 3);
    assert_int_equal(json_object_size(given), 4);
    json_decref(given);
    reply_free(&r);
}

static void a_job_has_sensible_presets(void **state)
{
    fake *f = *state;
    reply r = post_json(f, "/jobs", "{\"method\": \"toy\", \"dataset\": \"digits\", \"class\": \"eight\"}");
    assert_status(&r, 202);
    assert_string_equal(f->spec.subject.protocol, "one-class");
    assert_string_equal(f->spec.subject.class_name, "eight");
    assert_string_equal(f->spec.model, "digits-toy");
    assert_string_equal(f->spec.hyperparameters, "{}");
    assert_true(f->spec.subject.seed == 0 && f->spec.subject.held_out == 0.1 && f->spec.subject.test_images == 0 &&
                !f->spec.trace);
    assert_string_equal(f->key, "");
    reply_free(&r);
}

static void every_fault_of_a_job_is_told_at_once(void **state)
{
    fake *f = *state;
    reply r = post_json(
        f, "/jobs",
        "{\"method\": \"toy\", \"dataset\": \"Digits\", \"protocol\": \"two-class\", \"sed\": 1, \"seed\": -1, "
        "\"held_out\": 0.9, \"test_images\": 19, \"trace\": 1, \"hyperparameters\": {\"epoch\": 3, \"epochs\": 0, "
        "\"batch\": \"8\", "
        "\"mode\": \"medium\", \"flip\": 1, \"a/b~c\": 0}}");
    assert_problem(&r, 422, "");
    assert_true(has_error(&r, "/sed", "unknown key 'sed'; accepted: kind, method"));
    assert_true(has_error(&r, "/dataset", "Digits"));
    assert_true(has_error(&r, "/protocol", "two-class"));
    assert_true(has_error(&r, "/seed", "-1 is not in 0 ..."));
    assert_true(has_error(&r, "/held_out", "0.9"));
    assert_true(has_error(&r, "/test_images", "19 is neither 0, for all, nor at least 20"));
    assert_true(has_error(&r, "/trace", "expected true or false"));
    assert_true(
        has_error(&r, "/hyperparameters/epoch",
                  "unknown hyperparameter 'epoch'; toy takes: epochs, batch, selection, average_decay, members, "
                  "refine, collapse_steps, collapse_won, collapse_lost, collapse_spread, rate"));
    assert_true(has_error(&r, "/hyperparameters/epochs", "0"));
    assert_true(has_error(&r, "/hyperparameters/batch", "expected an integer"));
    assert_true(has_error(&r, "/hyperparameters/mode", "medium"));
    assert_true(has_error(&r, "/hyperparameters/flip", "expected true or false"));
    assert_true(has_error(&r, "/hyperparameters/a~1b~0c", "unknown"));
    assert_int_equal(f->submits, 0);
    reply_free(&r);
}

static void job_bodies_that_cannot_be_are_refused(void **state)
{
    static const struct {
        const char *body, *detail;
        int status;
    } cases[] = {
        {"{", "not JSON", 400},
        {"{\"method\": \"toy\", \"method\": \"toy\"}", "duplicate", 400},
        {"{\"a\": [[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[1]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]}", "nests deeper", 400},
        {"7", "expected an object", 422},
        {"{}", "missing", 422},
        {"{\"method\": \"gan\", \"dataset\": \"d\", \"class\": 1}", "unknown method 'gan'; there are: toy, plain", 422},
        {"{\"method\": \"toy\", \"dataset\": \"d\"}", "/class: is missing", 422},
        {"{\"method\": \"toy\", \"dataset\": \"d\", \"class\": \"\"}", "class's name", 422},
        {"{\"method\": \"toy\", \"dataset\": \"d\", \"class\": true}", "class's name", 422},
        {"{\"method\": \"toy\", \"dataset\": \"d\", \"protocol\": \"unlabelled\", \"class\": 1}", "no meaning", 422},
        {"{\"method\": \"toy\", \"dataset\": \"d\", \"class\": 1, \"kind\": \"test\"}", "'test' is not 'train'", 422},
        {"{\"method\": \"plain\", \"dataset\": \"d\", \"class\": 1, \"hyperparameters\": []}", "an object", 422},
        {"{\"method\": \"toy\", \"dataset\": \"d\", \"class\": 1, \"seed\": 9007199254740992}", "is not in", 422},
        {"{\"method\": \"toy\", \"dataset\": \"d\", \"class\": 1, \"seed\": 1.5}", "expected an integer", 422},
        {"{\"method\": \"toy\\u0000\", \"dataset\": \"d\", \"class\": 1}", "", 400},
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        reply r = post_json(*state, "/jobs", cases[i].body);
        assert_problem(&r, cases[i].status, cases[i].detail);
        reply_free(&r);
    }
    assert_int_equal(((fake *)*state)->submits, 0);
}

static void faults_only_the_service_sees_are_422_409_429_and_503(void **state)
{
    static const struct {
        enum error_code code;
        int status;
    } cases[] = {{ERROR_NOT_FOUND, 422}, {ERROR_INVALID, 422},   {ERROR_UNSUPPORTED, 422}, {ERROR_CONFLICT, 409},
                 {ERROR_BUSY, 429},      {ERROR_CANCELLED, 503}, {ERROR_IO, 500},          {ERROR_MEMORY, 503}};
    fake *f = *state;
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        error_set(&f->failure, cases[i].code, "because %d", cases[i].status);
        reply r = post_json(f, "/jobs", "{\"method\": \"toy\", \"dataset\": \"d\", \"class\": 1}");
        assert_problem(&r, cases[i].status, "because");
        reply_free(&r);
    }
}

static void bodies_of_other_types_and_sizes_are_refused_everywhere(void **state)
{
    static const char *const paths[] = {"/datasets", "/jobs", "/experiments", "/runs"};
    for (size_t i = 0; i < sizeof paths / sizeof *paths; i++) {
        reply r = ask(*state, "POST", paths[i], "Content-Type: text/plain\r\n", "x", 1);
        assert_problem(&r, 415, "text/plain");
        reply_free(&r);
        r = ask(*state, "POST", paths[i], "Content-Type: application/json\r\nContent-Length: 2000000000\r\n", NULL, 0);
        assert_problem(&r, 413, "2000000000 bytes");
        reply_free(&r);
    }
}

static void idempotency_keys_are_checked(void **state)
{
    static const char body[] = "{\"method\": \"toy\", \"dataset\": \"d\", \"class\": 1}";
    reply r = ask(*state, "POST", "/jobs", "Content-Type: application/json\r\nIdempotency-Key: a b\r\n", body,
                  sizeof body - 1);
    assert_problem(&r, 400, "Idempotency-Key");
    reply_free(&r);
}

static void a_job_is_cancelled_by_delete(void **state)
{
    fake *f = *state;
    f->state = JOB_CANCELLING;
    reply r = ask(f, "DELETE", "/jobs/job-1", "", NULL, 0);
    assert_status(&r, 202);
    assert_string_equal(reply_text(&r, "state"), "cancelling");
    reply_free(&r);
    r = ask(f, "DELETE", "/jobs/none", "", NULL, 0);
    assert_problem(&r, 404, "none");
    reply_free(&r);
    error_set(&f->failure, ERROR_CONFLICT, "it has ended");
    r = ask(f, "DELETE", "/jobs/job-1", "", NULL, 0);
    assert_problem(&r, 409, "ended");
    reply_free(&r);
}

static void a_job_whose_client_leaves_is_still_submitted(void **state)
{
    fake *f = *state;
    static const char body[] = "{\"method\": \"toy\", \"dataset\": \"d\", \"class\": 1}";
    char head[256];
    f->defer = true;
    client *c = client_open(f);
    snprintf(head, sizeof head,
             "POST /jobs HTTP/1.1\r\nHost: a\r\nContent-Type: application/json\r\nContent-Length: %zu\r\n\r\n%s",
             sizeof body - 1, body);
    client_say(c, head);
    fake_until(f, f->job_done);
    client_close(c);
    fake_until(f, server_busy(f->server) == 0);
    fake_answer(f);
    assert_int_equal(f->submits, 1);
}

static void job_lists_refuse_unknown_states(void **state)
{
    reply r = get(*state, "/jobs?state=running&method=kde&dataset=d");
    assert_status(&r, 200);
    reply_free(&r);
    r = get(*state, "/jobs?state=sleeping");
    assert_problem(&r, 400, "'sleeping' is not one of queued");
    reply_free(&r);
}

int main(void)
{
#define CASE(name) cmocka_unit_test_setup_teardown(name, fake_set_up, fake_tear_down)
    const struct CMUnitTest tests[] = {
        CASE(methods_come_with_their_options),
        CASE(lists_are_paged_by_an_opaque_cursor),
        CASE(limits_and_cursors_out_of_range_are_400),
        CASE(single_things_are_found_or_404),
        CASE(a_data_set_tells_its_classes_and_time),
        CASE(a_job_tells_how_far_its_test_is),
        CASE(a_model_lists_its_versions_newest_first),
        CASE(an_older_version_is_told_of),
        CASE(a_data_set_is_imported_from_a_path),
        CASE(an_import_goes_on_when_its_client_leaves),
        CASE(imports_that_cannot_be_say_why),
        CASE(an_upload_is_spooled_whole),
        CASE(an_upload_needs_a_name_and_leaves_nothing_behind),
        CASE(an_upload_whose_client_leaves_is_removed),
        CASE(draining_ends_an_upload_that_is_being_written),
        CASE(an_upload_to_a_broken_disk_is_500),
        CASE(a_job_is_queued_with_every_field),
        CASE(a_job_has_sensible_presets),
        CASE(every_fault_of_a_job_is_told_at_once),
        CASE(job_bodies_that_cannot_be_are_refused),
        CASE(faults_only_the_service_sees_are_422_409_429_and_503),
        CASE(bodies_of_other_types_and_sizes_are_refused_everywhere),
        CASE(idempotency_keys_are_checked),
        CASE(a_job_is_cancelled_by_delete),
        CASE(a_job_whose_client_leaves_is_still_submitted),
        CASE(job_lists_refuse_unknown_states),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
