/* SPDX-License-Identifier: MIT */
/* test_ganomaly.c — GANomaly's networks, its losses' gradients, and the memory that is planned for them. */
#include "base/blas.h"
#include "trial.h"

static const char *const full[] = {NULL}, *const narrow[] = {"width", "16", NULL}, *const tiny[] = {"width", "4", NULL};

static void networks_have_the_published_number_of_parameters(void **state)
{
    (void)state;
    static const struct {
        int channels;
        size_t encoder, decoder, discriminator;
    } expected[] = {{1, 1066752, 1066880, 661248}, {3, 1068800, 1068928, 663296}};
    for (int i = 0; i < 2; i++) {
        trial t;
        trial_open(&t, "ganomaly", 1, (shape){2, 32, 32, expected[i].channels}, full);
        assert_int_equal(net_parameters(model_net(t.m, "encoder")), expected[i].encoder);
        assert_int_equal(net_parameters(model_net(t.m, "decoder")), expected[i].decoder);
        assert_int_equal(net_parameters(model_net(t.m, "encoder_hat")), expected[i].encoder);
        assert_int_equal(net_parameters(model_net(t.m, "discriminator")), expected[i].discriminator);
        trial_close(&t);
    }
}

static void check_loss(trial *t, program *p, const char *loss, const char *of)
{
    net *n = model_net(t->m, of);
    output_loss now = {p, loss, 1};
    for (int i = 0; i < n->count; i++) {
        param *w = n->params[i];
        if (w->is_statistic)
            continue;
        program_run(p, 0);
        slope s = {w->values, w->gradient, shape_size(w->s), 0.05, 1e-4, output_now, &now};
        double norm = slope_norm(&s), off = norm > 1e-6 ? slope_error(&s, norm) : 0;
        if (!(off < 2e-2))
            fail_msg("%s by %s of %s: off by %.3g of itself", loss, w->name, of, off);
    }
}

static void losses_have_the_gradients_they_claim(void **state)
{
    (void)state;
    trial t;
    trial_open(&t, "ganomaly", 2, (shape){6, 16, 16, 1}, tiny);
    trial_freeze(&t);
    program *p = t.how->programs(t.self)[0];
    check_loss(&t, p, "loss.generator", "encoder");
    check_loss(&t, p, "loss.generator", "decoder");
    check_loss(&t, p, "loss.generator", "encoder_hat");
    check_loss(&t, p, "loss.discriminator", "discriminator");
    trial_close(&t);
}

static void planned_memory_is_well_below_the_sum_of_its_parts(void **state)
{
    (void)state;
    trial t;
    trial_open(&t, "ganomaly", 1, (shape){16, 32, 32, 3}, narrow);
    program *p = t.how->programs(t.self)[0];
    assert_true(program_bytes(p) * 2 < program_bytes_unshared(p));
    trial_close(&t);
}

int main(int argc, char **argv)
{
    (void)argc;
    error e;
    if (!blas_start(argv, &e))
        return 1;
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(networks_have_the_published_number_of_parameters),
        cmocka_unit_test(losses_have_the_gradients_they_claim),
        cmocka_unit_test(planned_memory_is_well_below_the_sum_of_its_parts),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
