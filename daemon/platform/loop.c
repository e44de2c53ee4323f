/* SPDX-License-Identifier: MIT */
/* loop.c — the event loop's conveniences over libuv. */
#include "daemon/platform/loop.h"

#include <assert.h>
#include <stdlib.h>
#include <sys/socket.h>

struct call {
    struct call *next;
    loop_call *run;
    void *context;
};

struct loop {
    uv_loop_t uv;
    uv_async_t turn; /* the deferred calls are waiting */
    struct call *calls, **calls_end;
    size_t working;
};

static void run_calls(uv_async_t *handle)
{
    loop *l = handle->data;
    struct call *list = l->calls; /* what these defer runs at the next turn */
    l->calls = NULL;
    l->calls_end = &l->calls;
    while (list) {
        struct call *c = list;
        list = c->next;
        c->run(c->context);
        free(c);
    }
}

loop *loop_new(error *e)
{
    loop *l = calloc(1, sizeof *l);
    if (!l) {
        error_memory(e, "the event loop");
        return NULL;
    }
    l->calls_end = &l->calls;
    int code = uv_loop_init(&l->uv);
    if (!code && !(code = uv_async_init(&l->uv, &l->turn, run_calls))) {
        l->turn.data = l;
        return l;
    }
    error_set(e, ERROR_IO, "the event loop: %s", uv_strerror(code));
    free(l);
    return NULL;
}

uv_loop_t *loop_uv(loop *l)
{
    return &l->uv;
}

void loop_run(loop *l)
{
    uv_run(&l->uv, UV_RUN_DEFAULT);
}

void loop_end(loop *l)
{
    uv_stop(&l->uv);
}

void loop_free(loop *l)
{
    if (!l)
        return;
    while (l->calls || l->working)
        uv_run(&l->uv, UV_RUN_ONCE);
    uv_close((uv_handle_t *)&l->turn, NULL);
    uv_run(&l->uv, UV_RUN_DEFAULT);
    int code = uv_loop_close(&l->uv);
    assert(code == 0); /* whoever made a handle has closed it */
    free(l);
}

size_t loop_working(const loop *l)
{
    return l->working;
}

struct job_work {
    uv_work_t work;
    loop *owner;
    loop_call *run, *after;
    void *context;
};

static void work_run(uv_work_t *w)
{
    struct job_work *j = w->data;
    j->run(j->context);
}

static void work_after(uv_work_t *w, int status)
{
    struct job_work *j = w->data;
    assert(status == 0); /* nobody cancels */
    j->owner->working--;
    j->after(j->context);
    free(j);
}

bool loop_try_offload(loop *l, loop_call *work, loop_call *after, void *context)
{
    struct job_work *j = malloc(sizeof *j);
    if (!j)
        return false;
    *j = (struct job_work){.owner = l, .run = work, .after = after, .context = context};
    j->work.data = j;
    int code = uv_queue_work(&l->uv, &j->work, work_run, work_after);
    assert(code == 0); /* it fails only for want of a function to run */
    l->working++;
    return true;
}

void loop_offload(loop *l, loop_call *work, loop_call *after, void *context)
{
    if (loop_try_offload(l, work, after, context))
        return;
    work(context);
    after(context);
}

bool loop_try_defer(loop *l, loop_call *run, void *context)
{
    struct call *c = malloc(sizeof *c);
    if (!c)
        return false;
    *c = (struct call){.run = run, .context = context};
    *l->calls_end = c;
    l->calls_end = &c->next;
    uv_async_send(&l->turn);
    return true;
}

void loop_defer(loop *l, loop_call *run, void *context)
{
    if (!loop_try_defer(l, run, context))
        run(context);
}

struct timer {
    uv_timer_t uv;
    loop_call *tick;
    void *context;
};

static void free_handle(uv_handle_t *handle)
{
    free(handle->data);
}

static void timer_fire(uv_timer_t *handle)
{
    struct timer *t = handle->data;
    uv_close((uv_handle_t *)handle, free_handle);
    t->tick(t->context);
}

void *loop_timer(loop *l, uint64_t ms, loop_call *tick, void *context)
{
    struct timer *t = malloc(sizeof *t);
    if (!t)
        return NULL;
    t->tick = tick;
    t->context = context;
    uv_timer_init(&l->uv, &t->uv);
    t->uv.data = t;
    uv_timer_start(&t->uv, timer_fire, ms, 0);
    return t;
}

void loop_timer_stop(void *handle)
{
    struct timer *t = handle;
    uv_close((uv_handle_t *)&t->uv, free_handle);
}

struct watch {
    uv_poll_t uv;
    int fd;
    loop_call *gone;
    void *context;
};

static void watch_event(uv_poll_t *handle, int status, int events)
{
    struct watch *w = handle->data;
    bool left = status < 0 || (events & UV_DISCONNECT);
    if (!left) {
        char byte;
        left = recv(w->fd, &byte, 1, MSG_PEEK | MSG_DONTWAIT) == 0;
    }
    /* Bytes of a next, pipelined request are no news; watching for readability further would only spin. */
    if (!left) {
        uv_poll_start(handle, UV_DISCONNECT, watch_event);
        return;
    }
    uv_poll_stop(handle);
    w->gone(w->context);
}

void *loop_watch_peer(loop *l, int fd, loop_call *gone, void *context)
{
    struct watch *w = malloc(sizeof *w);
    if (!w)
        return NULL;
    *w = (struct watch){.fd = fd, .gone = gone, .context = context};
    if (uv_poll_init(&l->uv, &w->uv, fd)) {
        free(w);
        return NULL;
    }
    w->uv.data = w;
    uv_poll_start(&w->uv, UV_READABLE | UV_DISCONNECT, watch_event);
    return w;
}

void loop_unwatch_peer(void *handle)
{
    struct watch *w = handle;
    uv_close((uv_handle_t *)&w->uv, free_handle);
}
