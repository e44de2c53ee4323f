/* SPDX-License-Identifier: MIT */
/* footprint.c — see footprint.h. */
#include "train/footprint.h"

/* What a run has in memory beside its model and its programs. */
enum use { USE_PREPARED, USE_WINDOWS, USE_LISTS, USE_FIT, USE_SCRATCH, USE_DATA, USE_PROCESS, USES };
static const char *const use_names[USES] = {
    [USE_PREPARED] = "prepared images",   [USE_WINDOWS] = "images being scored", [USE_LISTS] = "lists and scores",
    [USE_FIT] = "fitting, at most",       [USE_SCRATCH] = "scratch of the team", [USE_DATA] = "data set, mapped",
    [USE_PROCESS] = "program, libraries",
};

static size_t min(size_t a, size_t b)
{
    return a < b ? a : b;
}

/* Training images, and validation images with their pseudo-anomalies. */
static size_t prepared_rows(const train_context *c)
{
    return c->split.train_count + (c->selects ? 2 * c->split.validation_count : 0);
}

/* A window of images; and of calibration images, where they are reconstructed, a copy and the reconstructions. */
static size_t window_rows(const train_context *c, const evaluator *by)
{
    size_t window = scoring_window(c, by), calibration = min(window, c->split.calibration_count);
    size_t test = min(window, c->split.test_count);
    bool reconstructs = by ? evaluator_reconstructs(by) : c->method->reconstruct_rows != NULL;
    size_t calibrating = calibration * (reconstructs ? 3 : 1);
    return calibrating > test ? calibrating : test;
}

/* The indices of the split, their order in an epoch, and scores of those that are held out. */
static size_t lists_bytes(const train_context *c, const evaluator *by)
{
    const struct split *p = &c->split;
    /* Its own score, variants, complexity, and two lists that are refined. */
    size_t scores = 4 + (by ? evaluator_variant_count(by) : 0);
    size_t calibrating = (1 + scores) * p->calibration_count, testing = (1 + scores) * p->test_count;
    size_t numbers = 2 * p->train_count + p->validation_count + calibrating + testing;
    size_t judging = c->selects ? 2 * p->validation_count * (sizeof(float) + 1) : 0;
    return numbers * sizeof(float) + judging + p->test_count;
}

static void measure(const learner *l, size_t bytes[USES])
{
    const train_context *c = l->context;
    size_t row = shape_row(c->images.input) * sizeof(float), data = dataset_bytes(c->info);
    bytes[USE_PREPARED] = prepared_rows(c) * row;
    bytes[USE_WINDOWS] = window_rows(c, l->evaluator) * row;
    bytes[USE_LISTS] = lists_bytes(c, l->evaluator);
    bytes[USE_FIT] = l->kind->fit_bytes ? l->kind->fit_bytes(l) : 0;
    bytes[USE_SCRATCH] = team_bytes(c->team);
    bytes[USE_DATA] = data;
    bytes[USE_PROCESS] = c->process_bytes - min(c->process_bytes, data);
}

size_t footprint_bytes(const ensemble *n)
{
    const learner *l = n->learner;
    size_t sum = model_bytes(l->model) + ensemble_bytes(n), uses[USES];
    sum += l->kind->program_bytes ? l->kind->program_bytes(l) : 0;
    sum += l->evaluator ? evaluator_bytes(l->evaluator) : 0;
    measure(l, uses);
    for (int i = 0; i < USES; i++)
        sum += uses[i];
    return sum;
}

bool footprint_print(const ensemble *n, FILE *out, error *e)
{
    const train_context *c = n->context;
    shape data = c->images.data, input = c->images.input;
    size_t uses[USES];
    fprintf(out, "%s: images of %dx%dx%d, input of %dx%dx%d\n", c->method->id, data.h, data.w, data.c, input.h, input.w,
            input.c);
    if (!n->learner->kind->print(n->learner, out, e))
        return false;
    if (c->members > 1)
        fprintf(out, "%-24s %14zu bytes\n", "members, to score", ensemble_bytes(n));
    measure(n->learner, uses);
    for (int i = 0; i < USES; i++)
        if (uses[i])
            fprintf(out, "%-24s %14zu bytes\n", use_names[i], uses[i]);
    fprintf(out, "%-24s %14zu bytes\n", "in all", footprint_bytes(n));
    return true;
}
