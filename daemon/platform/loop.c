/* SPDX-License-Identifier: MIT */
/* loop.c — the event loop's conveniences over libuv. */
#include "daemon/platform/loop.h"

#include <assert.h>
#include <stdlib.h>

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
