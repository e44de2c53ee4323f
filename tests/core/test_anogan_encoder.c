/* SPDX-License-Identifier: MIT */
/* test_anogan_encoder.c — AnoGAN's encoder: how it learns beside a finished GAN, and what its guesses are good for. */
#include "bars.h"
#include "base/blas.h"
#include "search_trial.h"
#include "train/scorer.h"

static const char *const warm[] = {"width", "4", "latent", "6", "encoder", "warm", NULL};

static net *net_of(const trial *t, const char *name)
{
    return model_net(t->m, name);
}

/* The first `count` of the trial's steps are the GAN's. */
static void split(trial *t, uint64_t count)
{
    struct method_state *state = t->self;
    state->epochs = 3;
    state->steps_an_epoch = count / 2;
}

static void steps(trial *t, uint64_t from, uint64_t to)
{
    for (uint64_t step = from; step < to; step++)
        t->how->step(t->self, step);
}

static void the_encoder_is_alads(void **state)
{
    (void)state;
    static const struct {
        shape input;
        size_t encoder;
    } expected[] = {{{2, 28, 28, 1}, 1347656}, {{2, 32, 32, 3}, 3449572}};
    for (int i = 0; i < 2; i++) {
        trial t;
        trial_open(&t, "anogan", 1, expected[i].input, (const char *const[]){"encoder", "score", NULL});
        assert_int_equal(net_parameters(net_of(&t, "encoder")), expected[i].encoder);
        trial_close(&t);
    }
}

static void its_loss_has_the_gradient_it_claims(void **state)
{
    (void)state;
    static const shape inputs[] = {{6, 28, 28, 1}, {6, 16, 16, 3}};
    static const char *const options[] = {"width", "4", "latent", "6", "encoder", "warm", "kappa", "0.3", NULL};
    for (int k = 0; k < 2; k++) {
        trial t;
        trial_open(&t, "anogan", 2, inputs[k], options);
        trial_freeze(&t);
        enlarge(t.m);
        net *n = net_of(&t, "encoder");
        for (int i = 0; i < n->count; i++) {
            param *w = n->params[i];
            if (!w->is_statistic)
                check_gradient(t.how->programs(t.self)[2], "loss.encoder", w->values, w->gradient, shape_size(w->s));
        }
        trial_close(&t);
    }
}

static void its_loss_is_the_weighted_sum_of_its_parts(void **state)
{
    (void)state;
    trial t;
    trial_open(&t, "anogan", 1, (shape){6, 16, 16, 1},
               (const char *const[]){"width", "4", "encoder", "score", "kappa", "0.25", NULL});
    enlarge(t.m);
    const program *p = t.how->programs(t.self)[2];
    program_run(t.how->programs(t.self)[2], 0);
    double residual = (double)*program_output(p, "loss.encoder_residual", NULL);
    double discrimination = (double)*program_output(p, "loss.encoder_discrimination", NULL);
    assert_true(residual > 0 && discrimination > 0);
    double sum = residual + 0.25 * discrimination;
    assert_true(fabs(sum - (double)*program_output(p, "loss.encoder", NULL)) < 1e-6 * sum);
    trial_close(&t);
}

static void the_gan_learns_first_and_then_the_encoder_alone(void **state)
{
    (void)state;
    static const char *const names[] = {"generator", "discriminator", "encoder"};
    trial t;
    trial_open(&t, "anogan", 2, (shape){8, 28, 28, 1}, warm);
    split(&t, 4);
    char at[3][3][65]; /* before, between, after */
    for (int k = 0; k < 3; k++) {
        if (k > 0)
            steps(&t, 4 * (uint64_t)(k - 1), 4 * (uint64_t)k);
        for (int i = 0; i < 3; i++)
            digest_net(net_of(&t, names[i]), at[k][i]);
    }
    for (int i = 0; i < 3; i++) {
        bool is_gan = i < 2;
        assert_int_equal(strcmp(at[0][i], at[1][i]) != 0, is_gan);
        assert_int_equal(strcmp(at[1][i], at[2][i]) != 0, !is_gan);
    }
    trial_close(&t);
}

/* Batch norm by the batch of six would make other images of the same codes. */
static void the_gan_takes_part_as_in_scoring(void **state)
{
    (void)state;
    trial t;
    trial_open(&t, "anogan", 1, (shape){6, 16, 16, 1}, warm);
    split(&t, 20);
    steps(&t, 0, 20);
    program *p = t.how->programs(t.self)[2];
    net *n = net_of(&t, "encoder");
    trial_freeze(&t);
    /* Blind to its image, so that the encoder's own batch norm plays no part: every code is its last bias. */
    param *bias = n->params[n->count - 1], *kernel = n->params[n->count - 2];
    assert_int_equal(shape_size(bias->s), 6);
    memset(kernel->values, 0, shape_size(kernel->s) * sizeof(float));
    random_normal(random_stream(3, "code"), 0, 0, 1, bias->values, 6);
    program_run(p, 0);
    search *s = search_of(&t, 6);
    float losses[6];
    search_first_step(s, t.x->values, 6, losses);
    const float *made = program_output(search_program(s), "reconstruction", NULL);
    double sum = 0;
    for (size_t i = 0; i < shape_size(t.x->s); i++)
        sum += pow((double)t.x->values[i] - (double)made[i], 2) / (double)shape_size(t.x->s);
    double residual = (double)*program_output(p, "loss.encoder_residual", NULL);
    if (!(fabs(residual - sum) < 1e-5 * sum))
        fail_msg("%.9g, but %.9g in scoring", residual, sum);
    search_free(s);
    trial_close(&t);
}

/* The encoder's guess, then draws: with one restart more than without it, the further ones are the same. */
static void a_search_starts_from_the_guess_and_then_from_draws(void **state)
{
    (void)state;
    enum { N = 7 };
    trial t;
    trial_open(&t, "anogan", 2, (shape){N, 16, 16, 1}, warm);
    split(&t, 20);
    steps(&t, 0, 40);
    enlarge(t.m);
    static const struct {
        const char *encoder, *restarts;
    } ways[] = {{"warm", "1"}, {"none", "2"}, {"warm", "3"}};
    float scores[3][N];
    assert_true(options_set(t.how->options, t.self, "iterations", "5", &t.e));
    for (int k = 0; k < 3; k++) {
        assert_true(options_set(t.how->options, t.self, "encoder", ways[k].encoder, &t.e));
        assert_true(options_set(t.how->options, t.self, "restarts", ways[k].restarts, &t.e));
        for (int slots = 1; slots < 9; slots += 7) {
            float found[N];
            search *s = search_of(&t, slots);
            find(s, t.x->values, N, found);
            if (slots == 1)
                memcpy(scores[k], found, sizeof found);
            assert_memory_equal(found, scores[k], sizeof found);
            search_free(s);
        }
    }
    for (int i = 0; i < N; i++) {
        assert_true(scores[0][i] != scores[1][i]);
        assert_true(scores[2][i] == fminf(scores[0][i], scores[1][i]));
    }
    trial_close(&t);
}

static void epochs_are_left_for_both(void **state)
{
    (void)state;
    trial t;
    trial_open(&t, "anogan", 1, (shape){2, 16, 16, 1}, warm);
    static const struct {
        const char *epochs, *of_encoder;
        bool good;
    } cases[] = {{"3", "-1", true}, {"2", "1", true},  {"1", "-1", false},
                 {"4", "0", false}, {"4", "4", false}, {"4", "3", true}};
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        shape found;
        assert_true(options_set(t.how->options, t.self, "epochs", cases[i].epochs, &t.e));
        assert_true(options_set(t.how->options, t.self, "encoder_epochs", cases[i].of_encoder, &t.e));
        assert_int_equal(t.how->input(t.self, (shape){1, 16, 16, 1}, &found, &t.e), cases[i].good);
        assert_true(cases[i].good || strstr(t.e.message, "encoder_epochs"));
    }
    trial_close(&t);
}

/* --- whole runs --- */

enum { EPOCHS = 5, LOSSES = 7 };

static void note_losses(void *context, const train_event *ev)
{
    static const char *const names[LOSSES] = {
        "loss.discriminator", "loss.discriminator_real", "loss.discriminator_fake",    "loss.generator",
        "loss.encoder",       "loss.encoder_residual",   "loss.encoder_discrimination"};
    double(*losses)[LOSSES] = context;
    for (int i = 0; ev->kind == TRAIN_EPOCH && i < ev->value_count; i++)
        for (int k = 0; k < LOSSES; k++)
            if (strcmp(ev->values[i].name, names[k]) == 0)
                losses[ev->epoch - 1][k] = ev->values[i].value;
}

static void an_epoch_tells_the_losses_of_what_learns_in_it(void **state)
{
    (void)state;
    static const struct train_option options[] = {
        {"width", "8"},   {"latent", "8"},         {"batch", "16"},     {"epochs", "5"},
        {"rate", "1e-3"}, {"encoder_epochs", "2"}, {"iterations", "5"}, {"encoder", "warm"},
    };
    bars b = bars_open(false);
    train_spec plan = bars_plan(&b, "anogan");
    plan.options = options;
    plan.option_count = sizeof options / sizeof *options;
    double losses[EPOCHS][LOSSES] = {0};
    train_result r;
    error e;
    team *t = team_new(2, &e);
    if (!train_run(&plan, b.data, t, &(train_watch){.context = losses, .event = note_losses}, &r, &e))
        fail_msg("%s", e.message);
    team_free(t);
    for (int epoch = 0; epoch < EPOCHS; epoch++)
        for (int i = 0; i < LOSSES; i++)
            assert_int_equal(losses[epoch][i] != 0, (epoch < 3) == (i < 4));
    bars_close(&b);
}

/* --- digits --- */

enum { DIGIT = 28 * 28, IMAGES = 1000, BATCH = 20 };

/* Digits of the sample, in [-1, 1]. */
static void read_digits(enum dataset_split from, size_t wanted, float *x)
{
    error e;
    dataset_info info;
    scratch folder = scratch_make();
    char source[512];
    snprintf(source, sizeof source, "%s/mnist-sample", getenv("ANOMALYD_TEST_DATA"));
    if (!dataset_import(source, scratch_at(&folder, "sample").text, &info, &e))
        fail_msg("%s", e.message);
    dataset *d = dataset_open(scratch_at(&folder, "sample").text, &e);
    assert_non_null(d);
    size_t count = 0;
    for (size_t i = 0; i < (size_t)info.image.n && count < wanted; i++)
        if (dataset_split_of(d, i) == from) {
            for (size_t j = 0; j < DIGIT; j++)
                x[count * DIGIT + j] = (float)dataset_image(d, i)[j] / 127.5f - 1;
            count++;
        }
    assert_int_equal(count, wanted);
    dataset_free(d);
    scratch_remove(&folder);
}

static double mean_loss(trial *t, const float *images, const char *encoder, const char *iterations)
{
    float losses[BATCH];
    double sum = 0;
    assert_true(options_set(t->how->options, t->self, "encoder", encoder, &t->e));
    assert_true(options_set(t->how->options, t->self, "iterations", iterations, &t->e));
    search *s = search_of(t, BATCH);
    find(s, images, BATCH, losses);
    for (int i = 0; i < BATCH; i++)
        sum += (double)losses[i] / BATCH;
    search_free(s);
    return sum;
}

/* How far they lead differs by the last bits of a CPU's kernels: 0.68 to 0.86 of the loss from the draws. */
static void a_few_steps_from_the_guess_lead_further_than_from_draws(void **state)
{
    (void)state;
    enum { STEPS = TURNS(400, 4) };
    static const char *const options[] = {"width", "12",          "latent", "16",      "rate", "1e-3", "encoder_rate",
                                          "1e-3",  "search_rate", "0.1",    "encoder", "warm", NULL};
    static float digits[IMAGES * DIGIT], others[BATCH * DIGIT];
    read_digits(SPLIT_TRAIN, IMAGES, digits);
    read_digits(SPLIT_TEST, BATCH, others);
    trial t;
    trial_open(&t, "anogan", 2, (shape){BATCH, 28, 28, 1}, options);
    split(&t, STEPS);
    for (uint64_t step = 0; step < 2 * STEPS; step++) {
        memcpy(t.x->values, digits + step * BATCH % IMAGES * DIGIT, sizeof others);
        steps(&t, step, step + 1);
    }
    double from_guess = mean_loss(&t, others, "warm", "10"), from_draws = mean_loss(&t, others, "none", "10");
    if (THOROUGH && !(from_guess < 0.95 * from_draws))
        fail_msg("%g from the guesses, %g from the draws", from_guess, from_draws);
    trial_close(&t);
}

int main(int argc, char **argv)
{
    (void)argc;
    error e;
    if (!blas_start(argv, &e))
        return 1;
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_encoder_is_alads),
        cmocka_unit_test(its_loss_has_the_gradient_it_claims),
        cmocka_unit_test(its_loss_is_the_weighted_sum_of_its_parts),
        cmocka_unit_test(the_gan_learns_first_and_then_the_encoder_alone),
        cmocka_unit_test(the_gan_takes_part_as_in_scoring),
        cmocka_unit_test(a_search_starts_from_the_guess_and_then_from_draws),
        cmocka_unit_test(epochs_are_left_for_both),
        cmocka_unit_test(an_epoch_tells_the_losses_of_what_learns_in_it),
        cmocka_unit_test(a_few_steps_from_the_guess_lead_further_than_from_draws),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
