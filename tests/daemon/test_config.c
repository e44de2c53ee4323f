/* SPDX-License-Identifier: MIT */
/* test_config.c — which source of a setting wins, and which values are refused. */
#include "daemon/platform/config.h"

#include "daemon/platform/log.h"
#include "scratch.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

enum { ARGUMENTS_MAX = 12 };

/* Reads settings from `flags` (NULL-terminated), as the command would. */
static bool read_flags(config *c, const char *const *flags, error *e)
{
    char *argv[ARGUMENTS_MAX + 2] = {(char[]){"serve"}};
    int argc = 1;
    for (; flags[argc - 1]; argc++)
        argv[argc] = (char *)flags[argc - 1];
    command_line line;
    *e = (error){0};
    *c = (config){0};
    return usage_parse(&config_usage, argc, argv, &line, e) && config_read(c, &line, e);
}
#define READ(c_, e_, ...) read_flags(c_, (const char *const[]){__VA_ARGS__ __VA_OPT__(, ) NULL}, e_)

static int forget(void **state)
{
    (void)state;
    unsetenv("ANOMALYD_WORKERS");
    unsetenv("ANOMALYD_IMPORT_ROOT");
    unsetenv("ANOMALYD_CONFIG");
    unsetenv("STATE_DIRECTORY");
    return 0;
}

static void presets_are_enough(void **state)
{
    (void)state;
    config c;
    error e;
    assert_true(READ(&c, &e));
    assert_string_equal(c.state, "state");
    assert_string_equal(c.address, "127.0.0.1");
    assert_int_equal(c.port, 8080);
    assert_int_equal(c.workers, CONFIG_AUTO);
    assert_int_equal(c.threads, CONFIG_AUTO);
    assert_int_equal(c.job_memory_mib, CONFIG_AUTO);
    assert_int_equal(c.import_root_count, 0);
    assert_true(c.score_threads >= 1);
    assert_int_equal(c.log_level, LOG_LEVEL_INFO);
    config_free(&c);
}

static void flags_win_over_environment_over_file(void **state)
{
    (void)state;
    scratch s = scratch_make();
    static const char text[] = "; a comment\nworkers = 2\nscore-queue = 7\nlog-level = warn\n";
    scratch_write(&s, "conf", text, sizeof text - 1);
    scratch_path file = scratch_at(&s, "conf");
    config c;
    error e;
    assert_true(READ(&c, &e, "--config", file.text));
    assert_int_equal(c.workers, 2);
    assert_int_equal(c.log_level, LOG_LEVEL_WARN);
    config_free(&c);
    setenv("ANOMALYD_WORKERS", "3", 1);
    setenv("ANOMALYD_CONFIG", file.text, 1);
    assert_true(READ(&c, &e));
    assert_int_equal(c.workers, 3);
    assert_int_equal(c.score_queue, 7);
    config_free(&c);
    assert_true(READ(&c, &e, "--workers=4"));
    assert_int_equal(c.workers, 4);
    assert_int_equal(c.score_queue, 7);
    config_free(&c);
    scratch_remove(&s);
}

static void auto_is_a_value_among_others(void **state)
{
    (void)state;
    config c;
    error e;
    setenv("ANOMALYD_WORKERS", "3", 1);
    assert_true(READ(&c, &e, "--workers", "auto", "--threads", "0", "--job-memory", "0"));
    assert_int_equal(c.workers, CONFIG_AUTO);
    assert_true(c.threads >= 1); /* one a CPU */
    assert_int_equal(c.job_memory_mib, 0);
    config_free(&c);
}

static void a_list_of_a_later_source_replaces_the_earlier(void **state)
{
    (void)state;
    config c;
    error e;
    setenv("ANOMALYD_IMPORT_ROOT", "/a:/b", 1);
    assert_true(READ(&c, &e));
    assert_int_equal(c.import_root_count, 2);
    assert_string_equal(c.import_roots[1], "/b");
    config_free(&c);
    assert_true(READ(&c, &e, "--import-root", "/c", "--import-root", "/d:e"));
    assert_int_equal(c.import_root_count, 2);
    assert_string_equal(c.import_roots[0], "/c");
    assert_string_equal(c.import_roots[1], "/d:e");
    config_free(&c);
}

static void the_service_managers_folder_is_the_preset(void **state)
{
    (void)state;
    config c;
    error e;
    setenv("STATE_DIRECTORY", "/var/lib/anomalyd", 1);
    assert_true(READ(&c, &e));
    assert_string_equal(c.state, "/var/lib/anomalyd");
    config_free(&c);
}

static void expect_refusal(const char *const *flags, const char *first, const char *second)
{
    config c;
    error e;
    assert_false(read_flags(&c, flags, &e));
    if (!strstr(e.message, first) || !strstr(e.message, second))
        fail_msg("\"%s\" lacks \"%s\" or \"%s\"", e.message, first, second);
    config_free(&c);
}
#define REFUSED(first_, second_, ...) expect_refusal((const char *const[]){__VA_ARGS__, NULL}, first_, second_)

static void what_cannot_be_right_is_refused_with_its_name(void **state)
{
    (void)state;
    REFUSED("--workers", "\"two\" is not a whole number from 0 to 64 or auto", "--workers", "two");
    REFUSED("--workers", "\"-1\" is not a whole number from 0 to 64", "--workers", "-1");
    REFUSED("--score-queue", "\"auto\" is not a whole number from 1 to 65536", "--score-queue", "auto");
    REFUSED("--workers", "\"65\" is not a whole number from 0 to 64", "--workers", "65");
    REFUSED("--score-queue", "99999999999999999999", "--score-queue", "99999999999999999999");
    REFUSED("--log-level", "loud", "--log-level", "loud");
    REFUSED("--nonsense", "unrecognized option", "--nonsense");
    REFUSED("--state", "needs a value", "--state");
    REFUSED("--state", "1 to", "--state", "");
    REFUSED("one argument too many", "serve-this", "serve-this");
    REFUSED("/nowhere/conf", "cannot be read", "--config", "/nowhere/conf");
}

static void a_bad_line_of_the_file_is_named(void **state)
{
    (void)state;
    scratch s = scratch_make();
    scratch_write(&s, "unknown", "workers = 1\nwrokers = 2\n", 24);
    scratch_write(&s, "section", "[serve]\nworkers = 2\n", 20);
    scratch_write(&s, "range", "workers = 1\n\nthreads = -1\n", 26);
    scratch_path p = scratch_at(&s, "unknown");
    REFUSED("line 2", "wrokers", "--config", p.text);
    p = scratch_at(&s, "section");
    REFUSED("section [serve]", "without sections", "--config", p.text);
    p = scratch_at(&s, "range");
    REFUSED("line 3", "threads: \"-1\"", "--config", p.text);
    scratch_remove(&s);
}

static void only_loopback_is_listened_on(void **state)
{
    (void)state;
    static const struct {
        const char *text, *address;
        int port;
    } good[] = {{"127.0.0.1:0", "127.0.0.1", 0},
                {"127.9.8.7:65535", "127.9.8.7", 65535},
                {"localhost:80", "127.0.0.1", 80},
                {"[::1]:8080", "::1", 8080}};
    static const char *const bad[] = {"0.0.0.0:80",   "192.168.0.1:80",  "[::]:80", "127.0.0.1",
                                      "127.0.0.1:",   "127.0.0.1:65536", ":80",     "127.0.0.1:8x",
                                      "127.0.0.1:-1", "example.org:80"};
    char address[64];
    int port;
    error e;
    for (size_t i = 0; i < sizeof good / sizeof *good; i++) {
        assert_true(config_parse_listen(good[i].text, address, &port, &e));
        assert_string_equal(address, good[i].address);
        assert_int_equal(port, good[i].port);
    }
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++)
        if (config_parse_listen(bad[i], address, &port, &e))
            fail_msg("%s was taken", bad[i]);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_teardown(presets_are_enough, forget),
        cmocka_unit_test_teardown(flags_win_over_environment_over_file, forget),
        cmocka_unit_test_teardown(auto_is_a_value_among_others, forget),
        cmocka_unit_test_teardown(a_list_of_a_later_source_replaces_the_earlier, forget),
        cmocka_unit_test_teardown(the_service_managers_folder_is_the_preset, forget),
        cmocka_unit_test_teardown(what_cannot_be_right_is_refused_with_its_name, forget),
        cmocka_unit_test_teardown(a_bad_line_of_the_file_is_named, forget),
        cmocka_unit_test(only_loopback_is_listened_on),
    };
    return cmocka_run_group_tests(tests, forget, NULL);
}
