/* SPDX-License-Identifier: MIT */
/* spool.c — one buffer, which the loop thread fills and a pool thread then writes. */
#include "api/http/spool.h"

#include <assert.h>
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

spool *spool_new(const http_host *host, void (*ready)(void *context), void *context, problem *p)
{
    error e = {0};
    spool *s = malloc(sizeof *s);
    if (!s) {
        problem_set(p, 503, "out of memory for an upload");
        return NULL;
    }
    memset(s, 0, offsetof(spool, buffer));
    s->host = host;
    s->ready = ready;
    s->context = context;
    s->descriptor = -1;
    if (!host->upload_path(host->self, s->path, sizeof s->path, &e)) {
        problem_of_error(p, &e, PROBLEM_REQUEST);
        free(s);
        return NULL;
    }
    return s;
}

static bool fail(spool *s, const char *doing)
{
    s->full = errno == ENOSPC || errno == EDQUOT;
    return error_system(&s->failure, "%s an upload's temporary file", doing);
}

static bool open_file(spool *s)
{
    if (s->created)
        return true;
    s->descriptor = open(s->path, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC | O_NOFOLLOW, 0600);
    s->created = s->descriptor >= 0;
    return s->created || fail(s, "creating");
}

/* Pool thread. */
static void write_buffer(void *context)
{
    spool *s = context;
    if (!s->failure.code && open_file(s)) {
        size_t done = 0;
        while (done < s->fill) {
            ssize_t n = write(s->descriptor, s->buffer + done, s->fill - done);
            if (n < 0 && errno == EINTR)
                continue;
            if (n < 0) {
                fail(s, "writing");
                break;
            }
            done += (size_t)n;
        }
    }
    s->fill = 0;
    if (!s->last)
        return;
    if (s->descriptor >= 0 && close(s->descriptor) != 0 && !s->failure.code)
        fail(s, "closing");
    s->descriptor = -1;
    s->closed = true;
}

static void written(void *context)
{
    spool *s = context;
    s->busy = false;
    s->ready(s->context);
}

/* Without memory for a place in the pool's queue the loop thread writes, and all wait for it. */
static void start_writing(spool *s)
{
    assert(!s->busy);
    s->busy = true;
    if (s->host->offload(s->host->self, write_buffer, written, s))
        return;
    write_buffer(s);
    s->busy = false;
}

void spool_write(spool *s, const char *bytes, size_t *size)
{
    assert(!s->busy);
    size_t room = SPOOL_BUFFER_BYTES - s->fill;
    size_t n = *size < room ? *size : room;
    memcpy(s->buffer + s->fill, bytes, n);
    s->fill += n;
    *size -= n;
    if (s->fill == SPOOL_BUFFER_BYTES)
        start_writing(s);
}

bool spool_finish(spool *s)
{
    if (!s->closed) {
        s->last = true;
        start_writing(s);
    }
    return !s->busy;
}

bool spool_sound(const spool *s, problem *p)
{
    return !s->failure.code || problem_set(p, s->full ? 507 : 500, "%s", s->failure.message);
}

/* Pool thread. */
static void remove_file(void *context)
{
    spool *s = context;
    if (s->descriptor >= 0)
        close(s->descriptor);
    unlink(s->path);
}

void spool_free(spool *s)
{
    if (!s)
        return;
    assert(!s->busy);
    bool unwanted = s->created && !s->handed_over;
    if (unwanted && s->host->offload(s->host->self, remove_file, free, s))
        return;
    if (unwanted)
        remove_file(s);
    free(s);
}
