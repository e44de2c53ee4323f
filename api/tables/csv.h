/* SPDX-License-Identifier: MIT */
/* csv.h — fields of RFC 4180. */
#ifndef ANOMALYD_API_TABLES_CSV_H
#define ANOMALYD_API_TABLES_CSV_H

#include "api/records/record.h"

#include <stdio.h>

#define CSV_MEDIA_TYPE "text/csv; charset=utf-8; header=present"

/* Each writes a comma and the field: the first field of a line is written plainly. */
void csv_text(FILE *out, const char *text);
/* Empty for what is not finite. */
void csv_number(FILE *out, double value);

/* A line of the names of fields, which are the last parts of their paths; and a row's line of their values. The first
 * field is a text without commas. */
void csv_head(FILE *out, const char *const *paths, int count);
void csv_row(FILE *out, const struct record *r, const void *row, const char *const *paths, int count);

#endif
