/* SPDX-License-Identifier: MIT */
/* names.c — the words of service.h's enums, and the release of what its rows own. */
#include "api/service.h"

#include <stdlib.h>
#include <string.h>

const char *job_state_name(enum job_state s)
{
    static const char *const names[JOB_STATES] = {"queued",    "running", "cancelling",
                                                  "succeeded", "failed",  "cancelled"};
    return names[s];
}

bool job_state_find(const char *name, enum job_state *out)
{
    for (int s = 0; s < JOB_STATES; s++)
        if (!strcmp(job_state_name((enum job_state)s), name)) {
            *out = (enum job_state)s;
            return true;
        }
    return false;
}

void job_row_free(job_row *row)
{
    free(row->spec.hyperparameters);
    free(row->values);
    free(row->failure);
    row->spec.hyperparameters = row->values = row->failure = NULL;
}

void model_row_free(model_row *row)
{
    free(row->hyperparameters);
    row->hyperparameters = NULL;
}

void run_row_free(run_row *row)
{
    free(row->hyperparameters);
    free(row->detail);
    row->hyperparameters = row->detail = NULL;
}

void run_test_free(run_test *test)
{
    free(test->scores);
    free(test->anomalous);
    *test = (run_test){0};
}

void experiment_spec_free(experiment_spec *spec)
{
    for (int i = 0; i < spec->method_count && spec->methods; i++)
        free(spec->methods[i].hyperparameters);
    free(spec->methods);
    free(spec->classes);
    free(spec->seeds);
    spec->methods = NULL;
    spec->classes = NULL;
    spec->seeds = NULL;
}

void experiment_row_free(experiment_row *row)
{
    for (int i = 0; i < row->cell_count && row->cells; i++)
        free(row->cells[i].failure);
    free(row->cells);
    free(row->axes);
    row->cells = NULL;
    row->axes = NULL;
}
