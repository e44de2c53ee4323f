/* SPDX-License-Identifier: MIT */
/* headers.h — refuses heads that two servers could read in two ways (request smuggling). Knows no route. */
#ifndef ANOMALYD_API_HTTP_HEADERS_H
#define ANOMALYD_API_HTTP_HEADERS_H

#include "api/json/problem.h"

#include <stdbool.h>

struct MHD_Connection;

/* Checks the head of the request that has just arrived; `line` is its method, URL and version as libmicrohttpd gives
 * them. False and *p, 400 or 501, when it is refused: the connection must be closed after the answer. */
bool headers_check(struct MHD_Connection *c, const char *const line[3], problem *p);

#endif
