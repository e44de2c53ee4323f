/* SPDX-License-Identifier: MIT */
/*
 * text_table.h — text in columns, each as wide as its widest cell. Cells come from data as well as from us: what a
 * terminal would take for a command is shown as a question mark. An allocation that failed is told by columns_print.
 */
#ifndef ANOMALYD_DAEMON_CLIENT_TEXT_TABLE_H
#define ANOMALYD_DAEMON_CLIENT_TEXT_TABLE_H

#include "base/error.h"

#include <stdio.h>

typedef struct columns columns;

/* Returns new; NULL and *e. */
columns *columns_new(int count, error *e);
void columns_free(columns *c);
/* The next cell, row by row. Copies; "" is shown as "-". */
void columns_text(columns *c, const char *text);
/* Likewise, with so many decimals; NAN: no value. */
void columns_number(columns *c, int decimals, double value);
/* What was put so far, in whole rows. */
bool columns_print(const columns *c, FILE *out, error *e);

#endif
