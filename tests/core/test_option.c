/* SPDX-License-Identifier: MIT */
/* test_option.c — option tables: presets, ranges, messages, and values that survive being printed. */
#include "methods/option.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

struct sample {
    int count, kind;
    float weight;
    bool flag;
};

static const char *const kinds[] = {"plain", "fancy", NULL};
static const option table[] = {
    OPTION(OPTION_INT, struct sample, count, 7, 1, 100, "images", "how many", ""),
    OPTION(OPTION_REAL, struct sample, weight, 0.1, 0.1, 1000, "", "how heavy", ""),
    OPTION(OPTION_FLAG, struct sample, flag, 1, 0, 1, "", "whether", ""),
    OPTION_OF(struct sample, kind, 1, kinds, "which", ""),
    {0},
};

static void presets_fill_every_field(void **state)
{
    (void)state;
    struct sample s = {0};
    options_preset(table, &s);
    assert_int_equal(s.count, 7);
    assert_true(s.weight == 0.1f);
    assert_true(s.flag);
    assert_int_equal(s.kind, 1);
}

static void good_values_are_stored(void **state)
{
    (void)state;
    struct sample s = {0};
    error e;
    assert_true(options_set(table, &s, "count", "100", &e));
    assert_true(options_set(table, &s, "weight", "1e3", &e));
    assert_true(options_set(table, &s, "flag", "off", &e));
    assert_true(options_set(table, &s, "kind", "plain", &e));
    assert_int_equal(s.count, 100);
    assert_true(s.weight == 1000.0f);
    assert_false(s.flag);
    assert_int_equal(s.kind, 0);
}

static void refused(const char *name, const char *text, const char *message)
{
    struct sample s = {.count = 5, .weight = 2, .flag = true, .kind = 1}, before = s;
    error e = {0};
    assert_false(options_set(table, &s, name, text, &e));
    assert_int_equal(e.code, ERROR_INVALID);
    assert_string_equal(e.message, message);
    assert_true(s.count == before.count && s.weight == before.weight && s.flag == before.flag && s.kind == before.kind);
}

static void bad_values_are_named_and_change_nothing(void **state)
{
    (void)state;
    refused("weight", "2000", "weight: 2000 is above the most, 1000");
    refused("weight", "0.05", "weight: 0.05 is below the least, 0.1");
    refused("weight", "nan", "weight: \"nan\" is not a number");
    refused("weight", "inf", "weight: \"inf\" is not a number");
    refused("weight", "1e999", "weight: \"1e999\" is not a number");
    refused("weight", "", "weight: \"\" is not a number");
    refused("weight", "3 ", "weight: \"3 \" is not a number");
    refused("weight", "-", "weight: \"-\" is not a number");
    refused("count", "0x10", "count: \"0x10\" is not a number");
    refused("count", "1.5", "count: 1.5 is not a whole number");
    refused("count", "99999999999", "count: 99999999999 is above the most, 100");
    refused("flag", "maybe", "flag: \"maybe\" is neither true nor false");
    refused("kind", "odd", "kind: \"odd\" is none of: plain, fancy");
    refused("heft", "1", "heft: no such option; accepted: count, weight, flag, kind");
}

static void printed_values_read_back_to_the_same_bits(void **state)
{
    (void)state;
    static const char *const values[] = {"0.1", "0.333333343", "999.99994", "1000", "0.123456791", "512.000061"};
    const option *weight = options_find(table, "weight");
    for (size_t i = 0; i < sizeof values / sizeof *values; i++) {
        struct sample s = {0}, again = {0};
        error e;
        char text[OPTION_VALUE_MAX];
        assert_true(options_set(table, &s, "weight", values[i], &e));
        options_get(weight, &s, text);
        assert_true(options_set(table, &again, "weight", text, &e));
        assert_memory_equal(&s.weight, &again.weight, sizeof s.weight);
    }
    char text[OPTION_VALUE_MAX];
    options_preset_text(weight, text);
    assert_string_equal(text, "0.1");
    options_preset_text(options_find(table, "kind"), text);
    assert_string_equal(text, "fancy");
    options_preset_text(options_find(table, "flag"), text);
    assert_string_equal(text, "true");
}

static void long_lists_of_names_are_cut_not_overrun(void **state)
{
    (void)state;
    static char names[60][32];
    option many[61] = {0};
    for (int i = 0; i < 60; i++) {
        snprintf(names[i], sizeof names[i], "a_rather_long_name_%02d", i);
        many[i] = (option){.name = names[i], .type = OPTION_FLAG};
    }
    error e;
    bool flag;
    assert_false(options_set(many, &flag, "x", "1", &e));
    assert_non_null(strstr(e.message, "..."));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(presets_fill_every_field),
        cmocka_unit_test(good_values_are_stored),
        cmocka_unit_test(bad_values_are_named_and_change_nothing),
        cmocka_unit_test(printed_values_read_back_to_the_same_bits),
        cmocka_unit_test(long_lists_of_names_are_cut_not_overrun),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
