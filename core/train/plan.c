/* SPDX-License-Identifier: MIT */
/* plan.c — says before a run what it will build and how much memory that takes. */
#include "train/run.h"

static void print_program(const program *p, const char *what, FILE *out)
{
    fprintf(out, "%-24s %14zu bytes, %zu without sharing\n", what, program_bytes(p), program_bytes_unshared(p));
}

static void print_programs(const run *r, FILE *out)
{
    int index = 0, batch;
    const program *scoring;
    char what[48];
    for (program *const *p = r->method->programs(r->self); *p; p++) {
        snprintf(what, sizeof what, "training program %d", ++index);
        print_program(*p, what, out);
    }
    for (index = 0; (scoring = evaluator_program(r->evaluator, index, &batch)) != NULL; index++) {
        snprintf(what, sizeof what, "scoring %d images", batch);
        print_program(scoring, what, out);
    }
}

/* The copies that a run makes as it goes, so that they are counted. */
static bool make_copies(run *r, error *e)
{
    float decay = r->state->average_decay;
    return (decay <= 0 || model_average(r->model, decay, 0, e)) && (!run_selects(r) || model_keep(r->model, e));
}

/* What stays in memory while the steps are made: training images, and validation images with their pseudo-anomalies. */
static size_t resident_rows(const run *r, const dataset_info *info)
{
    double validation, calibration, normals = (double)run_normals(r, info);
    run_shares(r, &validation, &calibration);
    return (size_t)(normals * (1 - validation - calibration)) + 2 * (size_t)(normals * validation);
}

static void print_all(const run *r, const dataset_info *info, FILE *out)
{
    size_t rows = resident_rows(r, info);
    fprintf(out, "%s: images of %dx%dx%d, input of %dx%dx%d\n", r->method->id, r->data_shape.h, r->data_shape.w,
            r->data_shape.c, r->input.h, r->input.w, r->input.c);
    if (r->method->closed_form)
        fprintf(out, "a closed form: no networks, no programs\n");
    else {
        model_describe(r->model, out);
        print_programs(r, out);
    }
    fprintf(out, "%-24s %14zu bytes, %zu of them\n", "prepared images", rows * shape_row(r->input) * sizeof(float),
            rows);
    fprintf(out, "%-24s %14zu bytes\n", "in all", run_bytes(r, rows));
}

bool train_plan_print(const train_plan *plan, const dataset_info *info, team *t, FILE *out, error *e)
{
    run r = {.plan = plan, .team = t, .method = plan->method};
    protocol_spec spec;
    bool ok = run_describe(&r, info, &spec, e) && (r.model = model_new(plan->seed, t, e)) != NULL && run_build(&r, e) &&
              (r.method->closed_form || make_copies(&r, e));
    if (ok)
        print_all(&r, info, out);
    evaluator_free(r.evaluator);
    method_state_free(r.method, r.self);
    model_free(r.model);
    return ok;
}
