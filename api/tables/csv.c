/* SPDX-License-Identifier: MIT */
/* csv.c — see csv.h. */
#include "api/tables/csv.h"

#include "api/json/json.h"

#include <inttypes.h>
#include <math.h>
#include <string.h>

void csv_text(FILE *out, const char *text)
{
    if (!strpbrk(text, ",\"\r\n")) {
        fprintf(out, ",%s", text);
        return;
    }
    fputs(",\"", out);
    for (; *text; text++) {
        if (*text == '"')
            fputc('"', out);
        fputc(*text, out);
    }
    fputc('"', out);
}

void csv_number(FILE *out, double value)
{
    if (isfinite(value))
        fprintf(out, ",%.15g", value);
    else
        fputc(',', out);
}

void csv_head(FILE *out, const char *const *paths, int count)
{
    for (int i = 0; i < count; i++) {
        const char *slash = strrchr(paths[i], '/');
        fprintf(out, "%s%s", i ? "," : "", slash ? slash + 1 : paths[i]);
    }
    fputs("\r\n", out);
}

static void put_field(FILE *out, const struct field *f, const void *row)
{
    const struct value v = field_get(f, row);
    json_t *time = f->type == FIELD_TIME ? json_time(v.integer) : NULL;
    if (f->type == FIELD_TIME)
        csv_text(out, json_is_string(time) ? json_string_value(time) : "");
    else if (v.kind == VALUE_INTEGER)
        fprintf(out, ",%" PRIu64, (uint64_t)v.integer);
    else if (v.kind == VALUE_REAL)
        csv_number(out, v.real);
    else
        csv_text(out, v.text ? v.text : f->type == FIELD_OBJECT ? "{}" : "");
    json_decref(time);
}

void csv_row(FILE *out, const struct record *r, const void *row, const char *const *paths, int count)
{
    fputs(record_text(r, row, paths[0]), out);
    for (int i = 1; i < count; i++)
        put_field(out, record_field(r, paths[i]), row);
    fputs("\r\n", out);
}
