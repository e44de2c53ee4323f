/* SPDX-License-Identifier: MIT */
/* finish.c — see finish.h. */
#include "train/finish.h"

#include "base/blas.h"
#include "train/test.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

/* What is known before anything is scored. */
static void describe(const ensemble *n, train_result *out)
{
    const train_context *c = n->context;
    *out = (train_result){.auroc = {NAN, NAN, NAN, NAN},
                          .average_precision = NAN,
                          .train_count = c->split.train_count,
                          .validation_count = c->split.validation_count,
                          .calibration_count = c->split.calibration_count,
                          .left_out_count = c->split.left_out_count,
                          .epochs = c->epochs,
                          .chosen_epoch = ensemble_chosen_epoch(n),
                          .train_s = n->learner->train_s,
                          .parameters = ensemble_parameters(n),
                          .blas_kernel = blas_kernel(),
                          .threads = team_threads(c->team)};
    memcpy(out->training_digest, c->training_digest, sizeof out->training_digest);
    ensemble_digest(n, out->weights_digest);
}

static bool write_model(const ensemble *n, const calibration *k, train_result *out, error *e)
{
    const train_context *c = n->context;
    const char *path = c->plan->model_path;
    header h = {.run = context_run(c),
                .dataset = c->plan->dataset_name,
                .epochs = out->epochs,
                .chosen_epoch = out->chosen_epoch,
                .parameters = out->parameters,
                .error_scale = k->error_scale,
                .calibration = k->scores,
                .calibration_count = k->count,
                .refinement = k->refined[c->settings->refine]};
    bundle *b = bundle_new();
    if (!b)
        return error_memory(e, "a model file");
    header_put(&h, b);
    ensemble_write(n, b, &h);
    header_put_tensors(&h, b);
    bool ok = bundle_write(b, path, e);
    bundle_free(b);
    b = ok ? bundle_open(path, e) : NULL; /* reads back what is on the disk */
    if (b)
        memcpy(out->model_digest, bundle_digest(b), sizeof out->model_digest);
    bundle_free(b);
    return b != NULL || error_at(e, "model");
}

bool finish(const ensemble *n, train_result *out, error *e)
{
    const struct split *split = &n->context->split;
    scoring s = scoring_by(n->context, ensemble_evaluator(n));
    calibration k = {0};
    scoring_start(&s, split->calibration_count + split->test_count);
    describe(n, out);
    bool ok = calibration_make(&k, &s, e) && test_measure(&s, &k, out, e) && write_model(n, &k, out, e);
    calibration_free(&k);
    return ok;
}
