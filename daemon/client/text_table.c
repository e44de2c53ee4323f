/* SPDX-License-Identifier: MIT */
/* text_table.c — see columns.h. */
#include "daemon/client/text_table.h"

#include <assert.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

enum { GAP = 2 };

struct columns {
    int count;
    char **cells; /* owned, each owned */
    size_t used, room;
    bool failed;
};

columns *columns_new(int count, error *e)
{
    assert(count > 0);
    columns *c = calloc(1, sizeof *c);
    if (!c) {
        error_memory(e, "a table");
        return NULL;
    }
    c->count = count;
    return c;
}

void columns_free(columns *c)
{
    if (!c)
        return;
    for (size_t i = 0; i < c->used; i++)
        free(c->cells[i]);
    free(c->cells);
    free(c);
}

void columns_text(columns *c, const char *text)
{
    if (c->used == c->room) {
        size_t room = c->room ? c->room * 2 : 64;
        char **more = realloc(c->cells, room * sizeof *more);
        if (!more) {
            c->failed = true;
            return;
        }
        c->cells = more;
        c->room = room;
    }
    char *cell = strdup(*text ? text : "-");
    if (!cell) {
        c->failed = true;
        return;
    }
    for (char *at = cell; *at; at++)
        if ((unsigned char)*at < ' ' || *at == 127)
            *at = '?';
    c->cells[c->used++] = cell;
}

void columns_number(columns *c, int decimals, double value)
{
    char text[64] = "";
    if (!isnan(value))
        snprintf(text, sizeof text, "%.*f", decimals, value);
    columns_text(c, text);
}

/* In characters of UTF-8. */
static int width_of(const char *text)
{
    int n = 0;
    for (; *text; text++)
        n += ((unsigned char)*text & 0xc0) != 0x80;
    return n;
}

static int width_of_column(const columns *c, size_t column)
{
    int most = 0;
    for (size_t i = column; i < c->used; i += (size_t)c->count) {
        int width = width_of(c->cells[i]);
        most = width > most ? width : most;
    }
    return most;
}

bool columns_print(const columns *c, FILE *out, error *e)
{
    int *widths = c->failed ? NULL : calloc((size_t)c->count, sizeof *widths);
    if (!widths)
        return error_memory(e, "a table");
    assert(c->used % (size_t)c->count == 0);
    for (int k = 0; k < c->count; k++)
        widths[k] = width_of_column(c, (size_t)k);
    for (size_t i = 0; i < c->used; i++) {
        int k = (int)(i % (size_t)c->count);
        bool last = k == c->count - 1;
        fprintf(out, "%s%*s", c->cells[i], last ? 0 : widths[k] - width_of(c->cells[i]) + GAP, last ? "\n" : "");
    }
    free(widths);
    return true;
}
