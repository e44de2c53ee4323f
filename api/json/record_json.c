/* SPDX-License-Identifier: MIT */
/* record_json.c — rows to JSON, and packed rows. Reading what others send is record_read.c's. */
#include "api/json/record_json.h"

#include <stdlib.h>
#include <string.h>

enum { OBJECT_DIGITS = 9 }; /* of a 32-bit float */

char *record_object_text(const json_t *value)
{
    return json_dumps(value, JSON_COMPACT | JSON_REAL_PRECISION(OBJECT_DIGITS));
}

static json_t *value_of(const struct field *f, const void *row)
{
    const struct value v = field_get(f, row);
    if (f->type == FIELD_OBJECT)
        return json_embedded(v.text);
    if (f->type == FIELD_TIME)
        return json_time(v.integer);
    if (f->type == FIELD_FLAG)
        return json_boolean(v.integer);
    switch (v.kind) {
    case VALUE_NONE:
        return json_null();
    case VALUE_TEXT:
        return json_text(v.text);
    case VALUE_INTEGER:
        return json_integer(v.integer);
    case VALUE_REAL:
        return json_number(v.real);
    }
    return NULL;
}

/* ---- answers */

static bool is_null(const struct record *r, const struct field *f, const void *row)
{
    return (f->nullable && field_none(f, row)) || (f->with && field_none(record_field(r, f->with), row));
}

/* Puts a value at PATH or GROUP/NAME; takes it. */
static bool put(json_t *body, const char *path, json_t *value)
{
    char group[RECORD_NAME_MAX];
    const char *name = strchr(path, '/');
    if (!name)
        return !json_object_set_new(body, path, value);
    snprintf(group, sizeof group, "%.*s", (int)(name - path), path);
    json_t *inner = json_object_get(body, group);
    if (!inner && !json_object_set_new(body, group, json_object()))
        inner = json_object_get(body, group);
    return !json_object_set_new(inner, name + 1, value);
}

json_t *record_json(const struct record *r, const void *row, enum record_view view)
{
    json_t *body = json_object();
    bool good = body != NULL;
    for (int i = 0; good && i < r->count; i++) {
        const struct field *f = &r->fields[i];
        if (f->path && (view == RECORD_WHOLE || !f->whole))
            good = put(body, f->path, is_null(r, f, row) ? json_null() : value_of(f, row));
    }
    if (good)
        return body;
    json_decref(body);
    return NULL;
}

/* ---- packed rows */

json_t *record_pack(const struct record *r, const void *row)
{
    json_t *packed = json_object();
    bool good = packed != NULL;
    for (int i = 0; good && i < r->count; i++) {
        const struct field *f = &r->fields[i];
        if (f->column && !field_none(f, row))
            good = !json_object_set_new(
                packed, f->column, f->type == FIELD_TIME ? json_integer(field_get(f, row).integer) : value_of(f, row));
    }
    if (good)
        return packed;
    json_decref(packed);
    return NULL;
}

static bool unpack(const struct field *f, const json_t *value, void *row)
{
    struct value v = {.kind = VALUE_NONE};
    char *object = f->type == FIELD_OBJECT && json_is_object(value) ? record_object_text(value) : NULL;
    if (object || json_is_string(value))
        v = (struct value){.kind = VALUE_TEXT, .text = object ? object : json_string_value(value)};
    else if (json_is_integer(value) || json_is_boolean(value))
        v = (struct value){.kind = VALUE_INTEGER, .integer = json_is_true(value) ? 1 : json_integer_value(value)};
    else if (json_is_real(value))
        v = (struct value){.kind = VALUE_REAL, .real = json_real_value(value)};
    bool good = (!value || json_is_null(value) || v.kind != VALUE_NONE) && field_set(f, row, v);
    free(object);
    return good && (f->type != FIELD_OBJECT || !value || object);
}

bool record_unpack(const struct record *r, json_t *packed, void *row)
{
    bool good = json_is_object(packed);
    for (int i = 0; good && i < r->count; i++)
        if (r->fields[i].column && (r->fields[i].type != FIELD_STATE || json_object_get(packed, r->fields[i].column)))
            good = unpack(&r->fields[i], json_object_get(packed, r->fields[i].column), row);
    return good;
}
