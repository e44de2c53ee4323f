/* SPDX-License-Identifier: MIT */
/* command.h — one subcommand of the program. Adding one: its cmd_NAME.c and a line in main.c's table. */
#ifndef ANOMALYD_DAEMON_PLATFORM_COMMAND_H
#define ANOMALYD_DAEMON_PLATFORM_COMMAND_H

#include <stdbool.h>

enum { EXIT_USAGE = 2 };

typedef struct command {
    const char *name, *summary;
    bool hidden;                       /* not listed by --help: not for people */
    int (*run)(int argc, char **argv); /* argv[0] is the command's name; returns the exit status */
} command;

extern const command command_serve, command_train, command_experiment, command_runs, command_report, command_bench,
    command_explain, command_images, command_version, command_worker;

#endif
