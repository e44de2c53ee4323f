/* SPDX-License-Identifier: MIT */
/* problem.c — statuses, titles and the JSON of problems. */
#include "api/json/problem.h"

#include "api/json/json.h"

#include <assert.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

enum { RETRY_FULL_S = 1, RETRY_DRAINING_S = 5 };

static const struct kind {
    unsigned status;
    const char *type, *title;
} kinds[] = {
    {400, "/problems/malformed-request", "The request is malformed"},
    {404, "/problems/not-found", "There is no such thing"},
    {405, "/problems/method-not-allowed", "The method is not allowed here"},
    {406, "/problems/not-acceptable", "No acceptable media type"},
    {408, "/problems/slow-request", "The request took too long to arrive"},
    {409, "/problems/conflict", "Conflict"},
    {413, "/problems/too-large", "The body is too large"},
    {415, "/problems/unsupported-media-type", "The media type is not supported"},
    {417, "/problems/expectation-failed", "The expectation cannot be met"},
    {422, "/problems/unprocessable", "Unprocessable Content"},
    {429, "/problems/queue-full", "The queue is full"},
    {500, "/problems/internal", "The daemon failed"},
    {501, "/problems/not-implemented", "The daemon does not do this"},
    {503, "/problems/unavailable", "Not available now"},
    {504, "/problems/deadline", "The deadline has passed"},
    {507, "/problems/storage", "The disk is full"},
};

static const struct kind *find_kind(unsigned status)
{
    for (size_t i = 0; i < sizeof kinds / sizeof *kinds; i++)
        if (kinds[i].status == status)
            return &kinds[i];
    assert(!"a status without a problem kind");
    return NULL;
}

static unsigned status_of(enum error_code code, enum problem_subject subject)
{
    switch (code) {
    case ERROR_INVALID:
        return subject == PROBLEM_REQUEST ? 400 : 422;
    case ERROR_NOT_FOUND:
        return subject == PROBLEM_CONTENT ? 422 : 404;
    case ERROR_UNSUPPORTED:
        return subject == PROBLEM_IMAGE ? 415 : 422;
    case ERROR_CORRUPT:
        return 422;
    case ERROR_CONFLICT:
        return 409;
    case ERROR_LIMIT:
        return 413;
    case ERROR_BUSY:
        return 429;
    case ERROR_CANCELLED:
    case ERROR_MEMORY:
        return 503;
    case ERROR_NONE:
    case ERROR_DIVERGED:
    case ERROR_IO:
    case ERROR_INTERNAL:
        return 500;
    }
    return 500;
}

static void fill(problem *p, unsigned status)
{
    p->status = status;
    if (status == 429)
        p->retry_after_s = RETRY_FULL_S;
    if (status == 503)
        p->retry_after_s = RETRY_DRAINING_S;
}

bool problem_set(problem *p, unsigned status, const char *format, ...)
{
    fill(p, status);
    va_list arguments;
    va_start(arguments, format);
    vsnprintf(p->detail, sizeof p->detail, format, arguments);
    va_end(arguments);
    return false;
}

bool problem_of_error(problem *p, const error *e, enum problem_subject subject)
{
    return problem_set(p, status_of(e->code, subject), "%s", e->message);
}

void problem_list(char *list, size_t size, const char *name)
{
    size_t used = strlen(list);
    snprintf(list + used, size - used, "%s%s", used ? ", " : "", name);
}

bool problem_add(problem *p, const char *pointer, const char *format, ...)
{
    char detail[ERROR_MESSAGE_MAX];
    va_list arguments;
    va_start(arguments, format);
    vsnprintf(detail, sizeof detail, format, arguments);
    va_end(arguments);

    if (!p->status)
        fill(p, 422);
    if (!p->errors)
        p->errors = json_array();
    if (!p->detail[0]) {
        const char *at = pointer[0] ? pointer : "the body";
        snprintf(p->detail, sizeof p->detail, "%.*s: %.*s", 128, at, ERROR_MESSAGE_MAX - 132, detail);
    }
    if (json_array_size(p->errors) < PROBLEM_ERRORS_MAX)
        json_array_append_new(p->errors,
                              json_pack("{s:o, s:o}", "pointer", json_text(pointer), "detail", json_text(detail)));
    return false;
}

json_t *problem_json(const problem *p, const char *instance)
{
    const struct kind *kind = find_kind(p->status);
    json_t *body = json_pack("{s:s, s:s, s:i, s:o, s:o}", "type", kind->type, "title", kind->title, "status",
                             (int)p->status, "detail", json_text(p->detail), "instance", json_text(instance));
    if (body && p->errors)
        json_object_set(body, "errors", p->errors);
    if (body && p->accepted)
        json_object_set(body, "accepted", p->accepted);
    return body;
}

void problem_free(problem *p)
{
    json_decref(p->errors);
    json_decref(p->accepted);
    memset(p, 0, sizeof *p);
}
