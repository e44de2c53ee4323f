/* SPDX-License-Identifier: MIT */
/* csv.h — fields of RFC 4180. Knows nothing of what they mean. */
#ifndef ANOMALYD_API_TABLES_CSV_H
#define ANOMALYD_API_TABLES_CSV_H

#include <stdio.h>

#define CSV_MEDIA_TYPE "text/csv; charset=utf-8; header=present"

/* Each writes a comma and the field: the first field of a line is written plainly. */
void csv_text(FILE *out, const char *text);
/* Empty for what is not finite. */
void csv_number(FILE *out, double value);

#endif
