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

void query_put_record(query *q, const struct record *r, const void *row)
{
    for (int i = 0; i < r->count; i++) {
        const struct value v = field_get(&r->fields[i], row);
        if (!r->fields[i].column)
            continue;
        if (v.kind == VALUE_INTEGER)
            query_put_int(q, v.integer);
        else if (v.kind == VALUE_REAL)
            query_put_real(q, v.real);
        else
            query_put_text(q, v.text);
    }
}

void query_get_record(query *q, const struct record *r, void *row)
{
    for (int i = 0; i < r->count; i++) {
        const struct field *f = &r->fields[i];
        if (f->column && !field_set(f, row, query_get_value(q)) && field_get(f, row).kind == VALUE_NONE)
            q->code = SQLITE_NOMEM; /* the copy of a text */
    }
}
