/* SPDX-License-Identifier: MIT */
/* option.c — reads, checks and prints the values of an option table. Knows types and ranges, not what options do. */
#include "methods/option.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static void *place(const option *o, void *self)
{
    return (char *)self + o->offset;
}

static const void *place_of(const option *o, const void *self)
{
    return (const char *)self + o->offset;
}

static void store(const option *o, void *self, double value)
{
    switch (o->type) {
    case OPTION_INT:
    case OPTION_CHOICE:
        *(int *)place(o, self) = (int)value;
        return;
    case OPTION_REAL:
        *(float *)place(o, self) = (float)value;
        return;
    case OPTION_FLAG:
        *(bool *)place(o, self) = value != 0;
        return;
    }
}

static double load(const option *o, const void *self)
{
    switch (o->type) {
    case OPTION_INT:
    case OPTION_CHOICE:
        return *(const int *)place_of(o, self);
    case OPTION_REAL:
        return (double)*(const float *)place_of(o, self);
    case OPTION_FLAG:
        return *(const bool *)place_of(o, self) ? 1 : 0;
    }
    return 0;
}

void options_preset(const option *table, void *self)
{
    for (const option *o = table; o->name; o++)
        store(o, self, o->preset);
}

const option *options_find(const option *table, const char *name)
{
    for (const option *o = table; o->name; o++)
        if (strcmp(o->name, name) == 0)
            return o;
    return NULL;
}

/* Joins words as "a, b, c" into a bounded buffer, ending in "..." where they do not fit. */
static void join(char *out, size_t size, const char *word)
{
    size_t used = strlen(out);
    int wrote = snprintf(out + used, size - used, "%s%s", used ? ", " : "", word);
    if (wrote < 0 || (size_t)wrote >= size - used)
        memcpy(out + size - 4, "...", 4);
}

static bool unknown(const option *table, const char *name, error *e)
{
    char accepted[400] = "";
    for (const option *o = table; o->name; o++)
        join(accepted, sizeof accepted, o->name);
    return error_set(e, ERROR_INVALID, "%.40s: no such option; accepted: %s", name, accepted[0] ? accepted : "none");
}

/* Parses decimal notation only: strtod alone would also accept "inf", "nan", hexadecimal and leading blanks. */
static bool parse_number(const char *text, double *out)
{
    if (text[0] == '\0' || text[strspn(text, "+-.0123456789eE")] != '\0')
        return false;
    char *end;
    *out = strtod(text, &end);
    return *end == '\0' && isfinite(*out);
}

static bool set_number(const option *o, void *self, const char *text, error *e)
{
    bool whole = o->type == OPTION_INT;
    double value;
    if (!parse_number(text, &value))
        return error_set(e, ERROR_INVALID, "%s: \"%.40s\" is not a number", o->name, text);
    if (whole && value != floor(value))
        return error_set(e, ERROR_INVALID, "%s: %.40s is not a whole number", o->name, text);
    if (value < o->min)
        return error_set(e, ERROR_INVALID, "%s: %.40s is below the least, %g", o->name, text, o->min);
    if (value > o->max)
        return error_set(e, ERROR_INVALID, "%s: %.40s is above the most, %g", o->name, text, o->max);
    store(o, self, value);
    return true;
}

static bool set_flag(const option *o, void *self, const char *text, error *e)
{
    static const char *const words[] = {"false", "true", "off", "on", "no", "yes", "0", "1"};
    for (size_t i = 0; i < sizeof words / sizeof *words; i++)
        if (strcmp(text, words[i]) == 0) {
            store(o, self, (double)(i % 2));
            return true;
        }
    return error_set(e, ERROR_INVALID, "%s: \"%.40s\" is neither true nor false", o->name, text);
}

static bool set_choice(const option *o, void *self, const char *text, error *e)
{
    char accepted[300] = "";
    for (int i = 0; o->choices[i]; i++) {
        if (strcmp(text, o->choices[i]) == 0) {
            store(o, self, i);
            return true;
        }
        join(accepted, sizeof accepted, o->choices[i]);
    }
    return error_set(e, ERROR_INVALID, "%s: \"%.40s\" is none of: %s", o->name, text, accepted);
}

bool options_set(const option *table, void *self, const char *name, const char *text, error *e)
{
    const option *o = options_find(table, name);
    if (!o)
        return unknown(table, name, e);
    switch (o->type) {
    case OPTION_INT:
    case OPTION_REAL:
        return set_number(o, self, text, e);
    case OPTION_FLAG:
        return set_flag(o, self, text, e);
    case OPTION_CHOICE:
        return set_choice(o, self, text, e);
    }
    return false;
}

/* Prints the shortest decimal that reads back to the same float, so that 0.1f prints as "0.1" and stays within a limit
 * of 0.1 when it is read again. */
static void print_real(float value, char text[OPTION_VALUE_MAX])
{
    for (int digits = 1; digits <= 9; digits++) {
        snprintf(text, OPTION_VALUE_MAX, "%.*g", digits, (double)value);
        if ((float)strtod(text, NULL) == value)
            return;
    }
}

static void print(const option *o, double value, char text[OPTION_VALUE_MAX])
{
    switch (o->type) {
    case OPTION_INT:
        snprintf(text, OPTION_VALUE_MAX, "%d", (int)value);
        return;
    case OPTION_REAL:
        print_real((float)value, text);
        return;
    case OPTION_FLAG:
        snprintf(text, OPTION_VALUE_MAX, "%s", value != 0 ? "true" : "false");
        return;
    case OPTION_CHOICE:
        snprintf(text, OPTION_VALUE_MAX, "%s", o->choices[(int)value]);
        return;
    }
}

void options_get(const option *o, const void *self, char text[OPTION_VALUE_MAX])
{
    print(o, load(o, self), text);
}

void options_preset_text(const option *o, char text[OPTION_VALUE_MAX])
{
    print(o, o->preset, text);
}
