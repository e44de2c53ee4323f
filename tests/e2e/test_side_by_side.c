/* SPDX-License-Identifier: MIT */
/* test_side_by_side.c — a daemon with presets divides the CPUs among jobs as they come and go, and no bit depends on
 * it. */
#include "e2e.h"

#include "base/machine.h"

#include <sched.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stdint.h>
#include <unistd.h>

#include <cmocka.h>

/* GANomaly, small, with so many epochs that it is there until it is cancelled. */
#define ENDLESS                                       \
    "\"method\": \"ganomaly\", \"model\": \"long\", " \
    "\"hyperparameters\": {\"epochs\": 10000, \"width\": 4, \"latent\": 8, \"batch\": 32}"

/* Leaves two CPUs to this process and what it starts; false: there is one only. */
static bool keep_two_cpus(void)
{
    cpu_set_t all, two;
    assert_int_equal(sched_getaffinity(0, sizeof all, &all), 0);
    CPU_ZERO(&two);
    for (size_t i = 0; i < CPU_SETSIZE && CPU_COUNT(&two) < 2; i++)
        if (CPU_ISSET(i, &all))
            CPU_SET(i, &two);
    assert_int_equal(sched_setaffinity(0, sizeof two, &two), 0);
    return machine_cpus() == 2;
}

static json_t *job_of(const e2e *d, const char *id)
{
    char path[96];
    snprintf(path, sizeof path, "/jobs/%s", id);
    reply r = e2e_get(d, path);
    assert_int_equal(r.status, 200);
    return r.body;
}

/* Until the running job has so many. */
static void await_threads(const e2e *d, const char *id, int threads)
{
    for (int found = -1; found != threads;) {
        json_t *job = job_of(d, id);
        assert_string_equal(text_of(job, "state"), "running");
        found = (int)json_integer_value(json_object_get(job, "threads"));
        json_decref(job);
        if (found != threads)
            usleep(10000);
    }
}

/* Awaits a job's end; what its run says. */
static int await_run(const e2e *d, const char *id, char digest[65])
{
    json_t *job = e2e_await(d, id);
    assert_string_equal(text_of(job, "state"), "succeeded");
    assert_true(json_is_null(json_object_get(job, "threads")));
    e2e_digest(d, job, digest);
    char path[96];
    snprintf(path, sizeof path, "/runs/%s", text_of(job, "run"));
    reply run = e2e_get(d, path);
    int threads = (int)json_integer_value(json_object_get(run.body, "threads"));
    json_decref(run.body);
    json_decref(job);
    return threads;
}

static void cancel(const e2e *d, const char *id)
{
    char path[96];
    snprintf(path, sizeof path, "/jobs/%s", id);
    json_decref(e2e_ask(d, &(ask){.verb = "DELETE", .path = path}).body);
    json_decref(e2e_await(d, id));
}

static bool hears_threads(void *context, const char *type, json_t *data)
{
    const int *threads = context;
    return !strcmp(type, "progress") && json_integer_value(json_object_get(data, "threads")) == *threads;
}

/* Until the worker itself says that it goes on with so many. For jobs that stay so: what was said before is not kept.
 */
static void hear_threads(const e2e *d, const char *id, int threads)
{
    e2e_follow(d, id, hears_threads, &threads);
}

static void jobs_share_the_cpus_and_no_bit_depends_on_it(void **state)
{
    e2e *d = *state;
    if (!keep_two_cpus())
        skip();
    E2E_START(d, "--workers", "auto", "--threads", "auto");
    e2e_import(d);
    job_id first = e2e_submit(d, ENDLESS);
    e2e_await_attempt(d, first.text, 1);
    hear_threads(d, first.text, 2);

    job_id beside_it = e2e_submit(d, ENDLESS);
    e2e_await_attempt(d, beside_it.text, 1);
    hear_threads(d, first.text, 1);
    hear_threads(d, beside_it.text, 1);
    cancel(d, beside_it.text);
    hear_threads(d, first.text, 2);

    job_id second = e2e_submit(d, E2E_LONG), third = e2e_submit(d, E2E_SHORT);
    json_t *waits = job_of(d, third.text);
    assert_string_equal(text_of(waits, "state"), "queued");
    json_decref(waits);
    e2e_await_attempt(d, second.text, 1);
    await_threads(d, first.text, 1);
    await_threads(d, second.text, 1);
    char beside[65], alone[65];
    assert_int_equal(await_run(d, second.text, beside), 1);

    /* Both others are gone: the first has all again. */
    json_decref(e2e_await(d, third.text));
    await_threads(d, first.text, 2);
    cancel(d, first.text);

    job_id again = e2e_submit(d, E2E_LONG);
    assert_int_equal(await_run(d, again.text, alone), 2);
    assert_string_equal(alone, beside);
    assert_int_equal(e2e_end(d, SIGTERM), 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(jobs_share_the_cpus_and_no_bit_depends_on_it, e2e_set_up, e2e_tear_down),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
