/* SPDX-License-Identifier: MIT */
/* plan.c — says before a run what it will build and how much memory that takes. */
#include "base/memory.h"
#include "data/image.h"
#include "train/ensemble.h"

/* What a run has in memory beside its model and its programs. */
enum part { PART_PREPARED, PART_WINDOWS, PART_LISTS, PART_FIT, PART_SCRATCH, PART_DATA, PART_PROCESS, PARTS };
static const char *const part_names[PARTS] = {
    [PART_PREPARED] = "prepared images",   [PART_WINDOWS] = "images being scored", [PART_LISTS] = "lists and scores",
    [PART_FIT] = "fitting, at most",       [PART_SCRATCH] = "scratch of the team", [PART_DATA] = "data set, mapped",
    [PART_PROCESS] = "program, libraries",
};

static size_t least(size_t a, size_t b)
{
    return a < b ? a : b;
}

/* Training images, and validation images with their pseudo-anomalies. */
static size_t prepared_rows(const run *r)
{
    return r->split.train_count + (run_selects(r) ? 2 * r->split.validation_count : 0);
}

/* A window of images; and of calibration images, where they are reconstructed, a copy and the reconstructions. */
static size_t window_rows(const run *r)
{
    size_t window = run_window(r, r->evaluator), calibration = least(window, r->split.calibration_count);
    size_t test = least(window, r->split.test_count);
    bool reconstructs = r->evaluator ? evaluator_reconstructs(r->evaluator) : r->method->reconstruct_rows != NULL;
    size_t calibrating = calibration * (reconstructs ? 3 : 1);
    return calibrating > test ? calibrating : test;
}

/* Which images are in which part, their order in an epoch, and scores of those that are held out. */
static size_t lists_bytes(const run *r)
{
    const struct split *p = &r->split;
    /* Its own score, variants, complexity, and two lists that are refined. */
    size_t scores = 4 + (r->evaluator ? evaluator_variant_count(r->evaluator) : 0);
    size_t calibrating = (1 + scores) * p->calibration_count, testing = (1 + scores) * p->test_count;
    size_t numbers = 2 * p->train_count + p->validation_count + calibrating + testing;
    size_t selection = run_selects(r) ? 2 * p->validation_count * (sizeof(float) + 1) : 0;
    return numbers * sizeof(float) + selection + p->test_count;
}

static void measure_parts(const run *r, const dataset_info *info, size_t bytes[PARTS])
{
    size_t row = shape_row(r->input) * sizeof(float), data = dataset_bytes(info);
    bytes[PART_PREPARED] = prepared_rows(r) * row;
    bytes[PART_WINDOWS] = window_rows(r) * row;
    bytes[PART_LISTS] = lists_bytes(r);
    bytes[PART_FIT] = r->method->closed_form
                          ? r->method->fit_bytes(r->self, r->input, r->split.train_count, team_threads(r->team))
                          : 0;
    bytes[PART_SCRATCH] = team_bytes(r->team);
    bytes[PART_DATA] = data;
    bytes[PART_PROCESS] = r->process_bytes - least(r->process_bytes, data);
}

static size_t bytes_in_all(const run *r, const dataset_info *info)
{
    size_t sum = model_bytes(r->model), beside[PARTS];
    if (!r->method->closed_form) {
        for (program *const *p = r->method->programs(r->self); *p; p++)
            sum += program_bytes(*p);
        /* Copies that are made only after the first step, and after the first epoch. */
        sum += r->state->average_decay > 0 ? model_average_bytes(r->model) : 0;
        sum += run_selects(r) ? model_keep_bytes(r->model) : 0;
    }
    sum += r->evaluator ? evaluator_bytes(r->evaluator) : 0;
    sum += ensemble_bytes(r);
    measure_parts(r, info, beside);
    for (int i = 0; i < PARTS; i++)
        sum += beside[i];
    return sum;
}

size_t run_bytes(const run *r)
{
    return bytes_in_all(r, dataset_facts(r->data));
}

static void print_program(size_t bytes, const program *p, const char *what, FILE *out)
{
    size_t saved = program_bytes_unshared(p) - program_bytes(p);
    fprintf(out, "%-24s %14zu bytes, %zu without sharing\n", what, bytes, bytes + saved);
}

static void print_programs(const run *r, FILE *out)
{
    int index = 0, batch;
    const program *scoring;
    char what[48];
    for (program *const *p = r->method->programs(r->self); *p; p++) {
        snprintf(what, sizeof what, "training program %d", ++index);
        print_program(program_bytes(*p), *p, what, out);
    }
    for (index = 0; (scoring = evaluator_program(r->evaluator, index, &batch)) != NULL; index++) {
        snprintf(what, sizeof what, "scoring %d images", batch);
        print_program(evaluator_program_bytes(r->evaluator, index), scoring, what, out);
    }
}

/* The copies that a run makes as it goes, so that they are counted. */
static bool make_copies(run *r, error *e)
{
    float decay = r->state->average_decay;
    return (decay <= 0 || model_average(r->model, decay, 0, e)) && (!run_selects(r) || model_keep(r->model, e));
}

static void print_all(const run *r, const dataset_info *info, FILE *out)
{
    size_t beside[PARTS];
    fprintf(out, "%s: images of %dx%dx%d, input of %dx%dx%d\n", r->method->id, r->data_shape.h, r->data_shape.w,
            r->data_shape.c, r->input.h, r->input.w, r->input.c);
    if (r->method->closed_form)
        fprintf(out, "a closed form: no networks, no programs\n");
    else {
        model_describe(r->model, out);
        print_programs(r, out);
    }
    if (r->members > 1)
        fprintf(out, "%-24s %14zu bytes\n", "members, to score", ensemble_bytes(r));
    measure_parts(r, info, beside);
    for (int i = 0; i < PARTS; i++)
        if (beside[i])
            fprintf(out, "%-24s %14zu bytes\n", part_names[i], beside[i]);
    fprintf(out, "%-24s %14zu bytes\n", "in all", bytes_in_all(r, info));
}

bool train_plan_print(const train_plan *plan, const dataset_info *info, team *t, FILE *out, error *e)
{
    run r = {.plan = plan, .team = t, .method = plan->method};
    r.process_bytes = memory_resident();
    protocol_spec spec;
    bool ok = run_describe(&r, info, &spec, e) && split_count(info, &spec, &r.split, e) &&
              team_reserve(t, image_work(r.data_shape, r.input), e) && run_begin(&r, 0, e) &&
              (r.method->closed_form || make_copies(&r, e));
    if (ok)
        print_all(&r, info, out);
    run_take_down_nets(&r);
    return ok;
}
