/* SPDX-License-Identifier: MIT */
/*
 * text_table.h — text in columns, each as wide as its widest cell. Cells come from data as well as from us: what a
 * terminal would take for a command is shown as a question mark. An allocation that failed is told by text_table_print.
 */
#ifndef ANOMALYD_DAEMON_CLIENT_TEXT_TABLE_H
#define ANOMALYD_DAEMON_CLIENT_TEXT_TABLE_H

#include "base/error.h"

#include <jansson.h>
#include <stdio.h>

/* What a column shows of an item: a member that is a text or a number. */
typedef struct text_column {
    const char *head;          /* NULL: the member's name */
    const char *name, *within; /* of the member, and of the object in the item that has it; NULL: the item itself */
    int decimals;              /* of a number */
    void (*text)(const json_t *item, char *out, size_t size); /* says it instead of a member; NULL: none does */
} text_column;

typedef struct text_table text_table;

/* `columns` are borrowed, and their heads become the first row; NULL: there is no such row. Returns new; NULL and *e.
 */
text_table *text_table_new(const text_column *columns, int count, error *e);
void text_table_free(text_table *t);
/* The next cell, row by row. Copies; "" is shown as "-". */
void text_table_text(text_table *t, const char *text);
/* The rest of a row, by its columns. */
void text_table_item(text_table *t, const json_t *item);
/* What was put so far, in whole rows, on standard output; and frees the table. */
bool text_table_print(text_table *t, error *e);

#endif
