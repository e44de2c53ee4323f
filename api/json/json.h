/* SPDX-License-Identifier: MIT */
/*
 * json.h — strict reading of JSON bodies, and the few kinds of values our answers have. Every complaint names its
 * place by a JSON pointer. Knows nothing of what the fields mean.
 */
#ifndef ANOMALYD_API_JSON_JSON_H
#define ANOMALYD_API_JSON_JSON_H

#include "api/json/problem.h"

#include <stddef.h>
#include <stdint.h>

enum { JSON_DEPTH_MAX = 32, JSON_POINTER_MAX = 256 };

/* Parses one JSON value of at most JSON_DEPTH_MAX levels, without duplicate keys. Returns new; NULL and *p. */
json_t *json_read(const void *bytes, size_t size, problem *p);

/* An object being read. `names` (NULL-terminated, borrowed) are the keys it may have. */
typedef struct fields {
    json_t *object;      /* borrowed */
    const char *pointer; /* of the object itself; "" at the top */
    problem *problem;    /* collects every complaint */
} fields;

/* Complains when `value` is not an object, and of each key that is not in `names`. */
fields fields_of(json_t *value, const char *pointer, const char *const *names, problem *p);

/* Each returns `preset` when the field is absent or null, and after complaining of a value of another type or range. */
const char *fields_text(const fields *f, const char *name, const char *preset); /* borrowed from the object */
int64_t fields_integer(const fields *f, const char *name, int64_t min, int64_t max, int64_t preset);
double fields_number(const fields *f, const char *name, double min, double max, double preset);
bool fields_flag(const fields *f, const char *name, bool preset);
/* NULL when absent. */
json_t *fields_value(const fields *f, const char *name);
/* Complains when the field is absent. */
void fields_require(const fields *f, const char *name);
/* Complains about field `name`. Always false. */
bool fields_complain(const fields *f, const char *name, const char *format, ...) __attribute__((format(printf, 3, 4)));

/* Writes pointer/name, escaped, cut to fit. */
void json_pointer(char out[JSON_POINTER_MAX], const char *pointer, const char *name);

/* Values of answers; each returns new. NULL arguments are null. */
json_t *json_number(double value); /* null for what is not finite */
json_t *json_count(int64_t count); /* null for 0 */
json_t *json_single(float value);  /* the shortest decimal that reads back to the same float */
json_t *json_time(int64_t ms);     /* RFC 3339 in UTC with milliseconds; null for 0 */
json_t *json_name(const char *s);  /* null when empty */
json_t *json_text(const char *s);  /* bytes that are not UTF-8 become '?' */
/* An object kept as text; an empty object when it is NULL or not one. */
json_t *json_embedded(const char *text);

/* A body's text as answers have it: one line, with its end. Takes the body; NULL is NULL. Returns new; NULL: out of
 * memory, and size is as it was. */
char *json_write(json_t *body, size_t *size);

/* RFC 3339 to milliseconds since 1970. */
bool json_parse_time(const char *text, int64_t *ms);

#endif
