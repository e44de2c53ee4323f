/* SPDX-License-Identifier: MIT */
/* version.c — says what this program is and which matrix kernels it runs on. */
#include "base/blas.h"
#include "base/team.h"
#include "base/version.h"
#include "daemon/platform/command.h"

#include <stdio.h>

static int run(int argc, char **argv)
{
    (void)argv;
    if (argc > 1) {
        fputs("usage: anomalyd version\n", stderr);
        return EXIT_USAGE;
    }
    printf("anomalyd %s\n%s, core type %s, %d thread(s)\n", version_text(), blas_version(), blas_core(),
           team_default_threads());
    return 0;
}

const command command_version = {
    .name = "version", .summary = "print versions and the matrix kernels in use", .run = run};
