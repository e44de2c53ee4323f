/* SPDX-License-Identifier: MIT */
/* test_ocgan_reference.c — mining and the autoencoder's step beside PyTorch's: codes, losses, gradients, weights. */
#include "base/blas.h"
#include "golden.h"
#include "methods/method.h"

#include <stdlib.h>

enum { MINE, JUDGE, AUTOENCODE, MINING_STEPS = 5 };
static const shape input = {5, 18, 18, 1};

static void check_loss(const program *p, const char *name, const json_t *value)
{
    char output[64];
    snprintf(output, sizeof output, "loss.%s", name);
    const float *found = program_output(p, output, NULL);
    if (!found)
        fail_msg("there is no %s", output);
    double expected = json_number_value(value);
    if (!(fabs((double)*found - expected) <= 2e-6 * fabs(expected)))
        fail_msg("%s is %.9g, the reference has %.9g", output, (double)*found, expected);
}

static void check_mining(model *m, program *mine, const json_t *golden, const json_t *expected)
{
    array *v = model_find_array(m, "v");
    size_t count = shape_size(array_shape(v));
    golden_fill(array_values(v), json_object_get(golden, "v"), count);
    for (int k = 0; k < MINING_STEPS; k++)
        program_run(mine, 0);
    check_loss(mine, "mining", json_object_get(expected, "mining"));
    golden_compare("v", array_values(v), json_object_get(expected, "v"), count, (tolerance){2e-5, 0});
}

static void check_autoencoder(model *m, program *autoencode, const json_t *expected)
{
    const char *name;
    json_t *list;
    program_run(autoencode, 0);
    json_object_foreach(json_object_get(expected, "losses"), name, list)
    {
        check_loss(autoencode, name, list);
    }
    json_object_foreach(json_object_get(expected, "gradients"), name, list)
    {
        const param *p = golden_param(m, name);
        golden_compare(name, p->gradient, list, shape_size(p->s), (tolerance){2e-5, 1e-7});
    }
    json_object_foreach(json_object_get(expected, "values"), name, list)
    {
        const param *p = golden_param(m, name);
        /* A fortieth of one step of Adam, whose direction is noise where a gradient is next to nothing. */
        golden_compare(name, p->values, list, shape_size(p->s), (tolerance){1e-6, 5e-6});
    }
}

static void two_rounds_follow_the_reference(void **state)
{
    (void)state;
    static const char *const options[][2] = {
        {"width", "2"}, {"width_visual", "2"}, {"latent", "3"}, {"noise", "0"}, {"mining_rate", "2"}};
    error e;
    const method *how = method_find("ocgan");
    team *t = team_new(2, &e);
    model *m = model_new(1, t, &e);
    void *self = calloc(1, how->size);
    assert_true(t && m && self);
    options_preset(how->options, self);
    for (size_t i = 0; i < sizeof options / sizeof *options; i++)
        assert_true(options_set(how->options, self, options[i][0], options[i][1], &e));
    if (!how->build(self, m, input, &e))
        fail_msg("%s", e.message);
    program *const *programs = how->programs(self);
    json_t *golden = golden_open(REFERENCE_DIR "/ocgan.json");
    golden_start(m, json_object_get(golden, "start"));
    golden_fill(array_values(model_find_array(m, "x")), json_object_get(golden, "x"), shape_size(input));
    size_t index;
    json_t *expected;
    json_array_foreach(json_object_get(golden, "steps"), index, expected)
    {
        check_mining(m, programs[MINE], golden, expected);
        check_autoencoder(m, programs[AUTOENCODE], expected);
    }
    assert_int_equal(index, 2);
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
    const struct CMUnitTest tests[] = {cmocka_unit_test(two_rounds_follow_the_reference)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
