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
    int count;        /* how many values it was computed from */
    double mean;      /* NaN: none */
    double deviation; /* of the sample (n - 1); NaN: fewer than two */
    bool best;        /* no other row of the column shows a higher figure, and there is another row with a figure */
} table_figure;

typedef struct table table;

/* Makes a table in which all values are missing. Each extent is at least 1. Returns new; free with table_free. NULL and
 * *e set when out of memory. */
table *table_new(int rows, int columns, int layers, error *e);
void table_free(table *t);

/* Sets one value; a value that is not finite counts as missing. */
void table_put(table *t, int row, int column, int layer, double value);

/* Computes all figures and which are best. Call it after the last table_put and before the functions below. */
void table_finish(table *t);

/* Returns the mean over the layers. */
table_figure table_cell(const table *t, int row, int column);
/* Returns the mean and the deviation, over the layers, of each layer's mean over the columns. */
table_figure table_row_mean(const table *t, int row);
/* Returns the median, over the columns, of the cells' means. Its deviation is NaN, its count the number of columns. */
table_figure table_row_median(const table *t, int row);

#endif
