/* SPDX-License-Identifier: MIT */
/* serve.c — the daemon as a command. */
#include "daemon/platform/command.h"
#include "daemon/platform/config.h"
#include "daemon/platform/log.h"
#include "daemon/server/daemon.h"

#include <sodium.h>
#include <stdio.h>

static int run(int argc, char **argv)
{
    config c;
    enum config_wish wish;
    error e = {0};
    int status = 0;
    if (!config_read(&c, argc, argv, &wish, &e)) {
        fprintf(stderr, "anomalyd serve: %s\n", e.message);
        status = EXIT_USAGE;
    } else if (wish == CONFIG_HELP) {
        config_help(stdout);
    } else if (sodium_init() < 0) {
        fputs("anomalyd serve: no source of random numbers\n", stderr);
        status = 1;
    } else {
        log_start((enum log_level)c.log_level, c.log_json);
        if (!daemon_run(&c, &e)) {
            log_line(LOG_LEVEL_ERROR, "%s", e.message);
            status = 1;
        }
    }
    config_free(&c);
    return status;
}

const command command_serve = {
    .name = "serve", .summary = "run the daemon: HTTP API, training jobs, scoring", .run = run};
