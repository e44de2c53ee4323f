/* SPDX-License-Identifier: MIT */
/* spawn.c — starts a child, reads what it writes, and reaps it. */
#include "daemon/worker/spawn.h"

#include "daemon/platform/log.h"
#include "daemon/worker/wire.h"

#include <assert.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>

enum { HANDLES = 4 };

struct worker {
    uv_process_t process;
    uv_pipe_t in, out, err;
    worker_host host;
    worker_end end;
    int pending; /* how many of exit, end of out and end of err are still to come */
    int open;    /* handles that are not closed yet */
    size_t out_size, err_size;
    char out_bytes[WIRE_LINE_MAX + 1];
    char err_bytes[WORKER_LAST_BYTES + 1];
};

/* ---- its end */

static void closed(uv_handle_t *handle)
{
    worker *w = handle->data;
    if (--w->open == 0)
        free(w);
}

static void close_all(worker *w)
{
    uv_handle_t *all[HANDLES] = {(uv_handle_t *)&w->process, (uv_handle_t *)&w->in, (uv_handle_t *)&w->out,
                                 (uv_handle_t *)&w->err};
    w->open = HANDLES;
    for (int i = 0; i < HANDLES; i++)
        uv_close(all[i], closed);
}

/* The last lines of its stderr, as far as it is kept. */
static const char *last_words(worker *w)
{
    w->err_bytes[w->err_size] = 0;
    size_t at = w->err_size;
    int lines = 0;
    while (at > 0 && !(w->err_bytes[at - 1] == '\n' && at < w->err_size && ++lines == WORKER_LAST_LINES))
        at--;
    return w->err_bytes + at;
}

static void count_end(worker *w)
{
    if (--w->pending)
        return;
    w->end.last_words = last_words(w);
    w->host.gone(w->host.context, &w->end);
    close_all(w);
}

static void on_exit_status(uv_process_t *process, int64_t status, int number)
{
    worker *w = process->data;
    w->end.status = status;
    w->end.signal = number;
    count_end(w);
}

/* ---- what it writes */

static void allocate_out(uv_handle_t *handle, size_t suggested, uv_buf_t *buffer)
{
    (void)suggested;
    worker *w = handle->data;
    *buffer = uv_buf_init(w->out_bytes + w->out_size, (unsigned)(WIRE_LINE_MAX - w->out_size));
}

static void read_lines(worker *w)
{
    char *start = w->out_bytes, *end = w->out_bytes + w->out_size, *newline;
    while ((newline = memchr(start, '\n', (size_t)(end - start)))) {
        *newline = 0;
        if (newline > start)
            w->host.line(w->host.context, start);
        start = newline + 1;
    }
    w->out_size = (size_t)(end - start);
    memmove(w->out_bytes, start, w->out_size);
    if (w->out_size == WIRE_LINE_MAX) {
        log_line(LOG_LEVEL_ERROR, "worker %d: a line of more than %d bytes", worker_pid(w), WIRE_LINE_MAX);
        w->out_size = 0;
        worker_kill(w);
    }
}

static void on_out(uv_stream_t *stream, ssize_t n, const uv_buf_t *buffer)
{
    (void)buffer;
    worker *w = stream->data;
    if (n > 0) {
        w->out_size += (size_t)n;
        read_lines(w);
    } else if (n < 0) {
        uv_read_stop(stream);
        count_end(w);
    }
}

static void allocate_err(uv_handle_t *handle, size_t suggested, uv_buf_t *buffer)
{
    (void)suggested;
    worker *w = handle->data;
    if (w->err_size == WORKER_LAST_BYTES) { /* the older half is dropped */
        w->err_size = WORKER_LAST_BYTES / 2;
        memmove(w->err_bytes, w->err_bytes + WORKER_LAST_BYTES / 2, w->err_size);
    }
    *buffer = uv_buf_init(w->err_bytes + w->err_size, (unsigned)(WORKER_LAST_BYTES - w->err_size));
}

static void on_err(uv_stream_t *stream, ssize_t n, const uv_buf_t *buffer)
{
    worker *w = stream->data;
    if (n > 0) {
        log_line(LOG_LEVEL_DEBUG, "worker %d: %.*s", worker_pid(w), (int)n, buffer->base);
        w->err_size += (size_t)n;
    } else if (n < 0) {
        uv_read_stop(stream);
        count_end(w);
    }
}

/* ---- commands */

struct message {
    uv_write_t write;
    char text[];
};

static void written(uv_write_t *write, int status)
{
    (void)status; /* that a child is gone is learnt from its exit */
    free(write->data);
}

void worker_send(worker *w, const char *command)
{
    size_t size = strlen(command);
    struct message *m = malloc(sizeof *m + size + 1);
    if (!m) {
        worker_kill(w); /* it cannot be asked to stop; its last checkpoint remains */
        return;
    }
    memcpy(m->text, command, size);
    m->text[size] = '\n';
    m->write.data = m;
    uv_buf_t buffer = uv_buf_init(m->text, (unsigned)(size + 1));
    if (uv_write(&m->write, (uv_stream_t *)&w->in, &buffer, 1, written))
        free(m);
}

void worker_kill(worker *w)
{
    uv_process_kill(&w->process, SIGKILL);
}

int worker_pid(const worker *w)
{
    return uv_process_get_pid(&w->process);
}

/* ---- its start */

static int spawn(uv_loop_t *uv, worker *w)
{
    uv_stdio_container_t pipes[3] = {
        {.flags = UV_CREATE_PIPE | UV_READABLE_PIPE, .data.stream = (uv_stream_t *)&w->in},
        {.flags = UV_CREATE_PIPE | UV_WRITABLE_PIPE, .data.stream = (uv_stream_t *)&w->out},
        {.flags = UV_CREATE_PIPE | UV_WRITABLE_PIPE, .data.stream = (uv_stream_t *)&w->err},
    };
    char *arguments[] = {(char[]){"anomalyd"}, (char[]){"worker"}, NULL};
    uv_process_options_t options = {
        .exit_cb = on_exit_status, .file = "/proc/self/exe", .args = arguments, .stdio = pipes, .stdio_count = 3};
    return uv_spawn(uv, &w->process, &options);
}

worker *worker_start(uv_loop_t *uv, const char *job_line, const worker_host *host, error *e)
{
    worker *w = calloc(1, sizeof *w);
    if (!w) {
        error_memory(e, "a worker");
        return NULL;
    }
    w->host = *host;
    w->pending = 3;
    uv_pipe_init(uv, &w->in, 0);
    uv_pipe_init(uv, &w->out, 0);
    uv_pipe_init(uv, &w->err, 0);
    w->process.data = w->in.data = w->out.data = w->err.data = w;
    int code = spawn(uv, w);
    if (code) {
        error_set(e, ERROR_IO, "starting a worker: %s", uv_strerror(code));
        close_all(w); /* uv_spawn initialises the process handle also when it fails */
        return NULL;
    }
    uv_read_start((uv_stream_t *)&w->out, allocate_out, on_out);
    uv_read_start((uv_stream_t *)&w->err, allocate_err, on_err);
    worker_send(w, job_line);
    return w;
}
