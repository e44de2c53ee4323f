/* SPDX-License-Identifier: MIT */
/* experiment_follow.c — an experiment's progress, until nothing of it is left to run. */
#include "daemon/client/experiment.h"

#include <assert.h>
#include <math.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
#include <uv.h>

/* Between two looks, and between two tries where no daemon answers. */
enum { LOOK_MS = 1000, TRY_MS_FIRST = 250, TRY_MS_MAX = 10000 };

enum { SIGNALS = 2 };
static const int signal_numbers[SIGNALS] = {SIGINT, SIGTERM};

typedef struct follower {
    remote *r;
    const char *id;
    uv_loop_t loop; /* for pauses and signals alone; a mask would not keep these from OpenBLAS's threads */
    uv_timer_t pause;
    uv_signal_t signals[SIGNALS];
    bool paused;      /* the pause is over */
    int signal;       /* that has come; 0: none */
    bool on_terminal; /* a line of progress is renewed in place */
    bool answered;    /* the daemon has, once */
    int try_ms;       /* the last pause between tries; 0: the daemon is there */
    char *told;       /* the progress last printed, without the ETA; owned */
    bool open_line;   /* on the terminal: nothing has ended the line */
} follower;

/* ---- in words */

char *experiment_progress(const json_t *experiment, error *e)
{
    static const char *const others[] = {"running", "queued", "cancelling", "failed", "cancelled"};
    const json_t *progress = json_object_get(experiment, "progress");
    char *text = NULL;
    size_t size = 0;
    FILE *out = open_memstream(&text, &size);
    if (out) {
        fprintf(out, "%.0f of %.0f cells done", remote_number(progress, "succeeded"), remote_number(progress, "cells"));
        for (size_t i = 0; i < sizeof others / sizeof *others; i++)
            if (remote_number(progress, others[i]) > 0)
                fprintf(out, ", %.0f %s", remote_number(progress, others[i]), others[i]);
        if (fclose(out) == 0)
            return text;
    }
    free(text);
    error_memory(e, "a line of progress");
    return NULL;
}

void experiment_eta(const json_t *experiment, char *text, size_t size)
{
    double s = remote_number(experiment, "eta_s");
    if (isnan(s))
        snprintf(text, size, "%s", "");
    else if (s < 90)
        snprintf(text, size, "about %.0f s to go", ceil(s));
    else if (s < 90 * 60)
        snprintf(text, size, "about %.0f min to go", s / 60);
    else
        snprintf(text, size, "about %.1f h to go", s / 3600);
}

/* ---- on the terminal and elsewhere */

static void end_line(follower *f)
{
    if (f->open_line)
        putchar('\n');
    f->open_line = false;
    fflush(stdout);
}

static bool tell_progress(follower *f, const json_t *experiment, error *e)
{
    char eta[64];
    char *progress = experiment_progress(experiment, e);
    if (!progress)
        return false;
    experiment_eta(experiment, eta, sizeof eta);
    const char *between = *eta ? "; " : "";
    if (f->on_terminal)
        printf("\r%s%s%s\033[K", progress, between, eta);
    else if (!f->told || strcmp(f->told, progress) != 0)
        printf("%s%s%s\n", progress, between, eta);
    f->open_line = f->on_terminal;
    free(f->told);
    f->told = progress;
    return fflush(stdout) == 0 || error_system(e, "standard output");
}

/* How this is gone on with, and how it is not. */
static void tell_ways(const follower *f)
{
    static const char *const ways[] = {"follow", "cancel", "table"};
    fprintf(stderr, "anomalyd %s: experiment %s goes on without this command; see\n", f->r->command, f->id);
    for (size_t i = 0; i < sizeof ways / sizeof *ways; i++)
        fprintf(stderr, "  anomalyd experiment %s %s%s%s\n", ways[i], f->id, f->r->server ? " --server " : "",
                f->r->server ? client_url(f->r->client) : "");
}

/* Names what came to nothing. */
static void tell_end(follower *f, const json_t *experiment)
{
    if (!strcmp(remote_text(experiment, "state"), "complete"))
        return;
    f->r->status = 1;
    size_t i;
    const json_t *cell;
    json_array_foreach(json_object_get(experiment, "cells"), i, cell)
    {
        const char *state = remote_text(cell, "state"), *failure = remote_text(cell, "failure");
        if (strcmp(state, "succeeded") != 0)
            fprintf(stderr, "anomalyd %s: %s, class %s, seed %.0f: %s%s%s\n", f->r->command,
                    remote_text(cell, "method"), remote_text(cell, "class"), remote_number(cell, "seed"), state,
                    *failure ? ": " : "", failure);
    }
    fprintf(stderr, "anomalyd %s: `anomalyd experiment resume %s` runs these again\n", f->r->command, f->id);
}

/* ---- waiting */

static void on_signal(uv_signal_t *handle, int number)
{
    follower *f = handle->data;
    f->signal = number;
}

static void on_pause_over(uv_timer_t *timer)
{
    follower *f = timer->data;
    f->paused = true;
}

/* SIGINT and SIGTERM, but those that this command was started to ignore. */
static bool watch_signals(follower *f, error *e)
{
    int code = 0;
    for (int i = 0; i < SIGNALS; i++) {
        struct sigaction now;
        uv_signal_init(&f->loop, &f->signals[i]);
        f->signals[i].data = f;
        if (!sigaction(signal_numbers[i], NULL, &now) && now.sa_handler != SIG_IGN && !code)
            code = uv_signal_start(&f->signals[i], on_signal, signal_numbers[i]);
    }
    return !code || error_set(e, ERROR_IO, "signals cannot be waited for: %s", uv_strerror(code));
}

static void close_handle(uv_handle_t *handle, void *context)
{
    (void)context;
    uv_close(handle, NULL);
}

static void unwatch_signals(follower *f)
{
    uv_walk(&f->loop, close_handle, NULL);
    uv_run(&f->loop, UV_RUN_DEFAULT);
    int code = uv_loop_close(&f->loop);
    assert(code == 0);
}

static bool stopped(void *context)
{
    follower *f = context;
    uv_run(&f->loop, UV_RUN_NOWAIT);
    return f->signal != 0;
}

/* Waits so long at most; false: a signal has come, and the status is set. */
static bool rest(follower *f, int ms)
{
    f->paused = false;
    uv_update_time(&f->loop);
    uv_timer_start(&f->pause, on_pause_over, (uint64_t)ms, 0);
    while (!f->paused && !f->signal)
        uv_run(&f->loop, UV_RUN_ONCE);
    uv_timer_stop(&f->pause);
    if (!f->signal)
        return true;
    end_line(f);
    tell_ways(f);
    f->r->status = 128 + f->signal;
    return false;
}

/* A request has failed. true: try again after the pause in f->try_ms. */
static bool bears(follower *f, const error *e)
{
    bool away = e->code == ERROR_IO || e->code == ERROR_BUSY;
    if (!away || !f->answered)
        return false;
    if (!f->try_ms) {
        end_line(f);
        fprintf(stderr, "anomalyd %s: %s; waiting for the daemon\n", f->r->command, e->message);
    }
    f->try_ms = f->try_ms ? f->try_ms * 2 : TRY_MS_FIRST;
    f->try_ms = f->try_ms < TRY_MS_MAX ? f->try_ms : TRY_MS_MAX;
    return true;
}

/* One look. *over: there is nothing more to wait for. */
static bool look(follower *f, bool *over, error *e)
{
    client_request q = {.method = "GET", .path = {"experiments", f->id}};
    error failure = {0};
    json_t *experiment = client_ask_json(f->r->client, &q, &failure);
    if (!experiment) {
        if (failure.code == ERROR_CANCELLED || bears(f, &failure))
            return true;
        end_line(f);
        *e = failure;
        return false;
    }
    f->answered = true;
    f->try_ms = 0;
    bool good = tell_progress(f, experiment, e);
    *over = strcmp(remote_text(experiment, "state"), "active") != 0;
    if (*over) {
        end_line(f);
        tell_end(f, experiment);
    }
    json_decref(experiment);
    return good;
}

bool experiment_follow(remote *r, const char *id, bool answered, error *e)
{
    follower f = {.r = r, .id = id, .answered = answered, .on_terminal = isatty(STDOUT_FILENO) == 1};
    int code = uv_loop_init(&f.loop);
    if (code)
        return error_set(e, ERROR_IO, "a pause cannot be waited for: %s", uv_strerror(code));
    uv_timer_init(&f.loop, &f.pause);
    f.pause.data = &f;
    bool over = false, good = watch_signals(&f, e);
    client_stop_on(r->client, stopped, &f);
    while (good && !over) {
        good = look(&f, &over, e);
        if (good && !over && !rest(&f, f.try_ms ? f.try_ms : LOOK_MS))
            break;
    }
    client_stop_on(r->client, NULL, NULL);
    unwatch_signals(&f);
    free(f.told);
    return good;
}
