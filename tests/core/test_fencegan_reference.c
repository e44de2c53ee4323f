/* SPDX-License-Identifier: MIT */
/* test_fencegan_reference.c — two iterations beside PyTorch's: losses, every gradient, every weight and statistic. */
#include "base/blas.h"
#include "golden.h"
#include "methods/method.h"

#include <stdlib.h>

typedef struct trial {
    team *team;
    model *m;
    void *self;
    const method *how;
} trial;

static trial trial_open(shape input)
{
    static const char *const options[][2] = {
        {"width", "2"},
        {"latent", "3"},
        {"alpha", "0.3"},
        {"beta", "2"},
        {"gamma", "0.25"},
        {"pretrain", "0"},
        {"rate_generator", "0.001"},
        {"rate_discriminator", "0.001"},
        {"rate_decay", "0"},
    };
    error e;
    trial t = {.how = method_find("fencegan"), .team = team_new(2, &e)};
    t.m = model_new(1, t.team, &e);
    t.self = calloc(1, t.how->size);
    assert_true(t.team && t.m && t.self);
    options_preset(t.how->options, t.self);
    for (size_t i = 0; i < sizeof options / sizeof *options; i++)
        if (!options_set(t.how->options, t.self, options[i][0], options[i][1], &e))
            fail_msg("%s", e.message);
    if (!t.how->build(t.self, t.m, input, &e))
        fail_msg("%s", e.message);
    return t;
}

static void trial_close(trial *t)
{
    model_free(t->m);
    free(t->self);
    team_free(t->team);
}

static double loss_of(const trial *t, const char *name)
{
    char output[64];
    snprintf(output, sizeof output, "loss.%s", name);
    for (program *const *p = t->how->programs(t->self); *p; p++)
        if (program_output(*p, output, NULL))
            return (double)*program_output(*p, output, NULL);
    fail_msg("there is no %s", output);
    return 0;
}

static void check_losses(const trial *t, const json_t *losses)
{
    const char *name;
    json_t *value;
    json_object_foreach((json_t *)losses, name, value)
    {
        double expected = json_number_value(value), found = loss_of(t, name);
        if (!(fabs(found - expected) <= 5e-6 * (fabs(expected) + 1)))
            fail_msg("%s is %.9g, the reference has %.9g", name, found, expected);
    }
}

/* After an iteration each parameter has the gradient of its net's last objective. */
static void check_gradients(const trial *t, const json_t *gradients)
{
    const char *name;
    json_t *list;
    json_object_foreach((json_t *)gradients, name, list)
    {
        const param *p = golden_param(t->m, name);
        golden_compare(name, p->gradient, list, shape_size(p->s), (tolerance){1e-3, 1e-6});
    }
}

/* A value whose gradient was but rounding in one of the steps so far went anywhere by Adam, which makes whole steps of
 * small gradients: a bias before batch norm, or before a ReLU that lets all of the batch through to one. */
static bool is_decided(const json_t *steps, size_t last, const char *name, size_t element)
{
    for (size_t step = 0; step <= last; step++) {
        size_t index;
        const json_t *one;
        json_array_foreach(json_object_get(json_array_get(steps, step), "gradients"), index, one)
        {
            const json_t *list = json_object_get(one, name);
            if (list && fabs(json_number_value(json_array_get(list, element))) < 1e-5)
                return false;
        }
    }
    return true;
}

static void check_values(const trial *t, const json_t *steps, size_t last)
{
    const char *name;
    json_t *list;
    size_t decided = 0, all = 0;
    json_object_foreach(json_object_get(json_array_get(steps, last), "values"), name, list)
    {
        const param *p = golden_param(t->m, name);
        assert_int_equal(json_array_size(list), shape_size(p->s));
        for (size_t i = 0; i < shape_size(p->s); i++, all++) {
            double expected = json_number_value(json_array_get(list, i));
            if (!is_decided(steps, last, name, i))
                continue;
            decided++;
            /* A fiftieth of one step of Adam. */
            if (!(fabs((double)p->values[i] - expected) <= 2e-5 + 1e-6 * fabs(expected)))
                fail_msg("%s[%zu] is %.9g, the reference has %.9g", name, i, (double)p->values[i], expected);
        }
    }
    assert_true(decided > all / 2);
}

static void follow(const char *network, shape input)
{
    trial t = trial_open(input);
    json_t *all = golden_open(REFERENCE_DIR "/fencegan.json"), *golden = json_object_get(all, network);
    golden_start(t.m, json_object_get(golden, "start"));
    golden_fill(array_values(model_find_array(t.m, "x")), json_object_get(golden, "x"), shape_size(input));
    size_t index;
    json_t *expected;
    json_array_foreach(json_object_get(golden, "steps"), index, expected)
    {
        const json_t *gradients = json_object_get(expected, "gradients");
        t.how->step(t.self, index);
        check_losses(&t, json_object_get(expected, "losses"));
        check_gradients(&t, json_array_get(gradients, 1));
        check_gradients(&t, json_array_get(gradients, 2));
        check_values(&t, json_object_get(golden, "steps"), index);
    }
    assert_int_equal(index, 2);
    json_decref(all);
    trial_close(&t);
}

static void the_dense_network_follows_the_reference(void **state)
{
    (void)state;
    follow("dense", (shape){5, 16, 16, 1});
}

static void the_conv_network_follows_the_reference(void **state)
{
    (void)state;
    follow("conv", (shape){5, 16, 16, 3});
}

int main(int argc, char **argv)
{
    (void)argc;
    error e;
    if (!blas_start(argv, &e))
        return 1;
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_dense_network_follows_the_reference),
        cmocka_unit_test(the_conv_network_follows_the_reference),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
