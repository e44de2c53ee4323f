/* SPDX-License-Identifier: MIT */
/* worker.c — the hidden command by which the daemon starts its children. */
#include "daemon/cli/commands.h"
#include "daemon/worker/wire.h"

static const usage worker_usage = {
    .words = "worker",
    .summary = "train one job",
    .about = "The daemon starts it; it reads a job from standard input, and says on standard output how it goes."};

static int run(int argc, char **argv)
{
    command_line a;
    int status;
    if (!usage_read(&worker_usage, argc, argv, NULL, &a, &status))
        return status;
    return worker_main();
}

const command command_worker = {.name = "worker",
                                .summary = "train one job",
                                .hidden = true,
                                .usages = (const usage *const[]){&worker_usage, NULL},
                                .run = run};
