/* SPDX-License-Identifier: MIT */
/* commands.h — the list of all commands. */
#ifndef ANOMALYD_DAEMON_CLI_COMMANDS_H
#define ANOMALYD_DAEMON_CLI_COMMANDS_H

#include "daemon/platform/command.h"

extern const command command_serve, command_train, command_experiment, command_runs, command_report, command_bench,
    command_explain, command_images, command_version, command_manual, command_completion, command_worker;

/* In the order of the help; ended by NULL. */
extern const command *const commands[];

#endif
