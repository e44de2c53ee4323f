/* SPDX-License-Identifier: MIT */
/*
 * daemon.c — the order of life. Start: folder, registry, recovery, scoring thread, listener, ready. Stop: not ready, no
 * new connections, workers checkpoint, scores finish, streams end, answers leave; then everything closes.
 */
#include "daemon/server/daemon.h"

#include "api/resources/routes.h"
#include "base/machine.h"
#include "base/team.h"
#include "daemon/platform/log.h"
#include "daemon/platform/notify.h"
#include "daemon/platform/paths.h"

#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <unistd.h>

enum {
    TICK_MS = 500,         /* while serving */
    STOP_TICK_MS = 10,     /* while stopping: looks whether the stage has ended */
    DRAIN_MS = 2000,       /* how long answers may take to leave after the stop deadline */
    STUCK_MS = 120000,     /* a batch that takes longer counts as a hang: the watchdog is not fed any more */
    BATCH_DELAY_US = 1000, /* see batcher.h */
    TURN_US = 1000000,     /* see batcher.h */
};
static const int handled[] = {SIGTERM, SIGINT, SIGHUP};

/* ---- the state folder */

static bool open_folder(anomalyd *d, error *e)
{
    static const char *const folders[] = {"", "/datasets", "/jobs", "/uploads"};
    path_text p;
    for (size_t i = 0; i < sizeof folders / sizeof *folders; i++) {
        if (!path_format(&p, e, "%s%s", d->config.state, folders[i]) || !folder_make(p.text, e))
            return false;
        if (i == 0) {
            path_text lock;
            if (!path_format(&lock, e, "%s/lock", d->config.state) || (d->lock = lock_take(lock.text, false, e)) < 0)
                return error_at(e, "state folder in use");
        }
    }
    /* Uploads that an earlier daemon did not finish belong to nobody. */
    return path_format(&p, e, "%s/uploads", d->config.state) && folder_remove(p.text, e) && folder_make(p.text, e);
}

/* ---- wake-ups by other threads */

static void store_news(uv_async_t *handle)
{
    store_deliver(((anomalyd *)handle->data)->store);
}

static void batcher_news(uv_async_t *handle)
{
    batcher_deliver(((anomalyd *)handle->data)->batcher);
}

static void wake(void *async)
{
    uv_async_send(async);
}

/* ---- stopping */

static void advance(anomalyd *d);

static void on_tick(uv_timer_t *timer)
{
    anomalyd *d = timer->data;
    if (d->stage > DAEMON_READY) {
        advance(d);
        return;
    }
    batcher_numbers n;
    batcher_measure(d->batcher, &n);
    uint64_t now = uv_now(loop_uv(d->loop));
    if (d->watchdog_ms && now - d->fed_ms >= d->watchdog_ms / 2 && n.busy_ms < STUCK_MS) {
        d->fed_ms = now;
        notify_send("WATCHDOG=1");
    }
}

static void begin_stop(anomalyd *d)
{
    d->stage = DAEMON_FINISHING;
    d->deadline_ms = uv_now(loop_uv(d->loop)) + (uint64_t)d->config.stop_deadline_s * 1000;
    notify_send("STOPPING=1");
    log_line(LOG_LEVEL_INFO, "stopping");
    server_quiesce(mhd_uv_server(d->http));
    mhd_uv_wake(d->http);
    jobs_stop(d->jobs);
    datasets_stop(d->datasets);
    uv_timer_start(&d->tick, on_tick, 0, STOP_TICK_MS);
}

static bool work_is_done(const anomalyd *d)
{
    return !jobs_active(d->jobs) && !d->scoring.active && !datasets_active(d->datasets);
}

/* Moves on to the next stage when nothing is left of the present one, or when its deadline has passed. */
static void advance(anomalyd *d)
{
    uint64_t now = uv_now(loop_uv(d->loop));
    bool late = now >= d->deadline_ms;
    if (late && !d->killed) {
        log_line(LOG_LEVEL_WARN, "the stop deadline has passed: workers are killed, requests are cut off");
        jobs_kill(d->jobs);
        d->killed = true;
    }
    if (d->stage == DAEMON_FINISHING && (work_is_done(d) || late)) {
        d->stage = DAEMON_DRAINING;
        server_drain(mhd_uv_server(d->http));
        mhd_uv_wake(d->http);
    }
    if (d->stage == DAEMON_DRAINING &&
        ((!server_busy(mhd_uv_server(d->http)) && work_is_done(d) && !loop_working(d->loop)) ||
         now >= d->deadline_ms + DRAIN_MS)) {
        d->stage = DAEMON_STOPPED;
        loop_end(d->loop);
    }
}

static void on_signal(uv_signal_t *handle, int number)
{
    anomalyd *d = handle->data;
    if (number == SIGHUP) {
        log_line(LOG_LEVEL_INFO, "SIGHUP: there is nothing to read again");
        return;
    }
    if (d->stage <= DAEMON_READY) {
        begin_stop(d);
    } else {
        log_line(LOG_LEVEL_WARN, "asked again to stop: no more waiting");
        d->deadline_ms = uv_now(loop_uv(d->loop));
    }
}

/* ---- starting */

static void open_handles(anomalyd *d)
{
    uv_loop_t *uv = loop_uv(d->loop);
    uv_async_init(uv, &d->store_news, store_news);
    uv_async_init(uv, &d->batcher_news, batcher_news);
    uv_timer_init(uv, &d->tick);
    d->store_news.data = d->batcher_news.data = d->tick.data = d;
    for (size_t i = 0; i < sizeof handled / sizeof *handled; i++) {
        uv_signal_init(uv, &d->signals[i]);
        d->signals[i].data = d;
        uv_signal_start(&d->signals[i], on_signal, handled[i]);
    }
}

static void close_handles(anomalyd *d)
{
    uv_close((uv_handle_t *)&d->store_news, NULL);
    uv_close((uv_handle_t *)&d->batcher_news, NULL);
    uv_close((uv_handle_t *)&d->tick, NULL);
    for (size_t i = 0; i < sizeof handled / sizeof *handled; i++)
        uv_close((uv_handle_t *)&d->signals[i], NULL);
}

static bool open_registry(anomalyd *d, error *e)
{
    path_text p;
    store_host host = {.wake = wake, .context = &d->store_news};
    return path_format(&p, e, "%s/anomalyd.db", d->config.state) && (d->store = store_open(p.text, &host, e)) &&
           (d->reader = store_reader_open(d->store, e));
}

static bool open_datasets(anomalyd *d, error *e)
{
    datasets_config c = {.loop = d->loop,
                         .store = d->store,
                         .reader = d->reader,
                         .ids = &d->ids,
                         .state = d->config.state,
                         .import_roots = (const char *const *)d->config.import_roots,
                         .import_root_count = d->config.import_root_count};
    return (d->datasets = datasets_new(&c, e));
}

/* Half of the memory; the other half is for models, the page cache and other programs. */
static uint64_t job_memory(const config *c)
{
    return c->job_memory_mib == CONFIG_AUTO ? machine_memory() / 2 : (uint64_t)c->job_memory_mib << 20;
}

static bool open_jobs(anomalyd *d, error *e)
{
    jobs_config c = {
        .loop = d->loop,
        .store = d->store,
        .reader = d->reader,
        .ids = &d->ids,
        .state = d->config.state,
        .cpus = {.count = team_default_threads(), .workers = d->config.workers, .threads = d->config.threads},
        .checkpoint_s = d->config.checkpoint_s,
        .memory = {.bytes = job_memory(&d->config), .strict = d->config.job_memory_mib > 0}};
    log_line(LOG_LEVEL_INFO, "training: up to %d jobs at once on %d CPUs, planned for %llu MiB together (0: no limit)",
             cpus_workers(&c.cpus), c.cpus.count, (unsigned long long)c.memory.bytes >> 20);
    d->jobs = jobs_new(&c, e);
    d->experiments =
        (experiments){.loop = d->loop, .store = d->store, .reader = d->reader, .ids = &d->ids, .jobs = d->jobs};
    return d->jobs != NULL;
}

static bool open_scoring(anomalyd *d, error *e)
{
    d->engine = (engine){.store = d->store, .threads = d->config.score_threads};
    batcher_config c = {.engine = engine_calls(&d->engine),
                        .queue_images = d->config.score_queue,
                        .batch_images = d->config.score_batch,
                        .delay_us = BATCH_DELAY_US,
                        .turn_us = TURN_US,
                        .budget_bytes = (size_t)d->config.memory_budget_mib << 20,
                        .wake = wake,
                        .wake_context = &d->batcher_news};
    d->batcher = batcher_start(&c, e);
    d->scoring = (scoring){.loop = d->loop, .reader = d->reader, .batcher = d->batcher};
    return d->batcher;
}

static bool open_server(anomalyd *d, error *e)
{
    daemon_serve(d);
    server_config c = {.address = d->config.address,
                       .port = d->config.port,
                       .host = &d->service.host,
                       .routes = resource_routes,
                       .service = &d->service,
                       .header_deadline_ms = (unsigned)d->config.header_deadline_ms,
                       .request_deadline_ms = (unsigned)d->config.request_deadline_ms};
    return (d->http = mhd_uv_start(d->loop, &c, e));
}

static void say_ready(anomalyd *d)
{
    bool six = strchr(d->config.address, ':');
    int port = server_port(mhd_uv_server(d->http));
    printf("listening on http://%s%s%s:%d\n", six ? "[" : "", d->config.address, six ? "]" : "", port);
    fflush(stdout);
    d->stage = DAEMON_READY;
    d->watchdog_ms = notify_watchdog_ms();
    uv_timer_start(&d->tick, on_tick, TICK_MS, TICK_MS);
    notify_send("READY=1");
    log_line(LOG_LEVEL_INFO, "ready on port %d, state in %s", port, d->config.state);
}

/* Ends the process when a pool thread still works, since an import cannot be cut short and the loop that it would
 * return to has ended. Its files are temporary and nobody was told of its row. */
static void leave_if_late(anomalyd *d)
{
    if (!loop_working(d->loop) && work_is_done(d))
        return;
    store_flush(d->store);
    log_line(LOG_LEVEL_WARN, "leaving work unfinished; it is taken up or begun anew at the next start");
    _exit(0);
}

static void close_all(anomalyd *d)
{
    if (d->http) {
        mhd_uv_stop(d->http);
        leave_if_late(d);
    }
    batcher_stop(d->batcher);
    if (d->store)
        store_flush(d->store);
    jobs_free(d->jobs);
    datasets_free(d->datasets);
    store_reader_close(d->reader);
    store_close(d->store);
    close_handles(d);
    loop_free(d->loop);
    if (d->lock >= 0)
        close(d->lock);
}

/* Raises the limit of open files, and so of connections, as far as the system allows an ordinary process. */
static void raise_descriptors(void)
{
    struct rlimit limit;
    if (getrlimit(RLIMIT_NOFILE, &limit))
        return;
    limit.rlim_cur = limit.rlim_max;
    setrlimit(RLIMIT_NOFILE, &limit);
}

bool daemon_run(const config *c, error *e)
{
    anomalyd d = {.config = *c, .lock = -1};
    signal(SIGPIPE, SIG_IGN);
    signal(SIGXFSZ, SIG_IGN); /* a write beyond the limit of file sizes fails like one on a full disk */
    raise_descriptors();
    if (!(d.loop = loop_new(e)))
        return false;
    open_handles(&d);
    bool good = open_folder(&d, e) && open_registry(&d, e) && open_datasets(&d, e) && open_jobs(&d, e) &&
                open_scoring(&d, e) && open_server(&d, e) && jobs_recover(d.jobs, e);
    if (good) {
        say_ready(&d);
        loop_run(d.loop);
        log_line(LOG_LEVEL_INFO, "stopped");
    }
    close_all(&d);
    return good;
}
