/* SPDX-License-Identifier: MIT */
/* usage.c — parses command lines with getopt_long, and prints help. */
#include "daemon/platform/usage.h"

#include <assert.h>
#include <getopt.h>
#include <string.h>

enum { FLAGS_MAX = 48, VALUE_FIRST = 256 /* above all letters */, HELP_COLUMN_MAX = 26, HELP_WIDTH = 100 };

static const flag help_flag = {
    .name = "help", .letter = 'h', .kind = FLAG_SWITCH, .help = "print this and do nothing else"};

/* The command's own flags, then the shared ones, then --help. Returns how many. */
static int list_flags(const usage *u, const flag *all[FLAGS_MAX])
{
    const flag *const tables[] = {u->flags, u->shared};
    int count = 0;
    for (int i = 0; i < 2; i++)
        for (const flag *f = tables[i]; f && f->name; f++) {
            assert(count < FLAGS_MAX - 1);
            all[count++] = f;
        }
    all[count++] = &help_flag;
    return count;
}

/* ---- parsing */

/* What getopt_long wants: the flags by name, whose values are their places; and their letters. */
static void make_options(const flag *const *all, int count, struct option *options, char letters[2 * FLAGS_MAX + 2])
{
    char *at = letters;
    *at++ = ':'; /* getopt tells a missing value from an unknown flag, and prints nothing */
    for (int i = 0; i < count; i++) {
        int takes = all[i]->kind == FLAG_SWITCH ? no_argument : required_argument;
        options[i] = (struct option){.name = all[i]->name, .has_arg = takes, .val = VALUE_FIRST + i};
        if (!all[i]->letter)
            continue;
        *at++ = all[i]->letter;
        if (takes == required_argument)
            *at++ = ':';
    }
    options[count] = (struct option){0};
    *at = 0;
}

static const flag *find_flag(const flag *const *all, int count, int value)
{
    if (value >= VALUE_FIRST)
        return all[value - VALUE_FIRST];
    for (int i = 0; i < count; i++)
        if (all[i]->letter == value)
            return all[i];
    return NULL;
}

static bool parse_operands(const usage *u, int count, char **given, command_line *out, error *e)
{
    int expected = 0;
    while (expected < USAGE_OPERANDS_MAX && u->operands[expected])
        expected++;
    if (count > expected && !u->rest)
        return error_set(e, ERROR_INVALID, "\"%s\" is one argument too many", given[expected]);
    for (int i = 0; i < expected; i++) {
        if (i >= count || !*given[i])
            return error_set(e, ERROR_INVALID, "%s is missing", u->operands[i]);
        out->operands[i] = given[i];
    }
    out->rest = given + expected;
    out->rest_count = count - expected;
    return !u->rest || out->rest_count > 0 || error_set(e, ERROR_INVALID, "%s is missing", u->rest);
}

bool usage_parse(const usage *u, int argc, char **argv, command_line *out, error *e)
{
    const flag *all[FLAGS_MAX];
    struct option options[FLAGS_MAX + 1];
    char letters[2 * FLAGS_MAX + 2];
    int count = list_flags(u, all);
    make_options(all, count, options, letters);
    out->given_count = 0;
    out->help = false;
    optind = 0; /* GNU: from the start again */
    opterr = 0;
    for (int value; (value = getopt_long(argc, argv, letters, options, NULL)) != -1;) {
        if (value == ':' || value == '?')
            return error_set(e, ERROR_INVALID, value == ':' ? "%s needs a value" : "unrecognized option '%s'",
                             argv[optind > 1 ? optind - 1 : 1]);
        const flag *f = find_flag(all, count, value);
        assert(f);
        out->help = out->help || f == &help_flag;
        if (out->given_count == USAGE_GIVEN_MAX)
            return error_set(e, ERROR_INVALID, "there are more than %d flags", USAGE_GIVEN_MAX);
        out->given[out->given_count++] = (struct given_flag){f, optarg};
    }
    return out->help || parse_operands(u, argc - optind, argv + optind, out, e);
}

bool usage_apply(const usage *u, const command_line *a, void *request, error *e)
{
    static char yes[] = "true";
    const flag *all[FLAGS_MAX];
    int count = list_flags(u, all);
    for (int i = 0; i < count; i++) {
        bool given = !all[i]->required;
        for (int k = 0; !given && k < a->given_count; k++)
            given = a->given[k].flag == all[i];
        if (!given)
            return error_set(e, ERROR_INVALID, "--%s is missing", all[i]->name);
    }
    for (int i = 0; i < a->given_count; i++) {
        const struct given_flag *g = &a->given[i];
        if (!flag_set(g->flag, request, g->text ? g->text : yes, e))
            return error_at(e, "--%s", g->flag->name);
    }
    return true;
}

int usage_refuse(const usage *u, const error *e)
{
    fprintf(stderr, "anomalyd %s: %s\n`anomalyd %s --help` lists the options.\n", u->words, e->message, u->words);
    return EXIT_USAGE;
}

bool usage_read(const usage *u, int argc, char **argv, void *request, command_line *out, int *status)
{
    error e = {0};
    bool parsed = usage_parse(u, argc, argv, out, &e);
    if (parsed && out->help) {
        usage_print(u, stdout);
        *status = 0;
        return false;
    }
    if (parsed && usage_apply(u, out, request, &e))
        return true;
    *status = usage_refuse(u, &e);
    return false;
}

/* ---- help */

void usage_print_synopsis(const usage *u, FILE *out)
{
    fprintf(out, "anomalyd %s", u->words);
    for (int i = 0; i < USAGE_OPERANDS_MAX && u->operands[i]; i++)
        fprintf(out, " %s", u->operands[i]);
    if (u->rest)
        fprintf(out, " %s...", u->rest);
    const flag *all[FLAGS_MAX];
    int count = list_flags(u, all), required = 0;
    for (int i = 0; i < count; i++)
        if (all[i]->required) {
            fprintf(out, " --%s %s", all[i]->name, all[i]->value);
            required++;
        }
    if (count > required + 1)
        fputs(" [OPTION...]", out);
    fputc('\n', out);
}

/* Prints words from column `at` on, in lines of HELP_WIDTH that begin at `column`. */
static void print_wrapped(const char *text, int at, int column, FILE *out)
{
    while (*text) {
        int length = (int)strcspn(text, " ");
        if (at > column && at + 1 + length > HELP_WIDTH) {
            fprintf(out, "\n%*s", column, "");
            at = column;
        }
        at += fprintf(out, "%s%.*s", at > column ? " " : "", length, text);
        text += length;
        text += strspn(text, " ");
    }
    fputc('\n', out);
}

static void print_flag(const flag *f, int column, FILE *out)
{
    char name[96], text[512], variable[FLAG_VARIABLE_MAX] = "";
    int n = f->letter ? snprintf(name, sizeof name, "  -%c, --%s", f->letter, f->name)
                      : snprintf(name, sizeof name, "  --%s", f->name);
    snprintf(name + n, sizeof name - (size_t)n, "%s%s", f->value ? " " : "", f->value ? f->value : "");
    if (f->variable)
        flag_variable(f, variable);
    bool noted = f->preset || f->variable;
    snprintf(text, sizeof text, "%s%s%s%s%s%s%s", f->help, noted ? " (" : "", f->preset ? "default " : "",
             f->preset ? f->preset : "", f->preset && f->variable ? "; " : "", variable, noted ? ")" : "");
    n = fprintf(out, "%s", name);
    if (n + 2 > column)
        n = (fputc('\n', out), 0);
    fprintf(out, "%*s", column - n, "");
    print_wrapped(text, column, column, out);
}

void usage_print(const usage *u, FILE *out)
{
    const flag *all[FLAGS_MAX];
    int count = list_flags(u, all), column = 0;
    fputs("usage: ", out);
    usage_print_synopsis(u, out);
    if (u->about)
        fprintf(out, "\n%s\n", u->about);
    fputc('\n', out);
    for (int i = 0; i < count; i++) {
        int width = (int)(strlen(all[i]->name) + (all[i]->value ? strlen(all[i]->value) + 1 : 0)) +
                    (all[i]->letter ? 8 : 4) + 2;
        if (width > column && width <= HELP_COLUMN_MAX)
            column = width;
    }
    for (int i = 0; i < count; i++)
        print_flag(all[i], column, out);
    if (u->after)
        fprintf(out, "\n%s\n", u->after);
}
