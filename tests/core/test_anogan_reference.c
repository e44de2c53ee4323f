/* SPDX-License-Identifier: MIT */
/* test_anogan_reference.c — two training steps beside PyTorch's in doubles, the searches after them, and an encoder. */
#include "base/blas.h"
#include "golden.h"
#include "methods/method.h"

#include <stdlib.h>

static const shape input = {5, 16, 16, 1};
static const uint64_t seed = 1;

static void check_list(const char *name, const float *found, const json_t *group, const char *key, tolerance t)
{
    const json_t *list = json_object_get(group, key);
    assert_non_null(found);
    golden_compare(name, found, list, json_array_size(list), t);
}

/* Of whichever of the first `count` programs has them. */
static void check_losses(const method *how, const void *self, int count, const json_t *losses)
{
    const char *name;
    json_t *value;
    json_object_foreach((json_t *)losses, name, value)
    {
        char output[64];
        snprintf(output, sizeof output, "loss.%s", name);
        const float *found = NULL;
        for (int i = 0; i < count && !found; i++)
            found = program_output(how->programs(self)[i], output, NULL);
        if (!found) {
            fail_msg("there is no %s", output);
            return;
        }
        double expected = json_number_value(value);
        if (!(fabs((double)*found - expected) <= 5e-6 * fabs(expected)))
            fail_msg("%s is %.9g, the reference has %.9g", output, (double)*found, expected);
    }
}

/* A bias before a batch norm has no gradient but rounding, of which Adam makes steps of full size. */
static bool is_idle(const char *name)
{
    return !strcmp(name, "generator/deconv0.bias") || !strcmp(name, "generator/deconv1.bias") ||
           !strcmp(name, "discriminator/conv1.bias") || !strcmp(name, "encoder/conv0.bias") ||
           !strcmp(name, "encoder/conv1.bias");
}

/* How many there are that are not idle. */
static size_t check_parameters(model *m, const json_t *expected, bool gradients, tolerance t)
{
    const char *name;
    json_t *list;
    size_t count = 0;
    json_object_foreach((json_t *)expected, name, list)
    {
        const param *p = golden_param(m, name);
        if (is_idle(name))
            continue;
        golden_compare(name, gradients ? p->gradient : p->values, list, shape_size(p->s), t);
        count++;
    }
    return count;
}

static void check_search(const method *how, void *self, model *m, const json_t *expected)
{
    error e;
    search *s = how->search(self, m, input, &e);
    if (!s)
        fail_msg("%s", e.message);
    const float *images = array_values(model_find_array(m, "x"));
    float losses[5], scores[5];
    search_first_step(s, images, 5, losses);
    const program *p = search_program(s);
    check_list("first loss", losses, expected, "first_loss", (tolerance){5e-6, 0});
    check_list("residual", program_output(p, "score.residual", NULL), expected, "first_residual", (tolerance){5e-6, 0});
    check_list("discrimination", program_output(p, "score.discrimination", NULL), expected, "first_discrimination",
               (tolerance){5e-6, 0});
    check_list("gradient", array_gradient(model_find_array(m, "search.z5")), expected, "first_gradient",
               (tolerance){2e-5, 0});
    if (!search_run(s, NULL, &(search_job){images, 5, {.score = scores}}, &e))
        fail_msg("%s", e.message);
    check_list("score", scores, expected, "least", (tolerance){5e-5, 0});
    search_free(s);
}

/* A tiny AnoGAN with the reference's first weights and images. */
typedef struct tiny {
    const method *how;
    team *team;
    model *m;
    void *self;
    json_t *golden;
} tiny;

static tiny tiny_open(const char *encoder)
{
    error e;
    tiny t = {.how = method_find("anogan"), .team = team_new(2, &e)};
    t.m = model_new(seed, t.team, &e);
    t.self = calloc(1, t.how->size);
    assert_true(t.team && t.m && t.self);
    options_preset(t.how->options, t.self);
    const char *const options[][2] = {
        {"width", "4"},   {"latent", "3"},      {"iterations", "25"},           {"search_rate", "0.05"},
        {"kappa", "0.5"}, {"encoder", encoder}, {"discriminator_norm", "batch"}};
    for (size_t i = 0; i < sizeof options / sizeof *options; i++)
        assert_true(options_set(t.how->options, t.self, options[i][0], options[i][1], &e));
    if (!t.how->build(t.self, t.m, input, &e))
        fail_msg("%s", e.message);
    golden_draw(t.m, seed);
    random_normal(random_stream(seed, "images"), 0, 0, 0.5f, array_values(model_find_array(t.m, "x")),
                  shape_size(input));
    t.golden = golden_open(REFERENCE_DIR "/anogan.json");
    return t;
}

static void tiny_close(tiny *t)
{
    json_decref(t->golden);
    model_free(t->m);
    free(t->self);
    team_free(t->team);
}

static void steps_and_searches_follow_the_reference(void **state)
{
    (void)state;
    tiny t = tiny_open("none");
    size_t index;
    json_t *losses, *values = json_object_get(t.golden, "values");
    json_array_foreach(json_object_get(t.golden, "losses"), index, losses)
    {
        t.how->step(t.self, index);
        check_losses(t.how, t.self, 2, losses);
        assert_int_equal(json_object_size(losses), 4);
    }
    assert_int_equal(index, 2);
    assert_int_equal(check_parameters(t.m, json_object_get(t.golden, "gradients"), true, (tolerance){1e-4, 1e-8}), 15);
    assert_int_equal(check_parameters(t.m, values, false, (tolerance){1e-6, 5e-6}), 21);
    golden_start(t.m, values); /* the idle biases too, for the search sees them */
    check_search(t.how, t.self, t.m, json_object_get(t.golden, "search"));
    tiny_close(&t);
}

static void check_guesses(tiny *t, const json_t *expected)
{
    error e;
    graph *g = model_graph(t->m, SCORE);
    assert_non_null(g);
    t_output(t->how->score(t->self, t->m, g, t_leaf(g, model_find_array(t->m, "x"))), "score");
    program *p = program_compile(g, &e);
    if (!p)
        fail_msg("%s", e.message);
    program_run(p, 0);
    check_list("score", program_output(p, "score", NULL), expected, "score", (tolerance){5e-6, 0});
}

static void the_encoder_and_its_scores_follow_the_reference(void **state)
{
    (void)state;
    tiny t = tiny_open("score");
    const json_t *expected = json_object_get(t.golden, "encoder");
    golden_start(t.m, json_object_get(t.golden, "values")); /* the GAN's, as its two steps leave them */
    size_t index;
    json_t *losses;
    json_array_foreach(json_object_get(expected, "losses"), index, losses)
    {
        program_run(t.how->programs(t.self)[2], index);
        check_losses(t.how, t.self, 3, losses);
        assert_int_equal(json_object_size(losses), 3);
    }
    assert_int_equal(index, 2);
    assert_int_equal(check_parameters(t.m, json_object_get(expected, "gradients"), true, (tolerance){1e-4, 1e-8}), 8);
    assert_int_equal(check_parameters(t.m, json_object_get(expected, "values"), false, (tolerance){1e-6, 5e-6}), 12);
    golden_start(t.m, json_object_get(expected, "values"));
    check_guesses(&t, expected);
    tiny_close(&t);
}

int main(int argc, char **argv)
{
    (void)argc;
    error e;
    if (!blas_start(argv, &e))
        return 1;
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(steps_and_searches_follow_the_reference),
        cmocka_unit_test(the_encoder_and_its_scores_follow_the_reference),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
