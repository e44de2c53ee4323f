/* SPDX-License-Identifier: MIT */
/* test_usage.c — command lines are parsed, refused and explained by the tables that describe them. */
#include "daemon/platform/usage.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

static const char *const colours[] = {"red", "green", NULL};

typedef struct request {
    bool loud, quiet;
    const char *text;
    char buffer[4];
    int count, or_auto, colour;
    uint64_t whole;
    double number;
    flag_pairs pairs;
    int parsed;
} request;

static bool parse_length(void *at, char *text, error *e)
{
    *(int *)at = (int)strlen(text);
    return *text || error_set(e, ERROR_INVALID, "there is nothing");
}

#define AT(member_) offsetof(request, member_)
static const flag flags[] = {
    {.name = "loud", .letter = 'l', .kind = FLAG_SWITCH, .offset = AT(loud), .help = "says more"},
    {.name = "text",
     .letter = 't',
     .kind = FLAG_TEXT,
     .offset = AT(text),
     .required = true,
     .value = "TEXT",
     .help = "t"},
    {.name = "buffer", .kind = FLAG_BUFFER, .offset = AT(buffer), .size = 4, .value = "TEXT", .help = "b"},
    {.name = "count",
     .kind = FLAG_INT,
     .offset = AT(count),
     .min = 1,
     .max = 9,
     .value = "N",
     .help = "c",
     .preset = "3"},
    {.name = "or-auto",
     .kind = FLAG_AUTO_INT,
     .offset = AT(or_auto),
     .max = 9,
     .value = "N",
     .help = "a",
     .variable = true},
    {.name = "colour", .kind = FLAG_CHOICE, .offset = AT(colour), .choices = colours, .value = "NAME", .help = "r"},
    {.name = "whole", .kind = FLAG_WHOLE, .offset = AT(whole), .max = 9007199254740992.0, .value = "N", .help = "w"},
    {.name = "number", .kind = FLAG_NUMBER, .offset = AT(number), .max = 0.5, .value = "X", .help = "n"},
    {.name = "pair", .kind = FLAG_PAIR, .offset = AT(pairs), .value = "NAME=VALUE", .help = "p"},
    {.name = "parsed", .kind = FLAG_PARSED, .parse = parse_length, .offset = AT(parsed), .value = "TEXT", .help = "x"},
    {0}};
static const flag shared[] = {
    {.name = "no-loud", .kind = FLAG_SWITCH, .offset = AT(loud), .off = true, .help = "undoes --loud"}, {0}};
static const usage one = {.words = "try", .operands = {"SOURCE"}, .flags = flags, .shared = shared};
static const usage many = {.words = "try", .rest = "FILE"};

enum { WORDS_MAX = 32 };

/* Words of one command line, cut at the blanks of `text` into `into`. */
static int cut(const char *text, char into[256], char *words[WORDS_MAX])
{
    int count = 0;
    snprintf(into, 256, "%s", text);
    for (char *word = strtok(into, " "); word; word = strtok(NULL, " "))
        words[count++] = word;
    words[count] = NULL;
    return count;
}

static bool read_words(const usage *u, const char *text, request *r, command_line *line, char into[256], error *e)
{
    char *words[WORDS_MAX];
    int count = cut(text, into, words);
    *e = (error){0};
    return usage_parse(u, count, words, line, e) && usage_apply(u, line, r, e);
}

static void every_kind_of_flag_reaches_its_member(void **state)
{
    (void)state;
    request r = {0};
    command_line line;
    char into[256];
    error e;
    assert_true(read_words(&one,
                           "try -l --text=a here --buffer abc --count 9 --or-auto auto --colour green "
                           "--whole 9007199254740992 --number 0.5 --pair a=b=c --pair d= --parsed four",
                           &r, &line, into, &e));
    assert_true(r.loud);
    assert_string_equal(r.text, "a");
    assert_string_equal(line.operands[0], "here");
    assert_string_equal(r.buffer, "abc");
    assert_int_equal(r.count, 9);
    assert_int_equal(r.or_auto, FLAG_AUTO);
    assert_int_equal(r.colour, 1);
    assert_true(r.whole == 9007199254740992u);
    assert_true(r.number == 0.5);
    assert_int_equal(r.pairs.count, 2);
    assert_string_equal(r.pairs.all[0].name, "a");
    assert_string_equal(r.pairs.all[0].value, "b=c");
    assert_string_equal(r.pairs.all[1].value, "");
    assert_int_equal(r.parsed, 4);
    assert_true(read_words(&one, "try here -ltb --no-loud", &r, &line, into, &e));
    assert_false(r.loud);
    assert_string_equal(r.text, "b");
}

static void what_is_wrong_is_said_by_the_flags_name(void **state)
{
    (void)state;
    static const char *const refused[][2] = {
        {"try here", "--text is missing"},
        {"try --text a", "SOURCE is missing"},
        {"try --text a here there", "\"there\" is one argument too many"},
        {"try here --text", "--text needs a value"},
        {"try here --texts a", "unrecognized option '--texts'"},
        {"try here -x", "unrecognized option '-x'"},
        {"try here -ta --buffer abcd", "--buffer: expected 1 to 3 bytes, found 4"},
        {"try here -ta --count 0", "--count: \"0\" is not a whole number from 1 to 9"},
        {"try here -ta --count 10", "--count: \"10\" is not a whole number from 1 to 9"},
        {"try here -ta --count 2.5", "--count: \"2.5\" is not a whole number from 1 to 9"},
        {"try here -ta --count auto", "--count: \"auto\" is not a whole number from 1 to 9"},
        {"try here -ta --or-auto 10", "--or-auto: \"10\" is not a whole number from 0 to 9 or auto"},
        {"try here -ta --whole 99999999999999999999", "--whole: \"99999999999999999999\" is not a whole number"},
        {"try here -ta --number 0.51", "--number: \"0.51\" is not a number from 0 to 0.5"},
        {"try here -ta --number nan", "--number: \"nan\" is not a number from 0 to 0.5"},
        {"try here -ta --colour blue", "--colour: \"blue\" is none of red, green"},
        {"try here -ta --pair =b", "--pair: \"=b\" is not NAME=VALUE"},
        {"try here -ta --parsed=", "--parsed: there is nothing"},
    };
    for (size_t i = 0; i < sizeof refused / sizeof *refused; i++) {
        request r = {0};
        command_line line;
        char into[256];
        error e;
        if (read_words(&one, refused[i][0], &r, &line, into, &e))
            fail_msg("`%s` was taken", refused[i][0]);
        if (!strstr(e.message, refused[i][1]))
            fail_msg("`%s`: \"%s\" lacks \"%s\"", refused[i][0], e.message, refused[i][1]);
    }
}

static void any_number_of_operands_but_none(void **state)
{
    (void)state;
    command_line line;
    char into[256];
    error e;
    assert_true(read_words(&many, "try a b c", NULL, &line, into, &e));
    assert_int_equal(line.rest_count, 3);
    assert_string_equal(line.rest[2], "c");
    assert_false(read_words(&many, "try", NULL, &line, into, &e));
    assert_string_equal(e.message, "FILE is missing");
}

static void help_needs_nothing_else(void **state)
{
    (void)state;
    command_line line;
    char into[256], *words[WORDS_MAX];
    error e = {0};
    int count = cut("try -h", into, words);
    assert_true(usage_parse(&one, count, words, &line, &e));
    assert_true(line.help);
    char *text = NULL;
    size_t size = 0;
    FILE *out = open_memstream(&text, &size);
    assert_non_null(out);
    usage_print(&one, out);
    fclose(out);
    static const char *const lines[] = {"usage: anomalyd try SOURCE --text TEXT [OPTION...]\n",
                                        "  -l, --loud         says more\n",
                                        "  --count N          c (default 3)\n",
                                        "  --or-auto N        a (ANOMALYD_OR_AUTO)\n",
                                        "  --no-loud          undoes --loud\n",
                                        "  -h, --help         print this"};
    for (size_t i = 0; i < sizeof lines / sizeof *lines; i++)
        if (!strstr(text, lines[i]))
            fail_msg("the help lacks \"%s\":\n%s", lines[i], text);
    free(text);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(every_kind_of_flag_reaches_its_member),
        cmocka_unit_test(what_is_wrong_is_said_by_the_flags_name),
        cmocka_unit_test(any_number_of_operands_but_none),
        cmocka_unit_test(help_needs_nothing_else),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
