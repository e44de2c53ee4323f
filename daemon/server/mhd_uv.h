/* SPDX-License-Identifier: MIT */
/* mhd_uv.h — drives the HTTP server from the event loop: its epoll descriptor, its timeouts, its resumed connections.
 */
#ifndef ANOMALYD_DAEMON_SERVER_MHD_UV_H
#define ANOMALYD_DAEMON_SERVER_MHD_UV_H

#include "api/http/server.h"
#include "daemon/platform/loop.h"

typedef struct mhd_uv mhd_uv;

/* `c` is copied; its wake is set here. Returns new. */
mhd_uv *mhd_uv_start(loop *l, const server_config *c, error *e);
server *mhd_uv_server(const mhd_uv *f);
/* server_turn soon. */
void mhd_uv_wake(mhd_uv *f);
/* Stops the server and frees f, whose handles close at the next turn. Everything must have been drained. */
void mhd_uv_stop(mhd_uv *f);

#endif
