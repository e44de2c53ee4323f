/* SPDX-License-Identifier: MIT */
/* command.h — one subcommand of the program. Adding one: its file in cli/ or client/, and its line in cli/commands. */
#ifndef ANOMALYD_DAEMON_PLATFORM_COMMAND_H
#define ANOMALYD_DAEMON_PLATFORM_COMMAND_H

#include "daemon/platform/usage.h"

typedef struct command {
    const char *name, *summary;
    bool hidden;                       /* not listed by --help: not for people */
    const usage *const *usages;        /* of it, or of each of its actions; ended by NULL */
    int (*run)(int argc, char **argv); /* argv[0] is the command's name; returns the exit status */
} command;

#endif
