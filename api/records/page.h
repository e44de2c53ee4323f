/* SPDX-License-Identifier: MIT */
/* page.h — a page of a list, and what lists may be narrowed to. */
#ifndef ANOMALYD_API_RECORDS_PAGE_H
#define ANOMALYD_API_RECORDS_PAGE_H

#include "api/records/record.h"

/* Keyset paging: rows in descending order of creation; `cursor` empty at the start, and on return the place to go on
 * from, empty at the end. A cursor that is not one of ours is ERROR_INVALID. */
typedef struct record_page {
    int limit;
    char cursor[RECORD_CURSOR_MAX];
} record_page;

/* By creation, or by AUROC, the highest first and those without one last. */
enum run_order { RUN_NEWEST, RUN_OLDEST, RUN_BY_AUROC, RUN_ORDERS };

/* Empty strings and NaN are "any"; zero times likewise. */
typedef struct run_filter {
    const char *method, *dataset, *protocol, *class_name, *model, *seed;
    record_time since, until;
    double min_auroc;
    enum run_order order;
} run_filter;
typedef struct job_filter {
    const char *state, *method, *dataset;
} job_filter;

#endif
