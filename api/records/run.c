/* SPDX-License-Identifier: MIT */
/* run.c — see run.h. */
#include "api/records/run.h"

#include <stdlib.h>

void run_test_free(run_test *test)
{
    free(test->scores);
    free(test->anomalous);
    *test = (run_test){0};
}
