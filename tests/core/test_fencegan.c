/* SPDX-License-Identifier: MIT */
/* test_fencegan.c — Fence GAN's networks, its losses against their formulas, and who is moved when. */
#include "base/blas.h"
#include "methods/fencegan.h"
#include "trial.h"

static const char *const presets[] = {NULL};
static const char *const small[] = {"width", "4", "latent", "6", NULL};
static const shape grey = {6, 16, 16, 1}, colour = {6, 16, 16, 3};

/* In the order of the method's programs. */
enum { REAL, FAKE, GENERATOR, DRAW };

static program *program_of(const trial *t, int index)
{
    return t->how->programs(t->self)[index];
}

static void networks_have_the_published_number_of_parameters(void **state)
{
    (void)state;
    static const struct {
        shape input;
        size_t generator, discriminator;
    } expected[] = {{{2, 28, 28, 1}, 6781505, 3280001}, {{2, 32, 32, 3}, 1341955, 1079553}};
    for (int i = 0; i < 2; i++) {
        trial t;
        trial_open(&t, "fencegan", 1, expected[i].input, presets);
        assert_int_equal(net_parameters(model_net(t.m, "generator")), expected[i].generator);
        assert_int_equal(net_parameters(model_net(t.m, "discriminator")), expected[i].discriminator);
        trial_close(&t);
    }
}

static void images_are_enlarged_to_a_side_that_halves(void **state)
{
    (void)state;
    static const int grey_sides[][2] = {{9, 16}, {16, 16}, {28, 28}, {30, 32}, {32, 32}, {61, 64}, {128, 128}};
    static const int colour_sides[][2] = {{9, 16}, {28, 32}, {32, 32}, {40, 48}, {64, 64}, {128, 128}};
    const method *how = method_find("fencegan");
    void *self = calloc(1, how->size);
    error e;
    shape in;
    assert_non_null(self);
    options_preset(how->options, self);
    for (size_t i = 0; i < sizeof grey_sides / sizeof *grey_sides; i++) {
        assert_true(how->input(self, (shape){1, grey_sides[i][0], grey_sides[i][0], 1}, &in, &e));
        assert_true(shape_equal(in, (shape){1, grey_sides[i][1], grey_sides[i][1], 1}));
    }
    for (size_t i = 0; i < sizeof colour_sides / sizeof *colour_sides; i++) {
        assert_true(how->input(self, (shape){1, colour_sides[i][0], colour_sides[i][0], 3}, &in, &e));
        assert_true(shape_equal(in, (shape){1, colour_sides[i][1], colour_sides[i][1], 3}));
    }
    assert_false(how->input(self, (shape){1, 129, 129, 1}, &in, &e));
    assert_string_equal(e.message, "images of 129 x 129: these networks take square ones of at most 128 x 128");
    assert_false(how->input(self, (shape){1, 28, 32, 1}, &in, &e));
    assert_true(options_set(how->options, self, "epochs", "3", &e) &&
                options_set(how->options, self, "pretrain", "3", &e));
    assert_false(how->input(self, (shape){1, 28, 28, 1}, &in, &e));
    assert_string_equal(e.message, "pretrain: 3 of 3 epochs leave none in which the generator learns");
    free(self);
}

static void a_model_without_room_for_programs_says_so(void **state)
{
    (void)state;
    trial t;
    trial_open(&t, "fencegan", 1, grey, small);
    while (model_graph(t.m, TRAIN))
        ;
    t.e = (error){0};
    assert_false(t.how->build(t.self, t.m, grey, &t.e));
    assert_int_equal(t.e.code, ERROR_MEMORY);
    trial_close(&t);
}

static void networks_can_be_built_at_every_side_they_take(void **state)
{
    (void)state;
    static const int sides[] = {16, 24, 32, 48, 64, 96, 128};
    for (int channels = 1; channels <= 3; channels += 2)
        for (size_t i = 0; i < sizeof sides / sizeof *sides; i++) {
            trial t;
            trial_open(&t, "fencegan", 2, (shape){2, sides[i], sides[i], channels}, small);
            t.how->step(t.self, 0);
            shape s;
            assert_non_null(program_output(program_of(&t, DRAW), "fakes", &s));
            assert_true(shape_equal(s, array_shape(t.x)));
            trial_close(&t);
        }
}

/* --- gradients --- */

/* Below it a gradient is rounding: that of a bias before batch norm is 0. */
static const double least_norm = 1e-3;

/* Along its own gradient a parameter must change the loss by the gradient's norm: how far off is it, of the norm? */
static double error_along(program *p, param *w, const char *loss, double weight)
{
    output_loss now = {p, loss, weight};
    slope s = {w->values, w->gradient, shape_size(w->s), 0.05, 1e-4, output_now, &now};
    double norm = slope_norm(&s), off = norm > least_norm ? slope_error(&s, norm) : -1;
    program_run(p, 0);
    return off;
}

static void check_loss(trial *t, int index, const char *loss, double weight, const char *of)
{
    net *n = model_net(t->m, of);
    program *p = program_of(t, index);
    int checked = 0;
    program_run(p, 0);
    for (int i = 0; i < n->count; i++) {
        if (n->params[i]->is_statistic)
            continue;
        double off = error_along(p, n->params[i], loss, weight);
        if (off > 2e-2)
            fail_msg("%s by %s of %s: off by %.3g of itself", loss, n->params[i]->name, of, off);
        checked += off >= 0;
    }
    assert_true(checked >= 6);
}

/* Fresh weights are so small that logits move less than floats resolve. */
static void enlarge_weights(trial *t)
{
    for (int k = 0; k < t->m->net_count; k++)
        for (int i = 0; i < t->m->nets[k]->count; i++) {
            param *w = t->m->nets[k]->params[i];
            for (size_t j = 0; w->draw == DRAW_WEIGHT && j < shape_size(w->s); j++)
                w->values[j] *= 8;
        }
}

static void losses_have_the_gradients_they_claim(void **state)
{
    (void)state;
    static const char *const encirclements[] = {"cross_entropy", "logarithm"};
    for (int i = 0; i < 4; i++) {
        const char *options[] = {"width", "4", "latent", "6",   "gamma",        "0.5",
                                 "beta",  "1", "alpha",  "0.3", "encirclement", encirclements[i / 2],
                                 NULL};
        trial t;
        trial_open(&t, "fencegan", 2, i % 2 ? colour : grey, options);
        trial_freeze(&t);
        if (t.x->s.c == 1)
            enlarge_weights(&t);
        t.how->step(t.self, 0);
        check_loss(&t, REAL, "loss.discriminator_real", 1, "discriminator");
        check_loss(&t, FAKE, "loss.discriminator_fake", 0.5, "discriminator");
        check_loss(&t, GENERATOR, "loss.generator", 1, "generator");
        trial_close(&t);
    }
}

/* --- the generator's loss, on fakes and logits given by hand --- */

enum { FAKES = 5, PIXELS = 12 };

typedef struct by_hand {
    team *team;
    model *m;
    array *fakes, *logits;
    program *p;
} by_hand;

static by_hand by_hand_open(const fence *f)
{
    error e;
    by_hand h = {.team = team_new(1, &e)};
    h.m = model_new(1, h.team, &e);
    assert_non_null(h.m);
    h.fakes = model_array(h.m, "fakes", (shape){FAKES, 2, 2, 3});
    h.logits = model_array(h.m, "logits", (shape){FAKES, 1, 1, 1});
    graph *g = model_graph(h.m, TRAIN);
    tensor *loss = fencegan_generator_loss(t_leaf(g, h.fakes), t_leaf(g, h.logits), f);
    minimise_at(g, loss, h.fakes, model_sgd(h.m, "fakes", 0));
    minimise_at(g, loss, h.logits, model_sgd(h.m, "logits", 0));
    h.p = program_compile(g, &e);
    if (!h.p)
        fail_msg("%s", e.message);
    random_normal(random_stream(3, "fakes"), 0, 0, 1, array_values(h.fakes), FAKES * PIXELS);
    random_normal(random_stream(3, "logits"), 0, 0, 1, array_values(h.logits), FAKES);
    return h;
}

static void by_hand_close(by_hand *h)
{
    model_free(h->m);
    team_free(h->team);
}

static void assert_near(double found, double expected, double within)
{
    if (!(fabs(found - expected) <= within * (1 + fabs(expected))))
        fail_msg("%.9g instead of %.9g", found, expected);
}

static double output(const by_hand *h, const char *name)
{
    return (double)*program_output(h->p, name, NULL);
}

static void dispersion_and_its_gradient_follow_their_formulas(void **state)
{
    (void)state;
    fence f = {ENCIRCLE_CROSS_ENTROPY, 0.1f, 30};
    by_hand h = by_hand_open(&f);
    program_run(h.p, 0);
    const float *g = array_values(h.fakes);
    double centre[PIXELS] = {0}, u[FAKES][PIXELS], mean_u[PIXELS] = {0}, m = 0;
    for (int i = 0; i < FAKES; i++)
        for (int j = 0; j < PIXELS; j++)
            centre[j] += (double)g[i * PIXELS + j] / FAKES;
    for (int i = 0; i < FAKES; i++) {
        double d = 0;
        for (int j = 0; j < PIXELS; j++) {
            u[i][j] = (double)g[i * PIXELS + j] - centre[j];
            d += u[i][j] * u[i][j];
        }
        for (int j = 0; j < PIXELS; j++)
            mean_u[j] += (u[i][j] /= sqrt(d)) / FAKES;
        m += sqrt(d) / FAKES;
    }
    assert_near(output(&h, "loss.dispersion"), 1 / m, 1e-6);
    assert_near(output(&h, "loss.generator"), output(&h, "loss.encirclement") + 30 / m, 1e-6);
    for (int i = 0; i < FAKES; i++)
        for (int j = 0; j < PIXELS; j++)
            assert_near(h.fakes->gradient[i * PIXELS + j], -30 / (m * m * FAKES) * (u[i][j] - mean_u[j]), 1e-6);
    by_hand_close(&h);
}

static void encirclement_pulls_by_its_formula(void **state)
{
    (void)state;
    for (int form = 0; form < 2; form++) {
        fence f = {form, 0.25f, 0};
        by_hand h = by_hand_open(&f);
        program_run(h.p, 0);
        double loss = 0, a = 0.25;
        for (int i = 0; i < FAKES; i++) {
            double d = 1 / (1 + exp(-(double)array_values(h.logits)[i]));
            loss += form == ENCIRCLE_LOGARITHM ? log(fabs(a - d)) : -a * log(d) - (1 - a) * log(1 - d);
            double pull = form == ENCIRCLE_LOGARITHM ? d * (1 - d) / (d - a) : d - a;
            assert_near(h.logits->gradient[i], pull / FAKES, 1e-5);
        }
        assert_near(output(&h, "loss.encirclement"), loss / FAKES, 1e-5);
        by_hand_close(&h);
    }
}

static void fakes_on_the_fence_or_in_one_point_do_no_harm(void **state)
{
    (void)state;
    for (int form = 0; form < 2; form++) {
        fence f = {form, 0.5f, 30};
        by_hand h = by_hand_open(&f);
        memset(array_values(h.logits), 0, FAKES * sizeof(float)); /* D is 1/2 */
        for (int i = 1; i < FAKES; i++)
            memcpy(array_values(h.fakes) + i * PIXELS, array_values(h.fakes), PIXELS * sizeof(float));
        program_run(h.p, 0);
        assert_near(output(&h, "loss.dispersion"), 1 / (1e-3 * sqrt(PIXELS)), 1e-6);
        assert_near(output(&h, "loss.encirclement"), form == ENCIRCLE_LOGARITHM ? log(1e-6) : log(2), 1e-5);
        for (int i = 0; i < FAKES * PIXELS; i++)
            assert_true(isfinite(h.fakes->gradient[i]));
        for (int i = 0; i < FAKES; i++)
            assert_near(h.logits->gradient[i], 0, 1e-6);
        by_hand_close(&h);
    }
}

/* --- who moves when --- */

/* All values of a net, running statistics too. */
static uint64_t digest(model *m, const char *of)
{
    net *n = model_net(m, of);
    uint64_t sum = 1469598103934665603u;
    for (int i = 0; i < n->count; i++)
        for (size_t j = 0; j < shape_size(n->params[i]->s) * sizeof(float); j++)
            sum = (sum ^ ((const uint8_t *)n->params[i]->values)[j]) * 1099511628211u;
    return sum;
}

static void each_objective_moves_its_own_net(void **state)
{
    (void)state;
    static const bool moves_discriminator[] = {true, true, false, false};
    static const bool moves_generator[] = {false, false, true, false};
    for (int network = 0; network < 2; network++)
        for (int by_running = 0; by_running < 2; by_running++) {
            const char *options[] = {"width", "4", "latent", "6", "fakes", by_running ? "running" : "batch", NULL};
            trial t;
            trial_open(&t, "fencegan", 2, network ? colour : grey, options);
            for (int i = REAL; i <= DRAW; i++) {
                uint64_t discriminator = digest(t.m, "discriminator"), generator = digest(t.m, "generator");
                program_run(program_of(&t, i), 3);
                assert_int_equal(digest(t.m, "discriminator") != discriminator, moves_discriminator[i]);
                assert_int_equal(digest(t.m, "generator") != generator, moves_generator[i]);
            }
            trial_close(&t);
        }
}

static void the_generator_waits_for_the_end_of_pretraining(void **state)
{
    (void)state;
    static const char *const options[] = {"width", "4", "latent", "6", "pretrain", "2", NULL};
    trial t;
    trial_open(&t, "fencegan", 1, grey, options);
    ((struct method_state *)t.self)->steps_an_epoch = 3;
    uint64_t generator = digest(t.m, "generator");
    for (uint64_t step = 0; step < 6; step++) {
        uint64_t discriminator = digest(t.m, "discriminator");
        t.how->step(t.self, step);
        assert_int_not_equal(digest(t.m, "discriminator"), discriminator);
        assert_int_equal(digest(t.m, "generator"), generator);
    }
    t.how->step(t.self, 6);
    assert_int_not_equal(digest(t.m, "generator"), generator);
    trial_close(&t);
}

static double norm_of_gradient(trial *t, const char *of)
{
    net *n = model_net(t->m, of);
    double sum = 0;
    for (int i = 0; i < n->count; i++)
        for (size_t j = 0; n->params[i]->gradient && j < shape_size(n->params[i]->s); j++)
            sum += pow((double)n->params[i]->gradient[j], 2);
    return sqrt(sum);
}

/* What the first step put into Adam's first moments: half of the gradient, as it was taken. */
static double norm_taken(const trial *t, const char *by)
{
    double sum = 0;
    for (int i = 0; i < t->m->optim_count; i++)
        for (int k = 0; !strcmp(t->m->optims[i]->name, by) && k < t->m->optims[i]->slot_count; k++) {
            const optim_slot *s = &t->m->optims[i]->slots[k];
            for (size_t j = 0; j < s->what.count; j++)
                sum += pow(2 * (double)s->first[j], 2);
        }
    return sqrt(sum);
}

/* β decides how steep the generator's loss is: with one of 1000 its gradient is far longer than 1. */
static void the_generators_gradient_is_clipped_where_options_say(void **state)
{
    (void)state;
    static const struct {
        const char *encirclement, *clip;
        double most;
    } ways[] = {{"cross_entropy", "-1", INFINITY},
                {"cross_entropy", "0.25", 0.25},
                {"logarithm", "-1", 1},
                {"logarithm", "0", INFINITY},
                {"logarithm", "2", 2}};
    for (size_t i = 0; i < sizeof ways / sizeof *ways; i++) {
        const char *options[] = {
            "width", "4",          "latent", "6", "pretrain", "0", "beta", "1000", "encirclement", ways[i].encirclement,
            "clip",  ways[i].clip, NULL};
        trial t;
        trial_open(&t, "fencegan", 2, colour, options);
        t.how->step(t.self, 0);
        double found = norm_of_gradient(&t, "generator"), taken = norm_taken(&t, "generator");
        assert_true(found > 4);
        assert_near(taken, fmin(found, ways[i].most), 1e-5);
        trial_close(&t);
    }
}

int main(int argc, char **argv)
{
    (void)argc;
    error e;
    if (!blas_start(argv, &e))
        return 1;
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(networks_have_the_published_number_of_parameters),
        cmocka_unit_test(images_are_enlarged_to_a_side_that_halves),
        cmocka_unit_test(a_model_without_room_for_programs_says_so),
        cmocka_unit_test(networks_can_be_built_at_every_side_they_take),
        cmocka_unit_test(losses_have_the_gradients_they_claim),
        cmocka_unit_test(dispersion_and_its_gradient_follow_their_formulas),
        cmocka_unit_test(encirclement_pulls_by_its_formula),
        cmocka_unit_test(fakes_on_the_fence_or_in_one_point_do_no_harm),
        cmocka_unit_test(each_objective_moves_its_own_net),
        cmocka_unit_test(the_generator_waits_for_the_end_of_pretraining),
        cmocka_unit_test(the_generators_gradient_is_clipped_where_options_say),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
