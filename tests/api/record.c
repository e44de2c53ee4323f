/* SPDX-License-Identifier: MIT */
/* record.c — writes exchanges in the form that check_contract.py reads, into the file that ANOMALYD_RECORD names. */
#include "tests/api/fake_service.h"

#include <ctype.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static FILE *record;

static void end_record(void)
{
    fclose(record);
}

/* False: nobody wants a record. */
static bool begin_record(void)
{
    const char *path = getenv("ANOMALYD_RECORD");
    if (record || !path)
        return record != NULL;
    record = fopen(path, "w");
    assert_non_null(record);
    atexit(end_record);
    return true;
}

/* Each line behind `sign`; of what is not text only the fact. */
static void write_lines(char sign, const char *bytes, size_t size)
{
    for (size_t i = 0; i < size; i++)
        if (!isprint((unsigned char)bytes[i]) && !isspace((unsigned char)bytes[i]) && !(bytes[i] & 0x80)) {
            fprintf(record, "%c (binary)\n", sign);
            return;
        }
    for (const char *end = bytes + size; bytes < end;) {
        const char *newline = memchr(bytes, '\n', (size_t)(end - bytes));
        int length = (int)((newline ? newline : end) - bytes);
        fprintf(record, "%c %.*s\n", sign, length, bytes);
        bytes += length + 1;
    }
}

void record_exchange(const char *verb, const char *target, const char *headers, const void *body, size_t size,
                     const reply *r)
{
    if (!begin_record())
        return;
    const char *kind = reply_header(r, "Content-Type");
    fprintf(record, "= %s %s\n", verb, target);
    write_lines('>', headers, strlen(headers));
    write_lines('}', body, size);
    fprintf(record, "< HTTP/1.1 %d\n", r->status);
    if (kind)
        fprintf(record, "< Content-Type: %s\n", kind);
    write_lines('|', r->body ? r->body : "", r->body_size);
}
