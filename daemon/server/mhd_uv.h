/* SPDX-License-Identifier: MIT */
/* mhd_uv.h — drives the HTTP server from the event loop: its epoll descriptor, its timeouts, its resumed connections. */
#ifndef ANOMALYD_DAEMON_SERVER_MHD_UV_H
#define ANOMALYD_DAEMON_SERVER_MHD_UV_H

#include "api/http/server.h"
#include "daemon/platform/loop.h"

typedef struct front front;

/* `c` is copied; its wake is set here. Returns new. */
front *front_start(loop *l, const server_config *c, error *e);
server *front_server(const front *f);
/* server_turn soon. */
void front_wake(front *f);
/* Stops the server and frees the front, whose handles close at the next turn. Everything must have been drained. */
void front_stop(front *f);

#endif
