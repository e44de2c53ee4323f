/* SPDX-License-Identifier: MIT */
/* table.c — means, medians and deviations of a table of results. */
#include "eval/table.h"

#include <assert.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>

struct table {
    int rows, columns, layers;
    double *values; /* [row][column][layer] */
    /* The columns' figures of a row, then its mean and its median. */
    table_figure *figures;
};

static table_figure *figure(const table *t, int row, int column)
{
    assert(row >= 0 && row < t->rows && column >= 0 && column < t->columns + 2);
    return &t->figures[(size_t)row * (size_t)(t->columns + 2) + (size_t)column];
}

static double *cell_values(const table *t, int row, int column)
{
    return &t->values[((size_t)row * (size_t)t->columns + (size_t)column) * (size_t)t->layers];
}

table *table_new(int rows, int columns, int layers, error *e)
{
    assert(rows > 0 && columns > 0 && layers > 0);
    table *t = calloc(1, sizeof *t);
    size_t cells = (size_t)rows * (size_t)columns;
    if (t) {
        *t = (table){.rows = rows, .columns = columns, .layers = layers};
        t->values = calloc(cells * (size_t)layers, sizeof *t->values);
        t->figures = calloc((size_t)rows * (size_t)(columns + 2), sizeof *t->figures);
    }
    if (!t || !t->values || !t->figures) {
        table_free(t);
        error_memory(e, "a table");
        return NULL;
    }
    for (size_t i = 0; i < cells * (size_t)layers; i++)
        t->values[i] = NAN;
    table_finish(t);
    return t;
}

void table_free(table *t)
{
    if (!t)
        return;
    free(t->values);
    free(t->figures);
    free(t);
}

void table_put(table *t, int row, int column, int layer, double value)
{
    assert(row >= 0 && row < t->rows && column >= 0 && column < t->columns && layer >= 0 && layer < t->layers);
    cell_values(t, row, column)[layer] = isfinite(value) ? value : NAN;
}

/* Returns the mean and the deviation of the values that are not missing. */
static table_figure of_values(const double *values, int n)
{
    table_figure f = {.mean = NAN, .deviation = NAN};
    double sum = 0, squares = 0;
    for (int i = 0; i < n; i++) {
        if (isnan(values[i]))
            continue;
        sum += values[i];
        f.count++;
    }
    if (f.count)
        f.mean = sum / f.count;
    for (int i = 0; i < n; i++)
        if (!isnan(values[i]))
            squares += (values[i] - f.mean) * (values[i] - f.mean);
    if (f.count > 1)
        f.deviation = sqrt(squares / (f.count - 1));
    return f;
}

static bool row_whole(const table *t, int row)
{
    const double *values = cell_values(t, row, 0);
    for (int i = 0; i < t->columns * t->layers; i++)
        if (isnan(values[i]))
            return false;
    return true;
}

/* Returns the mean of the layers' means, whose deviation tells how much the whole row varies from layer to layer.
 * Welford's update needs no memory for these means. */
static table_figure mean_of_row(const table *t, int row)
{
    table_figure f = {.mean = 0, .deviation = NAN};
    double squares = 0;
    for (int layer = 0; layer < t->layers; layer++) {
        double sum = 0;
        for (int column = 0; column < t->columns; column++)
            sum += cell_values(t, row, column)[layer];
        double from = sum / t->columns - f.mean;
        f.mean += from / ++f.count;
        squares += from * (sum / t->columns - f.mean);
    }
    if (f.count > 1)
        f.deviation = sqrt(squares / (f.count - 1));
    return f;
}

static int ascending(const void *a, const void *b)
{
    double x = ((const table_figure *)a)->mean, y = ((const table_figure *)b)->mean;
    return (x > y) - (x < y);
}

/* Returns the median of a row. It sorts the row's figures, which the caller then computes anew. */
static double median_of_row(const table *t, int row)
{
    table_figure *cells = figure(t, row, 0);
    qsort(cells, (size_t)t->columns, sizeof *cells, ascending);
    double low = cells[(t->columns - 1) / 2].mean, high = cells[t->columns / 2].mean;
    return (low + high) / 2;
}

static void fill_cells(const table *t, int row)
{
    for (int column = 0; column < t->columns; column++)
        *figure(t, row, column) = of_values(cell_values(t, row, column), t->layers);
}

static void fill_row(const table *t, int row)
{
    table_figure mean = {.mean = NAN, .deviation = NAN}, median = mean;
    fill_cells(t, row);
    if (row_whole(t, row)) {
        mean = mean_of_row(t, row);
        median.mean = median_of_row(t, row);
        median.count = t->columns;
        fill_cells(t, row);
    }
    *figure(t, row, t->columns) = mean;
    *figure(t, row, t->columns + 1) = median;
}

/* Rounds a value as it is shown, since figures that look the same count as equally good. */
static double shown(double value)
{
    char text[32];
    snprintf(text, sizeof text, "%.*f", TABLE_DIGITS, value);
    return strtod(text, NULL);
}

static void mark_best(const table *t, int column)
{
    double best = -INFINITY;
    int compared = 0;
    for (int row = 0; row < t->rows; row++) {
        double value = figure(t, row, column)->mean;
        if (isnan(value))
            continue;
        compared++;
        best = fmax(best, shown(value));
    }
    for (int row = 0; row < t->rows && compared > 1; row++) {
        table_figure *f = figure(t, row, column);
        f->best = !isnan(f->mean) && shown(f->mean) >= best;
    }
}

void table_finish(table *t)
{
    for (int row = 0; row < t->rows; row++)
        fill_row(t, row);
    for (int column = 0; column < t->columns + 2; column++)
        mark_best(t, column);
}

table_figure table_cell(const table *t, int row, int column)
{
    assert(column < t->columns);
    return *figure(t, row, column);
}

table_figure table_row_mean(const table *t, int row)
{
    return *figure(t, row, t->columns);
}

table_figure table_row_median(const table *t, int row)
{
    return *figure(t, row, t->columns + 1);
}
