/* SPDX-License-Identifier: MIT */
/* test_train.c — training end to end on a few bars: the same bits however it is interrupted, no peeking at labels. */
#include "bars.h"
#include "base/blas.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

/* Watches a run: counts what it reports and cancels it at a step. */
typedef struct watching {
    uint64_t cancel_at, polled;
    int counts[TRAIN_EVALUATING + 1];
    double selection[16], test[16], losses[16]; /* of each epoch; losses: the sum of all */
    uint64_t last_step, scored, to_score;
} watching;

static void on_event(void *context, const train_event *ev)
{
    watching *w = context;
    w->counts[ev->kind]++;
    assert_true(ev->step >= w->last_step);
    w->last_step = ev->step;
    assert_true(ev->scored >= w->scored && ev->scored <= ev->to_score);
    w->scored = ev->scored;
    w->to_score = ev->to_score;
    for (int i = 0; i < ev->value_count; i++) {
        assert_true(isfinite(ev->values[i].value));
        if (strcmp(ev->values[i].name, "selection_auroc") == 0)
            w->selection[ev->epoch] = ev->values[i].value;
        else if (strcmp(ev->values[i].name, "test_auroc") == 0)
            w->test[ev->epoch] = ev->values[i].value;
        else if (ev->kind == TRAIN_EPOCH)
            w->losses[ev->epoch] += ev->values[i].value;
    }
}

static bool is_cancelled(void *context)
{
    watching *w = context;
    return ++w->polled > w->cancel_at;
}

static bool run(const bars *b, const train_spec *plan, watching *w, train_result *out, error *e)
{
    team *t = team_new(2, e);
    assert_non_null(t);
    train_watch watch = {.context = w, .event = on_event, .cancelled = w->cancel_at ? is_cancelled : NULL};
    bool ok = train_run(plan, b->data, t, &watch, out, e);
    team_free(t);
    return ok;
}

/* Runs for some steps more; *w goes on from the run before. */
static void cancelled_after(const bars *b, const train_spec *plan, uint64_t steps, watching *w)
{
    error e;
    train_result r;
    w->cancel_at = steps;
    w->polled = 0;
    w->counts[TRAIN_CHECKPOINT] = 0;
    assert_false(run(b, plan, w, &r, &e));
    if (e.code != ERROR_CANCELLED)
        fail_msg("%s", e.message);
    assert_int_equal(w->counts[TRAIN_CHECKPOINT], 1);
    assert_int_equal(access(plan->checkpoint_path, F_OK), 0);
}

static void resumes_to_the_same_bits(const char *selection, const char *decay)
{
    bars b = bars_open(false);
    struct train_option options[7];
    memcpy(options, bars_options, sizeof bars_options);
    options[5] = (struct train_option){"selection", selection};
    options[6] = (struct train_option){"average_decay", decay};
    train_spec plan = bars_plan(&b, "ganomaly");
    plan.options = options;
    plan.option_count = 7;
    error e;
    watching once = {0}, w = {0};
    train_result whole, pieces;
    assert_true(run(&b, &plan, &once, &whole, &e));
    plan.checkpoint_path = b.checkpoint.text;
    cancelled_after(&b, &plan, 4, &w); /* within the first epoch */
    cancelled_after(&b, &plan, 4, &w); /* at the end of it: eight steps make an epoch */
    cancelled_after(&b, &plan, 9, &w); /* within the last */
    w.cancel_at = 0;
    if (!run(&b, &plan, &w, &pieces, &e))
        fail_msg("%s", e.message);
    assert_memory_equal(w.losses, once.losses, sizeof w.losses);
    assert_memory_equal(w.selection, once.selection, sizeof w.selection);
    assert_string_equal(whole.weights_digest, pieces.weights_digest);
    assert_string_equal(whole.model_digest, pieces.model_digest);
    assert_int_equal(whole.chosen_epoch, pieces.chosen_epoch);
    assert_memory_equal(&whole.auroc, &pieces.auroc, sizeof whole.auroc);
    assert_int_equal(access(b.checkpoint.text, F_OK), -1);
    bars_close(&b);
}

static void an_interrupted_run_ends_with_the_same_bits(void **state)
{
    (void)state;
    resumes_to_the_same_bits("pseudo", "0.9");
    resumes_to_the_same_bits("last", "0.9");
    resumes_to_the_same_bits("pseudo", "0");
}

static void a_run_cancelled_in_its_test_keeps_its_training(void **state)
{
    (void)state;
    bars b = bars_open(false);
    train_spec plan = bars_plan(&b, "ganomaly");
    train_result whole = bars_train(&b, &plan, 2), resumed;
    watching w = {0};
    error e;
    plan.checkpoint_path = b.checkpoint.text;
    cancelled_after(&b, &plan, 24, &w); /* all steps are made: the next poll is that of the calibration */
    assert_int_equal(w.counts[TRAIN_EVALUATING], 1);
    assert_true(w.to_score > 0 && w.scored == 0);
    w = (watching){0};
    assert_true(run(&b, &plan, &w, &resumed, &e));
    assert_int_equal(w.counts[TRAIN_EPOCH], 0);
    assert_string_equal(whole.model_digest, resumed.model_digest);
    bars_close(&b);
}

static void checkpoints_and_threads_change_nothing(void **state)
{
    (void)state;
    bars b = bars_open(false);
    train_spec plan = bars_plan(&b, "ganomaly");
    train_result one = bars_train(&b, &plan, 1), three = bars_train(&b, &plan, 3), saved;
    assert_string_equal(one.model_digest, three.model_digest);
    plan.checkpoint_path = b.checkpoint.text;
    plan.checkpoint_s = 0;
    plan.trace = true;
    watching w = {0};
    error e;
    if (!run(&b, &plan, &w, &saved, &e))
        fail_msg("%s", e.message);
    assert_true(w.counts[TRAIN_CHECKPOINT] > 3);
    assert_string_equal(one.model_digest, saved.model_digest);
    plan.seed++;
    train_result other = bars_train(&b, &plan, 2);
    assert_string_not_equal(one.weights_digest, other.weights_digest);
    bars_close(&b);
}

static int check_choice(const bars *b, uint64_t seed)
{
    train_spec plan = bars_plan(b, "ganomaly");
    plan.trace = true;
    plan.seed = seed;
    watching w = {0};
    train_result r;
    error e;
    if (!run(b, &plan, &w, &r, &e))
        fail_msg("%s", e.message);
    int best = 1;
    for (int epoch = 1; epoch <= 3; epoch++) {
        assert_true(w.selection[epoch] > 0 && w.selection[epoch] <= 1 && w.losses[epoch] > 0);
        best = w.selection[epoch] > w.selection[best] ? epoch : best;
    }
    assert_int_equal(r.chosen_epoch, best);
    /* The weights that were judged then are the weights that are tested now. */
    assert_true(r.auroc.value == w.test[best]);
    assert_int_equal(w.counts[TRAIN_STARTED], 1);
    assert_int_equal(w.counts[TRAIN_EPOCH], 3);
    assert_true(w.counts[TRAIN_EVALUATING] >= 2);
    assert_int_equal(w.to_score, r.calibration_count + r.test_normals + r.test_anomalies);
    assert_int_equal(w.scored, w.to_score);
    assert_int_equal(r.epochs, 3);
    assert_int_equal(r.train_count + r.validation_count + r.calibration_count, BARS_TRAIN - BARS_TRAIN / 3);
    assert_int_equal(r.test_anomalies, BARS_TEST / 3);
    assert_true(r.roc_count >= 2 && r.parameters > 0 && r.train_s > 0);
    return best;
}

static void the_chosen_epoch_is_the_first_of_the_best(void **state)
{
    (void)state;
    bars b = bars_open(false);
    int seen[4] = {0};
    for (uint64_t seed = 1; seed <= 8; seed++)
        seen[check_choice(&b, seed)]++;
    if (!(seen[1] < 8 && seen[3] < 8))
        fail_msg("always the same epoch: nothing was chosen");
    bars_close(&b);
}

static void labels_of_the_test_choose_nothing(void **state)
{
    (void)state;
    bars honest = bars_open(false), swapped = bars_open(true);
    static const char *const ids[] = {"ganomaly", "kde", "pca"};
    for (int i = 0; i < 3; i++) {
        train_spec plan = bars_plan(&honest, ids[i]);
        train_result a = bars_train(&honest, &plan, 2);
        plan = bars_plan(&swapped, ids[i]);
        train_result b = bars_train(&swapped, &plan, 2);
        assert_string_equal(a.weights_digest, b.weights_digest);
        assert_int_equal(a.chosen_epoch, b.chosen_epoch);
        if (!(fabs(a.auroc.value + b.auroc.value - 1) < 1e-9))
            fail_msg("%s: %g with labels, %g with swapped ones", ids[i], a.auroc.value, b.auroc.value);
    }
    bars_close(&honest);
    bars_close(&swapped);
}

static void a_cut_test_is_the_same_for_every_method(void **state)
{
    (void)state;
    bars b = bars_open(false);
    train_spec plan = bars_plan(&b, "ganomaly");
    train_result all = bars_train(&b, &plan, 2), cut;
    plan.protocol.test_images = 30;
    plan.trace = true;
    watching w = {0};
    error e;
    assert_true(run(&b, &plan, &w, &cut, &e));
    assert_int_equal(cut.test_normals + cut.test_anomalies, 30);
    assert_true(cut.auroc.value == w.test[cut.chosen_epoch]); /* the trace is of the same images */
    assert_string_equal(cut.model_digest, all.model_digest);
    static const char *const ids[] = {"kde", "pca"};
    for (int i = 0; i < 2; i++) {
        plan = bars_plan(&b, ids[i]);
        plan.protocol.test_images = 30;
        train_result r = bars_train(&b, &plan, 2);
        assert_int_equal(r.test_normals, cut.test_normals);
        assert_int_equal(r.test_anomalies, cut.test_anomalies);
    }
    bars_close(&b);
}

static const train_score *score_named(const train_result *r, const char *name)
{
    for (size_t i = 0; i < r->score_count; i++)
        if (strcmp(r->scores[i].name, name) == 0)
            return &r->scores[i];
    fail_msg("there is no score %s", name);
    return NULL;
}

static void every_variant_of_the_score_is_measured_in_one_test(void **state)
{
    (void)state;
    bars b = bars_open(false);
    struct train_option options[6];
    memcpy(options, bars_options, sizeof bars_options);
    options[5] = (struct train_option){"distance", "squared"};
    train_spec plan = bars_plan(&b, "ganomaly");
    plan.options = options;
    plan.option_count = 6;
    train_result squared = bars_train(&b, &plan, 2);
    options[5].value = "absolute";
    train_result absolute = bars_train(&b, &plan, 2);
    assert_int_equal(squared.score_count, 3);
    const train_score *own = score_named(&squared, "latent_squared");
    assert_memory_equal(&own->auroc, &squared.auroc, sizeof squared.auroc);
    assert_true(own->average_precision == squared.average_precision);
    assert_memory_equal(&score_named(&absolute, "latent_absolute")->auroc, &absolute.auroc, sizeof absolute.auroc);
    const train_score *pixels = score_named(&squared, "reconstruction");
    assert_true(pixels->auroc.low < pixels->auroc.value && pixels->auroc.value < pixels->auroc.high);
    assert_true(pixels->auroc.value != own->auroc.value);
    assert_string_equal(squared.blas_kernel, blas_kernel());
    assert_int_equal(squared.threads, 2);
    plan = bars_plan(&b, "pca");
    train_result fitted = bars_train(&b, &plan, 2);
    assert_int_equal(fitted.score_count, 1);
    assert_string_equal(fitted.scores[0].name, "complexity");
    bars_close(&b);
}

static void baselines_know_standing_bars_from_lying_ones(void **state)
{
    (void)state;
    bars b = bars_open(false);
    static const char *const ids[] = {"kde", "pca"};
    for (int i = 0; i < 2; i++) {
        train_spec plan = bars_plan(&b, ids[i]);
        train_result r = bars_train(&b, &plan, 2);
        if (!(r.auroc.value > 0.99 && r.average_precision > 0.98))
            fail_msg("%s: AUROC %g, AP %g", ids[i], r.auroc.value, r.average_precision);
        assert_int_equal(r.validation_count, 0);
        assert_int_equal(r.calibration_count, 35);
        assert_int_equal(r.chosen_epoch, 0);
    }
    bars_close(&b);
}

static void without_labels_there_is_a_model_and_no_figure(void **state)
{
    (void)state;
    bars b = bars_open(false);
    train_spec plan = bars_plan(&b, "pca");
    plan.protocol.protocol = PROTOCOL_UNLABELLED;
    train_result r = bars_train(&b, &plan, 1);
    assert_true(isnan(r.auroc.value) && isnan(r.average_precision));
    assert_int_equal(access(b.model.text, F_OK), 0);
    bars_close(&b);
}

static void expect_refusal(const bars *b, const train_spec *plan, const char *message)
{
    error e = {0};
    train_result r;
    watching w = {0};
    assert_false(run(b, plan, &w, &r, &e));
    if (!strstr(e.message, message))
        fail_msg("\"%s\" does not say \"%s\"", e.message, message);
}

static void a_checkpoint_of_another_run_is_refused(void **state)
{
    (void)state;
    bars b = bars_open(false), swapped = bars_open(true);
    train_spec plan = bars_plan(&b, "ganomaly"), other = plan;
    plan.checkpoint_path = other.checkpoint_path = b.checkpoint.text;
    watching first = {0};
    cancelled_after(&b, &plan, 4, &first);
    other.seed = 8;
    expect_refusal(&b, &other, "it is of another run: seed is 7 there and 8 here");
    other = plan;
    other.held_out = 0.3;
    expect_refusal(&b, &other, "held_out");
    expect_refusal(&swapped, &plan, "dataset_digest");
    struct train_option options[5];
    memcpy(options, bars_options, sizeof options);
    options[4].value = "0.001";
    other = plan;
    other.options = options;
    expect_refusal(&b, &other, "option rate is 0.0002 there and 0.001 here");
    /* The right plan still resumes from it: a refusal leaves the file alone. */
    watching w = {0};
    train_result r;
    error e;
    assert_true(run(&b, &plan, &w, &r, &e));
    bars_close(&b);
    bars_close(&swapped);
}

static void a_damaged_checkpoint_is_refused(void **state)
{
    (void)state;
    bars b = bars_open(false);
    train_spec plan = bars_plan(&b, "ganomaly");
    plan.checkpoint_path = b.checkpoint.text;
    watching first = {0};
    cancelled_after(&b, &plan, 4, &first);
    void *bytes;
    size_t size;
    error e;
    assert_true(file_read(b.checkpoint.text, 1 << 26, &bytes, &size, &e));
    ((uint8_t *)bytes)[size / 2] ^= 4;
    assert_true(file_write_atomic(b.checkpoint.text, &(file_part){bytes, size}, 1, &e));
    expect_refusal(&b, &plan, "checksum");
    assert_true(file_write_atomic(b.checkpoint.text, &(file_part){bytes, size / 2}, 1, &e));
    expect_refusal(&b, &plan, "truncated");
    free(bytes);
    bars_close(&b);
}

static void a_model_that_cannot_be_written_is_an_error(void **state)
{
    (void)state;
    bars b = bars_open(false);
    train_spec plan = bars_plan(&b, "pca");
    scratch_path nowhere = scratch_at(&b.folder, "missing/model");
    plan.model_path = nowhere.text;
    expect_refusal(&b, &plan, "model");
    bars_close(&b);
}

/* A method that learns nothing, notes what it is shown and, when lit, has an infinite loss in one step. */
static program *fuse_programs[2];
static array *fuse_loss, *fuse_batch;
static bool fuse_lit, fuse_shorted; /* an infinite loss in a step; a variant of the score that is infinite */
static float seen[3][8][16];        /* what each step of each epoch was shown: a weighted sum of each image */

static bool fuse_build(void *self, model *own, shape input, error *e)
{
    (void)self;
    graph *g = model_graph(own, TRAIN);
    fuse_batch = model_array(own, "x", input);
    fuse_loss = model_array(own, "loss", (shape){1, 1, 1, 1});
    t_output(t_scale(t_leaf(g, fuse_loss), 1), "loss.fuse");
    fuse_programs[0] = program_compile(g, e);
    return fuse_programs[0] != NULL;
}
static void fuse_step(void *self, uint64_t step)
{
    (void)self;
    size_t row = BARS_SIDE * BARS_SIDE;
    for (size_t i = 0; i < 16; i++)
        for (size_t j = 0; j < row; j++)
            seen[step / 8][step % 8][i] += array_values(fuse_batch)[i * row + j] * (float)(j % 31 + 1);
    array_values(fuse_loss)[0] = fuse_lit && step == 12 ? INFINITY : 1;
    program_run(fuse_programs[0], step);
}
static tensor *fuse_score(void *self, model *own, graph *g, tensor *x)
{
    (void)self;
    (void)own;
    (void)g;
    if (fuse_shorted)
        t_output(t_scale(t_row_sum(x), INFINITY), "score.shorted");
    return t_row_mean(x);
}
static program *const *fuse_list(const void *self)
{
    (void)self;
    return fuse_programs;
}
typedef struct fuse_state {
    struct method_state state;
} fuse_state;
static const option fuse_options[] = {TRAINING_OPTIONS(fuse_state, 3, 16, 0), {0}};
static const method fuse = {.id = "fuse",
                            .title = "Fuse",
                            .options = fuse_options,
                            .size = sizeof(struct method_state),
                            .build = fuse_build,
                            .step = fuse_step,
                            .score = fuse_score,
                            .programs = fuse_list};

static void a_loss_that_is_not_finite_is_named(void **state)
{
    (void)state;
    bars b = bars_open(false);
    train_spec plan = bars_plan(&b, "pca");
    plan.method = &fuse;
    fuse_lit = true;
    error e;
    train_result r;
    watching w = {0};
    assert_false(run(&b, &plan, &w, &r, &e));
    fuse_lit = false;
    assert_int_equal(e.code, ERROR_DIVERGED);
    assert_string_equal(e.message, "loss.fuse is inf in epoch 2, step 13");
    assert_int_equal(access(b.model.text, F_OK), -1);
    bars_close(&b);
}

static void a_variant_that_is_not_finite_has_no_figure(void **state)
{
    (void)state;
    bars b = bars_open(false);
    train_spec plan = bars_plan(&b, "pca");
    plan.method = &fuse;
    fuse_shorted = true;
    train_result r = bars_train(&b, &plan, 1);
    fuse_shorted = false;
    assert_true(isfinite(r.auroc.value));
    const train_score *s = score_named(&r, "shorted");
    assert_true(isnan(s->auroc.value) && isnan(s->auroc.low) && isnan(s->average_precision));
    bars_close(&b);
}

static int ascending(const void *a, const void *b)
{
    float x = *(const float *)a, y = *(const float *)b;
    return (x > y) - (x < y);
}

static void each_epoch_shows_each_image_once_in_an_order_of_its_own(void **state)
{
    (void)state;
    bars b = bars_open(false);
    train_spec plan = bars_plan(&b, "pca");
    plan.method = &fuse;
    memset(seen, 0, sizeof seen);
    train_result r = bars_train(&b, &plan, 1);
    assert_int_equal(r.train_count, 140); /* eight batches of 16, and 12 images that an epoch leaves out */
    float sorted[3][128];
    int at_home = 0, common = 0;
    for (int epoch = 0; epoch < 3; epoch++) {
        memcpy(sorted[epoch], seen[epoch], sizeof sorted[epoch]);
        qsort(sorted[epoch], 128, sizeof(float), ascending);
        for (int i = 1; i < 128; i++)
            assert_true(sorted[epoch][i] > sorted[epoch][i - 1]);
    }
    for (int i = 0; i < 128; i++) {
        at_home += seen[0][i / 16][i % 16] == seen[1][i / 16][i % 16];
        common += bsearch(&sorted[0][i], sorted[1], 128, sizeof(float), ascending) != NULL;
    }
    assert_true(at_home < 10 && common >= 128 - 12);
    bars_close(&b);
}

static void the_last_epoch_is_scored_by_its_averaged_weights(void **state)
{
    (void)state;
    bars b = bars_open(false);
    struct train_option options[7];
    memcpy(options, bars_options, sizeof bars_options);
    options[5] = (struct train_option){"selection", "last"};
    options[6] = (struct train_option){"average_decay", "0.9"};
    train_spec plan = bars_plan(&b, "ganomaly");
    plan.options = options;
    plan.option_count = 7;
    plan.trace = true;
    watching w = {0};
    train_result averaged, last;
    error e;
    assert_true(run(&b, &plan, &w, &averaged, &e));
    assert_int_equal(averaged.chosen_epoch, 3);
    assert_int_equal(averaged.validation_count, 0);
    assert_true(averaged.auroc.value == w.test[3]);
    options[6].value = "0";
    last = bars_train(&b, &plan, 2);
    assert_string_not_equal(averaged.weights_digest, last.weights_digest);
    bars_close(&b);
}

static void a_plan_is_checked_before_it_is_run(void **state)
{
    (void)state;
    bars b = bars_open(false);
    const dataset_info *info = dataset_facts(b.data);
    error e;
    train_spec plan = bars_plan(&b, "ganomaly"), bad = plan;
    assert_true(train_check(&plan, info, &e));
    bad.held_out = 0;
    assert_false(train_check(&bad, info, &e));
    assert_non_null(strstr(e.message, "held_out: 0 leaves no images"));
    bad.held_out = NAN;
    assert_false(train_check(&bad, info, &e));
    bad = plan;
    bad.protocol.class_index = 2;
    assert_false(train_check(&bad, info, &e));
    assert_string_equal(e.message, "class: number 2 is not among the data set's 2");
    bad = plan;
    bad.protocol.test_images = BARS_TEST + 1;
    assert_false(train_check(&bad, info, &e));
    assert_string_equal(e.message, "test_images: 121 are more than the data set's 120 test images");
    bad = plan;
    bad.options = (const struct train_option[]){{"batch", "200"}};
    bad.option_count = 1;
    assert_false(train_check(&bad, info, &e));
    assert_string_equal(e.message, "139 normal images are left for training; ganomaly needs at least 200");
    bad.options = (const struct train_option[]){{"width", "many"}};
    assert_false(train_check(&bad, info, &e));
    assert_string_equal(e.message, "width: \"many\" is not a number");
    bars_close(&b);
}

static void a_plan_says_what_it_will_take(void **state)
{
    (void)state;
    bars b = bars_open(false);
    char *text;
    size_t size;
    error e;
    FILE *out = open_memstream(&text, &size);
    team *t = team_new(1, &e);
    train_spec plan = bars_plan(&b, "ganomaly");
    assert_true(train_print_footprint(&plan, dataset_facts(b.data), t, out, &e));
    fclose(out);
    static const char *const words[] = {
        "net encoder",        "net discriminator", "weights",  "gradients",  "moments",         "arrays",
        "training program 1", "scoring 64 images", "averages", "best epoch", "prepared images", "in all"};
    for (size_t i = 0; i < sizeof words / sizeof *words; i++)
        if (!strstr(text, words[i]))
            fail_msg("\"%s\" is not in:\n%s", words[i], text);
    free(text);
    team_free(t);
    bars_close(&b);
}

int main(int argc, char **argv)
{
    (void)argc;
    error e;
    if (!blas_start(argv, &e))
        return 1;
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(an_interrupted_run_ends_with_the_same_bits),
        cmocka_unit_test(a_run_cancelled_in_its_test_keeps_its_training),
        cmocka_unit_test(checkpoints_and_threads_change_nothing),
        cmocka_unit_test(the_chosen_epoch_is_the_first_of_the_best),
        cmocka_unit_test(labels_of_the_test_choose_nothing),
        cmocka_unit_test(a_cut_test_is_the_same_for_every_method),
        cmocka_unit_test(every_variant_of_the_score_is_measured_in_one_test),
        cmocka_unit_test(a_variant_that_is_not_finite_has_no_figure),
        cmocka_unit_test(baselines_know_standing_bars_from_lying_ones),
        cmocka_unit_test(without_labels_there_is_a_model_and_no_figure),
        cmocka_unit_test(a_checkpoint_of_another_run_is_refused),
        cmocka_unit_test(a_damaged_checkpoint_is_refused),
        cmocka_unit_test(a_model_that_cannot_be_written_is_an_error),
        cmocka_unit_test(a_loss_that_is_not_finite_is_named),
        cmocka_unit_test(each_epoch_shows_each_image_once_in_an_order_of_its_own),
        cmocka_unit_test(the_last_epoch_is_scored_by_its_averaged_weights),
        cmocka_unit_test(a_plan_is_checked_before_it_is_run),
        cmocka_unit_test(a_plan_says_what_it_will_take),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
