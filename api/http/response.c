/* SPDX-License-Identifier: MIT */
/* response.c — see response.h. */
#include "api/http/response.h"

#include "api/json/json.h"

#include <microhttpd.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

enum { STREAM_BLOCK_BYTES = 16 * 1024 };

static const char media_problem[] = "application/problem+json";
static const char out_of_memory[] =
    "{\"type\": \"/problems/unavailable\", \"title\": \"Not available now\", \"status\": 503, "
    "\"detail\": \"out of memory\", \"instance\": \"/\"}";

static response json_response(unsigned status, const char *media_type, json_t *body)
{
    size_t size = 0;
    char *text = json_write(body, &size);
    return response_bytes(status, media_type, text, size);
}

response response_json(unsigned status, json_t *body)
{
    return json_response(status, "application/json", body);
}

response response_bytes(unsigned status, const char *media_type, void *bytes, size_t size)
{
    return (response){.status = status, .media_type = media_type, .bytes = bytes, .size = size, .owned = true};
}

response response_problem(problem *p, const char *path)
{
    response r = json_response(p->status, media_problem, problem_json(p, path));
    if (p->retry_after_s)
        response_add_header(&r, "Retry-After", "%u", p->retry_after_s);
    if (p->allow[0])
        response_add_header(&r, "Allow", "%s", p->allow);
    problem_free(p);
    return r;
}

void response_add_header(response *r, const char *name, const char *format, ...)
{
    if (r->header_count == RESPONSE_HEADERS_MAX)
        return;
    va_list arguments;
    va_start(arguments, format);
    vsnprintf(r->headers[r->header_count].value, RESPONSE_HEADER_MAX, format, arguments);
    va_end(arguments);
    r->headers[r->header_count++].name = name;
}

void response_free(response *r)
{
    if (r->owned)
        free((void *)(uintptr_t)r->bytes);
    stream_free(r->stream);
    *r = (response){0};
}

static void free_stream(void *s)
{
    stream_free(s);
}

struct MHD_Response *response_build(response *r, ssize_t (*read_stream)(void *, uint64_t, char *, size_t))
{
    struct MHD_Response *built = NULL;
    void *bytes = (void *)(uintptr_t)r->bytes;
    if (r->stream)
        built = MHD_create_response_from_callback(MHD_SIZE_UNKNOWN, STREAM_BLOCK_BYTES, read_stream, r->stream,
                                                  free_stream);
    else if (bytes)
        built =
            MHD_create_response_from_buffer(r->size, bytes, r->owned ? MHD_RESPMEM_MUST_FREE : MHD_RESPMEM_PERSISTENT);
    if (built) {
        MHD_add_response_header(built, MHD_HTTP_HEADER_CONTENT_TYPE, r->media_type);
        if (r->varies)
            MHD_add_response_header(built, MHD_HTTP_HEADER_VARY, "Accept");
        for (int i = 0; i < r->header_count; i++)
            MHD_add_response_header(built, r->headers[i].name, r->headers[i].value);
        return built;
    }
    response_free(r);
    r->status = 503;
    built = MHD_create_response_from_buffer(sizeof out_of_memory - 1, (void *)(uintptr_t)out_of_memory,
                                            MHD_RESPMEM_PERSISTENT);
    if (built)
        MHD_add_response_header(built, MHD_HTTP_HEADER_CONTENT_TYPE, media_problem);
    return built;
}
