/* SPDX-License-Identifier: MIT */
/* text_table.c — see text_table.h. */
#include "daemon/client/text_table.h"

#include <assert.h>
#include <stdlib.h>
#include <string.h>

enum { GAP = 2 };

struct text_table {
    const text_column *columns;
    int count;
    char **cells; /* owned, each owned */
    size_t used, room;
    bool failed;
};

text_table *text_table_new(const text_column *columns, int count, error *e)
{
    assert(count > 0);
    text_table *t = calloc(1, sizeof *t);
    if (!t) {
        error_memory(e, "a table");
        return NULL;
    }
    t->columns = columns;
    t->count = count;
    for (int i = 0; columns && i < count; i++)
        text_table_text(t, columns[i].head ? columns[i].head : columns[i].name);
    return t;
}

void text_table_free(text_table *t)
{
    if (!t)
        return;
    for (size_t i = 0; i < t->used; i++)
        free(t->cells[i]);
    free(t->cells);
    free(t);
}

void text_table_text(text_table *t, const char *text)
{
    if (t->used == t->room) {
        size_t room = t->room ? t->room * 2 : 64;
        char **more = realloc(t->cells, room * sizeof *more);
        if (!more) {
            t->failed = true;
            return;
        }
        t->cells = more;
        t->room = room;
    }
    char *cell = strdup(*text ? text : "-");
    if (!cell) {
        t->failed = true;
        return;
    }
    for (char *at = cell; *at; at++)
        if ((unsigned char)*at < ' ' || *at == 127)
            *at = '?';
    t->cells[t->used++] = cell;
}

void text_table_item(text_table *t, const json_t *item)
{
    for (int i = (int)(t->used % (size_t)t->count); i < t->count; i++) {
        const text_column *column = &t->columns[i];
        const json_t *o = column->within ? json_object_get(item, column->within) : item;
        const json_t *value = column->name ? json_object_get(o, column->name) : NULL;
        char text[256] = "";
        if (column->text)
            column->text(item, text, sizeof text);
        else if (json_is_number(value))
            snprintf(text, sizeof text, "%.*f", column->decimals, json_number_value(value));
        text_table_text(t, json_is_string(value) ? json_string_value(value) : text);
    }
}

/* In characters of UTF-8. */
static int width_of(const char *text)
{
    int n = 0;
    for (; *text; text++)
        n += ((unsigned char)*text & 0xc0) != 0x80;
    return n;
}

static int width_of_column(const text_table *t, size_t column)
{
    int widest = 0;
    for (size_t i = column; i < t->used; i += (size_t)t->count) {
        int width = width_of(t->cells[i]);
        widest = width > widest ? width : widest;
    }
    return widest;
}

bool text_table_print(text_table *t, error *e)
{
    int *widths = t->failed ? NULL : calloc((size_t)t->count, sizeof *widths);
    if (!widths) {
        text_table_free(t);
        return error_memory(e, "a table");
    }
    assert(t->used % (size_t)t->count == 0);
    for (int k = 0; k < t->count; k++)
        widths[k] = width_of_column(t, (size_t)k);
    for (size_t i = 0; i < t->used; i++) {
        int k = (int)(i % (size_t)t->count);
        bool last = k == t->count - 1;
        printf("%s%*s", t->cells[i], last ? 0 : widths[k] - width_of(t->cells[i]) + GAP, last ? "\n" : "");
    }
    free(widths);
    text_table_free(t);
    return true;
}
