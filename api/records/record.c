/* SPDX-License-Identifier: MIT */
/* record.c — see record.h. */
#include "api/records/record.h"

#include <assert.h>
#include <math.h>
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
    return field_at(f, row);
}

int64_t field_integer(const struct field *f, const void *row)
{
    uint32_t small;
    uint64_t large;
    if (f->size == sizeof small) {
        memcpy(&small, field_at(f, row), sizeof small);
        return small;
    }
    assert(f->size == sizeof large);
    memcpy(&large, field_at(f, row), sizeof large);
    return (int64_t)large;
}

void field_set_integer(const struct field *f, void *row, int64_t value)
{
    uint32_t small = (uint32_t)value;
    uint64_t large = (uint64_t)value;
    assert(f->size == sizeof small || f->size == sizeof large);
    memcpy(field_place(f, row), f->size == sizeof small ? (const void *)&small : &large, f->size);
}

char *field_string(const struct field *f, const void *row)
{
    char *text;
    memcpy(&text, field_at(f, row), sizeof text);
    return text;
}

bool field_none(const struct field *f, const void *row)
{
    double real;
    switch (f->type) {
    case FIELD_TEXT:
        return !*(const char *)field_at(f, row);
    case FIELD_STRING:
    case FIELD_OBJECT:
        return !field_string(f, row);
    case FIELD_TIME:
    case FIELD_INTEGER:
        return !field_integer(f, row);
    case FIELD_REAL:
        memcpy(&real, field_at(f, row), sizeof real);
        return !isfinite(real);
    case FIELD_FLAG:
    case FIELD_STATE:
    case FIELD_CONSTANT:
    case FIELD_BESIDE:
        return false;
    }
    return false;
}
