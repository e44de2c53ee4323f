/* SPDX-License-Identifier: MIT */
/* record_rows.h — for tests of all records alike: which there are, and rows whose every field has a value of its own.
 */
#ifndef ANOMALYD_TESTS_RECORD_ROWS_H
#define ANOMALYD_TESTS_RECORD_ROWS_H

#include "api/records/dataset.h"
#include "api/records/experiment.h"
#include "api/records/model.h"
#include "api/records/run.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static const struct record *const all_records[] = {&dataset_record,   &job_record,        &model_record, &run_record,
                                                   &run_score_record, &experiment_record, &cell_record};
enum { RECORDS = sizeof all_records / sizeof *all_records };

/* Room for a row of any record. */
typedef union any_row {
    dataset_row dataset;
    job_row job;
    model_row model;
    run_row run;
    run_score score;
    experiment_row experiment;
    experiment_cell cell;
} any_row;

static inline void fill_field(const struct field *f, int number, any_row *row)
{
    char text[80];
    struct value v = {.kind = VALUE_TEXT, .text = text};
    if (f->type == FIELD_OBJECT)
        snprintf(text, sizeof text, "{\"key\":%d}", number);
    else
        snprintf(text, sizeof text, "%064d", number); /* all of it where it is a digest; else its last digits */
    if (f->type == FIELD_TEXT && f->size < 65)
        v.text = text + 65 - f->size;
    if (f->type == FIELD_STATE)
        v.text = job_state_name(JOB_FAILED);
    if (f->type == FIELD_REAL)
        v = (struct value){.kind = VALUE_REAL, .real = number / 64.0};
    if (f->type == FIELD_TIME || f->type == FIELD_INTEGER || f->type == FIELD_FLAG)
        v = (struct value){.kind = VALUE_INTEGER, .integer = number};
    field_set(f, row, v);
}

/* Gives each field another value; `row` is all zeros. */
static inline void fill_row(const struct record *r, any_row *row)
{
    for (int i = 0; i < r->count; i++)
        fill_field(&r->fields[i], i + 1, row);
}

static inline void free_row(const struct record *r, any_row *row)
{
    for (int i = 0; i < r->count; i++)
        if (r->fields[i].type == FIELD_STRING || r->fields[i].type == FIELD_OBJECT)
            free((char *)(uintptr_t)field_get(&r->fields[i], row).text);
}

static inline bool same_field(const struct field *f, const any_row *a, const any_row *b)
{
    const struct value x = field_get(f, a), y = field_get(f, b);
    return x.kind == y.kind && (x.kind != VALUE_TEXT || !strcmp(x.text, y.text)) && x.integer == y.integer &&
           (x.kind != VALUE_REAL || x.real == y.real);
}

#endif
