/* SPDX-License-Identifier: MIT */
/* spool.h — an upload on its way into a temporary file, written off the loop thread. Loop thread only. */
#ifndef ANOMALYD_API_HTTP_SPOOL_H
#define ANOMALYD_API_HTTP_SPOOL_H

#include "api/http/request.h"

enum { SPOOL_BUFFER_BYTES = 1024 * 1024 };

typedef struct spool spool;

/* Returns new; NULL and *p. */
spool *spool_new(request *r, problem *p);
/* Takes what fits of *size bytes and leaves the rest's number in *size. When the buffer is full it is being written:
 * the request is then suspended, and resumed when there is room. */
void spool_take(spool *s, const char *bytes, size_t *size);
/* Writes the rest. True when all is written and closed; false when that goes on (the request is suspended). */
bool spool_close(spool *s);
/* False and *p, 500 or 507, when something could not be written. */
bool spool_sound(const spool *s, problem *p);
const char *spool_path(const spool *s);
/* The file belongs to someone else now. */
void spool_hand_over(spool *s);
/* Removes the file unless it was handed over. */
void spool_free(spool *s);

#endif
