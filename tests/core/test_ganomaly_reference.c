/* SPDX-License-Identifier: MIT */
/* test_ganomaly_reference.c — two training steps beside PyTorch's: losses, every gradient, every weight. */
#include "base/blas.h"
#include "golden.h"
#include "methods/method.h"

#include <stdlib.h>

static const shape input = {5, 16, 16, 1};

static void check_losses(const program *p, const json_t *losses)
{
    const char *name;
    json_t *value;
    json_object_foreach((json_t *)losses, name, value)
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
}

static void check_gradients(model *m, const json_t *gradients)
{
    const char *name;
    json_t *list;
    json_object_foreach((json_t *)gradients, name, list)
    {
        const param *p = golden_param(m, name);
        golden_compare(name, p->gradient, list, shape_size(p->s), (tolerance){2e-5, 1e-8});
    }
}

/* The reference runs the discriminator three times a step where one forward pass serves here, so its running statistics
 * move more often; they do not enter a training step. */
static bool is_counted_otherwise(const char *name)
{
    return !strncmp(name, "discriminator/", 14) && (strstr(name, ".mean") || strstr(name, ".variance"));
}

static void check_values(model *m, const json_t *values)
{
    const char *name;
    json_t *list;
    json_object_foreach((json_t *)values, name, list)
    {
        const param *p = golden_param(m, name);
        if (!is_counted_otherwise(name))
            /* A fortieth of one step of Adam, whose direction is noise where a gradient is next to nothing. */
            golden_compare(name, p->values, list, shape_size(p->s), (tolerance){1e-6, 5e-6});
    }
}

static void two_steps_follow_the_reference(void **state)
{
    (void)state;
    error e;
    const method *how = method_find("ganomaly");
    team *t = team_new(2, &e);
    model *m = model_new(1, t, &e);
    void *self = calloc(1, how->size);
    assert_true(t && m && self);
    options_preset(how->options, self);
    assert_true(options_set(how->options, self, "width", "4", &e));
    assert_true(options_set(how->options, self, "latent", "3", &e));
    assert_true(how->build(self, m, input, &e));
    json_t *golden = golden_open(REFERENCE_DIR "/ganomaly.json");
    golden_start(m, json_object_get(golden, "start"));
    golden_fill(array_values(model_find_array(m, "x")), json_object_get(golden, "x"), shape_size(input));
    size_t index;
    json_t *expected;
    json_array_foreach(json_object_get(golden, "steps"), index, expected)
    {
        how->step(self, index);
        check_losses(how->programs(self)[0], json_object_get(expected, "losses"));
        check_gradients(m, json_object_get(expected, "gradients"));
        check_values(m, json_object_get(expected, "values"));
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
    const struct CMUnitTest tests[] = {cmocka_unit_test(two_steps_follow_the_reference)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
