/* SPDX-License-Identifier: MIT */
/*
 * exchange.h — one request and its answer, from the head to the last byte: what a handler sees of the server.
 *
 * A handler either answers at once, or defers its answer, gives it from a callback, and then releases the exchange. An
 * answer that comes too late, because the client has left or was told that its deadline has passed, is dropped
 * silently: callbacks need not know. Loop thread only, except where said.
 */
#ifndef ANOMALYD_API_HTTP_EXCHANGE_H
#define ANOMALYD_API_HTTP_EXCHANGE_H

#include "api/http/body.h"
#include "api/http/request.h"
#include "api/http/response.h"

struct server;
struct service;

typedef struct exchange exchange;

/* What it was asked. Owned by the exchange; the first two may be read by any thread while the exchange is deferred. */
const request *exchange_request(const exchange *x);
/* NULL when the request has no body. */
request_body *exchange_body(const exchange *x);
/* What the server was given for its handlers. */
const struct service *exchange_service(const exchange *x);
const struct server *exchange_server(const exchange *x);

/* The answer comes later: the exchange stays valid until exchange_release, which is to be called once. */
void exchange_defer(exchange *x);
void exchange_release(exchange *x);
/* Runs work(context) on a pool thread, then after(context) on the loop thread. The answer is deferred, and `after` is
 * to release the exchange. False when memory is out: then the exchange is answered, and not deferred. */
bool exchange_offload(exchange *x, void (*work)(void *context), void (*after)(void *context), void *context);
/* Has abandon(context) called, once, when nobody waits any more for the answer of this deferred exchange; never once
 * the answer was given. */
void exchange_on_abandon(exchange *x, void (*abandon)(void *context), void *context);
/* Whatever is answered depends on the Accept header. */
void exchange_vary(exchange *x);

/* Each answers the exchange and takes ownership of what the answer owns. */
void exchange_answer(exchange *x, response *a);
void exchange_answer_json(exchange *x, unsigned status, json_t *body);
void exchange_answer_problem(exchange *x, problem *p);
void exchange_answer_error(exchange *x, const error *e, enum problem_subject subject);

#endif
