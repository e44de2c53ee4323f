/* SPDX-License-Identifier: MIT */
/* scoring.c — see scoring.h. */
#include "train/scoring.h"

#include "base/clock.h"

#include <math.h>
#include <stdlib.h>

enum { WINDOW_BATCHES = 16, WINDOW_BYTES = 16 << 20 };

scoring scoring_by(const train_context *c, evaluator *by)
{
    return (scoring){.context = c, .by = by};
}

static void report(const scoring *s)
{
    const train_context *c = s->context;
    double spent = clock_now_s() - s->start_s, rate = s->done ? (double)s->done / spent : NAN;
    context_report(c, &(train_event){.kind = TRAIN_EVALUATING,
                                     .epoch = c->epochs,
                                     .epochs = c->epochs,
                                     .step = c->steps,
                                     .steps = c->steps,
                                     .scored = s->done,
                                     .to_score = s->all,
                                     .images_s = rate,
                                     .eta_s = (double)(s->all - s->done) / rate});
}

void scoring_start(scoring *s, size_t images)
{
    s->done = 0;
    s->all = images * (size_t)s->context->members;
    s->start_s = s->event_s = clock_now_s();
    report(s);
}

static bool is_cancelled(void *of)
{
    return context_is_cancelled(((scoring *)of)->context);
}

static void on_scored(void *of, size_t count)
{
    scoring *s = of;
    s->done += count;
    if (s->all && (context_report_due(&s->event_s) || s->done == s->all))
        report(s);
}

size_t scoring_window(const train_context *c, const evaluator *by)
{
    size_t batch = by ? evaluator_rows(by) : EVALUATE_ROWS_MAX;
    size_t fitting = WINDOW_BYTES / (batch * shape_row(c->images.input) * sizeof(float));
    return batch * (fitting < 1 ? 1 : fitting < WINDOW_BATCHES ? fitting : WINDOW_BATCHES);
}

bool scoring_rows(scoring *s, const float *rows, size_t n, const scored_rows *out, error *e)
{
    evaluator_watch(s->by, (scored_watch){is_cancelled, on_scored, s});
    bool ok = evaluator_run(s->by, rows, n, out, e);
    evaluator_watch(s->by, (scored_watch){0});
    return ok;
}

bool scoring_images(scoring *s, const uint32_t *indices, size_t n, const scored_rows *out, float *complexity, error *e)
{
    const train_context *c = s->context;
    size_t window = scoring_window(c, s->by), row = shape_row(c->images.input);
    float *rows = malloc(window * row * sizeof *rows);
    if (!rows)
        return error_memory(e, "images to score");
    bool ok = true;
    for (size_t first = 0; ok && first < n; first += window) {
        size_t count = n - first < window ? n - first : window;
        scored_rows at = *out;
        at.at += first;
        ok = context_goes_on(c, e) && context_prepare(c, indices + first, count, rows, e) &&
             scoring_rows(s, rows, count, &at, e);
        for (size_t i = 0; ok && complexity && i < count; i++)
            complexity[first + i] = prepare_complexity(&c->images, rows + i * row);
    }
    free(rows);
    return ok;
}

bool scoring_set(scoring *s, const uint32_t *indices, score_set *found, error *e)
{
    const scored_rows out = {.score = found->own, .variants = found->variants};
    return scoring_images(s, indices, found->n, &out, found->complexity, e);
}
