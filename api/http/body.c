/* SPDX-License-Identifier: MIT */
/* body.c — what a request's body may be, and where it goes as it arrives. Knows nothing of what it means. */
#include "api/http/inside.h"
#include "api/http/spool.h"

#include <inttypes.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

enum { BODY_BYTES_LEAST = 16 * 1024, FORM_FILE_BYTES_MAX = 8 * 1024 * 1024 };

static bool refuse_type(const request *r, problem *p, const char *given)
{
    char list[256];
    size_t used = 0;
    list[0] = '\0';
    p->accepted = json_array();
    for (const body_rule *rule = r->route->bodies; rule->media_type; rule++) {
        json_array_append_new(p->accepted, json_string(rule->media_type));
        if (used < sizeof list)
            used += (size_t)snprintf(list + used, sizeof list - used, "%s%s", used ? ", " : "", rule->media_type);
    }
    return problem_set(p, 415, "%.128s; accepted: %s", given, list);
}

static const body_rule *find_rule(const request *r, problem *p)
{
    const char *encoding = request_header(r, MHD_HTTP_HEADER_CONTENT_ENCODING);
    if (encoding && strcasecmp(encoding, "identity") != 0) {
        problem_set(p, 415, "bodies with Content-Encoding are not accepted");
        return NULL;
    }
    const char *text = request_header(r, MHD_HTTP_HEADER_CONTENT_TYPE);
    char type[MEDIA_TYPE_MAX], given[160];
    if (!text) {
        refuse_type(r, p, "the Content-Type is missing");
        return NULL;
    }
    if (media_parse(text, type))
        for (const body_rule *rule = r->route->bodies; rule->media_type; rule++)
            if (!strcmp(rule->media_type, type))
                return rule;
    snprintf(given, sizeof given, "Content-Type '%.100s' is not supported here", text);
    refuse_type(r, p, given);
    return NULL;
}

/* What the headers say of the body's length. */
static bool announce(request *r, problem *p)
{
    const char *length = request_header(r, MHD_HTTP_HEADER_CONTENT_LENGTH);
    const char *expect = request_header(r, MHD_HTTP_HEADER_EXPECT);
    if (request_header(r, MHD_HTTP_HEADER_TRANSFER_ENCODING))
        r->body.announced = UINT64_MAX;
    else if (length)
        r->body.announced = strtoull(length, NULL, 10);
    if (expect && strcasecmp(expect, "100-continue") != 0)
        return problem_set(p, 417, "Expect: %.64s cannot be met", expect);
    return true;
}

bool body_begin(request *r, problem *p)
{
    request_body *b = &r->body;
    if (!announce(r, p))
        return false;
    if (!r->route)
        return true;
    if (!r->route->bodies)
        return b->announced == 0 || problem_set(p, 400, "%s takes no body here", r->route->verb);
    if (b->announced == 0)
        return problem_set(p, 400, "the body is empty");
    const body_rule *rule = find_rule(r, p);
    if (!rule)
        return false;
    if (b->announced != UINT64_MAX && b->announced > rule->bytes_max)
        return problem_set(p, 413, "the body has %" PRIu64 " bytes; at most %zu are accepted for %s", b->announced,
                           rule->bytes_max, rule->media_type);
    b->rule = rule;
    if (rule->kind == BODY_FORM)
        return (b->form = form_new(r->connection, FORM_FILE_BYTES_MAX, p)) != NULL;
    if (rule->kind == BODY_SPOOL)
        return (b->spool = spool_new(r, p)) != NULL;
    return true;
}

static bool account(request *r, size_t more, problem *p)
{
    if (more > SERVER_BODIES_BYTES_MAX - r->server->bodies_bytes)
        return problem_set(p, 503, "too many large requests at once");
    r->server->bodies_bytes += more;
    r->body.accounted += more;
    return true;
}

static bool grow(request *r, size_t needed, problem *p)
{
    request_body *b = &r->body;
    size_t capacity = b->capacity ? b->capacity * 2 : BODY_BYTES_LEAST;
    if (b->announced != UINT64_MAX && capacity > b->announced)
        capacity = (size_t)b->announced;
    if (capacity < needed)
        capacity = needed;
    if (!account(r, capacity - b->capacity, p))
        return false;
    unsigned char *bytes = realloc(b->bytes, capacity);
    if (!bytes)
        return problem_set(p, 503, "out of memory for a body of %zu bytes", capacity);
    b->bytes = bytes;
    b->capacity = capacity;
    return true;
}

bool body_take(request *r, const char *bytes, size_t *size, problem *p)
{
    request_body *b = &r->body;
    size_t n = *size;
    if (n > b->rule->bytes_max - b->received)
        return problem_set(p, 413, "the body has more than the %zu bytes accepted for %s", b->rule->bytes_max,
                           b->rule->media_type);
    switch (b->rule->kind) {
    case BODY_MEMORY:
        if (b->size + n > b->capacity && !grow(r, b->size + n, p))
            return false;
        memcpy(b->bytes + b->size, bytes, n);
        b->size += n;
        *size = 0;
        break;
    case BODY_FORM:
        if (!account(r, n, p) || !form_feed(b->form, bytes, n, p))
            return false;
        *size = 0;
        break;
    case BODY_SPOOL:
        if (!spool_sound(b->spool, p))
            return false;
        spool_take(b->spool, bytes, size);
        break;
    }
    b->received += n - *size;
    return true;
}

bool body_end(request *r)
{
    request_body *b = &r->body;
    problem p = {0};
    if (!b->rule)
        return true;
    if (b->received == 0)
        problem_set(&p, 400, "the body is empty");
    else if (b->form)
        form_close(b->form, &p);
    else if (b->spool && !spool_close(b->spool))
        return false;
    else if (b->spool)
        spool_sound(b->spool, &p);
    if (p.status)
        request_reply_problem(r, &p);
    return p.status == 0 && !r->reply;
}

void body_free(request *r)
{
    r->server->bodies_bytes -= r->body.accounted;
    form_free(r->body.form);
    spool_free(r->body.spool);
    free(r->body.bytes);
    r->body = (request_body){0};
}
