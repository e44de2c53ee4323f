/* SPDX-License-Identifier: MIT */
/* record_json.c — rows to JSON, and packed rows. Reading what others send is record_read.c's. */
#include "api/json/record_json.h"

#include "api/records/job.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

enum { OBJECT_DIGITS = 9 }; /* of a 32-bit float */

char *record_object_text(const json_t *value)
{
    return json_dumps(value, JSON_COMPACT | JSON_REAL_PRECISION(OBJECT_DIGITS));
}

static json_t *value_of(const struct field *f, const void *row)
{
    const void *at = field_at(f, row);
    double real;
    switch (f->type) {
    case FIELD_TEXT:
        return json_text(at);
    case FIELD_STRING:
        return json_text(field_string(f, row));
    case FIELD_OBJECT:
        return json_embedded(field_string(f, row));
    case FIELD_TIME:
        return json_time(field_integer(f, row));
    case FIELD_INTEGER:
        return json_integer(field_integer(f, row));
    case FIELD_REAL:
        memcpy(&real, at, sizeof real);
        return json_number(real);
    case FIELD_FLAG:
        return json_boolean(*(const bool *)at);
    case FIELD_STATE:
        return json_string(job_state_name(*(const enum job_state *)at));
    case FIELD_CONSTANT:
        return json_string(f->text);
    case FIELD_BESIDE:
        return json_null();
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
    char group[SERVICE_NAME_MAX];
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
            good = !json_object_set_new(packed, f->column,
                                        f->type == FIELD_TIME ? json_integer(field_integer(f, row)) : value_of(f, row));
    }
    if (good)
        return packed;
    json_decref(packed);
    return NULL;
}

static bool copy_text(const struct field *f, const json_t *value, void *place)
{
    const char *text = json_string_value(value);
    if (!text || strlen(text) >= f->size)
        return false;
    memcpy(place, text, strlen(text) + 1);
    return true;
}

static bool copy_string(char *text, void *place)
{
    memcpy(place, &text, sizeof text);
    return text != NULL;
}

static bool unpack(const struct field *f, const json_t *value, void *row)
{
    void *place = field_place(f, row);
    double real = json_is_number(value) ? json_number_value(value) : NAN;
    switch (f->type) {
    case FIELD_TEXT:
        return !value || copy_text(f, value, place);
    case FIELD_STRING:
        return !value || (json_is_string(value) && copy_string(strdup(json_string_value(value)), place));
    case FIELD_OBJECT:
        return !value || (json_is_object(value) && copy_string(record_object_text(value), place));
    case FIELD_TIME:
    case FIELD_INTEGER:
        field_set_integer(f, row, json_integer_value(value));
        return !value || json_is_integer(value);
    case FIELD_REAL:
        memcpy(place, &real, sizeof real);
        return !value || json_is_number(value) || json_is_null(value);
    case FIELD_FLAG:
        *(bool *)place = json_is_true(value);
        return !value || json_is_boolean(value);
    case FIELD_STATE:
        return !value || (json_is_string(value) && job_state_find(json_string_value(value), place));
    case FIELD_CONSTANT:
    case FIELD_BESIDE:
        return true;
    }
    return false;
}

bool record_unpack(const struct record *r, json_t *packed, void *row)
{
    bool good = json_is_object(packed);
    for (int i = 0; good && i < r->count; i++)
        if (r->fields[i].column)
            good = unpack(&r->fields[i], json_object_get(packed, r->fields[i].column), row);
    return good;
}
