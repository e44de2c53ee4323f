/* SPDX-License-Identifier: MIT */
/* csv.c — see csv.h. */
#include "api/tables/csv.h"

#include "api/json/json.h"

#include <assert.h>
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

static void put_time(FILE *out, int64_t at)
{
    json_t *text = json_time(at);
    csv_text(out, json_is_string(text) ? json_string_value(text) : "");
    json_decref(text);
}

static void put_field(FILE *out, const struct field *f, const void *row)
{
    const char *text;
    double real;
    switch (f->type) {
    case FIELD_TEXT:
        csv_text(out, field_at(f, row));
        break;
    case FIELD_STRING:
    case FIELD_OBJECT:
        text = field_string(f, row);
        csv_text(out, text ? text : f->type == FIELD_OBJECT ? "{}" : "");
        break;
    case FIELD_TIME:
        put_time(out, field_integer(f, row));
        break;
    case FIELD_INTEGER:
        fprintf(out, ",%" PRIu64, (uint64_t)field_integer(f, row));
        break;
    case FIELD_REAL:
        memcpy(&real, field_at(f, row), sizeof real);
        csv_number(out, real);
        break;
    case FIELD_FLAG:
    case FIELD_STATE:
    case FIELD_CONSTANT:
    case FIELD_BESIDE:
        assert(!"a field that no table of CSV has");
    }
}

void csv_row(FILE *out, const struct record *r, const void *row, const char *const *paths, int count)
{
    fputs(record_text(r, row, paths[0]), out);
    for (int i = 1; i < count; i++)
        put_field(out, record_field(r, paths[i]), row);
    fputs("\r\n", out);
}
