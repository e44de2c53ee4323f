/* SPDX-License-Identifier: MIT */
/* serve.c — the daemon as a command. */
#include "daemon/cli/commands.h"
#include "daemon/platform/config.h"
#include "daemon/platform/log.h"
#include "daemon/server/daemon.h"

#include <sodium.h>
#include <stdio.h>

static int run(int argc, char **argv)
{
    config c = {0};
    command_line a;
    error e = {0};
    int status = 0;
    if (!usage_parse(&config_usage, argc, argv, &a, &e) || (!a.help && !config_read(&c, &a, &e))) {
        status = usage_refuse(&config_usage, &e);
    } else if (a.help) {
        usage_print(&config_usage, stdout);
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

const command command_serve = {.name = "serve",
                               .summary = "run the daemon: HTTP API, training jobs, scoring",
                               .usages = (const usage *const[]){&config_usage, NULL},
                               .run = run};
