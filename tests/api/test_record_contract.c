/* SPDX-License-Identifier: MIT */
/* test_record_contract.c — the records' tables against openapi.yaml, and against the JSON that is made by them. */
#include "tests/api/contract.h"
#include "tests/api/fake_service.h"

#include "api/json/record_json.h"
#include "record_rows.h"

static json_t *schema_of(const struct record *r)
{
    json_t *all = json_object_get(json_object_get(contract(), "components"), "schemas");
    json_t *schema = json_object_get(all, r->name);
    if (!schema)
        fail_msg("openapi.yaml: no schema %s", r->name);
    return schema;
}

/* The object schema that a path ends in; *name: the last part of the path. */
static const json_t *schema_at(const struct record *r, const char *path, const char **name)
{
    char group[RECORD_NAME_MAX];
    const char *slash = strchr(path, '/');
    *name = slash ? slash + 1 : path;
    if (!slash)
        return schema_of(r);
    snprintf(group, sizeof group, "%.*s", (int)(slash - path), path);
    const json_t *schema = json_object_get(json_object_get(schema_of(r), "properties"), group);
    if (!schema)
        fail_msg("openapi.yaml: %s has no %s", r->name, group);
    return contract_resolve(schema);
}

static bool lists(const json_t *list, const char *name)
{
    size_t i;
    json_t *one;
    json_array_foreach(list, i, one)
    {
        if (json_is_string(one) ? !strcmp(json_string_value(one), name) : json_is_null(one) && !strcmp(name, "null"))
            return true;
    }
    return false;
}

static bool says_type(const json_t *type, const char *name)
{
    return json_is_string(type) ? !strcmp(json_string_value(type), name) : lists(type, name);
}

static void check_type(const struct record *r, const struct field *f, const json_t *schema)
{
    static const char *const names[] = {
        [FIELD_TEXT] = "string",     [FIELD_STRING] = "string", [FIELD_OBJECT] = "object", [FIELD_TIME] = "string",
        [FIELD_INTEGER] = "integer", [FIELD_REAL] = "number",   [FIELD_FLAG] = "boolean"};
    const json_t *type = json_object_get(schema, "type");
    bool nullable = f->nullable || f->with || f->type == FIELD_TIME;
    if (json_object_get(schema, "enum") || json_object_get(schema, "const"))
        return; /* a text of a few */
    if (!says_type(type, names[f->type]) || says_type(type, "null") != nullable)
        fail_msg("openapi.yaml: %s: %s is %s%s in the table", r->name, f->path, names[f->type],
                 nullable ? " or null" : "");
}

static void check_bound(const struct record *r, const struct field *f, const json_t *schema, const char *key,
                        double own)
{
    const json_t *stated = json_object_get(schema, key);
    if (stated && json_number_value(stated) != own)
        fail_msg("openapi.yaml: %s: the %s of %s is %g in the table", r->name, key, f->path, own);
}

static void a_field_is_in_the_contract_with_its_type_and_bounds(void **state)
{
    (void)state;
    for (int i = 0; i < RECORDS; i++) {
        const struct record *r = all_records[i];
        for (int k = 0; k < r->count; k++) {
            const struct field *f = &r->fields[k];
            const char *name;
            if (!f->path)
                continue;
            const json_t *parent = schema_at(r, f->path, &name);
            const json_t *schema = json_object_get(json_object_get(parent, "properties"), name);
            if (!schema)
                fail_msg("openapi.yaml: %s has no %s", r->name, f->path);
            if (lists(json_object_get(parent, "required"), name) == f->whole)
                fail_msg("openapi.yaml: %s: %s is %s required", r->name, f->path, f->whole ? "wrongly" : "not");
            schema = contract_resolve(schema);
            if (f->type == FIELD_BESIDE)
                continue;
            check_type(r, f, schema);
            check_bound(r, f, schema, "minimum", f->minimum);
            check_bound(r, f, schema, "maximum", f->maximum);
        }
    }
}

/* Names that a schema has of its own, since a handler adds them. */
static bool is_added(const char *record, const char *name)
{
    return !strcmp(record, "model") && !strcmp(name, "versions");
}

static void the_contract_has_no_field_that_the_table_lacks(void **state)
{
    (void)state;
    for (int i = 0; i < RECORDS; i++) {
        const struct record *r = all_records[i];
        const char *name;
        json_t *schema;
        json_object_foreach(json_object_get(schema_of(r), "properties"), name, schema)
        {
            bool found = is_added(r->name, name);
            for (int k = 0; k < r->count && !found; k++) {
                const char *path = r->fields[k].path;
                size_t length = path ? strcspn(path, "/") : 0;
                found = path && strlen(name) == length && !memcmp(path, name, length);
            }
            if (!found)
                fail_msg("openapi.yaml: %s has %s, which no field has", r->name, name);
        }
    }
}

/* A field's value where an answer should have it; NULL: it is not there. */
static json_t *value_at(json_t *body, const char *path)
{
    char group[RECORD_NAME_MAX];
    const char *slash = strchr(path, '/');
    snprintf(group, sizeof group, "%.*s", slash ? (int)(slash - path) : 0, path);
    return json_object_get(slash ? json_object_get(body, group) : body, slash ? slash + 1 : path);
}

static void an_answer_has_every_field_once_and_null_for_none(void **state)
{
    (void)state;
    any_row *row = calloc(1, sizeof *row), *none = calloc(1, sizeof *none);
    for (int i = 0; i < RECORDS; i++) {
        const struct record *r = all_records[i];
        memset(row, 0, sizeof *row);
        fill_row(r, row);
        json_t *full = record_json(r, row, RECORD_WHOLE), *list = record_json(r, row, RECORD_LISTED);
        json_t *empty = record_json(r, none, RECORD_WHOLE);
        for (int k = 0; k < r->count; k++) {
            const struct field *f = &r->fields[k];
            if (!f->path)
                continue;
            json_t *value = value_at(full, f->path);
            if (!value || json_is_null(value) != (f->type == FIELD_BESIDE))
                fail_msg("%s: %s of a full row", r->name, f->path);
            if ((value_at(list, f->path) != NULL) == f->whole)
                fail_msg("%s: %s in a list", r->name, f->path);
            if (f->nullable && f->type != FIELD_REAL && !json_is_null(value_at(empty, f->path)))
                fail_msg("%s: %s of an empty row", r->name, f->path);
        }
        json_decref(full);
        json_decref(list);
        json_decref(empty);
        free_row(r, row);
    }
    free(row);
    free(none);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_field_is_in_the_contract_with_its_type_and_bounds),
        cmocka_unit_test(the_contract_has_no_field_that_the_table_lacks),
        cmocka_unit_test(an_answer_has_every_field_once_and_null_for_none),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
