/* SPDX-License-Identifier: MIT */
/* test_alad_reference.c — two training steps beside PyTorch's in doubles, and the four scores after them. */
#include "base/blas.h"
#include "golden.h"
#include "methods/method.h"

#include <stdlib.h>

static const shape input = {5, 16, 16, 1};
static const uint64_t seed = 1;

static void check_losses(const method *how, const void *self, const json_t *losses)
{
    const char *name;
    json_t *value;
    json_object_foreach((json_t *)losses, name, value)
    {
        char output[64];
        snprintf(output, sizeof output, "loss.%s", name);
        const float *found = program_output(how->programs(self)[0], output, NULL);
        found = found ? found : program_output(how->programs(self)[1], output, NULL);
        if (!found)
            fail_msg("there is no %s", output);
        json_t *one = json_pack("[O]", value);
        golden_compare(output, found, one, 1, (tolerance){5e-6, 0});
        json_decref(one);
    }
}

/* A bias before a batch norm has no gradient but rounding, of which Adam makes steps of full size. */
static bool is_idle(const char *name)
{
    static const char *const idle[] = {"encoder/conv0.bias", "encoder/conv1.bias", "generator/deconv0.bias",
                                       "generator/deconv1.bias", "d_xz/conv1.bias"};
    for (size_t i = 0; i < sizeof idle / sizeof *idle; i++)
        if (!strcmp(name, idle[i]))
            return true;
    return false;
}

static void check_parameters(model *m, const json_t *expected, bool gradients, tolerance t)
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
    assert_true(count >= 41);
}

static void check_scores(const method *how, void *self, model *m, const json_t *scores)
{
    error e;
    graph *g = model_graph(m, SCORE);
    t_output(how->score(self, m, g, t_leaf(g, model_find_array(m, "x"))), "score");
    program *p = program_compile(g, &e);
    if (!p)
        fail_msg("%s", e.message);
    program_run(p, 0);
    const char *name;
    json_t *list;
    json_object_foreach((json_t *)scores, name, list)
    {
        char output[64];
        snprintf(output, sizeof output, "score.%s", name);
        golden_compare(output, program_output(p, output, NULL), list, (size_t)input.n, (tolerance){2e-5, 0});
    }
    assert_int_equal(json_object_size(scores), 4);
}

static void two_steps_follow_the_reference(void **state)
{
    (void)state;
    error e;
    const method *how = method_find("alad");
    team *t = team_new(2, &e);
    model *m = model_new(seed, t, &e);
    void *self = calloc(1, how->size);
    assert_true(t && m && self);
    options_preset(how->options, self);
    static const char *const options[][2] = {{"width", "4"}, {"latent", "3"}, {"dropout", "0"}};
    for (int i = 0; i < 3; i++)
        assert_true(options_set(how->options, self, options[i][0], options[i][1], &e));
    if (!how->build(self, m, input, &e))
        fail_msg("%s", e.message);
    json_t *golden = golden_open(REFERENCE_DIR "/alad.json");
    golden_draw(m, seed);
    random_normal(random_stream(seed, "images"), 0, 0, 0.5f, array_values(model_find_array(m, "x")), shape_size(input));
    size_t index;
    json_t *losses;
    json_array_foreach(json_object_get(golden, "losses"), index, losses)
    {
        how->step(self, index);
        check_losses(how, self, losses);
    }
    assert_int_equal(index, 2);
    check_parameters(m, json_object_get(golden, "gradients"), true, (tolerance){1e-4, 1e-8});
    check_parameters(m, json_object_get(golden, "values"), false, (tolerance){1e-6, 5e-6});
    golden_start(m, json_object_get(golden, "values")); /* the idle biases too, for scoring sees them */
    check_scores(how, self, m, json_object_get(golden, "scores"));
    json_decref(golden);
    model_free(m);
    free(self);
    team_free(t);
}

int main(int argc, char **argv)
{
    (void)argc;
    error e;
    if (!blas_start(argv, &e))
        return 1;
    const struct CMUnitTest tests[] = {cmocka_unit_test(two_steps_follow_the_reference)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
