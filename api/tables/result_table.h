/* SPDX-License-Identifier: MIT */
/*
 * result_table.h — a table of AUROCs, methods by classes, as JSON, CSV and Markdown, with what others have published
 * under each row. The arithmetic is in eval/table.h.
 */
#ifndef ANOMALYD_API_TABLES_RESULT_TABLE_H
#define ANOMALYD_API_TABLES_RESULT_TABLE_H

#include "api/records/experiment.h"
#include "api/records/published.h"
#include "eval/table.h"

#include <jansson.h>

typedef struct result_table {
    const char *dataset, *protocol;
    const char *score; /* which of the runs' scores; NULL: each run's own */
    const char *const *methods, *const *classes;
    const uint64_t *seeds;
    int method_count, class_count, seed_count;
    bool all_classes;             /* of the data set: a published mean over all of them can stand beside ours */
    const table *figures;         /* methods by classes by seeds, closed */
    const experiment_cell *cells; /* what they are of: by seeds, then classes, then methods */
    /* Of this data set, a source's row in one piece. Rows of other protocols and methods are passed over. */
    const published_row *published;
    int published_count;
} result_table;

/* Each returns new; NULL: out of memory. */
json_t *result_table_json(const result_table *t);
char *result_table_csv(const result_table *t, size_t *size);
char *result_table_markdown(const result_table *t, size_t *size);

#endif
