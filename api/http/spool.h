/* SPDX-License-Identifier: MIT */
/* spool.h — an upload on its way into a temporary file, which a pool thread writes. Loop thread only. */
#ifndef ANOMALYD_API_HTTP_SPOOL_H
#define ANOMALYD_API_HTTP_SPOOL_H

#include "api/http/host.h"
#include "api/json/problem.h"

#include <limits.h>

enum { SPOOL_BUFFER_BYTES = 1024 * 1024 };

typedef struct spool {
    const http_host *host;
    void (*ready)(void *context);
    void *context;
    /* The pool thread's while `busy`, else the loop thread's. */
    int descriptor;
    bool created, last, closed, full;
    size_t fill;
    error failure;
    bool busy;           /* loop thread, as all that follows */
    bool handed_over;    /* the file is not removed: it belongs to whoever has set this */
    char path[PATH_MAX]; /* of the file */
    char buffer[SPOOL_BUFFER_BYTES];
} spool;

/* Calls ready(context) whenever the spool is busy no more, never from inside a call. Borrows host. Returns new; NULL
 * and *p. */
spool *spool_new(const http_host *host, void (*ready)(void *context), void *context, problem *p);
/* Takes what fits of *size bytes and leaves the number of the others in *size. The spool must not be busy. When the
 * buffer is full the spool is busy until that is written. */
void spool_write(spool *s, const char *bytes, size_t *size);
/* True when all is written and the file is closed; otherwise that has begun, the spool is busy, and spool_finish is to
 * be called again when it is ready. */
bool spool_finish(spool *s);
/* False and *p, 500 or 507, when something could not be written. */
bool spool_sound(const spool *s, problem *p);
/* Removes the file unless it was handed over. The spool must not be busy; s may be NULL. */
void spool_free(spool *s);

#endif
