/* SPDX-License-Identifier: MIT */
/* mhd_uv.c — drives the HTTP server from the event loop. Only the prepare callback, which runs before the loop waits,
 * calls server_turn. */
#include "daemon/server/daemon.h"

#include <stdlib.h>

enum { HANDLES = 3 };

struct mhd_uv {
    server *server;
    uv_poll_t poll;
    uv_prepare_t prepare;
    uv_timer_t timer;
    bool dirty;
    int open; /* handles not closed yet */
};

static void poll_event(uv_poll_t *handle, int status, int events)
{
    (void)status;
    (void)events;
    ((mhd_uv *)handle->data)->dirty = true;
}

static void timer_event(uv_timer_t *handle)
{
    ((mhd_uv *)handle->data)->dirty = true;
}

static void before_wait(uv_prepare_t *handle)
{
    mhd_uv *f = handle->data;
    if (!f->dirty)
        return;
    while (f->dirty) {
        f->dirty = false;
        server_turn(f->server);
    }
    int ms = server_timeout_ms(f->server);
    if (ms < 0)
        uv_timer_stop(&f->timer);
    else
        uv_timer_start(&f->timer, timer_event, (uint64_t)ms, 0);
}

static void wake(void *context)
{
    ((mhd_uv *)context)->dirty = true;
}

void mhd_uv_wake(mhd_uv *f)
{
    f->dirty = true;
}

server *mhd_uv_server(const mhd_uv *f)
{
    return f->server;
}

mhd_uv *mhd_uv_start(loop *l, const server_config *c, error *e)
{
    mhd_uv *f = calloc(1, sizeof *f);
    if (!f) {
        error_memory(e, "the HTTP server");
        return NULL;
    }
    server_config own = *c;
    own.wake = wake;
    own.wake_context = f;
    if (!(f->server = server_start(&own, e))) {
        free(f);
        return NULL;
    }
    uv_loop_t *uv = loop_uv(l);
    int code = uv_poll_init(uv, &f->poll, server_fd(f->server));
    if (code) {
        error_set(e, ERROR_IO, "the HTTP server's descriptor: %s", uv_strerror(code));
        server_stop(f->server);
        free(f);
        return NULL;
    }
    uv_prepare_init(uv, &f->prepare);
    uv_timer_init(uv, &f->timer);
    f->poll.data = f->prepare.data = f->timer.data = f;
    f->open = HANDLES;
    f->dirty = true;
    uv_poll_start(&f->poll, UV_READABLE, poll_event);
    uv_prepare_start(&f->prepare, before_wait);
    return f;
}

static void closed(uv_handle_t *handle)
{
    mhd_uv *f = handle->data;
    if (--f->open == 0)
        free(f);
}

void mhd_uv_stop(mhd_uv *f)
{
    /* The poll is closed before the server closes the descriptor. */
    uv_close((uv_handle_t *)&f->poll, closed);
    uv_close((uv_handle_t *)&f->prepare, closed);
    uv_close((uv_handle_t *)&f->timer, closed);
    server_stop(f->server);
    f->server = NULL;
}
