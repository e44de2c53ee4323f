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
    void *place = field_place(f, row);
    char text[80];
    double real = number / 64.0;
    snprintf(text, sizeof text, f->type == FIELD_OBJECT ? "{\"key\":%d}" : "%064d", number);
    char *copy = f->type == FIELD_STRING || f->type == FIELD_OBJECT ? strdup(text) : NULL;
    switch (f->type) {
    case FIELD_TEXT: /* its last digits; all 64 where it is a digest */
        snprintf(place, f->size, "%s", f->size > 64 ? text : text + 65 - f->size);
        break;
    case FIELD_STRING:
    case FIELD_OBJECT:
        memcpy(place, &copy, sizeof copy);
        break;
    case FIELD_TIME:
    case FIELD_INTEGER:
        field_set_integer(f, row, number);
        break;
    case FIELD_REAL:
        memcpy(place, &real, sizeof real);
        break;
    case FIELD_FLAG:
        *(bool *)place = true;
        break;
    case FIELD_STATE:
        *(enum job_state *)place = JOB_FAILED;
        break;
    case FIELD_CONSTANT:
    case FIELD_BESIDE:
        break;
    }
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
            free(field_string(&r->fields[i], row));
}

static inline bool same_field(const struct field *f, const any_row *a, const any_row *b)
{
    if (f->type == FIELD_STRING || f->type == FIELD_OBJECT)
        return field_string(f, b) && !strcmp(field_string(f, a), field_string(f, b));
    if (f->type == FIELD_TEXT)
        return !strcmp(field_at(f, a), field_at(f, b));
    return !memcmp(field_at(f, a), field_at(f, b), f->size);
}

#endif
