/* SPDX-License-Identifier: MIT */
/* version.c — says what this program is and which matrix kernels it runs on. */
#include "base/version.h"
#include "base/blas.h"
#include "base/team.h"
#include "daemon/cli/commands.h"

#include <stdio.h>

static const usage version_usage = {.words = "version", .summary = "print versions and the matrix kernels in use"};

static int run(int argc, char **argv)
{
    command_line a;
    int status;
    if (!usage_read(&version_usage, argc, argv, NULL, &a, &status))
        return status;
    printf("anomalyd %s\n%s, core type %s, %d thread(s)\n", version_text(), blas_version(), blas_kernel(),
           team_default_threads());
    return 0;
}

const command command_version = {.name = "version",
                                 .summary = "print versions and the matrix kernels in use",
                                 .usages = (const usage *const[]){&version_usage, NULL},
                                 .run = run};
