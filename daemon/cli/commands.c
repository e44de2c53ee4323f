/* SPDX-License-Identifier: MIT */
/* commands.c — see commands.h. */
#include "daemon/cli/commands.h"

const command *const commands[] = {&command_serve,
                                   &command_train,
                                   &command_experiment,
                                   &command_runs,
                                   &command_report,
                                   &command_bench,
                                   &command_explain,
                                   &command_images,
                                   &command_version,
                                   &command_manual,
                                   &command_completion,
                                   &command_worker,
                                   NULL};
