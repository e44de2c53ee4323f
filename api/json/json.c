/* SPDX-License-Identifier: MIT */
/* json.c — jansson behind strict readers. */
#include "api/json/json.h"

#include <inttypes.h>
#include <math.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

/* A fifteen-digit decimal survives the way through a double, so that numbers print as short as they were made. */
enum { DIGITS = 15 };

/* Jansson's own depth limit is 2048 levels of recursion; ours is checked before it starts. */
static bool depth_fits(const char *text, size_t size)
{
    int depth = 0;
    bool quoted = false;
    for (size_t i = 0; i < size; i++) {
        char c = text[i];
        if (quoted) {
            if (c == '\\')
                i++;
            else if (c == '"')
                quoted = false;
        } else if (c == '"') {
            quoted = true;
        } else if (c == '{' || c == '[') {
            if (++depth > JSON_DEPTH_MAX)
                return false;
        } else if (c == '}' || c == ']') {
            depth--;
        }
    }
    return true;
}

json_t *json_read(const void *bytes, size_t size, problem *p)
{
    if (!depth_fits(bytes, size)) {
        problem_set(p, 400, "the body nests deeper than %d levels", JSON_DEPTH_MAX);
        return NULL;
    }
    json_error_t e;
    json_t *value = json_loadb(bytes, size, JSON_REJECT_DUPLICATES | JSON_DECODE_ANY, &e);
    if (!value)
        problem_set(p, 400, "the body is not JSON: line %d, column %d: %s", e.line, e.column, e.text);
    return value;
}

void json_pointer(char out[JSON_POINTER_MAX], const char *pointer, const char *name)
{
    int n = snprintf(out, JSON_POINTER_MAX, "%s/", pointer);
    size_t used = n < JSON_POINTER_MAX ? (size_t)n : JSON_POINTER_MAX - 1;
    for (; *name && used + 2 < JSON_POINTER_MAX; name++) {
        if (*name == '~' || *name == '/') {
            out[used++] = '~';
            out[used++] = *name == '~' ? '0' : '1';
        } else {
            out[used++] = *name;
        }
    }
    out[used] = '\0';
}

fields fields_of(json_t *value, const char *pointer, const char *const *names, problem *p)
{
    fields f = {.object = value, .pointer = pointer, .problem = p};
    if (!json_is_object(value)) {
        f.object = NULL;
        problem_add(p, pointer, "expected an object");
        return f;
    }
    const char *key;
    json_t *ignored;
    json_object_foreach(value, key, ignored)
    {
        const char *const *name = names;
        while (*name && strcmp(*name, key))
            name++;
        if (*name)
            continue;
        char accepted[384] = "";
        for (name = names; *name; name++)
            problem_list(accepted, sizeof accepted, *name);
        fields_complain(&f, key, "unknown key '%.64s'; accepted: %s", key, accepted);
    }
    return f;
}

bool fields_complain(const fields *f, const char *name, const char *format, ...)
{
    char pointer[JSON_POINTER_MAX], detail[ERROR_MESSAGE_MAX];
    json_pointer(pointer, f->pointer, name);
    va_list arguments;
    va_start(arguments, format);
    vsnprintf(detail, sizeof detail, format, arguments);
    va_end(arguments);
    return problem_add(f->problem, pointer, "%s", detail);
}

static const char *type_name(const json_t *value)
{
    static const char *const names[] = {
        [JSON_OBJECT] = "an object",   [JSON_ARRAY] = "an array", [JSON_STRING] = "a string",
        [JSON_INTEGER] = "an integer", [JSON_REAL] = "a number",  [JSON_TRUE] = "true",
        [JSON_FALSE] = "false",        [JSON_NULL] = "null"};
    return names[json_typeof(value)];
}

json_t *fields_value(const fields *f, const char *name)
{
    json_t *value = f->object ? json_object_get(f->object, name) : NULL;
    return json_is_null(value) ? NULL : value;
}

void fields_require(const fields *f, const char *name)
{
    if (f->object && !fields_value(f, name))
        fields_complain(f, name, "is missing");
}

/* The field when it is of one of the types (a bit each); NULL when absent, and after a complaint. */
static json_t *typed_value(const fields *f, const char *name, unsigned types, const char *expected)
{
    json_t *value = fields_value(f, name);
    if (!value || 1u << json_typeof(value) & types)
        return value;
    fields_complain(f, name, "expected %s, got %s", expected, type_name(value));
    return NULL;
}

const char *fields_text(const fields *f, const char *name, const char *preset)
{
    json_t *value = typed_value(f, name, 1u << JSON_STRING, "a string");
    if (!value)
        return preset;
    if (strlen(json_string_value(value)) == json_string_length(value))
        return json_string_value(value);
    fields_complain(f, name, "holds a NUL");
    return preset;
}

int64_t fields_integer(const fields *f, const char *name, int64_t min, int64_t max, int64_t preset)
{
    json_t *value = typed_value(f, name, 1u << JSON_INTEGER, "an integer");
    int64_t number = json_integer_value(value);
    if (!value || (number >= min && number <= max))
        return value ? number : preset;
    fields_complain(f, name, "%" PRId64 " is not in %" PRId64 " ... %" PRId64, number, min, max);
    return preset;
}

double fields_number(const fields *f, const char *name, double min, double max, double preset)
{
    json_t *value = typed_value(f, name, 1u << JSON_INTEGER | 1u << JSON_REAL, "a number");
    double number = json_number_value(value);
    if (!value || (number >= min && number <= max))
        return value ? number : preset;
    fields_complain(f, name, "%g is not in %g ... %g", number, min, max);
    return preset;
}

bool fields_flag(const fields *f, const char *name, bool preset)
{
    json_t *value = typed_value(f, name, 1u << JSON_TRUE | 1u << JSON_FALSE, "true or false");
    return value ? json_is_true(value) : preset;
}

json_t *json_number(double value)
{
    return isfinite(value) ? json_real(value) : json_null();
}

json_t *json_count(int64_t count)
{
    return count ? json_integer(count) : json_null();
}

json_t *json_single(float value)
{
    if (!isfinite(value))
        return json_null();
    char text[32];
    for (int digits = 1; digits <= 9; digits++) {
        snprintf(text, sizeof text, "%.*g", digits, (double)value);
        if (strtof(text, NULL) == value)
            break;
    }
    return json_real(strtod(text, NULL));
}

json_t *json_time(int64_t ms)
{
    if (!ms)
        return json_null();
    time_t seconds = (time_t)(ms / 1000);
    struct tm parts;
    char day[32];
    if (!gmtime_r(&seconds, &parts) || !strftime(day, sizeof day, "%Y-%m-%dT%H:%M:%S", &parts))
        return json_null();
    return json_sprintf("%s.%03dZ", day, (int)(ms % 1000));
}

json_t *json_name(const char *s)
{
    return s && s[0] ? json_text(s) : json_null();
}

json_t *json_text(const char *s)
{
    if (!s)
        return json_null();
    json_t *value = json_string(s);
    if (value)
        return value;
    char *plain = strdup(s);
    if (!plain)
        return NULL;
    for (char *c = plain; *c; c++)
        if ((unsigned char)*c >= 0x80)
            *c = '?';
    value = json_string(plain);
    free(plain);
    return value;
}

json_t *json_embedded(const char *text)
{
    json_t *value = text ? json_loads(text, 0, NULL) : NULL;
    if (json_is_object(value))
        return value;
    json_decref(value);
    return json_object();
}

char *json_write(json_t *body, size_t *size)
{
    char *text = body ? json_dumps(body, JSON_REAL_PRECISION(DIGITS)) : NULL;
    json_decref(body);
    size_t length = text ? strlen(text) : 0;
    char *line = text ? realloc(text, length + 2) : NULL;
    if (!line) {
        free(text);
        return NULL;
    }
    line[length] = '\n';
    line[length + 1] = '\0';
    *size = length + 1;
    return line;
}

bool json_parse_time(const char *text, int64_t *ms)
{
    struct tm parts = {0};
    const char *rest = strptime(text, "%Y-%m-%dT%H:%M:%S", &parts);
    if (!rest)
        return false;
    int64_t milliseconds = 0;
    if (*rest == '.') {
        int64_t scale = 100;
        const char *digit = rest + 1;
        for (; *digit >= '0' && *digit <= '9'; digit++, scale /= 10)
            milliseconds += (*digit - '0') * scale;
        if (digit == rest + 1)
            return false;
        rest = digit;
    }
    int64_t offset_s = 0;
    if (*rest == '+' || *rest == '-') {
        int hours, minutes, used = 0;
        if (sscanf(rest + 1, "%2d:%2d%n", &hours, &minutes, &used) != 2 || used != 5 || hours > 23 || minutes > 59)
            return false;
        offset_s = (*rest == '-' ? -1 : 1) * (hours * 3600 + minutes * 60);
        rest += 6;
    } else if (*rest == 'Z' || *rest == 'z') {
        rest++;
    } else {
        return false;
    }
    *ms = ((int64_t)timegm(&parts) - offset_s) * 1000 + milliseconds;
    return !*rest;
}
