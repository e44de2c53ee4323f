/* SPDX-License-Identifier: MIT */
/* selection.c — makes the pseudo-anomalies and keeps the best epoch. Never reads a label. */
#include "train/selection.h"

#include "data/pseudo.h"
#include "eval/metric.h"

#include <stdlib.h>
#include <string.h>

bool selection_init(selection *s, const train_context *c, error *e)
{
    if (!c->selects)
        return true;
    shape input = c->images.input;
    size_t n = c->split.validation_count, row = shape_row(input);
    if (n < 2)
        return error_set(e, ERROR_INVALID,
                         "selection: pseudo needs at least 2 validation images, there are %zu; hold out more, or set "
                         "selection to last",
                         n);
    s->rows = malloc(2 * n * row * sizeof *s->rows);
    s->scores = malloc(2 * n * sizeof *s->scores);
    s->anomalous = malloc(2 * n);
    if (!s->rows || !s->scores || !s->anomalous)
        return error_memory(e, "the validation images");
    if (!context_prepare(c, c->split.validation, n, s->rows, e))
        return false;
    input.n = (int)n;
    pseudo_make(s->rows, input, random_stream(c->plan->seed, "pseudo"), s->rows + n * row);
    memset(s->anomalous, 0, n);
    memset(s->anomalous + n, 1, n);
    return true;
}

void selection_free(selection *s)
{
    free(s->rows);
    free(s->scores);
    free(s->anomalous);
}

void selection_begin(selection *s)
{
    s->best_epoch = 0;
    s->best = 0;
}

bool selection_judge(selection *s, scoring *with, model *of, int epoch, double *value, error *e)
{
    size_t n = 2 * with->context->split.validation_count;
    auroc found;
    if (!scoring_rows(with, s->rows, n, &(scored_rows){.score = s->scores}, e) ||
        !metric_auroc(s->scores, s->anomalous, n, &found, e))
        return error_at(e, "selection");
    *value = found.value;
    if (s->best_epoch && *value <= s->best)
        return true;
    s->best = *value;
    s->best_epoch = epoch;
    return model_keep(of, e);
}

void selection_put(const selection *s, bundle *b)
{
    header_put_whole(b, "best_epoch", (uint64_t)s->best_epoch);
    bundle_put_number(b, "best", s->best);
}

bool selection_get(selection *s, const bundle *b, int epochs_max, error *e)
{
    uint64_t epoch = 0;
    if (!bundle_get_whole(b, "best_epoch", (uint64_t)epochs_max, &epoch, e) ||
        !bundle_get_number(b, "best", &s->best, e))
        return false;
    s->best_epoch = (int)epoch;
    return true;
}
