/* SPDX-License-Identifier: MIT */
/* flag.c — values of flags from text. */
#include "daemon/platform/flag.h"

#include <ctype.h>
#include <errno.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static bool set_buffer(const flag *f, char *at, const char *text, error *e)
{
    size_t length = strlen(text);
    if (!length || length >= f->size)
        return error_set(e, ERROR_INVALID, "expected 1 to %zu bytes, found %zu", f->size - 1, length);
    memcpy(at, text, length + 1);
    return true;
}

/* Whole numbers of either width; a double holds the bounds of both. */
static bool set_whole(const flag *f, void *at, const char *text, error *e)
{
    char *end;
    errno = 0;
    long long value = strtoll(text, &end, 10);
    if (f->kind == FLAG_AUTO_INT && !strcmp(text, "auto"))
        value = FLAG_AUTO;
    else if (end == text || *end || errno || (double)value < f->min || (double)value > f->max)
        return error_set(e, ERROR_INVALID, "\"%s\" is not a whole number from %.0f to %.0f%s", text, f->min, f->max,
                         f->kind == FLAG_AUTO_INT ? " or auto" : "");
    if (f->kind == FLAG_WHOLE)
        *(uint64_t *)at = (uint64_t)value;
    else
        *(int *)at = (int)value;
    return true;
}

static bool set_number(const flag *f, double *at, const char *text, error *e)
{
    char *end;
    double value = strtod(text, &end);
    if (end == text || *end || !(value >= f->min && value <= f->max))
        return error_set(e, ERROR_INVALID, "\"%s\" is not a number from %g to %g", text, f->min, f->max);
    *at = value;
    return true;
}

static bool set_choice(const flag *f, int *at, const char *text, error *e)
{
    char all[256] = "";
    size_t used = 0;
    for (int i = 0; f->choices[i]; i++) {
        if (!strcmp(text, f->choices[i])) {
            *at = i;
            return true;
        }
        if (used < sizeof all)
            used += (size_t)snprintf(all + used, sizeof all - used, "%s%s", i ? ", " : "", f->choices[i]);
    }
    return error_set(e, ERROR_INVALID, "\"%s\" is none of %s", text, all);
}

static bool set_switch(const flag *f, bool *at, const char *text, error *e)
{
    bool yes = !strcmp(text, "true") || !strcmp(text, "yes") || !strcmp(text, "1");
    if (!yes && strcmp(text, "false") && strcmp(text, "no") && strcmp(text, "0"))
        return error_set(e, ERROR_INVALID, "expected true or false, found \"%s\"", text);
    *at = yes != f->off;
    return true;
}

static bool add_pair(flag_pairs *at, char *text, error *e)
{
    char *equals = strchr(text, '=');
    if (!equals || equals == text)
        return error_set(e, ERROR_INVALID, "\"%s\" is not NAME=VALUE", text);
    if (at->count == FLAG_PAIRS_MAX)
        return error_set(e, ERROR_INVALID, "there may be %d; \"%s\" is one more", FLAG_PAIRS_MAX, text);
    *equals = 0;
    at->all[at->count++] = (struct flag_pair){text, equals + 1};
    return true;
}

bool flag_set(const flag *f, void *target, char *text, error *e)
{
    void *at = (char *)target + f->offset;
    switch (f->kind) {
    case FLAG_SWITCH:
        return set_switch(f, at, text, e);
    case FLAG_TEXT:
        *(const char **)at = text;
        return true;
    case FLAG_BUFFER:
        return set_buffer(f, at, text, e);
    case FLAG_INT:
    case FLAG_AUTO_INT:
    case FLAG_WHOLE:
        return set_whole(f, at, text, e);
    case FLAG_NUMBER:
        return set_number(f, at, text, e);
    case FLAG_CHOICE:
        return set_choice(f, at, text, e);
    case FLAG_PAIR:
        return add_pair(at, text, e);
    case FLAG_PARSED:
        return f->parse(at, text, e);
    }
    return false;
}

void flag_variable(const flag *f, char name[FLAG_VARIABLE_MAX])
{
    snprintf(name, FLAG_VARIABLE_MAX, "ANOMALYD_%s", f->name);
    for (char *at = name; *at; at++)
        *at = *at == '-' ? '_' : (char)toupper((unsigned char)*at);
}
