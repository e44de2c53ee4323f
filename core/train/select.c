/* SPDX-License-Identifier: MIT */
/* select.c — makes the pseudo-anomalies and keeps the best epoch. Never reads a label. */
#include "train/select.h"

#include "data/pseudo.h"

#include <stdlib.h>
#include <string.h>

bool select_start(run *r, error *e)
{
    if (!run_selects(r))
        return true;
    size_t n = r->split.validation_count, row = shape_row(r->input);
    if (n < 2)
        return error_set(e, ERROR_INVALID,
                         "selection: pseudo needs at least 2 validation images, there are %zu; hold out more, or set "
                         "selection to last",
                         n);
    r->selection_rows = malloc(2 * n * row * sizeof *r->selection_rows);
    r->selection_scores = malloc(2 * n * sizeof *r->selection_scores);
    r->selection_anomalous = malloc(2 * n);
    if (!r->selection_rows || !r->selection_scores || !r->selection_anomalous)
        return error_memory(e, "the validation images");
    if (!run_prepare(r, r->split.validation, n, r->selection_rows, e))
        return false;
    shape s = {(int)n, r->input.h, r->input.w, r->input.c};
    pseudo_make(r->selection_rows, s, random_stream(r->plan->seed, "pseudo"), r->selection_rows + n * row);
    memset(r->selection_anomalous, 0, n);
    memset(r->selection_anomalous + n, 1, n);
    return true;
}

bool select_judge(run *r, double *value, error *e)
{
    size_t n = 2 * r->split.validation_count;
    auroc found;
    if (!run_evaluate(r, r->evaluator, r->selection_rows, n, &(scored_rows){.score = r->selection_scores}, e) ||
        !metric_auroc(r->selection_scores, r->selection_anomalous, n, &found, e))
        return error_at(e, "selection");
    *value = found.value;
    return true;
}

bool select_keep(run *r, int epoch, double value, error *e)
{
    if (r->best_epoch && value <= r->best)
        return true;
    r->best = value;
    r->best_epoch = epoch;
    return model_keep(r->model, e);
}
