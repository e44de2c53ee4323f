/* SPDX-License-Identifier: MIT */
/* reply.c — answers: one shape for success, one for problems, the same headers on all. */
#include "api/http/inside.h"

#include "api/json/json.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static const char out_of_memory[] =
    "{\"type\": \"/problems/unavailable\", \"title\": \"Not available now\", \"status\": 503, "
    "\"detail\": \"out of memory\", \"instance\": \"/\"}";

const char *request_query(const request *r, const char *name)
{
    for (int i = 0; i < r->query_count; i++)
        if (!strcmp(r->query[i].name, name))
            return r->query[i].value;
    return NULL;
}

const char *request_query_text(const request *r, const char *name)
{
    const char *value = request_query(r, name);
    return value ? value : "";
}

const char *request_header(const request *r, const char *name)
{
    return MHD_lookup_connection_value(r->connection, MHD_HEADER_KIND, name);
}

bool request_page(request *r, service_page *page)
{
    *page = (service_page){.limit = 50};
    problem p = {0};
    const char *limit = request_query(r, "limit"), *cursor = request_query(r, "cursor");
    if (limit) {
        char *end;
        long value = strtol(limit, &end, 10);
        if (*end || !*limit || value < 1 || value > SERVICE_PAGE_MAX)
            problem_set(&p, 400, "limit: '%.32s' is not an integer in 1 ... %d", limit, SERVICE_PAGE_MAX);
        else
            page->limit = (int)value;
    }
    if (!p.status && cursor) {
        if (!*cursor || strlen(cursor) >= sizeof page->cursor)
            problem_set(&p, 400, "cursor: not one of ours");
        else
            memcpy(page->cursor, cursor, strlen(cursor) + 1);
    }
    if (!p.status)
        return true;
    request_reply_problem(r, &p);
    return false;
}

void request_add_header(request *r, const char *name, const char *value)
{
    if (r->header_count == REQUEST_HEADERS_MAX)
        return;
    snprintf(r->headers[r->header_count].name, sizeof r->headers->name, "%s", name);
    snprintf(r->headers[r->header_count].value, sizeof r->headers->value, "%s", value);
    r->header_count++;
}

static struct MHD_Response *poor_response(void)
{
    struct MHD_Response *reply = MHD_create_response_from_buffer(
        sizeof out_of_memory - 1, (void *)(uintptr_t)out_of_memory, MHD_RESPMEM_PERSISTENT);
    if (reply)
        MHD_add_response_header(reply, MHD_HTTP_HEADER_CONTENT_TYPE, "application/problem+json");
    return reply;
}

static void add_headers(request *r, struct MHD_Response *reply)
{
    for (int i = 0; i < r->header_count; i++)
        MHD_add_response_header(reply, r->headers[i].name, r->headers[i].value);
    r->header_count = 0;
    MHD_add_response_header(reply, "X-Request-Id", r->id);
    MHD_add_response_header(reply, "X-Content-Type-Options", "nosniff");
    MHD_add_response_header(reply, MHD_HTTP_HEADER_CACHE_CONTROL, "no-store");
    if (r->closing)
        MHD_add_response_header(reply, MHD_HTTP_HEADER_CONNECTION, "close");
}

void request_reply_response(request *r, unsigned status, struct MHD_Response *reply)
{
    if (r->gone || r->reply || r->answered) {
        if (reply)
            MHD_destroy_response(reply);
        return;
    }
    r->abandon = NULL;
    r->reply = reply ? reply : poor_response();
    r->status = reply ? status : 503;
    if (r->reply)
        add_headers(r, r->reply);
    else
        r->gone = true; /* not even memory to say so: the connection is closed */
    if (r->waiting)
        request_resume(r);
}

static void reply_buffer(request *r, unsigned status, const char *media_type, struct MHD_Response *reply)
{
    if (reply)
        MHD_add_response_header(reply, MHD_HTTP_HEADER_CONTENT_TYPE, media_type);
    request_reply_response(r, status, reply);
}

void request_reply_bytes(request *r, unsigned status, const char *media_type, void *bytes, size_t size)
{
    struct MHD_Response *reply = bytes ? MHD_create_response_from_buffer(size, bytes, MHD_RESPMEM_MUST_FREE) : NULL;
    if (!reply)
        free(bytes);
    reply_buffer(r, status, media_type, reply);
}

void request_reply_const(request *r, unsigned status, const char *media_type, const void *bytes, size_t size)
{
    reply_buffer(r, status, media_type,
                 MHD_create_response_from_buffer(size, (void *)(uintptr_t)bytes, MHD_RESPMEM_PERSISTENT));
}

static void reply_json(request *r, unsigned status, const char *media_type, json_t *body)
{
    size_t size = 0;
    char *text = json_write(body, &size);
    request_reply_bytes(r, status, media_type, text, size);
}

void request_reply_json(request *r, unsigned status, json_t *body)
{
    reply_json(r, status, "application/json", body);
}

void request_reply_problem(request *r, problem *p)
{
    char seconds[16];
    if (p->status == 429 && r->host->draining(r->host->self))
        p->status = 503;
    if (p->retry_after_s) {
        snprintf(seconds, sizeof seconds, "%u", p->retry_after_s);
        request_add_header(r, MHD_HTTP_HEADER_RETRY_AFTER, seconds);
    }
    if (p->allow[0])
        request_add_header(r, MHD_HTTP_HEADER_ALLOW, p->allow);
    if (p->status >= 500)
        r->host->log(r->host->self, "warn", "%s %u %s", r->id, p->status, p->detail);
    reply_json(r, p->status, "application/problem+json", problem_json(p, r->path));
    problem_free(p);
}

void request_reply_error(request *r, const error *e, enum problem_subject subject)
{
    problem p = {0};
    problem_of_error(&p, e, subject);
    request_reply_problem(r, &p);
}

void request_reply_list(request *r, json_t *items, const char *cursor)
{
    json_t *next = cursor && cursor[0] ? json_string(cursor) : json_null();
    request_reply_json(r, 200, json_pack("{s:o, s:o}", "items", items, "next_cursor", next));
}
