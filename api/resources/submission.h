/* SPDX-License-Identifier: MIT */
/*
 * submission.h — what requests that create or change something have in common. Each defers its answer, calls the
 * service, and ends with one of the functions below: from the service's callback, or at once when nothing has begun.
 */
#ifndef ANOMALYD_API_RESOURCES_SUBMISSION_H
#define ANOMALYD_API_RESOURCES_SUBMISSION_H

#include "api/http/exchange.h"

/* The JSON body, and the Idempotency-Key in *key: NULL when there is none, else borrowed from the request. Returns new;
 * NULL and *p. */
json_t *submission_read(const exchange *x, const char **key, problem *p);

/* Each answers a deferred exchange and releases it. */
/* With *e, which is about the path of the request, or about what its body asks for. */
void submission_failed(exchange *x, const error *e, enum problem_subject subject);
/* With what was created, which from now on is at COLLECTION/id. Frees the body. */
void submission_created(exchange *x, unsigned status, const char *collection, const char *id, json_t *body);
/* With what was changed. Frees the body. */
void submission_accepted(exchange *x, json_t *body);

#endif
