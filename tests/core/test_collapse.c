/* SPDX-License-Identifier: MIT */
/* test_collapse.c — a run that goes on without learning is ended, at the same step however it is interrupted, and
 * leaves the last checkpoint from before. */
#include "bars.h"
#include "base/blas.h"
#include "thorough.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

/* ---- a method whose losses and spread are what a script says, step by step; it learns nothing */

typedef struct rig {
    struct method_state state;
} rig;

typedef struct script {
    float real, fake, spread; /* within [from, to); else 0.5, 0.5 and not small */
    uint64_t from, to;
    uint64_t pretraining;
    bool bare; /* no spread among its outputs */
} script;
static script plays;
static program *rig_programs[2];
static array *rig_values;

static bool rig_build(void *self, model *own, shape input, error *e)
{
    (void)self;
    static const char *const names[] = {"loss.discriminator_real", "loss.discriminator_fake", "spread.generated"};
    graph *g = model_graph(own, TRAIN);
    rig_values = model_array(own, "values", (shape){1, 1, 1, 3});
    assert_true(g && rig_values && model_array(own, "x", input));
    for (int i = 0; i < (plays.bare ? 2 : 3); i++)
        t_output(t_slice(t_leaf(g, rig_values), i, 1), names[i]);
    rig_programs[0] = program_compile(g, e);
    return rig_programs[0] != NULL;
}

static void rig_step(void *self, uint64_t step)
{
    (void)self;
    bool inside = step + 1 >= plays.from && step + 1 < plays.to;
    float *v = array_values(rig_values);
    v[0] = inside ? plays.real : 0.5f;
    v[1] = inside ? plays.fake : 0.5f;
    v[2] = inside ? plays.spread : 1;
    program_run(rig_programs[0], step);
}

static tensor *rig_score(void *self, model *own, graph *g, tensor *x)
{
    (void)self;
    (void)own;
    (void)g;
    return t_row_mean(x);
}

static program *const *rig_list(const void *self)
{
    (void)self;
    return rig_programs;
}

static uint64_t rig_pretraining(const void *self)
{
    (void)self;
    return plays.pretraining;
}

static const option rig_options[] = {TRAINING_OPTIONS(rig, 3, 16, 0), {0}};
static const method rigged = {.id = "rigged",
                              .title = "Rigged",
                              .options = rig_options,
                              .size = sizeof(rig),
                              .build = rig_build,
                              .step = rig_step,
                              .score = rig_score,
                              .programs = rig_list,
                              .pretraining = rig_pretraining};

/* ---- running */

typedef struct watching {
    uint64_t cancel_at, polled;
} watching;

static bool is_cancelled(void *context)
{
    watching *w = context;
    return ++w->polled > w->cancel_at;
}

/* Runs to the end, or for some steps. */
static bool run(const bars *b, const train_spec *plan, uint64_t steps, train_result *out, error *e)
{
    *e = (error){0};
    watching w = {.cancel_at = steps};
    team *t = team_new(2, e);
    assert_non_null(t);
    train_watch watch = {.context = &w, .cancelled = steps ? is_cancelled : NULL};
    bool ok = train_run(plan, b->data, t, &watch, out, e);
    team_free(t);
    return ok;
}

static train_spec rigged_plan(const bars *b, const struct train_option *options, size_t count)
{
    train_spec plan = bars_plan(b, "pca");
    plan.method = &rigged;
    plan.options = options;
    plan.option_count = count;
    return plan;
}

static void expect_failure(const bars *b, const train_spec *plan, const char *const *words)
{
    train_result r;
    error e;
    assert_false(run(b, plan, 0, &r, &e));
    assert_int_equal(e.code, ERROR_DIVERGED);
    for (int i = 0; words[i]; i++)
        if (!strstr(e.message, words[i]))
            fail_msg("\"%s\" does not say \"%s\"", e.message, words[i]);
}
#define WORDS(...) ((const char *const[]){__VA_ARGS__, NULL})

static void expect_success(const bars *b, const train_spec *plan)
{
    train_result r;
    error e;
    if (!run(b, plan, 0, &r, &e))
        fail_msg("%s", e.message);
}

static const struct train_option ten_steps[] = {{"collapse_steps", "10"}};

static void each_rule_names_what_happened_and_since_when(void **state)
{
    (void)state;
    bars b = bars_open(false);
    train_spec plan = rigged_plan(&b, ten_steps, 1);
    plays = (script){.real = 4e-6f, .fake = 5e-6f, .spread = 1, .from = 9, .to = 100};
    expect_failure(&b, &plan,
                   WORDS("collapsed in epoch 3, step 18: loss.discriminator is 9e-06 and has been below 1e-05",
                         "(collapse_won) in each of 10 steps since step 9", "has won", "learning rate",
                         "collapse_won 0"));
    plays = (script){.real = 0.5f, .fake = 4.6f, .spread = 1, .from = 12, .to = 100};
    expect_failure(&b, &plan,
                   WORDS("step 21: loss.discriminator is 5.1 and has been above 5 (collapse_lost)",
                         "10 steps since step 12", "has lost"));
    plays = (script){.real = 0.5f, .fake = 0.5f, .spread = 0.01f, .from = 1, .to = 100};
    expect_failure(&b, &plan,
                   WORDS("collapsed in epoch 2, step 10: spread.generated, as a share of the training images'",
                         "below 0.02 (collapse_spread)", "since step 1", "all the same"));
    bars_close(&b);
}

static void what_ends_by_itself_is_no_collapse(void **state)
{
    (void)state;
    bars b = bars_open(false);
    train_spec plan = rigged_plan(&b, ten_steps, 1);
    plays = (script){.real = 0, .fake = 0, .spread = 0, .from = 3, .to = 12}; /* nine steps */
    expect_success(&b, &plan);
    plays.to = 13;
    expect_failure(&b, &plan, WORDS("step 12"));
    bars_close(&b);
}

/* One half alone says nothing: where the fakes stand on the fence, the other may well be sure. */
static void the_halves_of_a_loss_are_added(void **state)
{
    (void)state;
    bars b = bars_open(false);
    train_spec plan = rigged_plan(&b, ten_steps, 1);
    plays = (script){.real = 6e-6f, .fake = 6e-6f, .spread = 1, .from = 1, .to = 100};
    expect_success(&b, &plan);
    plays = (script){.real = 3, .fake = 1.9f, .spread = 1, .from = 1, .to = 100};
    expect_success(&b, &plan);
    bars_close(&b);
}

static void pretraining_does_not_count(void **state)
{
    (void)state;
    bars b = bars_open(false);
    train_spec plan = rigged_plan(&b, ten_steps, 1);
    plays = (script){.real = 0, .fake = 0, .spread = 0, .from = 1, .to = 15, .pretraining = 10};
    expect_success(&b, &plan);
    plays.to = 100;
    expect_failure(&b, &plan, WORDS("step 20", "since step 11"));
    bars_close(&b);
}

static void a_limit_of_0_is_none(void **state)
{
    (void)state;
    bars b = bars_open(false);
    struct train_option options[] = {{"collapse_steps", "10"}, {"collapse_won", "0"}, {"collapse_spread", "0"}};
    train_spec plan = rigged_plan(&b, options, 3);
    plays = (script){.real = 0, .fake = 0, .spread = 0, .from = 1, .to = 100};
    expect_success(&b, &plan);
    options[1] = (struct train_option){"collapse_lost", "0"};
    plays = (script){.real = 9, .fake = 9, .spread = 1, .from = 1, .to = 100};
    expect_success(&b, &plan);
    options[0].value = "0";
    plan.option_count = 1;
    plays.spread = 0;
    expect_success(&b, &plan);
    bars_close(&b);
}

/* ---- with networks: GANomaly, whose discriminator is left to win */

static const char won_limit[] = "0.55";
static const struct train_option winning[] = {
    {"width", "4"},    {"latent", "6"},   {"batch", "16"},         {"epochs", "4"},
    {"rate", "0.002"}, {"collapse", "0"}, {"collapse_steps", "8"}, {"collapse_won", won_limit},
};
enum { WINNING = sizeof winning / sizeof *winning };

static train_spec winning_plan(const bars *b)
{
    train_spec plan = bars_plan(b, "ganomaly");
    plan.options = winning;
    plan.option_count = WINNING;
    plan.checkpoint_path = b->checkpoint.text;
    plan.checkpoint_s = 0; /* after each step but the first of those within an interval of the clock */
    return plan;
}

static uint64_t since(const error *e)
{
    const char *at = strstr(e->message, "since step ");
    assert_non_null(at);
    return strtoull(at + strlen("since step "), NULL, 10);
}

static bool there(const char *path)
{
    return access(path, F_OK) == 0;
}

static void the_checkpoint_from_before_it_stays(void **state)
{
    (void)state;
    bars b = bars_open(false);
    train_spec plan = winning_plan(&b);
    scratch_path aside = scratch_at(&b.folder, "checkpoint.good");
    train_result r, whole, resumed;
    error e, again;
    assert_false(run(&b, &plan, 0, &r, &e));
    assert_int_equal(e.code, ERROR_DIVERGED);
    if (since(&e) < 3)
        fail_msg("there is nothing before it: %s", e.message);
    assert_int_equal(r.checkpoint_step, since(&e) - 1);
    assert_true(there(b.checkpoint.text) && !there(aside.text) && !there(b.model.text));

    /* As it was, it comes to the same end; with another limit, to that of a run that never looked. */
    assert_false(run(&b, &plan, 0, &r, &again));
    assert_string_equal(again.message, e.message);
    assert_int_equal(r.checkpoint_step, since(&e) - 1);
    struct train_option options[WINNING];
    memcpy(options, winning, sizeof options);
    options[WINNING - 1].value = "0";
    plan.options = options;
    if (!run(&b, &plan, 0, &resumed, &again))
        fail_msg("%s", again.message);
    assert_false(there(b.checkpoint.text) || there(aside.text));
    plan.checkpoint_path = NULL;
    assert_true(run(&b, &plan, 0, &whole, &again));
    assert_string_equal(resumed.model_digest, whole.model_digest);
    bars_close(&b);
}

/* Interrupted at any step, and resumed: the same words, and the same checkpoint. */
static void an_interrupted_run_collapses_at_the_same_step(void **state)
{
    (void)state;
    bars b = bars_open(false);
    train_spec plan = winning_plan(&b);
    train_result r;
    error once, e;
    assert_false(run(&b, &plan, 0, &r, &once));
    for (uint64_t steps = since(&once) - 2; steps < since(&once) + 8; steps += 3) {
        unlink(b.checkpoint.text);
        assert_false(run(&b, &plan, steps, &r, &e));
        if (e.code == ERROR_DIVERGED)
            break;
        assert_int_equal(e.code, ERROR_CANCELLED);
        assert_false(run(&b, &plan, 0, &r, &e));
        assert_string_equal(e.message, once.message);
        assert_int_equal(r.checkpoint_step, since(&once) - 1);
        assert_true(there(b.checkpoint.text));
    }
    bars_close(&b);
}

/* As when a later program, which watches a spread too, goes on with a run that an earlier one began. */
static void a_checkpoint_that_counted_less_is_resumed(void **state)
{
    (void)state;
    bars b = bars_open(false);
    train_spec plan = winning_plan(&b);
    train_result r;
    error once, e;
    assert_false(run(&b, &plan, 0, &r, &once));
    unlink(b.checkpoint.text);
    plays.bare = true;
    assert_false(run(&b, &plan, since(&once) - 2, &r, &e));
    assert_int_equal(e.code, ERROR_CANCELLED);
    plays.bare = false;
    assert_false(run(&b, &plan, 0, &r, &e));
    assert_string_equal(e.message, once.message);
    bars_close(&b);
}

/* A process that dies between setting the good checkpoint aside and writing the next. */
static void the_checkpoint_set_aside_is_found(void **state)
{
    (void)state;
    bars b = bars_open(false);
    train_spec plan = winning_plan(&b);
    scratch_path aside = scratch_at(&b.folder, "checkpoint.good");
    train_result r;
    error once, e;
    assert_false(run(&b, &plan, 0, &r, &once));
    unlink(b.checkpoint.text);
    assert_false(run(&b, &plan, since(&once) + 2, &r, &e));
    assert_int_equal(e.code, ERROR_CANCELLED);
    assert_true(there(b.checkpoint.text) && there(aside.text));
    unlink(b.checkpoint.text);
    assert_false(run(&b, &plan, 0, &r, &e));
    assert_string_equal(e.message, once.message);
    assert_int_equal(r.checkpoint_step, since(&once) - 1);
    assert_true(there(b.checkpoint.text) && !there(aside.text));
    bars_close(&b);
}

static void what_was_never_good_leaves_no_checkpoint(void **state)
{
    (void)state;
    bars b = bars_open(false);
    struct train_option options[WINNING];
    memcpy(options, winning, sizeof options);
    options[WINNING - 1].value = "100";
    train_spec plan = winning_plan(&b);
    plan.options = options;
    train_result r;
    error e;
    assert_false(run(&b, &plan, 0, &r, &e));
    assert_int_equal(since(&e), 1);
    assert_int_equal(r.checkpoint_step, 0);
    assert_false(there(b.checkpoint.text) || there(scratch_at(&b.folder, "checkpoint.good").text));
    bars_close(&b);
}

/* ---- GANomaly's discriminator, which starts afresh instead */

typedef struct counting {
    int polls;          /* until it is cancelled; -1: it is not */
    double restarts[4]; /* after each epoch */
} counting;

static bool is_over(void *context)
{
    return ((counting *)context)->polls-- == 0;
}

static void note_restarts(void *context, const train_event *ev)
{
    counting *c = context;
    for (int i = 0; i < ev->value_count && ev->kind == TRAIN_EPOCH; i++)
        if (strcmp(ev->values[i].name, "restarts.discriminator") == 0)
            c->restarts[ev->epoch] = ev->values[i].value;
}

/* A loss below 1, where one that learns nothing has log 2, starts it afresh in every step. */
static void restarts_are_counted_through_interruptions(void **state)
{
    (void)state;
    enum { EPOCH = 8 };
    bars b = bars_open(false);
    struct train_option options[] = {
        {"width", "4"}, {"latent", "6"}, {"batch", "16"}, {"epochs", "3"}, {"collapse", "1"}};
    train_spec plan = bars_plan(&b, "ganomaly");
    plan.options = options;
    plan.option_count = sizeof options / sizeof *options;
    plan.checkpoint_path = b.checkpoint.text;
    counting c = {.polls = EPOCH + 3};
    train_watch watch = {.context = &c, .event = note_restarts, .cancelled = is_over};
    train_result r;
    error e;
    team *t = team_new(2, &e);
    assert_false(train_run(&plan, b.data, t, &watch, &r, &e));
    assert_int_equal(e.code, ERROR_CANCELLED);
    c.polls = -1;
    if (!train_run(&plan, b.data, t, &watch, &r, &e))
        fail_msg("%s", e.message);
    for (int epoch = 1; epoch <= 3; epoch++)
        assert_true(c.restarts[epoch] == epoch * EPOCH);
    team_free(t);
    bars_close(&b);
}

/* ---- what it is for */

/* Steps of Adam of size 1: the generator's images are black and white in the same places whatever its code, and the
 * discriminator cannot miss them. */
static void a_rate_that_is_absurd_is_noticed(void **state)
{
    (void)state;
    bars b = bars_open(false);
    struct train_option options[] = {{"width", "4"},          {"latent", "6"},         {"batch", "16"},
                                     {"epochs", "10"},        {"rate", "1"},           {"discriminator_norm", "batch"},
                                     {"collapse_steps", "5"}, {"collapse_spread", "0"}};
    size_t count = sizeof options / sizeof *options;
    train_spec plan = bars_plan(&b, "anogan");
    plan.options = options;
    plan.option_count = count;
    expect_failure(&b, &plan, WORDS("loss.discriminator", "collapse_won"));
    plan.option_count = count - 1;
    expect_failure(&b, &plan, WORDS("spread.generated", "collapse_spread"));
    bars_close(&b);
}

/* At the preset limits, and a twentieth of the preset steps. */
static void methods_that_learn_are_left_alone(void **state)
{
    (void)state;
    bars b = bars_open(false);
    static const struct train_option wanted[] = {
        {"width", "8"},      {"latent", "8"},          {"batch", "16"},  {"epochs", TURNS("8", "3")},
        {"iterations", "2"}, {"collapse_steps", "50"}, {"pretrain", "2"}};
    for (const method *const *m = method_all(); *m; m++) {
        struct train_option options[sizeof wanted / sizeof *wanted];
        train_spec plan = bars_plan(&b, (*m)->id);
        plan.options = options;
        plan.option_count = 0;
        for (size_t i = 0; i < sizeof wanted / sizeof *wanted; i++)
            if (!(*m)->closed_form && options_find((*m)->options, wanted[i].name))
                options[plan.option_count++] = wanted[i];
        expect_success(&b, &plan);
    }
    bars_close(&b);
}

int main(int argc, char **argv)
{
    (void)argc;
    error e;
    if (!blas_start(argv, &e))
        return 1;
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(each_rule_names_what_happened_and_since_when),
        cmocka_unit_test(what_ends_by_itself_is_no_collapse),
        cmocka_unit_test(the_halves_of_a_loss_are_added),
        cmocka_unit_test(pretraining_does_not_count),
        cmocka_unit_test(a_limit_of_0_is_none),
        cmocka_unit_test(the_checkpoint_from_before_it_stays),
        cmocka_unit_test(an_interrupted_run_collapses_at_the_same_step),
        cmocka_unit_test(a_checkpoint_that_counted_less_is_resumed),
        cmocka_unit_test(the_checkpoint_set_aside_is_found),
        cmocka_unit_test(what_was_never_good_leaves_no_checkpoint),
        cmocka_unit_test(restarts_are_counted_through_interruptions),
        cmocka_unit_test(a_rate_that_is_absurd_is_noticed),
        cmocka_unit_test(methods_that_learn_are_left_alone),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
