/* SPDX-License-Identifier: MIT */
/* record_read.c — reads records that others send: every complaint names its key. */
#include "api/json/record_json.h"

#include "api/json/training.h"
#include "data/protocol.h"
#include "methods/method.h"

#include <inttypes.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

/* ---- forms: what a value is beyond its type; called where there is one */

static void check_name(const fields *f, const char *name, const char *text)
{
    if (!name_valid(text))
        fields_complain(f, name, "'%.64s' is not " NAME_RULE, text);
}

static void check_digest(const fields *f, const char *name, const char *text)
{
    if (strlen(text) != DATASET_DIGEST_TEXT - 1 || strspn(text, "0123456789abcdef") != DATASET_DIGEST_TEXT - 1)
        fields_complain(f, name, "'%.80s' is not a SHA-256 in lower-case hexadecimal", text);
}

static void check_method(const fields *f, const char *name, const char *text)
{
    if (!method_find(text))
        training_complain_method(f, name, text);
}

static void check_protocol(const fields *f, const char *name, const char *text)
{
    enum protocol protocol;
    error e = {0};
    if (!protocol_parse(text, &protocol, &e))
        fields_complain(f, name, "%s", e.message);
}

typedef void text_check(const fields *f, const char *name, const char *text);
static text_check *const text_checks[FORM_COUNT] = {[FORM_NAME] = check_name,
                                                    [FORM_DIGEST] = check_digest,
                                                    [FORM_METHOD] = check_method,
                                                    [FORM_PROTOCOL] = check_protocol};

/* A class may be missing where the protocol has none. */
static void check_class(const fields *f, const char *name, const char *text)
{
    const char *protocol_text = json_string_value(fields_value(f, "protocol"));
    enum protocol protocol;
    if (!*text && protocol_text && protocol_parse(protocol_text, &protocol, NULL) && protocol != PROTOCOL_UNLABELLED)
        fields_complain(f, name, "is missing");
}

/* 5 for 5.0, which some programs write: equal options are equal text in a registry. */
static void restore_reals(const char *id, json_t *values)
{
    const method *m = id ? method_find(id) : NULL;
    for (const option *o = m ? m->options : NULL; o && o->name; o++) {
        json_t *value = json_object_get(values, o->name);
        if (o->type == OPTION_REAL && json_is_integer(value))
            json_object_set_new(values, o->name, json_real(json_number_value(value)));
    }
}

/* Options of a method as it was then: it may have others by now. */
static void check_options(const fields *f, const char *name, json_t *values)
{
    const char *key;
    json_t *value;
    if (!json_is_object(values))
        fields_complain(f, name, "expected an object");
    json_object_foreach(values, key, value)
    {
        if (json_is_object(value) || json_is_array(value) || json_is_null(value))
            fields_complain(f, name, "'%.64s': expected a number, a string, true or false", key);
    }
    restore_reals(json_string_value(fields_value(f, "method")), values);
}

/* ---- types */

static struct value read_text(const fields *f, const char *name, const struct field *of)
{
    const char *text = fields_text(f, name, NULL);
    if (text && text_checks[of->form])
        text_checks[of->form](f, name, text);
    else if (text && strlen(text) >= of->size)
        fields_complain(f, name, "is longer than %zu bytes", of->size - 1);
    if (of->form == FORM_CLASS)
        check_class(f, name, text && strlen(text) < of->size ? text : "");
    return (struct value){.kind = VALUE_TEXT, .text = text};
}

static struct value read_time(const fields *f, const char *name)
{
    struct value v = {.kind = VALUE_INTEGER};
    const char *text = fields_text(f, name, "");
    if (*text && !json_parse_time(text, &v.integer))
        fields_complain(f, name, "'%.40s' is not a time like 2026-01-31T12:00:00Z", text);
    return v;
}

static struct value read_integer(const fields *f, const char *name, const struct field *of)
{
    const int64_t held = of->size == sizeof(uint32_t) ? UINT32_MAX : INT64_MAX;
    struct value v = {.kind = VALUE_INTEGER};
    if (of->form == FORM_TEST_IMAGES)
        v.integer = training_read_test_images(f, 0);
    else
        v.integer = fields_integer(f, name, (int64_t)of->minimum, of->maximum > 0 ? (int64_t)of->maximum : held, 0);
    return v;
}

static struct value read_real(const fields *f, const char *name, const struct field *of)
{
    const double limit = of->maximum > 0 ? of->maximum : HUGE_VAL;
    return (struct value){.kind = VALUE_REAL,
                          .real = fields_number(f, name, of->minimum, limit, of->nullable ? NAN : 0)};
}

static void read_object(const fields *f, const char *name, const struct field *of, void *row)
{
    json_t *value = fields_value(f, name);
    if (value && of->form == FORM_OPTIONS)
        check_options(f, name, value);
    char *text = value ? record_object_text(value) : NULL;
    field_set(of, row, (struct value){.kind = VALUE_TEXT, .text = text});
    free(text);
}

/* Of the types that others may send; code beside the table reads the rest, or it is made here only. */
static void read_field(const fields *f, const char *name, const struct field *of, void *row)
{
    if (of->required)
        fields_require(f, name);
    if (of->type == FIELD_TEXT)
        field_set(of, row, read_text(f, name, of));
    else if (of->type == FIELD_TIME)
        field_set(of, row, read_time(f, name));
    else if (of->type == FIELD_INTEGER)
        field_set(of, row, read_integer(f, name, of));
    else if (of->type == FIELD_REAL)
        field_set(of, row, read_real(f, name, of));
    else if (of->type == FIELD_OBJECT)
        read_object(f, name, of, row);
}

/* ---- records */

/* A group's name, as it stands before the slash of a path; empty: the field is in none. */
static void group_of(const struct field *f, char group[RECORD_NAME_MAX])
{
    const char *slash = f->path ? strchr(f->path, '/') : NULL;
    snprintf(group, RECORD_NAME_MAX, "%.*s", slash ? (int)(slash - f->path) : 0, slash ? f->path : "");
}

/* The keys of a group; of the record itself when it is empty, with the groups among them. `room` holds their names. */
static void list_keys(const struct record *r, const char *group, const char *keys[RECORD_FIELDS_MAX],
                      char room[RECORD_FIELDS_MAX][RECORD_NAME_MAX])
{
    int count = 0;
    for (int i = 0; i < r->count; i++) {
        const struct field *f = &r->fields[i];
        char own[RECORD_NAME_MAX];
        if (!f->path)
            continue;
        group_of(f, own);
        const char *key = !*group && *own ? own : *own ? f->path + strlen(own) + 1 : f->path;
        if (*group ? strcmp(group, own) != 0 : count && !strcmp(keys[count - 1], key))
            continue;
        snprintf(room[count], sizeof room[count], "%s", key);
        keys[count] = room[count];
        count++;
    }
    keys[count] = NULL;
}

/* Reads the fields of a group; of the record itself when it is empty, and then those of its groups too. */
static void read_level(const struct record *r, const char *group, json_t *value, const char *pointer, void *row,
                       problem *p)
{
    const char *keys[RECORD_FIELDS_MAX];
    char room[RECORD_FIELDS_MAX][RECORD_NAME_MAX], own[RECORD_NAME_MAX], before[RECORD_NAME_MAX] = "";
    list_keys(r, group, keys, room);
    const fields f = fields_of(value, pointer, keys, p);
    for (int i = 0; f.object && i < r->count; i++) {
        const struct field *at = &r->fields[i];
        group_of(at, own);
        if (at->path && at->form != FORM_UNREAD && !strcmp(own, group)) {
            read_field(&f, *group ? at->path + strlen(group) + 1 : at->path, at, row);
        } else if (!*group && *own && strcmp(own, before) != 0) {
            char inner[JSON_POINTER_MAX];
            json_pointer(inner, pointer, own);
            fields_require(&f, own);
            if (fields_value(&f, own))
                read_level(r, own, fields_value(&f, own), inner, row, p);
        }
        memcpy(before, own, sizeof before);
    }
}

void record_read(const struct record *r, json_t *body, const char *pointer, void *row, problem *p)
{
    read_level(r, "", body, pointer, row, p);
}
