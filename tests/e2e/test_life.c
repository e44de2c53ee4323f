/* SPDX-License-Identifier: MIT */
/* test_life.c — the whole path through the real program: import, train, score, read; and what it refuses. */
#include "e2e.h"

#include <dirent.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stdint.h>

#include <cmocka.h>

/* Scores a PNG of the test data by a model; the first result is borrowed from *r. */
static json_t *score(const e2e *d, const char *name, const char *model, reply *r)
{
    char path[512], url[128];
    snprintf(path, sizeof path, "%s/png/%s", getenv("ANOMALYD_TEST_DATA"), name);
    snprintf(url, sizeof url, "/score?model=%s", model);
    FILE *f = fopen(path, "rb");
    assert_non_null(f);
    char bytes[8192];
    size_t size = fread(bytes, 1, sizeof bytes, f);
    fclose(f);
    *r = e2e_ask(d, &(ask){.verb = "POST", .path = url, .type = "image/png", .bytes = bytes, .size = size});
    return json_array_get(json_object_get(r->body, "results"), 0);
}

static void a_data_set_becomes_a_model_that_scores(void **state)
{
    e2e *d = *state;
    e2e_start(d, NULL);
    e2e_import(d);
    json_t *job = e2e_await(d, e2e_submit(d, E2E_SHORT).text);
    assert_string_equal(text_of(job, "state"), "succeeded");
    assert_int_equal(json_integer_value(json_object_get(job, "version")), 1);

    reply runs = e2e_get(d, "/runs?method=pca&class=3");
    json_t *run = json_array_get(json_object_get(runs.body, "items"), 0);
    assert_string_equal(text_of(run, "id"), text_of(job, "run"));
    double auroc = json_real_value(json_object_get(run, "auroc"));
    assert_true(auroc > 0.85 && auroc < 1);
    assert_true(json_real_value(json_object_get(run, "auroc_low")) < auroc);

    reply first, again;
    json_t *result = score(d, "grey.png", "short", &first), *same = score(d, "grey.png", "short:1", &again);
    assert_int_equal(first.status, 200);
    assert_true(json_is_real(json_object_get(result, "score")));
    assert_true(json_equal(result, same));
    reply models = e2e_get(d, "/models/short");
    assert_int_equal(models.status, 200);
    assert_true(json_is_true(json_object_get(models.body, "resident")));
    assert_true(json_integer_value(json_object_get(models.body, "resident_bytes")) > 0);

    json_decref(models.body);
    json_decref(first.body);
    json_decref(again.body);
    json_decref(runs.body);
    json_decref(job);
    assert_int_equal(e2e_end(d, SIGTERM), 0);
}

static void a_job_may_test_on_a_part(void **state)
{
    e2e *d = *state;
    e2e_start(d, NULL);
    e2e_import(d);
    json_t *job = e2e_await(d, e2e_submit(d, E2E_SHORT ", \"test_images\": 100").text);
    assert_int_equal(json_integer_value(json_object_get(job, "test_images")), 100);
    char path[128];
    snprintf(path, sizeof path, "/runs/%s", text_of(job, "run"));
    reply run = e2e_get(d, path);
    assert_int_equal(json_integer_value(json_object_get(run.body, "test_images")), 100);
    json_t *images = json_object_get(run.body, "images");
    assert_int_equal(json_integer_value(json_object_get(images, "test_normals")) +
                         json_integer_value(json_object_get(images, "test_anomalies")),
                     100);
    json_decref(run.body);
    json_decref(job);
    assert_int_equal(e2e_end(d, SIGTERM), 0);
}

static void expect(reply r, long status, const char *words)
{
    if (r.status != status || !strstr(text_of(r.body, "detail"), words))
        fail_msg("%ld, \"%s\" instead of %ld with \"%s\"", r.status, text_of(r.body, "detail"), status, words);
    json_decref(r.body);
}

/* Trains a method, with more fields, and keeps the id of its run. */
static void run_of(const e2e *d, const char *method, const char *rest, char run[64])
{
    char fields[256];
    snprintf(fields, sizeof fields, "\"method\": \"%s\", \"model\": \"%s\"%s", method, method, rest);
    json_t *job = e2e_await(d, e2e_submit(d, fields).text);
    assert_string_equal(text_of(job, "state"), "succeeded");
    snprintf(run, 64, "%s", text_of(job, "run"));
    json_decref(job);
}

static reply compare(const e2e *d, const char *a, const char *b)
{
    char path[256];
    snprintf(path, sizeof path, "/compare?a=%s&b=%s", a, b);
    return e2e_get(d, path);
}

static double auroc_of(json_t *side)
{
    return json_real_value(json_object_get(side, "auroc"));
}

static void two_methods_are_compared_on_the_same_images(void **state)
{
    e2e *d = *state;
    char pca[64], kde[64], cut[64], other[64];
    e2e_start(d, NULL);
    e2e_import(d);
    run_of(d, "pca", ", \"seed\": 1", pca);
    run_of(d, "kde", ", \"seed\": 2", kde);
    run_of(d, "pca", ", \"test_images\": 100, \"seed\": 1", cut);
    run_of(d, "pca", ", \"test_images\": 100, \"seed\": 2", other);
    e2e_end(d, SIGKILL);
    e2e_start(d, NULL);
    reply r = compare(d, pca, kde);
    assert_int_equal(r.status, 200);
    double difference = json_real_value(json_object_get(r.body, "difference"));
    double expected = auroc_of(json_object_get(r.body, "a")) - auroc_of(json_object_get(r.body, "b"));
    assert_true(difference != 0 && difference - expected < 1e-12 && expected - difference < 1e-12);
    double p = json_real_value(json_object_get(r.body, "p_value"));
    assert_true(p > 0 && p < 1);
    assert_true(json_real_value(json_object_get(r.body, "low")) < difference);
    assert_int_equal(json_integer_value(json_object_get(json_object_get(r.body, "images"), "normals")), 100);
    json_decref(r.body);
    expect(compare(d, cut, other), 409, "test_images 100 of seed 1 and 100 of seed 2");
    expect(compare(d, pca, cut), 409, "not tested on the same images");
    expect(compare(d, pca, "nobody"), 404, "nobody");
    assert_int_equal(e2e_end(d, SIGTERM), 0);
}

static int entries(const char *path)
{
    DIR *folder = opendir(path);
    assert_non_null(folder);
    int n = 0;
    for (struct dirent *entry; (entry = readdir(folder));)
        n += entry->d_name[0] != '.';
    closedir(folder);
    return n;
}

static reply cancel(const e2e *d, const char *id)
{
    char path[128];
    snprintf(path, sizeof path, "/jobs/%s", id);
    return e2e_ask(d, &(ask){.verb = "DELETE", .path = path});
}

static void a_running_job_is_cancelled(void **state)
{
    e2e *d = *state;
    E2E_START(d, "--checkpoint", "0");
    e2e_import(d);
    job_id id = e2e_submit(d, E2E_LONG);
    e2e_await_checkpoint(d, id.text, 1);
    pid_t worker = e2e_worker(d);
    reply r = cancel(d, id.text);
    assert_int_equal(r.status, 202);
    json_decref(r.body);
    json_t *job = e2e_await(d, id.text);
    assert_string_equal(text_of(job, "state"), "cancelled");
    assert_int_equal(kill(worker, 0), -1);
    json_decref(job);
    r = cancel(d, id.text);
    assert_int_equal(r.status, 409);
    json_decref(r.body);
    assert_int_equal(e2e_end(d, SIGTERM), 0);
    assert_int_equal(entries(scratch_at(&d->folder, "state/jobs").text), 0);
}

static void a_queued_job_is_cancelled_before_it_runs(void **state)
{
    e2e *d = *state;
    E2E_START(d, "--workers", "0");
    e2e_import(d);
    job_id id = e2e_submit(d, E2E_SHORT);
    reply r = cancel(d, id.text);
    assert_int_equal(r.status, 202);
    assert_string_equal(text_of(r.body, "state"), "cancelled");
    json_decref(r.body);
    json_t *job = e2e_await(d, id.text);
    assert_string_equal(text_of(job, "state"), "cancelled");
    assert_int_equal(json_integer_value(json_object_get(job, "attempt")), 0);
    json_decref(job);
    r = cancel(d, "01a20c37-d58e-7000-afd8-81af82c02cd5");
    assert_int_equal(r.status, 404);
    json_decref(r.body);
    assert_int_equal(e2e_end(d, SIGTERM), 0);
}

static void a_repeated_submission_is_one_job_also_after_a_kill(void **state)
{
    e2e *d = *state;
    static const char body[] = "{\"kind\": \"train\", \"method\": \"pca\", \"dataset\": \"digits\", \"protocol\": "
                               "\"one-class\", \"class\": \"3\", \"model\": \"m\"}";
    static const char other[] = "{\"kind\": \"train\", \"method\": \"pca\", \"dataset\": \"digits\", \"protocol\": "
                                "\"one-class\", \"class\": \"4\", \"model\": \"m\"}";
    ask a = {.verb = "POST",
             .path = "/jobs",
             .type = "application/json",
             .key = "k",
             .bytes = body,
             .size = sizeof body - 1};
    E2E_START(d, "--workers", "0");
    e2e_import(d);
    reply one = e2e_ask(d, &a);
    e2e_end(d, SIGKILL);
    E2E_START(d, "--workers", "0");
    reply two = e2e_ask(d, &a);
    a.bytes = other;
    a.size = sizeof other - 1;
    reply three = e2e_ask(d, &a);
    assert_int_equal(one.status, 202);
    assert_int_equal(two.status, 202);
    assert_string_equal(text_of(one.body, "id"), text_of(two.body, "id"));
    assert_int_equal(three.status, 409);
    reply jobs = e2e_get(d, "/jobs");
    assert_int_equal(json_array_size(json_object_get(jobs.body, "items")), 1);
    json_decref(jobs.body);
    json_decref(one.body);
    json_decref(two.body);
    json_decref(three.body);
    assert_int_equal(e2e_end(d, SIGTERM), 0);
}

static void what_cannot_be_done_is_refused_before_it_is_queued(void **state)
{
    e2e *d = *state;
    e2e_start(d, NULL);
    e2e_import(d);
    expect(e2e_post(d, "/datasets", "{\"name\": \"etc\", \"path\": \"/etc\"}"), 422, "import root");
    expect(e2e_post(d, "/datasets", "{\"name\": \"up\", \"path\": \"%s/../..\"}", getenv("ANOMALYD_TEST_DATA")), 422,
           "import root");
    expect(e2e_post(d, "/jobs",
                    "{\"kind\": \"train\", \"method\": \"pca\", \"dataset\": \"digits\", \"protocol\": \"one-class\", "
                    "\"class\": \"ten\", \"model\": \"m\"}"),
           422, "ten");
    expect(e2e_post(d, "/jobs",
                    "{\"kind\": \"train\", \"method\": \"pca\", \"dataset\": \"none\", \"protocol\": \"one-class\", "
                    "\"class\": \"3\", \"model\": \"m\"}"),
           422, "none");
    expect(e2e_post(d, "/jobs",
                    "{\"kind\": \"train\", \"method\": \"pca\", \"dataset\": \"digits\", \"protocol\": \"one-class\", "
                    "\"class\": \"3\", \"model\": \"m\", \"test_images\": 1001}"),
           422, "test_images: 1001 are more than the data set's 1000");
    reply r;
    score(d, "grey.png", "nobody", &r);
    expect(r, 404, "nobody");
    reply jobs = e2e_get(d, "/jobs");
    assert_int_equal(json_array_size(json_object_get(jobs.body, "items")), 0);
    json_decref(jobs.body);
    assert_int_equal(e2e_end(d, SIGTERM), 0);
}

static void a_job_that_needs_too_much_memory_says_so(void **state)
{
    e2e *d = *state;
    E2E_START(d, "--job-memory", "1");
    e2e_import(d);
    json_t *job = e2e_await(d, e2e_submit(d, E2E_LONG).text);
    assert_string_equal(text_of(job, "state"), "failed");
    assert_non_null(strstr(text_of(job, "failure"), "job-memory"));
    json_decref(job);
    assert_int_equal(e2e_end(d, SIGTERM), 0);
}

static void a_state_folder_has_one_daemon(void **state)
{
    e2e *d = *state;
    e2e_start(d, NULL);
    pid_t first = d->pid;
    assert_int_equal(e2e_run(d, NULL), 1);
    d->pid = first;
    reply r = e2e_get(d, "/healthz");
    assert_int_equal(r.status, 200);
    json_decref(r.body);
    assert_int_equal(e2e_end(d, SIGTERM), 0);
}

static void only_loopback_is_served(void **state)
{
    static const char *const flags[] = {"--listen", "0.0.0.0:0", NULL};
    assert_int_equal(e2e_run(*state, flags), 2);
}

static bool stop_it(void *context, const char *type, json_t *data)
{
    (void)type;
    (void)data;
    kill(((e2e *)context)->pid, SIGTERM);
    return false; /* goes on reading to the stream's end */
}

static void a_stop_ends_the_streams_of_events(void **state)
{
    e2e *d = *state;
    E2E_START(d, "--workers", "0");
    e2e_import(d);
    job_id id = e2e_submit(d, E2E_SHORT);
    e2e_follow(d, id.text, stop_it, d); /* returns, for the daemon ends the stream */
    assert_int_equal(e2e_end(d, 0), 0);
}

static void how_a_job_ended_is_told_after_a_restart_to_whoever_missed_it(void **state)
{
    e2e *d = *state;
    char path[128];
    e2e_start(d, NULL);
    e2e_import(d);
    job_id id = e2e_submit(d, E2E_SHORT);
    json_decref(e2e_await(d, id.text));
    assert_int_equal(e2e_end(d, SIGTERM), 0);
    e2e_start(d, NULL);
    snprintf(path, sizeof path, "/jobs/%s/events", id.text);
    static const struct {
        const char *since;
        long status;
    } asked[] = {{"1", 200}, {"2", 200}, {"1000", 204}};
    for (size_t i = 0; i < sizeof asked / sizeof *asked; i++) {
        reply r = e2e_ask(d, &(ask){.verb = "GET", .path = path, .since = asked[i].since});
        assert_int_equal(r.status, asked[i].status);
        json_decref(r.body);
    }
    assert_int_equal(e2e_end(d, SIGTERM), 0);
}

#define TEST(name_) cmocka_unit_test_setup_teardown(name_, e2e_set_up, e2e_tear_down)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(a_data_set_becomes_a_model_that_scores),
        TEST(a_job_may_test_on_a_part),
        TEST(two_methods_are_compared_on_the_same_images),
        TEST(a_running_job_is_cancelled),
        TEST(a_queued_job_is_cancelled_before_it_runs),
        TEST(a_repeated_submission_is_one_job_also_after_a_kill),
        TEST(what_cannot_be_done_is_refused_before_it_is_queued),
        TEST(a_job_that_needs_too_much_memory_says_so),
        TEST(a_state_folder_has_one_daemon),
        TEST(only_loopback_is_served),
        TEST(a_stop_ends_the_streams_of_events),
        TEST(how_a_job_ended_is_told_after_a_restart_to_whoever_missed_it),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
