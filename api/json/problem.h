/* SPDX-License-Identifier: MIT */
/*
 * problem.h — what went wrong with a request, as RFC 9457 tells it. One place decides which HTTP status an error
 * has. Knows nothing of connections.
 */
#ifndef ANOMALYD_API_JSON_PROBLEM_H
#define ANOMALYD_API_JSON_PROBLEM_H

#include "base/error.h"

#include <jansson.h>

enum { PROBLEM_ERRORS_MAX = 32, PROBLEM_ALLOW_MAX = 64 };

typedef struct problem {
    unsigned status; /* HTTP; 0: no problem */
    char detail[ERROR_MESSAGE_MAX];
    json_t *errors;                /* array of {pointer, detail}; owned; NULL: none */
    char allow[PROBLEM_ALLOW_MAX]; /* with 405: the verbs allowed */
    json_t *accepted;              /* with 415: array of media types; owned; NULL: none */
    unsigned retry_after_s;        /* with 429 and 503 */
} problem;

/* What an error is about: the request as a whole (its path, its parameters), or what its body asks for. The same
 * "not found" is 404 for the one and 422 for the other. */
enum problem_subject { PROBLEM_REQUEST, PROBLEM_CONTENT, PROBLEM_IMAGE };

/* Each fills *p and is always false, so that a caller can write `return problem_set(...)`. */
bool problem_set(problem *p, unsigned status, const char *format, ...) __attribute__((format(printf, 3, 4)));
bool problem_of_error(problem *p, const error *e, enum problem_subject subject);
/* Adds a name to those in `list`, after a comma; what does not fit is cut. For details that say what is accepted. */
void problem_list(char *list, size_t size, const char *name);
/* Adds a field that is not valid; the status becomes 422 if there is none yet. Always false. */
bool problem_add(problem *p, const char *pointer, const char *format, ...) __attribute__((format(printf, 3, 4)));

/* Returns new, or NULL when out of memory. */
json_t *problem_json(const problem *p, const char *instance);
/* Releases what *p owns and clears it. */
void problem_free(problem *p);

#endif
