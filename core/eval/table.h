/* SPDX-License-Identifier: MIT */
/*
 * table.h — the arithmetic of a table of results: rows (methods) by columns (classes), each cell the mean over layers
 * (seeds) with its deviation. Knows numbers only, not what they are called or how they are shown.
 *
 * What is missing stays missing: a cell is the mean of the values it has and says how many they are; a row with any
 * value missing has neither mean nor median, since over fewer classes or seeds it would be another row's.
 */
#ifndef ANOMALYD_EVAL_TABLE_H
#define ANOMALYD_EVAL_TABLE_H

#include "base/error.h"

enum { TABLE_DIGITS = 3 }; /* decimals that are shown, and that decide which is best */

typedef struct table_figure {
    int count;        /* values it is made of */
    double mean;      /* NaN: none */
    double deviation; /* of the sample (n - 1); NaN: fewer than two */
    bool best;        /* none in the column is higher, as shown, and there is another to compare with */
} table_figure;

typedef struct table table;

/* All values missing. Each extent is at least 1. Returns new; NULL: out of memory. */
table *table_new(int rows, int columns, int layers, error *e);
void table_free(table *t);

/* One value, in place of a former one; one that is not finite is missing. */
void table_put(table *t, int row, int column, int layer, double value);

/* Works out which figures are best. After the last table_put, before what follows. */
void table_finish(table *t);

table_figure table_cell(const table *t, int row, int column);
/* Arithmetic means over the columns: their mean over the layers, and their deviation over the layers. */
table_figure table_row_mean(const table *t, int row);
/* The median over the columns of the cells' means; deviation is NaN, count the number of columns. */
table_figure table_row_median(const table *t, int row);

#endif
