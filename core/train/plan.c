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

bool train_plan_print(const train_plan *plan, const dataset_info *info, team *t, FILE *out, error *e)
{
    run r = {.plan = plan, .team = t, .method = plan->method};
    protocol_spec spec;
    bool ok = run_describe(&r, info, &spec, e) && (r.model = model_new(plan->seed, t, e)) != NULL && run_build(&r, e);
    if (ok) {
        fprintf(out, "%s: images of %dx%dx%d, input of %dx%dx%d\n", r.method->id, r.data_shape.h, r.data_shape.w,
                r.data_shape.c, r.input.h, r.input.w, r.input.c);
        if (r.method->closed_form)
            fprintf(out, "a closed form: no networks, no programs\n");
        else {
            model_describe(r.model, out);
            print_programs(&r, out);
            fprintf(out, "%-24s %14zu bytes\n", "in all", run_bytes(&r));
        }
    }
    evaluator_free(r.evaluator);
    method_state_free(r.method, r.self);
    model_free(r.model);
    return ok;
}
