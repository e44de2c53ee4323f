/* SPDX-License-Identifier: MIT */
/* daemon.h — the parts of a running daemon, and the order of its life. */
#ifndef ANOMALYD_DAEMON_SERVER_DAEMON_H
#define ANOMALYD_DAEMON_SERVER_DAEMON_H

#include "api/http/server.h"
#include "daemon/datasets/datasets.h"
#include "daemon/experiments/experiments.h"
#include "daemon/jobs/jobs.h"
#include "daemon/platform/config.h"
#include "daemon/platform/id.h"
#include "daemon/platform/loop.h"
#include "daemon/scoring/batcher.h"
#include "daemon/scoring/engine.h"
#include "daemon/scoring/score.h"
#include "daemon/store/store.h"

typedef struct mhd_uv mhd_uv;

enum daemon_stage { DAEMON_STARTING, DAEMON_READY, DAEMON_FINISHING, DAEMON_DRAINING, DAEMON_STOPPED };

typedef struct anomalyd {
    config config;
    int lock; /* descriptor of the lock on the state folder */
    id_source ids;
    loop *loop;
    store *store;
    store_reader *reader;
    datasets *datasets;
    jobs *jobs;
    experiments experiments;
    engine engine;
    batcher *batcher;
    scoring scoring;
    service service;
    mhd_uv *http;
    uv_async_t store_news, batcher_news;
    uv_signal_t signals[3];
    uv_timer_t tick; /* feeds the watchdog, and looks whether a stage of stopping has ended */
    enum daemon_stage stage;
    bool killed;          /* the workers were killed, at the deadline */
    uint64_t deadline_ms; /* of stopping, on the clock of uv_now */
    uint64_t watchdog_ms, fed_ms;
} anomalyd;

/* daemon.c: serves until a signal ends it. False and *e when it could not start. */
bool daemon_run(const config *c, error *e);

/* service.c: sets the functions of d->service. */
void daemon_serve(anomalyd *d);

/* metrics.c: writes the metrics of everything below the api, as Prometheus text. */
void daemon_metrics(anomalyd *d, FILE *out);

/* mhd_uv.c: starts the server and drives it from the event loop, by its epoll descriptor, its timeouts, its resumed
 * connections. Copies c, but for its wake function. Returns new; mhd_uv_stop frees it. NULL and *e. */
mhd_uv *mhd_uv_start(loop *l, const server_config *c, error *e);
server *mhd_uv_server(const mhd_uv *f);
/* Has server_turn called before the loop waits again. */
void mhd_uv_wake(mhd_uv *f);
/* Stops the server, and frees f once its handles have closed, at the next turn of the loop. To be called after
 * server_drain, when the server is not busy any more. */
void mhd_uv_stop(mhd_uv *f);

#endif
