/* SPDX-License-Identifier: MIT */
/* test_bench_http.c — `anomalyd bench http` against the daemon: what it says it sent is what the daemon counted. */
#include "e2e.h"

#include <inttypes.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stdint.h>
#include <sys/wait.h>

#include <cmocka.h>

typedef struct said {
    int status;       /* of the program */
    json_t *report;   /* its line, or NULL */
    char words[2048]; /* on its standard error */
} said;

/* Runs the generator; `flags` are shell words. */
static said bench(const e2e *d, const char *url, const char *flags)
{
    said s = {0};
    char line[2048];
    scratch_path words = scratch_at(&d->folder, "words");
    int n =
        snprintf(line, sizeof line, "'%s' bench http %s %s 2>'%s'", getenv("ANOMALYD_BINARY"), url, flags, words.text);
    assert_true(n > 0 && (size_t)n < sizeof line);
    FILE *out = popen(line, "r");
    assert_non_null(out);
    s.report = json_loadf(out, JSON_DISABLE_EOF_CHECK, NULL);
    int status = pclose(out);
    assert_true(WIFEXITED(status));
    s.status = WEXITSTATUS(status);
    FILE *f = fopen(words.text, "r");
    assert_non_null(f);
    s.words[fread(s.words, 1, sizeof s.words - 1, f)] = 0;
    fclose(f);
    return s;
}

static said bench_samples(const e2e *d, const char *flags)
{
    char all[1024];
    int n = snprintf(all, sizeof all, "--images '%s/mnist-sample' --seconds 3600 --warm 0 %s",
                     getenv("ANOMALYD_TEST_DATA"), flags);
    assert_true(n > 0 && (size_t)n < sizeof all);
    return bench(d, d->url, all);
}

static double number(const said *s, const char *key)
{
    json_t *value = json_object_get(s->report, key);
    if (!json_is_number(value))
        fail_msg("%s is not a number", key);
    return json_number_value(value);
}

/* What the daemon has counted under a name of GET /metrics. */
static double counted(const e2e *d, const char *name)
{
    char line[512];
    snprintf(line, sizeof line, "curl -sS '%s/metrics'", d->url);
    FILE *out = popen(line, "r");
    assert_non_null(out);
    double value = 0;
    while (fgets(line, sizeof line, out))
        if (!strncmp(line, name, strlen(name)) && line[strlen(name)] == ' ')
            value = strtod(line + strlen(name), NULL);
    assert_int_equal(pclose(out), 0);
    return value;
}

static const char scored[] = "anomalyd_http_requests_total{route=\"/score\",method=\"POST\",code=\"200\"}",
                  unknown[] = "anomalyd_http_requests_total{route=\"/score\",method=\"POST\",code=\"404\"}",
                  images[] = "anomalyd_score_images_total";

static void start_with_model(e2e *d)
{
    e2e_start(d, NULL);
    e2e_import(d);
    json_t *job = e2e_await(d, e2e_submit(d, E2E_SHORT).text);
    assert_string_equal(text_of(job, "state"), "succeeded");
    json_decref(job);
}

static void assert_ordered(const said *s)
{
    static const char *const keys[] = {"p50_ms", "p90_ms", "p99_ms", "p999_ms", "max_ms"};
    double last = 0;
    for (size_t i = 0; i < sizeof keys / sizeof *keys; i++) {
        double value = number(s, keys[i]);
        if (!(value >= last && value > 0))
            fail_msg("%s is %g, below %g", keys[i], value, last);
        last = value;
    }
}

static void every_request_of_a_closed_loop_is_counted(void **state)
{
    e2e *d = *state;
    start_with_model(d);
    said s = bench_samples(d, "--model short:1 --connections 8 --requests 300");
    assert_int_equal(s.status, 0);
    assert_string_equal(s.words, "");
    assert_string_equal(text_of(s.report, "work"), "http-closed");
    assert_true(json_is_null(json_object_get(s.report, "rate")));
    assert_true(number(&s, "requests") == 300 && number(&s, "errors") == 0);
    assert_true(counted(d, scored) == 300 && counted(d, images) == 300);
    assert_true(number(&s, "images_per_batch") >= 1 && number(&s, "images_per_batch") <= 8);
    assert_true(number(&s, "client_cpu_s") > 0 && number(&s, "daemon_cpu_s") > 0);
    double expected = 300 / number(&s, "seconds");
    assert_true(number(&s, "requests_per_s") > 0.9 * expected && number(&s, "requests_per_s") < 1.1 * expected);
    assert_ordered(&s);
    json_decref(s.report);
    assert_int_equal(e2e_end(d, SIGTERM), 0);
}

static void every_request_that_was_due_is_counted(void **state)
{
    e2e *d = *state;
    start_with_model(d);
    said s = bench_samples(d, "--model short --connections 4 --requests 200 --rate 400");
    assert_int_equal(s.status, 0);
    assert_string_equal(text_of(s.report, "work"), "http-open");
    assert_true(number(&s, "requests") == 200 && number(&s, "errors") == 0);
    assert_true(counted(d, scored) == 200);
    /* The last is due 199/400 s after the first. */
    assert_true(number(&s, "seconds") > 0.49 && number(&s, "requests_per_s") < 410);
    assert_ordered(&s);
    json_decref(s.report);
    assert_int_equal(e2e_end(d, SIGTERM), 0);
}

static void several_images_go_in_a_request(void **state)
{
    e2e *d = *state;
    start_with_model(d);
    said s = bench_samples(d, "--model short --connections 4 --requests 20 --per-request 7");
    assert_int_equal(s.status, 0);
    assert_true(number(&s, "requests") == 20 && number(&s, "errors") == 0);
    assert_true(counted(d, scored) == 20 && counted(d, images) == 140);
    double ratio = number(&s, "images_per_s") / number(&s, "requests_per_s");
    assert_true(ratio > 6.9 && ratio < 7.1);
    json_decref(s.report);
    assert_int_equal(e2e_end(d, SIGTERM), 0);
}

static void requests_that_fail_are_counted_and_told(void **state)
{
    e2e *d = *state;
    e2e_start(d, NULL);
    said s = bench_samples(d, "--model nobody --connections 4 --requests 50");
    assert_int_equal(s.status, 1);
    assert_true(number(&s, "requests") == 50 && number(&s, "errors") == 50);
    assert_int_equal(json_integer_value(json_object_get(json_object_get(s.report, "error_kinds"), "HTTP 404")), 50);
    assert_true(json_is_null(json_object_get(s.report, "p50_ms")));
    assert_non_null(strstr(s.words, "there is no model \"nobody\""));
    assert_true(counted(d, unknown) == 50);
    json_decref(s.report);
    assert_int_equal(e2e_end(d, SIGTERM), 0);
    /* Nobody listens there any more. */
    s = bench_samples(d, "--model nobody --connections 4");
    assert_int_equal(s.status, 1);
    assert_true(number(&s, "errors") > 0 && number(&s, "errors") == number(&s, "requests"));
    assert_non_null(strstr(s.words, "Couldn't connect"));
    json_decref(s.report);
}

static void bad_arguments_are_refused_by_name(void **state)
{
    static const struct {
        const char *url, *flags, *words;
    } bad[] = {
        {"http://127.0.0.1:1", "--images x", "--model is missing"},
        {"http://127.0.0.1:1", "--model m", "--images is missing"},
        {"", "--model m --images x", "URL is missing"},
        {"127.0.0.1:1", "--model m --images x", "\"127.0.0.1:1\" is not the URL of a daemon"},
        {"ftp://127.0.0.1", "--model m --images x", "is not the URL of a daemon"},
        {"http://127.0.0.1:1", "--model m --images x --connections 0",
         "--connections: \"0\" is not a whole number from 1"},
        {"http://127.0.0.1:1", "--model m --images x --rate -3", "--rate: \"-3\" is not a number from"},
        {"http://127.0.0.1:1", "--model m --images x --seconds 1s", "--seconds: \"1s\" is not a number from"},
        {"http://127.0.0.1:1", "--model m --images x --per-request 257",
         "--per-request: \"257\" is not a whole number"},
        {"http://127.0.0.1:1", "--model m --images x --warm nan", "--warm: \"nan\" is not a number"},
    };
    const e2e *d = *state;
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) {
        said s = bench(d, bad[i].url, bad[i].flags);
        assert_null(s.report);
        if (s.status != 2 || !strstr(s.words, bad[i].words))
            fail_msg("%s %s: %d, %s", bad[i].url, bad[i].flags, s.status, s.words);
    }
    said s = bench(d, "http://127.0.0.1:1", "--model m --images /nowhere/at/all");
    assert_int_equal(s.status, 1);
    assert_non_null(strstr(s.words, "/nowhere/at/all"));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(every_request_of_a_closed_loop_is_counted, e2e_set_up, e2e_tear_down),
        cmocka_unit_test_setup_teardown(every_request_that_was_due_is_counted, e2e_set_up, e2e_tear_down),
        cmocka_unit_test_setup_teardown(several_images_go_in_a_request, e2e_set_up, e2e_tear_down),
        cmocka_unit_test_setup_teardown(requests_that_fail_are_counted_and_told, e2e_set_up, e2e_tear_down),
        cmocka_unit_test_setup_teardown(bad_arguments_are_refused_by_name, e2e_set_up, e2e_tear_down),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
