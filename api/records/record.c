/* SPDX-License-Identifier: MIT */
/* record.c — see record.h. */
#include "api/records/record.h"

#include "api/records/job.h"

#include <assert.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

const struct field *record_field(const struct record *r, const char *path)
{
    for (int i = 0; i < r->count; i++)
        if (r->fields[i].path && !strcmp(r->fields[i].path, path))
            return &r->fields[i];
    return NULL;
}

const char *record_text(const struct record *r, const void *row, const char *path)
{
    const struct field *f = record_field(r, path);
    assert(f && f->type == FIELD_TEXT);
    return field_get(f, row).text;
}

struct value field_get(const struct field *f, const void *row)
{
    const char *at = (const char *)row + f->offset;
    struct value v = {.kind = VALUE_INTEGER};
    uint32_t small;
    switch (f->type) {
    case FIELD_TEXT:
        v.text = at;
        break;
    case FIELD_STRING:
    case FIELD_OBJECT:
        memcpy(&v.text, at, sizeof v.text);
        v.kind = VALUE_NONE;
        break;
    case FIELD_STATE:
        v.text = job_state_name(*(const enum job_state *)at);
        break;
    case FIELD_FLAG:
        v.integer = *(const bool *)at;
        break;
    case FIELD_TIME:
    case FIELD_INTEGER:
        memcpy(f->size == sizeof small ? (void *)&small : &v.integer, at, f->size);
        v.integer = f->size == sizeof small ? small : v.integer;
        break;
    case FIELD_REAL:
        memcpy(&v.real, at, sizeof v.real);
        v.kind = isnan(v.real) ? VALUE_NONE : VALUE_REAL;
        break;
    case FIELD_CONSTANT:
        v.text = f->text;
        break;
    case FIELD_BESIDE:
        v.kind = VALUE_NONE;
    }
    if (v.text)
        v.kind = VALUE_TEXT;
    return v;
}

static bool set_text(const struct field *f, char *at, const char *text)
{
    if (f->type == FIELD_STATE)
        return text && job_state_find(text, (enum job_state *)at);
    if (f->type == FIELD_TEXT)
        return (size_t)snprintf(at, f->size, "%s", text ? text : "") < f->size;
    char *copy = text ? strdup(text) : NULL;
    memcpy(at, &copy, sizeof copy);
    return copy || !text;
}

bool field_set(const struct field *f, void *row, struct value v)
{
    char *at = (char *)row + f->offset;
    uint32_t small = (uint32_t)v.integer;
    switch (f->type) {
    case FIELD_TEXT:
    case FIELD_STRING:
    case FIELD_OBJECT:
    case FIELD_STATE:
        return set_text(f, at, v.text) && (v.kind == VALUE_TEXT || v.kind == VALUE_NONE);
    case FIELD_FLAG:
        *(bool *)at = v.integer != 0;
        return v.kind == VALUE_INTEGER || v.kind == VALUE_NONE;
    case FIELD_TIME:
    case FIELD_INTEGER:
        memcpy(at, f->size == sizeof small ? (const void *)&small : &v.integer, f->size);
        return v.kind == VALUE_INTEGER || v.kind == VALUE_NONE;
    case FIELD_REAL:
        v.real = v.kind == VALUE_REAL ? v.real : v.kind == VALUE_INTEGER ? (double)v.integer : NAN;
        memcpy(at, &v.real, sizeof v.real);
        return v.kind != VALUE_TEXT;
    case FIELD_CONSTANT:
    case FIELD_BESIDE:
        return true;
    }
    return false;
}

void record_free(const struct record *r, void *row)
{
    for (int i = 0; i < r->count; i++) {
        const struct field *f = &r->fields[i];
        if (f->type != FIELD_STRING && f->type != FIELD_OBJECT)
            continue;
        char **at = (void *)((char *)row + f->offset);
        free(*at);
        *at = NULL;
    }
}

bool field_none(const struct field *f, const void *row)
{
    const struct value v = field_get(f, row);
    if (f->type == FIELD_FLAG || f->type == FIELD_STATE)
        return false;
    return v.kind == VALUE_NONE || (v.kind == VALUE_TEXT && !*v.text && f->type == FIELD_TEXT) ||
           (v.kind == VALUE_INTEGER && !v.integer) || (v.kind == VALUE_REAL && isinf(v.real));
}
