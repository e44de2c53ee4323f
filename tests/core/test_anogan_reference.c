/* SPDX-License-Identifier: MIT */
/* test_anogan_reference.c — two training steps beside PyTorch's in doubles, and the searches after them. */
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
        double expected = json_number_value(value);
        if (!(fabs((double)*found - expected) <= 5e-6 * fabs(expected)))
            fail_msg("%s is %.9g, the reference has %.9g", output, (double)*found, expected);
    }
    assert_int_equal(json_object_size(losses), 4);
}

/* A bias before a batch norm has no gradient but rounding, of which Adam makes steps of full size. */
static bool is_idle(const char *name)
{
    return !strcmp(name, "generator/deconv0.bias") || !strcmp(name, "generator/deconv1.bias") ||
           !strcmp(name, "discriminator/conv1.bias");
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
    assert_true(count == (gradients ? 15 : 21));
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

static void steps_and_searches_follow_the_reference(void **state)
{
    (void)state;
    error e;
    const method *how = method_find("anogan");
    team *t = team_new(2, &e);
    model *m = model_new(seed, t, &e);
    void *self = calloc(1, how->size);
    assert_true(t && m && self);
    options_preset(how->options, self);
    static const char *const options[][2] = {
        {"width", "4"}, {"latent", "3"}, {"iterations", "25"}, {"search_rate", "0.05"}};
    for (int i = 0; i < 4; i++)
        assert_true(options_set(how->options, self, options[i][0], options[i][1], &e));
    if (!how->build(self, m, input, &e))
        fail_msg("%s", e.message);
    json_t *golden = golden_open(REFERENCE_DIR "/anogan.json");
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
    golden_start(m, json_object_get(golden, "values")); /* the idle biases too, for the search sees them */
    check_search(how, self, m, json_object_get(golden, "search"));
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
    const struct CMUnitTest tests[] = {cmocka_unit_test(steps_and_searches_follow_the_reference)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
