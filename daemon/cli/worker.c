/* SPDX-License-Identifier: MIT */
/* worker.c — the hidden command by which the daemon starts its children. */
#include "daemon/platform/command.h"
#include "daemon/worker/worker_main.h"

#include <stdio.h>

static int run(int argc, char **argv)
{
    (void)argv;
    if (argc > 1) {
        fputs("usage: anomalyd worker (started by the daemon; reads a job from standard input)\n", stderr);
        return EXIT_USAGE;
    }
    return worker_main();
}

const command command_worker = {.name = "worker", .summary = "train one job", .hidden = true, .run = run};
