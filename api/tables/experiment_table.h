/* SPDX-License-Identifier: MIT */
/* experiment_table.h — an experiment's table: its rows and figures found in the row of experiment_get. */
#ifndef ANOMALYD_API_TABLES_EXPERIMENT_TABLE_H
#define ANOMALYD_API_TABLES_EXPERIMENT_TABLE_H

#include "api/tables/result_table.h"

enum { EXPERIMENT_PUBLISHED_MAX = 1000 };

enum table_format { TABLE_JSON, TABLE_CSV, TABLE_MARKDOWN, TABLE_FORMATS };

typedef struct experiment_table {
    result_table table;
    json_t *axes; /* owned, as are those below; the table borrows them */
    const char **methods, **classes;
    uint64_t *seeds;
    table *figures;
} experiment_table;

/* From an experiment with its cells and from what is published on its images, both borrowed as long as the table is
 * used. To be ended by experiment_table_free, also after failure; all zeros is fine there. */
bool experiment_table_make(experiment_table *t, const experiment_row *row, const published_row *published, int count,
                           error *e);
void experiment_table_free(experiment_table *t);

/* The text of GET /experiments/{id}/table. Returns new; NULL: out of memory. */
char *experiment_table_write(const experiment_table *t, enum table_format format, size_t *size);

#endif
