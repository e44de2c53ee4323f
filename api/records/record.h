/* SPDX-License-Identifier: MIT */
/*
 * record.h — a record is a struct with one table of its fields. From the table come the JSON of answers, the reading of
 * it, the columns of the registry with their statements, and CSV. To add a field: a migration, a member and a line of
 * the table beside it, and openapi.yaml. Knows neither HTTP nor SQL nor a JSON library.
 */
#ifndef ANOMALYD_API_RECORDS_RECORD_H
#define ANOMALYD_API_RECORDS_RECORD_H

#include "api/records/name.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum {
    RECORD_NAME_MAX = NAME_SIZE,
    RECORD_ID_MAX = 40, /* UUIDv7 text and a NUL */
    RECORD_PAGE_MAX = 500,
    RECORD_SCORES_MAX = 12, /* variants of a method's score */
    RECORD_CURSOR_MAX = 128,
    RECORD_PROTOCOL_MAX = 16,
    RECORD_VERSION_MAX = 48 /* version_text with its NUL */
};

typedef int64_t record_time; /* milliseconds since 1970, UTC; 0: not yet */

enum field_type {
    FIELD_TEXT,     /* char[]; none: empty */
    FIELD_STRING,   /* char *, owned; none: NULL */
    FIELD_OBJECT,   /* char *, owned: a JSON object as text; NULL is answered as {} */
    FIELD_TIME,     /* record_time; none: 0 */
    FIELD_INTEGER,  /* not negative, of 4 or 8 bytes; none: 0 */
    FIELD_REAL,     /* double; none: NaN or an infinity */
    FIELD_FLAG,     /* bool */
    FIELD_STATE,    /* enum job_state; by its name in JSON and in the registry */
    FIELD_CONSTANT, /* answers have `text` here; there is no member */
    FIELD_BESIDE    /* answers have something here that code beside the table makes; there is no member */
};

/* What is asked of a value that comes from outside, beyond its type. */
enum field_form {
    FORM_ANY,
    FORM_NAME,        /* the rule of names */
    FORM_DIGEST,      /* SHA-256 in lower-case hexadecimal */
    FORM_METHOD,      /* the id of a method */
    FORM_PROTOCOL,    /* the name of a protocol */
    FORM_CLASS,       /* there must be one, but with the protocol "unlabelled" */
    FORM_TEST_IMAGES, /* 0, or as many as a test needs */
    FORM_OPTIONS,     /* an object of numbers, texts and flags */
    FORM_UNREAD,      /* may be there, and is passed over */
    FORM_COUNT
};

struct field {
    const char *path;   /* its place in an answer's JSON, "auroc" or "images/train"; NULL: answers do not have it */
    const char *column; /* where its record is kept: a column, or what SELECT has for it; NULL: not there */
    enum field_type type;
    size_t offset, size; /* of the member, in bytes */
    enum field_form form;
    bool nullable;           /* answered as null when it is none */
    bool required;           /* when it comes from outside: may not be absent or null */
    bool whole;              /* answered of one record only, not in lists */
    const char *with;        /* path of a field: null when that one is none */
    double minimum, maximum; /* when it comes from outside; maximum 0: what the type holds */
    const char *text;        /* of a FIELD_CONSTANT */
};

/* A line of a table. `path_` and `column_` are as in struct field; further members follow by name. */
#define FIELD(type_, record_, member_, path_, column_, ...)                                          \
    {                                                                                                \
        .type = (type_), .offset = offsetof(record_, member_), .path = (path_), .column = (column_), \
        .size = sizeof(((record_ *)NULL)->member_), __VA_ARGS__                                      \
    }

struct record {
    const char *name;  /* of its schema in openapi.yaml */
    const char *table; /* in the registry; NULL: its columns are of several */
    const struct field *fields;
    int count;
};

#define RECORD(name_, table_, fields_)                                                                               \
    {                                                                                                                \
        .name = (name_), .table = (table_), .fields = (fields_), .count = (int)(sizeof(fields_) / sizeof *(fields_)) \
    }

enum { RECORD_FIELDS_MAX = 64 };

/* The field at `path`; NULL: there is none. */
const struct field *record_field(const struct record *r, const char *path);
/* The text in `row` at `path`, which a FIELD_TEXT must have. Borrowed from the row. */
const char *record_text(const struct record *r, const void *row, const char *path);

/* What a member holds, whatever its C type. */
struct value {
    enum value_kind { VALUE_NONE, VALUE_TEXT, VALUE_INTEGER, VALUE_REAL } kind;
    const char *text; /* borrowed */
    int64_t integer;  /* of 8 bytes without a sign: their bits */
    double real;
};

/* None is a NULL string or a NaN; texts may be empty and numbers 0. A state is a text, a flag an integer. */
struct value field_get(const struct field *f, const void *row);
/* Copies the text; a FIELD_STRING and a FIELD_OBJECT own their copy then, and what they owned before is not freed.
 * False: a value of another type, a text that was cut, a name of no state; or memory is out. */
bool field_set(const struct field *f, void *row, struct value v);
/* Frees the strings that the row owns, whose pointers become NULL; not the row itself. */
void record_free(const struct record *r, void *row);
/* Whether the member has no value, as its type tells it. */
bool field_none(const struct field *f, const void *row);

#endif
