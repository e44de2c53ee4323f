/* SPDX-License-Identifier: MIT */
/* submission.c — see submission.h. */
#include "api/resources/submission.h"

#include <ctype.h>
#include <string.h>

enum { KEY_LENGTH_MAX = 255 };

static bool check_key(const char *key, problem *p)
{
    size_t length = strlen(key);
    bool sound = length > 0 && length <= KEY_LENGTH_MAX;
    for (size_t i = 0; sound && i < length; i++)
        sound = isgraph((unsigned char)key[i]);
    return sound || problem_set(p, 400, "Idempotency-Key: expected 1 to 255 printable characters");
}

json_t *submission_read(const exchange *x, const char **key, problem *p)
{
    *key = request_header(exchange_request(x), "Idempotency-Key");
    return *key && !check_key(*key, p) ? NULL : body_read_json(exchange_body(x), p);
}

void submission_failed(exchange *x, const error *e, enum problem_subject subject)
{
    exchange_answer_error(x, e, subject);
    exchange_release(x);
}

void submission_created(exchange *x, unsigned status, const char *collection, const char *id, json_t *body)
{
    response a = response_json(status, body);
    response_add_header(&a, "Location", "%s/%s", collection, id);
    exchange_answer(x, &a);
    exchange_release(x);
}

void submission_accepted(exchange *x, json_t *body)
{
    exchange_answer_json(x, 202, body);
    exchange_release(x);
}
