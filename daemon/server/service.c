/* SPDX-License-Identifier: MIT */
/* service.c — implements service.h, where it hands each call to the part that knows, and host.h over libuv. */
#include "daemon/platform/log.h"
#include "daemon/platform/paths.h"
#include "daemon/server/daemon.h"

#include <stdarg.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>

_Static_assert((int)ID_SIZE == (int)RECORD_ID_MAX, "an id fits into a record");

static bool dataset_list(void *self, const void *filter, record_page *page, void *rows, int *count, error *e)
{
    (void)filter;
    return store_dataset_list(((anomalyd *)self)->reader, page, rows, count, e);
}

static bool dataset_get(void *self, const char *name, dataset_row *row, error *e)
{
    return store_dataset_get(((anomalyd *)self)->reader, name, row, e);
}

static bool dataset_import_(void *self, const dataset_request *r, dataset_done *done, void *context, error *e)
{
    return datasets_import(((anomalyd *)self)->datasets, r, done, context, e);
}

static bool upload_path(void *self, char *path, size_t size, error *e)
{
    anomalyd *d = self;
    char id[RECORD_ID_MAX];
    path_text p;
    id_make(&d->ids, id);
    if (!path_format(&p, e, "%s/uploads/%s", d->config.state, id))
        return false;
    size_t length = strlen(p.text);
    if (length >= size)
        return error_set(e, ERROR_LIMIT, "uploads: the path of the state folder is too long");
    memcpy(path, p.text, length + 1);
    return true;
}

static bool job_submit(void *self, const job_spec *spec, const char *key, job_done *done, void *context, error *e)
{
    return jobs_submit(((anomalyd *)self)->jobs, spec, key, done, context, e);
}

static bool job_cancel(void *self, const char *id, job_done *done, void *context, error *e)
{
    return jobs_cancel(((anomalyd *)self)->jobs, id, done, context, e);
}

static bool job_get(void *self, const char *id, job_row *row, error *e)
{
    return jobs_get(((anomalyd *)self)->jobs, id, row, e);
}

static bool job_list(void *self, const void *filter, record_page *page, void *rows, int *count, error *e)
{
    return jobs_list(((anomalyd *)self)->jobs, filter, page, rows, count, e);
}

static void *job_watch(void *self, const char *id, uint64_t after, event_sink *sink, void *context, error *e)
{
    return jobs_watch(((anomalyd *)self)->jobs, id, after, sink, context, e);
}

static void job_unwatch(void *self, void *subscription)
{
    (void)self;
    jobs_unwatch(subscription);
}

static bool experiment_submit(void *self, const experiment_spec *spec, const char *key, experiment_done *done,
                              void *context, error *e)
{
    return experiments_submit(&((anomalyd *)self)->experiments, spec, key, done, context, e);
}

static bool experiment_cancel(void *self, const char *id, experiment_done *done, void *context, error *e)
{
    return experiments_cancel(&((anomalyd *)self)->experiments, id, done, context, e);
}

static bool experiment_resume(void *self, const char *id, experiment_done *done, void *context, error *e)
{
    return experiments_resume(&((anomalyd *)self)->experiments, id, done, context, e);
}

static bool experiment_get(void *self, const char *id, experiment_row *row, error *e)
{
    return experiments_get(&((anomalyd *)self)->experiments, id, row, e);
}

static bool experiment_score(void *self, experiment_row *row, const char *score, error *e)
{
    return store_experiment_score(((anomalyd *)self)->reader, row, score, e);
}

static bool experiment_list(void *self, const void *filter, record_page *page, void *rows, int *count, error *e)
{
    (void)filter;
    return store_experiment_list(((anomalyd *)self)->reader, page, rows, count, e);
}

static bool published_list(void *self, const char *dataset_digest, const char *protocol, published_row *rows, int limit,
                           int *count, error *e)
{
    return store_published_list(((anomalyd *)self)->reader, dataset_digest, protocol, rows, limit, count, e);
}

static bool model_list(void *self, const void *filter, record_page *page, void *rows, int *count, error *e)
{
    (void)filter;
    model_row *models = rows;
    anomalyd *d = self;
    if (!store_model_list(d->reader, page, rows, count, e))
        return false;
    for (int i = 0; i < *count; i++)
        models[i].resident_bytes = batcher_resident_bytes(d->batcher, models[i].name, models[i].version);
    return true;
}

static bool model_get(void *self, const char *name, int version, model_row *row, error *e)
{
    anomalyd *d = self;
    if (!store_model_get(d->reader, name, version, row, e))
        return false;
    row->resident_bytes = batcher_resident_bytes(d->batcher, row->name, row->version);
    return true;
}

static bool model_versions(void *self, const char *name, int *versions, int limit, int *count, error *e)
{
    return store_model_versions(((anomalyd *)self)->reader, name, versions, limit, count, e);
}

static bool run_list(void *self, const void *filter, record_page *page, void *rows, int *count, error *e)
{
    return store_run_list(((anomalyd *)self)->reader, filter, page, rows, count, e);
}

static bool run_get(void *self, const char *id, run_row *row, error *e)
{
    return store_run_get(((anomalyd *)self)->reader, id, row, e);
}

static bool run_import(void *self, const run_row *row, run_done *done, void *context, error *e)
{
    return experiments_import_run(&((anomalyd *)self)->experiments, row, done, context, e);
}

static bool run_test_(void *self, const char *id, run_test *test, error *e)
{
    return store_run_test(((anomalyd *)self)->reader, id, test, e);
}

static void *score(void *self, const char *name, int version, enum explanation explain,
                   const struct score_image *images, size_t count, score_done *done, void *context, error *e)
{
    return score_start(&((anomalyd *)self)->scoring, name, version, explain, images, count, done, context, e);
}

static void cancel_score(void *self, void *ticket)
{
    (void)self;
    score_cancel(ticket);
}

static bool ready(void *self, error *e)
{
    const anomalyd *d = self;
    if (d->stage == DAEMON_READY)
        return true;
    return error_set(e, ERROR_BUSY, d->stage == DAEMON_STARTING ? "the daemon is starting" : "the daemon is stopping");
}

static bool draining(void *self)
{
    return ((anomalyd *)self)->stage > DAEMON_READY;
}

static void metrics(void *self, FILE *out)
{
    daemon_metrics(self, out);
}

static bool offload(void *self, void (*work)(void *context), void (*after)(void *context), void *context)
{
    return loop_try_offload(((anomalyd *)self)->loop, work, after, context);
}

struct one_shot {
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
    struct one_shot *t = handle->data;
    uv_close((uv_handle_t *)handle, free_handle);
    t->tick(t->context);
}

static void *timer(void *self, unsigned ms, void (*tick)(void *context), void *context)
{
    struct one_shot *t = malloc(sizeof *t);
    if (!t)
        return NULL;
    t->tick = tick;
    t->context = context;
    uv_timer_init(loop_uv(((anomalyd *)self)->loop), &t->uv);
    t->uv.data = t;
    uv_timer_start(&t->uv, timer_fire, ms, 0);
    return t;
}

static void timer_stop(void *self, void *handle)
{
    (void)self;
    struct one_shot *t = handle;
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

static void *watch_peer(void *self, int fd, void (*gone)(void *context), void *context)
{
    struct watch *w = malloc(sizeof *w);
    if (!w)
        return NULL;
    *w = (struct watch){.fd = fd, .gone = gone, .context = context};
    if (uv_poll_init(loop_uv(((anomalyd *)self)->loop), &w->uv, fd)) {
        free(w);
        return NULL;
    }
    w->uv.data = w;
    uv_poll_start(&w->uv, UV_READABLE | UV_DISCONNECT, watch_event);
    return w;
}

static void unwatch_peer(void *self, void *handle)
{
    (void)self;
    struct watch *w = handle;
    uv_close((uv_handle_t *)&w->uv, free_handle);
}

static void log_for(void *self, const char *level, const char *format, ...) __attribute__((format(printf, 3, 4)));
static void log_for(void *self, const char *level, const char *format, ...)
{
    (void)self;
    enum log_level at = LOG_LEVEL_INFO;
    for (int i = 0; log_level_names[i]; i++)
        if (!strcmp(level, log_level_names[i]))
            at = (enum log_level)i;
    va_list arguments;
    va_start(arguments, format);
    log_line_list(at, format, arguments);
    va_end(arguments);
}

void daemon_serve(anomalyd *d)
{
    d->service = (service){
        .host = {.self = d,
                 .offload = offload,
                 .timer = timer,
                 .timer_stop = timer_stop,
                 .watch_peer = watch_peer,
                 .unwatch_peer = unwatch_peer,
                 .upload_path = upload_path,
                 .draining = draining,
                 .log = log_for},
        .self = d,
        .dataset_list = dataset_list,
        .dataset_get = dataset_get,
        .dataset_import = dataset_import_,
        .job_submit = job_submit,
        .job_cancel = job_cancel,
        .job_get = job_get,
        .job_list = job_list,
        .job_watch = job_watch,
        .job_unwatch = job_unwatch,
        .experiment_submit = experiment_submit,
        .experiment_cancel = experiment_cancel,
        .experiment_resume = experiment_resume,
        .experiment_get = experiment_get,
        .experiment_score = experiment_score,
        .experiment_list = experiment_list,
        .published_list = published_list,
        .model_list = model_list,
        .model_get = model_get,
        .model_versions = model_versions,
        .run_list = run_list,
        .run_get = run_get,
        .run_import = run_import,
        .run_test = run_test_,
        .score = score,
        .score_cancel = cancel_score,
        .ready = ready,
        .metrics = metrics,
    };
}
