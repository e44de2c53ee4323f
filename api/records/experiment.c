/* SPDX-License-Identifier: MIT */
/* experiment.c — see experiment.h. */
#include "api/records/experiment.h"

#include <stdlib.h>

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
