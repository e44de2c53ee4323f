/* SPDX-License-Identifier: MIT */
/* body.c — see body.h. */
#include "api/http/body.h"

#include "api/http/spool.h"
#include "api/json/json.h"

#include <assert.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

enum { BODY_BYTES_MIN = 16 * 1024, FORM_FILE_BYTES_MAX = 8 * 1024 * 1024 };
static const char media_json[] = "application/json";

struct request_body {
    const body_rule *rule; /* borrowed from the route */
    unsigned char *bytes;  /* BODY_MEMORY; owned */
    size_t size, capacity;
    form *form;   /* BODY_FORM; owned */
    spool *spool; /* BODY_SPOOL; owned */
    uint64_t announced, received;
    size_t counted; /* in *bytes_in_memory */
    size_t *bytes_in_memory;
};

static bool refuse_type(const route *to, problem *p, const char *given)
{
    char list[256] = "";
    p->accepted = json_array();
    for (const body_rule *rule = to->bodies; rule->media_type; rule++) {
        json_array_append_new(p->accepted, json_string(rule->media_type));
        problem_list(list, sizeof list, rule->media_type);
    }
    return problem_set(p, 415, "%.128s; accepted: %s", given, list);
}

static bool find_rule(const request *r, const body_rule **out, problem *p)
{
    const route *to = r->match.route;
    const char *encoding = request_header(r, "Content-Encoding"), *text = request_header(r, "Content-Type");
    char type[MEDIA_TYPE_MAX], given[160];
    if (encoding && strcasecmp(encoding, "identity") != 0)
        return problem_set(p, 415, "bodies with Content-Encoding are not accepted");
    if (!text)
        return refuse_type(to, p, "the Content-Type is missing");
    if (media_parse(text, type))
        for (const body_rule *rule = to->bodies; rule->media_type; rule++)
            if (!strcmp(rule->media_type, type)) {
                *out = rule;
                return true;
            }
    snprintf(given, sizeof given, "Content-Type '%.100s' is not supported here", text);
    return refuse_type(to, p, given);
}

/* What the head alone allows to be decided. *rule is NULL when there is no body, and none is expected. */
static bool check_head(const request *r, const body_rule **rule, problem *p)
{
    const route *to = r->match.route;
    const char *expect = request_header(r, "Expect");
    uint64_t length = request_body_length(r);
    *rule = NULL;
    if (expect && strcasecmp(expect, "100-continue") != 0)
        return problem_set(p, 417, "Expect: %.64s cannot be met", expect);
    if (!to->bodies)
        return length == 0 || problem_set(p, 400, "%s takes no body here", to->verb);
    if (length == 0)
        return problem_set(p, 400, "the body is empty");
    if (!find_rule(r, rule, p))
        return false;
    assert(*rule);
    if (length != REQUEST_LENGTH_UNKNOWN && length > (*rule)->bytes_max)
        return problem_set(p, 413, "the body has %" PRIu64 " bytes; at most %zu are accepted for %s", length,
                           (*rule)->bytes_max, (*rule)->media_type);
    return true;
}

bool body_open(request_body **out, const request *r, const body_setting *s, problem *p)
{
    const body_rule *rule;
    *out = NULL;
    if (!check_head(r, &rule, p))
        return false;
    if (!rule)
        return true;
    request_body *b = calloc(1, sizeof *b);
    if (!b)
        return problem_set(p, 503, "out of memory for a body");
    b->rule = rule;
    b->announced = request_body_length(r);
    b->bytes_in_memory = s->bytes_in_memory;
    if (rule->kind == BODY_FORM)
        b->form = form_new(r->connection, FORM_FILE_BYTES_MAX, p);
    else if (rule->kind == BODY_SPOOL)
        b->spool = spool_new(s->host, s->ready, s->context, p);
    if (p->status) {
        body_free(b);
        return false;
    }
    *out = b;
    return true;
}

static bool count_bytes(request_body *b, size_t more, problem *p)
{
    if (more > BODIES_BYTES_MAX - *b->bytes_in_memory)
        return problem_set(p, 503, "too many large requests at once");
    *b->bytes_in_memory += more;
    b->counted += more;
    return true;
}

static bool grow(request_body *b, size_t needed, problem *p)
{
    size_t capacity = b->capacity ? b->capacity * 2 : BODY_BYTES_MIN;
    if (b->announced != REQUEST_LENGTH_UNKNOWN && capacity > b->announced)
        capacity = (size_t)b->announced;
    if (capacity < needed)
        capacity = needed;
    if (!count_bytes(b, capacity - b->capacity, p))
        return false;
    unsigned char *bytes = realloc(b->bytes, capacity);
    if (!bytes)
        return problem_set(p, 503, "out of memory for a body of %zu bytes", capacity);
    b->bytes = bytes;
    b->capacity = capacity;
    return true;
}

bool body_write(request_body *b, const char *bytes, size_t *size, problem *p)
{
    size_t n = *size;
    if (n > b->rule->bytes_max - b->received)
        return problem_set(p, 413, "the body has more than the %zu bytes accepted for %s", b->rule->bytes_max,
                           b->rule->media_type);
    switch (b->rule->kind) {
    case BODY_MEMORY:
        if (b->size + n > b->capacity && !grow(b, b->size + n, p))
            return false;
        memcpy(b->bytes + b->size, bytes, n);
        b->size += n;
        *size = 0;
        break;
    case BODY_FORM:
        if (!count_bytes(b, n, p) || !form_feed(b->form, bytes, n, p))
            return false;
        *size = 0;
        break;
    case BODY_SPOOL:
        if (!spool_sound(b->spool, p))
            return false;
        spool_write(b->spool, bytes, size);
        break;
    }
    b->received += n - *size;
    return true;
}

bool body_finish(request_body *b, problem *p)
{
    if (b->received == 0)
        return problem_set(p, 400, "the body is empty");
    if (b->form)
        return form_close(b->form, p);
    return !b->spool || (spool_finish(b->spool) && spool_sound(b->spool, p));
}

bool body_busy(const request_body *b)
{
    return b->spool && b->spool->busy;
}

void body_free(request_body *b)
{
    if (!b)
        return;
    *b->bytes_in_memory -= b->counted;
    form_free(b->form);
    spool_free(b->spool);
    free(b->bytes);
    free(b);
}

const void *body_bytes(const request_body *b, size_t *size)
{
    *size = b->size;
    return b->bytes;
}

const form *body_form(const request_body *b)
{
    return b->form;
}

bool body_is_json(const request_body *b)
{
    return !strcmp(b->rule->media_type, media_json);
}

json_t *body_read_json(const request_body *b, problem *p)
{
    return json_read(b->bytes, b->size, p);
}

const char *body_file(const request_body *b)
{
    return b->spool ? b->spool->path : NULL;
}

void body_give_file(request_body *b)
{
    b->spool->handed_over = true;
}
