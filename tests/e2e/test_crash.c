/* SPDX-License-Identifier: MIT */
/* test_crash.c — what was accepted is finished, whoever is killed, and to the same weights. */
#include "e2e.h"

#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stdint.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cmocka.h>

enum { STEPS_BEFORE = 10 /* of training before somebody is killed */ };

/* The weights of an uninterrupted E2E_LONG, made by the first test that asks. */
static const char *undisturbed(e2e *d)
{
    static char digest[65];
    if (!digest[0]) {
        E2E_START(d, "--checkpoint", "3600");
        e2e_import(d);
        json_t *job = e2e_await(d, e2e_submit(d, E2E_LONG).text);
        e2e_digest(d, job, digest);
        json_decref(job);
        assert_int_equal(e2e_end(d, SIGTERM), 0);
    }
    return digest;
}

static void begin(e2e *d)
{
    E2E_START(d, "--checkpoint", "0");
    reply there = e2e_get(d, "/datasets/digits");
    json_decref(there.body);
    if (there.status == 404)
        e2e_import(d);
}

/* Awaits the job and checks that it came to the undisturbed weights at a later attempt. */
static void expect_same_weights(e2e *d, const char *id, const char *expected)
{
    char digest[65];
    json_t *job = e2e_await(d, id);
    e2e_digest(d, job, digest);
    assert_string_equal(digest, expected);
    assert_int_equal(json_integer_value(json_object_get(job, "attempt")), 2);
    json_decref(job);
}

static void a_killed_worker_is_replaced_and_goes_on(void **state)
{
    e2e *d = *state;
    const char *expected = undisturbed(d);
    begin(d);
    job_id id = e2e_submit(d, E2E_LONG);
    e2e_await_checkpoint(d, id.text, STEPS_BEFORE);
    kill(e2e_worker(d), SIGKILL);
    expect_same_weights(d, id.text, expected);
    assert_int_equal(e2e_end(d, SIGTERM), 0);
}

static void a_killed_daemon_keeps_what_it_made_and_finishes_what_it_accepted(void **state)
{
    e2e *d = *state;
    const char *expected = undisturbed(d);
    begin(d);
    job_id done = e2e_submit(d, E2E_SHORT);
    json_t *before = e2e_await(d, done.text);
    job_id running = e2e_submit(d, E2E_LONG), waiting = e2e_submit(d, E2E_SHORT);
    e2e_await_checkpoint(d, running.text, STEPS_BEFORE);
    int status = e2e_end(d, SIGKILL);
    assert_true(WIFSIGNALED(status));

    begin(d);
    expect_same_weights(d, running.text, expected);
    json_t *late = e2e_await(d, waiting.text);
    assert_string_equal(text_of(late, "state"), "succeeded");
    assert_int_equal(json_integer_value(json_object_get(late, "version")), 2);
    json_t *after = e2e_await(d, done.text);
    assert_true(json_equal(before, after));
    json_decref(before);
    json_decref(after);
    json_decref(late);
    reply models = e2e_get(d, "/models");
    assert_int_equal(json_array_size(json_object_get(models.body, "items")), 2);
    json_decref(models.body);
    assert_int_equal(e2e_end(d, SIGTERM), 0);
}

static void an_interrupted_job_goes_on_before_younger_ones(void **state)
{
    e2e *d = *state;
    E2E_START(d, "--checkpoint", "0", "--workers", "1");
    e2e_import(d);
    job_id older = e2e_submit(d, E2E_LONG), younger = e2e_submit(d, E2E_SHORT);
    e2e_await_checkpoint(d, older.text, 1);
    e2e_end(d, SIGKILL);
    E2E_START(d, "--checkpoint", "0", "--workers", "1");
    e2e_await_attempt(d, older.text, 2);
    char path[128];
    snprintf(path, sizeof path, "/jobs/%s", younger.text);
    reply waits = e2e_get(d, path);
    json_t *job = e2e_await(d, younger.text);
    assert_int_equal(json_integer_value(json_object_get(waits.body, "attempt")), 0);
    assert_string_equal(text_of(job, "state"), "succeeded");
    json_decref(waits.body);
    json_decref(job);
    assert_int_equal(e2e_end(d, SIGTERM), 0);
}

static void a_stopped_daemon_puts_its_job_back_and_goes_on_with_it(void **state)
{
    e2e *d = *state;
    const char *expected = undisturbed(d);
    begin(d);
    job_id id = e2e_submit(d, E2E_LONG);
    e2e_await_checkpoint(d, id.text, STEPS_BEFORE);
    kill(e2e_worker(d), SIGINT); /* a terminal's Ctrl-C goes to both: the worker waits for the daemon's word */
    assert_int_equal(e2e_end(d, SIGINT), 0);

    begin(d);
    expect_same_weights(d, id.text, expected);
    assert_int_equal(e2e_end(d, SIGTERM), 0);
}

/* Twice killed without a checkpoint in between is bad luck; thrice is a job that kills its workers. */
static void a_job_whose_workers_keep_dying_fails_with_their_obituary(void **state)
{
    e2e *d = *state;
    E2E_START(d, "--checkpoint", "3600");
    e2e_import(d);
    job_id id = e2e_submit(d, E2E_LONG);
    for (int attempt = 1; attempt <= 3; attempt++) {
        e2e_await_attempt(d, id.text, attempt);
        kill(e2e_worker(d), SIGKILL);
    }
    json_t *job = e2e_await(d, id.text);
    assert_string_equal(text_of(job, "state"), "failed");
    assert_int_equal(json_integer_value(json_object_get(job, "attempt")), 3);
    assert_non_null(strstr(text_of(job, "failure"), "signal 9"));
    json_decref(job);
    /* The next job is none the worse for it. */
    job = e2e_await(d, e2e_submit(d, E2E_SHORT).text);
    assert_string_equal(text_of(job, "state"), "succeeded");
    json_decref(job);
    assert_int_equal(e2e_end(d, SIGTERM), 0);
}

/* ---- a full disk, for which a limit on files stands */

static void limit_files(pid_t pid, rlim_t bytes)
{
    struct rlimit l = {.rlim_cur = bytes, .rlim_max = RLIM_INFINITY};
    assert_int_equal(prlimit(pid, RLIMIT_FSIZE, &l, NULL), 0);
}

static bool says(void *context, const char *type, json_t *data)
{
    return !strcmp(type, "log") && strstr(text_of(data, "message"), context);
}

/* A job that has made its first steps. */
static job_id begin_small(e2e *d)
{
    begin(d);
    job_id id = e2e_submit(d, "\"method\": \"ganomaly\", \"model\": \"small\", \"seed\": 7, \"hyperparameters\": {"
                              "\"epochs\": " TURNS("10", "2") ", \"width\": 4, \"latent\": 8, \"batch\": 32}");
    e2e_await_checkpoint(d, id.text, 2);
    return id;
}

static void expect_success(e2e *d, const char *id, int attempt)
{
    json_t *job = e2e_await(d, id);
    assert_string_equal(text_of(job, "state"), "succeeded");
    assert_int_equal(json_integer_value(json_object_get(job, "attempt")), attempt);
    json_decref(job);
    assert_int_equal(e2e_end(d, SIGTERM), 0);
}

static void a_full_disk_costs_an_attempt_and_no_job(void **state)
{
    e2e *d = *state;
    job_id id = begin_small(d);
    limit_files(d->pid, 1);
    limit_files(e2e_worker(d), 1);
    e2e_follow(d, id.text, says, "could not go on");
    limit_files(d->pid, RLIM_INFINITY);
    expect_success(d, id.text, 2);
}

static void a_result_that_the_registry_cannot_take_is_kept_until_it_can(void **state)
{
    e2e *d = *state;
    job_id id = begin_small(d);
    limit_files(d->pid, 1);
    e2e_follow(d, id.text, says, "tried again");
    limit_files(d->pid, RLIM_INFINITY);
    expect_success(d, id.text, 1);
}

/* The discriminator is left to win: the job ends, its checkpoint from before that stays, also through a restart, and
 * the daemon goes on. */
static void a_job_that_collapses_fails_and_leaves_its_checkpoint(void **state)
{
    e2e *d = *state;
    begin(d);
    job_id id = e2e_submit(d, "\"method\": \"ganomaly\", \"model\": \"won\", \"seed\": 7, \"hyperparameters\": {"
                              "\"epochs\": 20, \"width\": 4, \"latent\": 8, \"batch\": 32, \"rate\": 0.002, "
                              "\"collapse\": 0, \"collapse_steps\": 8, \"collapse_won\": 0.5}");
    json_t *job = e2e_await(d, id.text);
    assert_string_equal(text_of(job, "state"), "failed");
    char kept[128], place[96];
    snprintf(place, sizeof place, "jobs/%s/kept", id.text);
    snprintf(kept, sizeof kept, "state/%s", place);
    const char *failure = text_of(job, "failure");
    if (!strstr(failure, "collapse_won") || !strstr(failure, "The checkpoint of step ") || !strstr(failure, place))
        fail_msg("%s", failure);
    json_decref(job);
    assert_int_equal(access(scratch_at(&d->folder, kept).text, R_OK), 0);

    job = e2e_await(d, e2e_submit(d, E2E_SHORT).text);
    assert_string_equal(text_of(job, "state"), "succeeded");
    json_decref(job);
    assert_int_equal(e2e_end(d, SIGTERM), 0);
    begin(d);
    assert_int_equal(access(scratch_at(&d->folder, kept).text, R_OK), 0);
    assert_int_equal(e2e_end(d, SIGTERM), 0);
}

#define TEST(name_) cmocka_unit_test_setup_teardown(name_, e2e_set_up, e2e_tear_down)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(a_killed_worker_is_replaced_and_goes_on),
        TEST(a_killed_daemon_keeps_what_it_made_and_finishes_what_it_accepted),
        TEST(an_interrupted_job_goes_on_before_younger_ones),
        TEST(a_stopped_daemon_puts_its_job_back_and_goes_on_with_it),
        TEST(a_job_whose_workers_keep_dying_fails_with_their_obituary),
        TEST(a_full_disk_costs_an_attempt_and_no_job),
        TEST(a_result_that_the_registry_cannot_take_is_kept_until_it_can),
        TEST(a_job_that_collapses_fails_and_leaves_its_checkpoint),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
