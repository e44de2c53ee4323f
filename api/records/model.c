/* SPDX-License-Identifier: MIT */
/* model.c — see model.h. */
#include "api/records/model.h"

#include <stdlib.h>

void model_row_free(model_row *row)
{
    free(row->hyperparameters);
    row->hyperparameters = NULL;
}
