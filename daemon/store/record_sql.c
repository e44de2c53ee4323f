/* SPDX-License-Identifier: MIT */
/* record_sql.c — records in statements: lists of their columns, their values bound, and rows read. */
#include "daemon/store/internal.h"

#include <assert.h>
#include <stdio.h>
#include <string.h>

/* ---- texts */

static const struct record *const records[] = {&dataset_record,   &job_record,        &model_record, &run_record,
                                               &run_score_record, &experiment_record, &cell_record};

static const struct record *find_record(const char *name, size_t length)
{
    for (size_t i = 0; i < sizeof records / sizeof *records; i++)
        if (strlen(records[i]->name) == length && !memcmp(records[i]->name, name, length))
            return records[i];
    assert(!"a statement names a record that there is");
    return NULL;
}

/* "id, created, …", or a "?" for each. */
static void put_columns(FILE *out, const struct record *r, bool marks)
{
    const char *separator = "";
    for (int i = 0; i < r->count; i++) {
        if (!r->fields[i].column)
            continue;
        fprintf(out, "%s%s", separator, marks ? "?" : r->fields[i].column);
        separator = ", ";
    }
}

char *sql_expand(const char *text)
{
    char *whole = NULL;
    size_t size;
    FILE *out = open_memstream(&whole, &size);
    if (!out)
        return NULL;
    for (const char *at = text; *at; at++) {
        if (*at != '{') {
            fputc(*at, out);
            continue;
        }
        bool marks = at[1] == '?';
        const char *name = at + 1 + marks;
        size_t length = strcspn(name, "}");
        put_columns(out, find_record(name, length), marks);
        at = name + length;
    }
    return fclose(out) ? NULL : whole;
}

/* ---- rows */

static void put_field(query *q, const struct field *f, const void *row)
{
    double real;
    switch (f->type) {
    case FIELD_TEXT:
        query_put_text(q, field_at(f, row));
        break;
    case FIELD_STRING:
    case FIELD_OBJECT:
        query_put_text(q, field_string(f, row));
        break;
    case FIELD_TIME:
    case FIELD_INTEGER:
        query_put_int(q, field_integer(f, row));
        break;
    case FIELD_REAL:
        memcpy(&real, field_at(f, row), sizeof real);
        query_put_real(q, real);
        break;
    case FIELD_FLAG:
        query_put_int(q, *(const bool *)field_at(f, row));
        break;
    case FIELD_STATE:
        query_put_text(q, job_state_name(*(const enum job_state *)field_at(f, row)));
        break;
    case FIELD_CONSTANT:
    case FIELD_BESIDE:
        assert(!"a field without a member has no column");
    }
}

void query_put_record(query *q, const struct record *r, const void *row)
{
    for (int i = 0; i < r->count; i++)
        if (r->fields[i].column)
            put_field(q, &r->fields[i], row);
}

static void get_field(query *q, const struct field *f, void *row)
{
    void *place = field_place(f, row);
    char *text;
    double real;
    switch (f->type) {
    case FIELD_TEXT:
        query_get_text(q, place, f->size);
        break;
    case FIELD_STRING:
    case FIELD_OBJECT:
        text = query_get_copy(q);
        memcpy(place, &text, sizeof text);
        break;
    case FIELD_TIME:
    case FIELD_INTEGER:
        field_set_integer(f, row, query_get_int(q));
        break;
    case FIELD_REAL:
        real = query_get_real(q);
        memcpy(place, &real, sizeof real);
        break;
    case FIELD_FLAG:
        *(bool *)place = query_get_int(q) != 0;
        break;
    case FIELD_STATE:
        *(enum job_state *)place = query_get_state(q);
        break;
    case FIELD_CONSTANT:
    case FIELD_BESIDE:
        assert(!"a field without a member has no column");
    }
}

void query_get_record(query *q, const struct record *r, void *row)
{
    for (int i = 0; i < r->count; i++)
        if (r->fields[i].column)
            get_field(q, &r->fields[i], row);
}
