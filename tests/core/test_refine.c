/* SPDX-License-Identifier: MIT */
/* test_refine.c — a refinement is the line that held-out images draw; a refined model gives the scores of its run. */
#include "bars.h"
#include "base/blas.h"
#include "eval/refine.h"

enum { IMAGES = 40 };

/* log s = 2 + 3c, and one part in ten up or down by turns: what is left has a deviation of log 1.1 nearly. */
static void draw(float *scores, float *complexity)
{
    for (int i = 0; i < IMAGES; i++) {
        complexity[i] = (float)(i / 2) * 0.1F;
        scores[i] = expf(2 + 3 * complexity[i]) * (i % 2 ? 1.1F : 1 / 1.1F);
    }
}

static void what_complexity_explains_is_taken_out(void **state)
{
    (void)state;
    float scores[IMAGES], complexity[IMAGES];
    const float *components[] = {scores};
    refinement r;
    error e;
    draw(scores, complexity);
    assert_true(refine_fit(components, 1, complexity, IMAGES, &r, &e));
    assert_true(r.components[0].logarithm);
    assert_float_equal(r.components[0].slope, 3, 1e-5);
    assert_float_equal(r.components[0].level, 2, 1e-5);
    const float deviation = logf(1.1F) * sqrtf(IMAGES / (IMAGES - 1.0F));
    assert_float_equal(r.components[0].deviation, deviation, 1e-6);
    /* A complex image and a simple one, each with e times the error that its complexity lets expect. */
    assert_float_equal(refine_apply(&r, &(float){expf(2 + 3 * 7 + 1)}, 7), 1 / deviation, 1e-3);
    assert_float_equal(refine_apply(&r, &(float){expf(2 - 3 * 2 + 1)}, -2), 1 / deviation, 1e-3);
    /* An error of nothing is less than any other, and still a number. */
    float least = refine_apply(&r, &(float){0}, 0);
    assert_true(isfinite(least) && least < refine_apply(&r, &(float){1e-30F}, 0));
}

static void a_score_that_is_no_number_stays_none(void **state)
{
    (void)state;
    float scores[IMAGES], complexity[IMAGES];
    const float *components[] = {scores, scores};
    refinement r;
    error e;
    draw(scores, complexity);
    assert_true(refine_fit(components, 2, complexity, IMAGES, &r, &e));
    assert_true(r.components[0].logarithm && r.components[1].logarithm);
    assert_true(isnan(refine_apply(&r, (const float[]){NAN, 1}, 0)));
    assert_true(isnan(refine_apply(&r, (const float[]){1, NAN}, 0)));
}

static void scores_of_any_scale_weigh_the_same(void **state)
{
    (void)state;
    float small[IMAGES], large[IMAGES];
    const float *components[] = {small, large};
    refinement r;
    error e;
    for (int i = 0; i < IMAGES; i++) {
        small[i] = i % 2 ? -0.001F : 0.001F; /* not all above 0: no logarithm */
        large[i] = i % 4 < 2 ? 900 : -1100;
    }
    assert_true(refine_fit(components, 2, NULL, IMAGES, &r, &e));
    assert_false(r.components[0].logarithm || r.components[1].logarithm);
    assert_true(r.components[0].slope == 0);
    assert_float_equal(r.components[1].level, -100, 1e-3);
    const float unit =
        sqrtf((IMAGES - 1.0F) / IMAGES); /* one deviation of the population, in deviations of the sample */
    assert_float_equal(refine_apply(&r, (const float[]){0.001F, 900}, 5), unit, 1e-5);
    assert_float_equal(refine_apply(&r, (const float[]){0.003F, -1100}, 5), unit, 1e-5);
}

static void what_cannot_be_fitted_is_refused(void **state)
{
    (void)state;
    float scores[IMAGES], complexity[IMAGES];
    const float *components[] = {scores, scores};
    refinement r;
    error e;
    draw(scores, complexity);
    assert_false(refine_fit(components, 1, complexity, REFINE_IMAGES_MIN - 1, &r, &e));
    assert_non_null(strstr(e.message, "29 held-out images are too few"));
    for (int i = 0; i < IMAGES; i++)
        complexity[i] = 1;
    assert_true(refine_fit(components, 1, complexity, IMAGES, &r, &e));
    assert_true(r.components[0].slope == 0); /* all images alike: nothing to explain */
    scores[3] = NAN;
    assert_false(refine_fit(components, 2, complexity, IMAGES, &r, &e));
    assert_int_equal(e.code, ERROR_DIVERGED);
    for (int i = 0; i < IMAGES; i++)
        scores[i] = 0.7F;
    assert_false(refine_fit(components, 1, complexity, IMAGES, &r, &e));
    assert_int_equal(e.code, ERROR_INVALID);
}

static void a_refinement_is_read_back(void **state)
{
    (void)state;
    float scores[IMAGES], complexity[IMAGES], packed[2 * REFINE_VALUES];
    const float *components[] = {scores, complexity};
    refinement r, again;
    error e;
    draw(scores, complexity);
    assert_true(refine_fit(components, 2, NULL, IMAGES, &r, &e));
    refine_pack(&r, packed);
    assert_true(refine_unpack(packed, 2 * REFINE_VALUES, &again, &e));
    assert_true(refine_apply(&r, (const float[]){7, 0.3F}, 1) == refine_apply(&again, (const float[]){7, 0.3F}, 1));
    static const struct {
        int at;
        float value;
    } damages[] = {{0, 0.5F}, {1, INFINITY}, {2, NAN}, {3, 0}, {7, -1}};
    for (size_t i = 0; i < sizeof damages / sizeof *damages; i++) {
        float kept = packed[damages[i].at];
        packed[damages[i].at] = damages[i].value;
        assert_false(refine_unpack(packed, 2 * REFINE_VALUES, &again, &e));
        assert_int_equal(e.code, ERROR_CORRUPT);
        packed[damages[i].at] = kept;
    }
    assert_false(refine_unpack(packed, 2 * REFINE_VALUES - 1, &again, &e));
    assert_false(refine_unpack(packed, 0, &again, &e));
}

static const train_score *named(const train_result *r, const char *name)
{
    for (size_t i = 0; i < r->score_count; i++)
        if (!strcmp(r->scores[i].name, name))
            return &r->scores[i];
    fail_msg("no score \"%s\"", name);
    return NULL;
}

/* A run that is refined has as its own what the plain run of the same seed has beside it, and the other way round. */
static void a_refined_model_scores_as_its_run_did(void **state)
{
    (void)state;
    static const struct {
        const char *method, *refine;
    } cases[] = {
        {"pca", "complexity"}, {"kde", "complexity"}, {"ganomaly", "fusion"}, {"ganomaly", "fusion-complexity"}};
    bars b = bars_open(false);
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        train_spec plan = bars_plan(&b, cases[i].method);
        struct train_option options[6];
        plan.held_out = plan.option_count ? 0.4 : 0.2;
        train_result plain = bars_train(&b, &plan, 2);
        memcpy(options, bars_options, sizeof bars_options);
        options[plan.option_count++] = (struct train_option){"refine", cases[i].refine};
        if (plan.option_count == 1)
            options[0] = options[plan.option_count - 1];
        plan.options = options;
        train_result refined = bars_train(&b, &plan, 1);
        assert_memory_equal(&refined.auroc, &named(&plain, cases[i].refine)->auroc, sizeof refined.auroc);
        assert_memory_equal(&plain.auroc, &named(&refined, "plain")->auroc, sizeof plain.auroc);
        assert_string_equal(plain.weights_digest, refined.weights_digest);
        bars_assert_scored_again(&b, &refined);
    }
    bars_close(&b);
}

static void refining_needs_images_held_out(void **state)
{
    (void)state;
    bars b = bars_open(false);
    train_spec plan = bars_plan(&b, "pca");
    plan.options = &(struct train_option){"refine", "complexity"};
    plan.option_count = 1;
    plan.held_out = 0;
    error e;
    train_result r;
    assert_false(train_check(&plan, dataset_facts(b.data), &e));
    assert_non_null(strstr(e.message, "held_out: 0 leaves no images"));
    plan.held_out = 0.1;
    team *t = team_new(1, &e);
    assert_false(train_run(&plan, b.data, t, NULL, &r, &e));
    assert_non_null(strstr(e.message, "too few to refine"));
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
        cmocka_unit_test(what_complexity_explains_is_taken_out),
        cmocka_unit_test(a_score_that_is_no_number_stays_none),
        cmocka_unit_test(scores_of_any_scale_weigh_the_same),
        cmocka_unit_test(what_cannot_be_fitted_is_refused),
        cmocka_unit_test(a_refinement_is_read_back),
        cmocka_unit_test(a_refined_model_scores_as_its_run_did),
        cmocka_unit_test(refining_needs_images_held_out),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
