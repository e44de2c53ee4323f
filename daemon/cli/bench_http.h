/* SPDX-License-Identifier: MIT */
/* bench_http.h — `anomalyd bench http`: how fast a running daemon answers POST /score. */
#ifndef ANOMALYD_DAEMON_CLI_BENCH_HTTP_H
#define ANOMALYD_DAEMON_CLI_BENCH_HTTP_H

#include "daemon/platform/usage.h"

extern const usage bench_http_usage;

/* argv[0] is the work's name. Returns the program's exit status. */
int bench_http(int argc, char **argv);

#endif
