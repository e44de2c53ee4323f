/* SPDX-License-Identifier: MIT */
/*
 * host.h — what the HTTP server needs from the program around it. The server has no event loop, threads or log of its
 * own. The server makes every call on the loop thread, and every callback comes on the loop thread.
 */
#ifndef ANOMALYD_API_HTTP_HOST_H
#define ANOMALYD_API_HTTP_HOST_H

#include "base/error.h"

#include <stdbool.h>
#include <stddef.h>

typedef struct http_host {
    void *self; /* the first argument of every function below */

    /* Runs work(context) on a pool thread, then after(context) on the loop thread, never inside this call. False when
     * memory is out: then neither is called. */
    bool (*offload)(void *self, void (*work)(void *context), void (*after)(void *context), void *context);
    /* Calls tick(context) once after `ms`. Returns a handle for timer_stop, which may be called only before the timer
     * has fired; NULL when memory is out. */
    void *(*timer)(void *self, unsigned ms, void (*tick)(void *context), void *context);
    void (*timer_stop)(void *self, void *handle);
    /* Calls gone(context) once when the peer of socket `fd` closes or half-closes it. Returns a handle that must be
     * passed to unwatch_peer, at the earliest from inside gone; NULL when the socket cannot be watched. */
    void *(*watch_peer)(void *self, int fd, void (*gone)(void *context), void *context);
    void (*unwatch_peer)(void *self, void *handle);
    /* Writes the path of a new temporary file for an upload into `path`. False and *e when there is none. */
    bool (*upload_path)(void *self, char *path, size_t size, error *e);
    /* True once the program stops: from then on only routes that are open while draining are answered. */
    bool (*draining)(void *self);
    /* Writes a line to the log. `level` is "debug", "info", "warn" or "error". */
    void (*log)(void *self, const char *level, const char *format, ...) __attribute__((format(printf, 3, 4)));
} http_host;

#endif
