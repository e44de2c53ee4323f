/* SPDX-License-Identifier: MIT */
/* media.c — Content-Type and Accept, and multipart bodies by libmicrohttpd's parser. */
#include "api/http/media.h"

#include <assert.h>
#include <ctype.h>
#include <microhttpd.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

enum { FORM_BUFFER_BYTES = 32 * 1024, FORM_FILE_BYTES_MIN = 4096 };

bool media_is_token(char c)
{
    return isalnum((unsigned char)c) || (c && strchr("!#$%&'*+-.^_`|~", c));
}

bool media_parse(const char *text, char type[MEDIA_TYPE_MAX])
{
    size_t n = 0;
    int slashes = 0;
    while (*text == ' ' || *text == '\t')
        text++;
    for (; media_is_token(*text) || *text == '/'; text++) {
        if (n + 1 == MEDIA_TYPE_MAX)
            return false;
        slashes += *text == '/';
        type[n++] = (char)tolower((unsigned char)*text);
    }
    type[n] = '\0';
    while (*text == ' ' || *text == '\t')
        text++;
    bool ended = !*text || *text == ';';
    return ended && slashes == 1 && type[0] != '/' && type[n - 1] != '/';
}

/* The q of a media range; 1 where there is none. */
static double weight(const char *range)
{
    while ((range = strchr(range, ';'))) {
        range += 1 + strspn(range + 1, " \t");
        if (!strncasecmp(range, "q=", 2))
            return strtod(range + 2, NULL);
    }
    return 1;
}

/* The quality an Accept header gives `type`: the most specific range that matches decides. */
static double quality(const char *accept, const char *type)
{
    double best = 0;
    int best_rank = 0;
    size_t major = (size_t)(strchr(type, '/') - type);
    for (const char *at = accept; at && *at; at = strchr(at, ',') ? strchr(at, ',') + 1 : NULL) {
        char range[MEDIA_TYPE_MAX];
        size_t length = strcspn(at, ",");
        char part[160];
        if (length >= sizeof part)
            continue;
        memcpy(part, at, length);
        part[length] = '\0';
        if (!media_parse(part, range))
            continue;
        int rank = 0;
        if (!strcmp(range, type))
            rank = 3;
        else if (!strncmp(range, type, major + 1) && !strcmp(range + major, "/*"))
            rank = 2;
        else if (!strcmp(range, "*/*"))
            rank = 1;
        if (rank <= best_rank)
            continue;
        best = weight(part);
        best_rank = rank;
    }
    return best;
}

bool media_prefers(const char *accept, const char *wanted, const char *other)
{
    return accept && quality(accept, wanted) > quality(accept, other);
}

static form_file *add_file(form *f, const char *id)
{
    if (f->count == FORM_FILES_MAX) {
        problem_set(&f->failure, 413, "the form has more than %d files", FORM_FILES_MAX);
        return NULL;
    }
    if (f->count == f->capacity) {
        size_t capacity = f->capacity ? f->capacity * 2 : 8;
        form_file *grown = realloc(f->files, capacity * sizeof *grown);
        if (!grown) {
            problem_set(&f->failure, 503, "out of memory for a form");
            return NULL;
        }
        f->files = grown;
        f->capacity = capacity;
    }
    assert(f->files);
    form_file *file = &f->files[f->count++];
    *file = (form_file){0};
    snprintf(file->id, sizeof file->id, "%s", id);
    return file;
}

static bool append(form *f, form_file *file, const char *data, size_t size)
{
    if (file->too_large || size > f->file_bytes_max - file->size) {
        file->too_large = true;
        return true;
    }
    if (size > file->capacity - file->size) {
        size_t capacity = file->capacity ? file->capacity : FORM_FILE_BYTES_MIN;
        while (capacity - file->size < size)
            capacity *= 2;
        unsigned char *grown = realloc(file->bytes, capacity);
        if (!grown)
            return problem_set(&f->failure, 503, "out of memory for a form");
        file->bytes = grown;
        file->capacity = capacity;
    }
    memcpy(file->bytes + file->size, data, size);
    file->size += size;
    return true;
}

static enum MHD_Result read_part(void *context, enum MHD_ValueKind kind, const char *key, const char *filename,
                                 const char *content_type, const char *transfer_encoding, const char *data,
                                 uint64_t offset, size_t size)
{
    (void)kind, (void)content_type, (void)transfer_encoding;
    form *f = context;
    const char *id = filename ? filename : key ? key : "";
    /* The parser announces a file whose first bytes have not come yet by a call without any, then starts again at 0. */
    form_file *last = f->count ? &f->files[f->count - 1] : NULL;
    bool announced = last && !last->size && !last->too_large && size && !strncmp(last->id, id, sizeof last->id - 1);
    form_file *file = offset == 0 && !announced ? add_file(f, id) : last;
    if (!file || (size && !append(f, file, data, size)))
        return MHD_NO;
    return MHD_YES;
}

form *form_new(struct MHD_Connection *c, size_t file_bytes_max, problem *p)
{
    form *f = calloc(1, sizeof *f);
    if (!f) {
        problem_set(p, 503, "out of memory for a form");
        return NULL;
    }
    f->file_bytes_max = file_bytes_max;
    f->parser = MHD_create_post_processor(c, FORM_BUFFER_BYTES, read_part, f);
    if (!f->parser) {
        problem_set(p, 400, "Content-Type: multipart/form-data lacks its boundary");
        form_free(f);
        return NULL;
    }
    return f;
}

static bool fail(form *f, problem *p)
{
    if (f->failure.status)
        return problem_set(p, f->failure.status, "%s", f->failure.detail);
    return problem_set(p, 400, "the body is not well-formed multipart/form-data");
}

bool form_feed(form *f, const char *bytes, size_t size, problem *p)
{
    return MHD_post_process(f->parser, bytes, size) == MHD_YES || fail(f, p);
}

bool form_close(form *f, problem *p)
{
    enum MHD_Result whole = MHD_destroy_post_processor(f->parser);
    f->parser = NULL;
    return whole == MHD_YES || fail(f, p);
}

void form_free(form *f)
{
    if (!f)
        return;
    if (f->parser)
        MHD_destroy_post_processor(f->parser);
    for (size_t i = 0; i < f->count; i++)
        free(f->files[i].bytes);
    free(f->files);
    problem_free(&f->failure);
    free(f);
}
