/* SPDX-License-Identifier: MIT */
/* mhd_uv.h — drives the HTTP server from the event loop: its epoll descriptor, its timeouts, its resumed connections.
 */
#ifndef ANOMALYD_DAEMON_SERVER_MHD_UV_H
#define ANOMALYD_DAEMON_SERVER_MHD_UV_H

#include "api/http/server.h"
#include "daemon/platform/loop.h"

typedef struct mhd_uv mhd_uv;

/* Starts the server and drives it. Copies c, but for its wake function. Returns new; mhd_uv_stop frees it. NULL and
 * *e. */
mhd_uv *mhd_uv_start(loop *l, const server_config *c, error *e);
server *mhd_uv_server(const mhd_uv *f);
/* Has server_turn called before the loop waits again. */
void mhd_uv_wake(mhd_uv *f);
/* Stops the server, and frees f once its handles have closed, at the next turn of the loop. To be called after
 * server_drain, when the server is not busy any more. */
void mhd_uv_stop(mhd_uv *f);

#endif
