/* SPDX-License-Identifier: MIT */
/* test_values.c — the small readers and writers under the handlers: JSON, times, media types, escapes, statuses. */
#include "tests/api/fake_service.h"

#include "api/http/media.h"
#include "api/http/router.h"
#include "api/json/json.h"
#include "api/json/problem.h"
#include "api/records/name.h"

#include <float.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

static void times_are_read_and_written_the_same(void **state)
{
    (void)state;
    static const struct {
        const char *text;
        int64_t ms;
    } cases[] = {
        {"1970-01-01T00:00:00.001Z", 1},
        {"2023-11-14T22:13:20.123Z", 1700000000123},
        {"2024-02-29T23:59:59.999Z", 1709251199999},
        {"2100-03-01T00:00:00.000Z", 4107542400000},
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        int64_t ms;
        json_t *text = json_time(cases[i].ms);
        assert_string_equal(json_string_value(text), cases[i].text);
        assert_true(json_parse_time(cases[i].text, &ms) && ms == cases[i].ms);
        json_decref(text);
    }
}

static void times_of_other_zones_and_precisions_are_understood(void **state)
{
    (void)state;
    static const struct {
        const char *text;
        int64_t ms;
    } cases[] = {
        {"2023-11-14T22:13:20Z", 1700000000000},      {"2023-11-14T22:13:20z", 1700000000000},
        {"2023-11-14T23:13:20+01:00", 1700000000000}, {"2023-11-14T16:43:20-05:30", 1700000000000},
        {"2023-11-14T22:13:20.5Z", 1700000000500},    {"2023-11-14T22:13:20.1239999Z", 1700000000123},
    };
    static const char *const bad[] = {"",
                                      "now",
                                      "2023-11-14",
                                      "2023-11-14T22:13:20",
                                      "2023-13-14T22:13:20Z",
                                      "2023-11-14T22:13:20.Z",
                                      "2023-11-14T22:13:20+1",
                                      "2023-11-14T22:13:20+25:00",
                                      "2023-11-14T22:13:20Zx"};
    int64_t ms;
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++)
        assert_true(json_parse_time(cases[i].text, &ms) && ms == cases[i].ms);
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++)
        if (json_parse_time(bad[i], &ms))
            fail_msg("'%s' was taken for a time", bad[i]);
}

static void single_floats_survive_the_way_through_json(void **state)
{
    (void)state;
    static const float values[] = {0.1f,        0.0312f, 1.0f / 3.0f, FLT_MIN, FLT_MAX, -1.5e-30f,
                                   16777217.0f, 1e-45f,  3.14159274f, 0.0f,    1e10f};
    for (size_t i = 0; i < sizeof values / sizeof *values; i++) {
        json_t *list = json_pack("[o]", json_single(values[i]));
        char *text = json_dumps(list, JSON_REAL_PRECISION(15));
        json_t *back = json_loads(text, 0, NULL);
        assert_true((float)json_real_value(json_array_get(back, 0)) == values[i]);
        assert_true(strlen(text) <= 17);
        json_decref(back);
        json_decref(list);
        free(text);
    }
    assert_true(json_is_null(json_single(NAN)) && json_is_null(json_single(INFINITY)));
}

static void what_is_not_there_is_null(void **state)
{
    (void)state;
    json_t *values = json_pack("[o, o, o, o, o, o]", json_number(NAN), json_number(INFINITY), json_count(0),
                               json_time(0), json_name(""), json_name(NULL));
    assert_int_equal(json_array_size(values), 6);
    for (size_t i = 0; i < json_array_size(values); i++)
        assert_true(json_is_null(json_array_get(values, i)));
    json_decref(values);
    values = json_pack("[o, o, o]", json_number(0), json_count(-1), json_name("x"));
    assert_true(json_real_value(json_array_get(values, 0)) == 0 && json_is_real(json_array_get(values, 0)));
    assert_int_equal(json_integer_value(json_array_get(values, 1)), -1);
    assert_string_equal(json_string_value(json_array_get(values, 2)), "x");
    json_decref(values);
}

static void text_that_is_not_utf8_is_still_told(void **state)
{
    (void)state;
    json_t *text = json_text("caf\xe9 au lait");
    assert_string_equal(json_string_value(text), "caf? au lait");
    json_decref(text);
    text = json_text("caf\xc3\xa9");
    assert_string_equal(json_string_value(text), "caf\xc3\xa9");
    json_decref(text);
}

static void media_types_are_parsed(void **state)
{
    (void)state;
    char type[MEDIA_TYPE_MAX];
    assert_true(media_parse(" Image/PNG ; q=1", type));
    assert_string_equal(type, "image/png");
    assert_true(media_parse("application/problem+json;charset=utf-8", type));
    static const char *const bad[] = {"", "image", "/png", "image/", "a/b/c", "image/p ng", "a/\x01"};
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++)
        if (media_parse(bad[i], type))
            fail_msg("'%s' was taken for a media type", bad[i]);
}

static void accept_headers_are_weighed(void **state)
{
    (void)state;
    assert_true(media_prefers("text/csv", "text/csv", "application/json"));
    assert_true(media_prefers("text/*, application/json;q=0.9", "text/csv", "application/json"));
    assert_true(media_prefers("*/*;q=0.1, text/csv", "text/csv", "application/json"));
    assert_false(media_prefers("*/*", "text/csv", "application/json"));
    assert_false(media_prefers("text/csv;q=0, */*", "text/csv", "application/json"));
    assert_false(media_prefers("text/csv;q=0.3, application/json;q=0.4", "text/csv", "application/json"));
    assert_true(media_prefers("text/csv, application/json; q=0.5", "text/csv", "application/json"));
    assert_false(
        media_prefers("text/csv;header=present \t; Q=0.3, application/json;q=.4", "text/csv", "application/json"));
    assert_false(media_prefers(NULL, "text/csv", "application/json"));
    assert_false(media_prefers("", "text/csv", "application/json"));
}

static void percent_encoding_is_undone_strictly(void **state)
{
    (void)state;
    char out[8];
    static const char *const good[][2] = {{"abc", "abc"}, {"%41b%63", "Abc"}, {"", ""}, {"a%2Fb", "a/b"}};
    static const char *const bad[] = {"%", "%4", "%4x", "%zz", "%00", "a%0a", "\x7f", "12345678", "a%"};
    for (size_t i = 0; i < sizeof good / sizeof *good; i++) {
        assert_true(route_unescape(good[i][0], strlen(good[i][0]), out, sizeof out));
        assert_string_equal(out, good[i][1]);
    }
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++)
        if (route_unescape(bad[i], strlen(bad[i]), out, sizeof out))
            fail_msg("'%s' was unescaped to '%s'", bad[i], out);
}

static void a_model_is_named_with_or_without_its_version(void **state)
{
    (void)state;
    static const char *const bad[] = {"",      ":", ":1", "m:",  "m:0", "m:01", "m:-1", "m:1234567890",
                                      "m:1:2", "M", "-m", "m:1 "};
    char name[NAME_SIZE] = "kept";
    int version = 7;
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++)
        if (model_reference_parse(bad[i], name, &version))
            fail_msg("'%s' was read as '%s', version %d", bad[i], name, version);
    assert_string_equal(name, "kept");
    assert_int_equal(version, 7);
    assert_true(model_reference_parse("digits-kde", name, &version));
    assert_string_equal(name, "digits-kde");
    assert_int_equal(version, 0);
    assert_true(model_reference_parse("m:999999999", name, &version));
    assert_string_equal(name, "m");
    assert_int_equal(version, 999999999);
}

static void every_error_code_has_a_status_with_a_title(void **state)
{
    (void)state;
    for (int code = ERROR_INVALID; code <= ERROR_INTERNAL; code++)
        for (int subject = PROBLEM_REQUEST; subject <= PROBLEM_IMAGE; subject++) {
            error e = {.code = (enum error_code)code, .message = "why"};
            problem p = {0};
            assert_false(problem_of_error(&p, &e, (enum problem_subject)subject));
            assert_true(p.status >= 400 && p.status < 600);
            assert_true((p.status == 429 || p.status == 503) == (p.retry_after_s > 0));
            json_t *body = problem_json(&p, "/here");
            assert_true(strlen(json_string_value(json_object_get(body, "title"))) > 5);
            json_decref(body);
            problem_free(&p);
        }
}

static void complaints_are_bounded_and_the_first_becomes_the_detail(void **state)
{
    (void)state;
    problem p = {0};
    for (int i = 0; i < 1000; i++)
        problem_add(&p, "/a", "complaint %d", i);
    assert_int_equal(p.status, 422);
    assert_string_equal(p.detail, "/a: complaint 0");
    assert_int_equal(json_array_size(p.errors), PROBLEM_ERRORS_MAX);
    problem_free(&p);
}

static void quotes_and_escapes_do_not_hide_nesting(void **state)
{
    (void)state;
    char deep[256] = "[\"\\\"[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[\\\\\"]";
    problem p = {0};
    json_t *value = json_read(deep, strlen(deep), &p); /* brackets within a string are text */
    assert_non_null(value);
    json_decref(value);
    memset(deep, '[', 33);
    memset(deep + 33, ']', 33);
    assert_null(json_read(deep, 66, &p));
    assert_non_null(strstr(p.detail, "nests deeper"));
    problem_free(&p);
    memset(deep, '[', 32);
    memset(deep + 32, ']', 32);
    value = json_read(deep, 64, &p);
    assert_non_null(value);
    json_decref(value);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(times_are_read_and_written_the_same),
        cmocka_unit_test(times_of_other_zones_and_precisions_are_understood),
        cmocka_unit_test(single_floats_survive_the_way_through_json),
        cmocka_unit_test(what_is_not_there_is_null),
        cmocka_unit_test(text_that_is_not_utf8_is_still_told),
        cmocka_unit_test(media_types_are_parsed),
        cmocka_unit_test(accept_headers_are_weighed),
        cmocka_unit_test(percent_encoding_is_undone_strictly),
        cmocka_unit_test(a_model_is_named_with_or_without_its_version),
        cmocka_unit_test(every_error_code_has_a_status_with_a_title),
        cmocka_unit_test(complaints_are_bounded_and_the_first_becomes_the_detail),
        cmocka_unit_test(quotes_and_escapes_do_not_hide_nesting),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
