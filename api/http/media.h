/* SPDX-License-Identifier: MIT */
/* media.h — media types of requests, and forms of many files. Knows nothing of what the files hold. */
#ifndef ANOMALYD_API_HTTP_MEDIA_H
#define ANOMALYD_API_HTTP_MEDIA_H

#include "api/json/problem.h"

#include <stddef.h>

struct MHD_Connection;
struct MHD_PostProcessor;

enum { MEDIA_TYPE_MAX = 96, FORM_FILES_MAX = 1024, FORM_ID_MAX = 256 };

/* True for a character of a token of HTTP. */
bool media_is_token(char c);

/* The type and subtype of a Content-Type in lower case, without parameters. False when it is not one. */
bool media_parse(const char *text, char type[MEDIA_TYPE_MAX]);

/* True when an Accept header gives `wanted` a higher quality than `other`. NULL prefers neither. */
bool media_prefers(const char *accept, const char *wanted, const char *other);

typedef struct form_file {
    char id[FORM_ID_MAX]; /* the file's name, or the field's */
    unsigned char *bytes; /* owned by the form */
    size_t size, capacity;
    bool too_large; /* the rest was dropped */
} form_file;

/* A multipart/form-data body, fed as it arrives. */
typedef struct form {
    struct MHD_PostProcessor *parser;
    form_file *files;
    size_t count, capacity;
    size_t file_bytes_max;
    problem failure;
} form;

/* Returns new; NULL and *p when the boundary is missing. */
form *form_new(struct MHD_Connection *c, size_t file_bytes_max, problem *p);
/* Parses the next bytes of the body. False and *p when it is malformed. */
bool form_feed(form *f, const char *bytes, size_t size, problem *p);
/* To be called after the last byte. False and *p when the body ended early. */
bool form_close(form *f, problem *p);
void form_free(form *f);

#endif
