/* SPDX-License-Identifier: MIT */
/* test_ganomaly.c — GANomaly's networks, its losses' gradients, and that a step is deterministic and frugal. */
#include "allocations.h"
#include "base/blas.h"
#include "methods/method.h"
#include "nn/parts.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <math.h>
#include <stdlib.h>
#include <string.h>

typedef struct trial {
    team *team;
    model *m;
    void *self;
    const method *how;
    array *x;
    error e;
} trial;

static void trial_open(trial *t, int threads, shape input, const char *width)
{
    *t = (trial){.how = method_find("ganomaly")};
    assert_non_null(t->how);
    t->team = team_new(threads, &t->e);
    t->m = model_new(1, t->team, &t->e);
    t->self = calloc(1, t->how->size);
    assert_true(t->team && t->m && t->self);
    options_preset(t->how->options, t->self);
    assert_true(options_set(t->how->options, t->self, "width", width, &t->e));
    if (!t->how->build(t->self, t->m, input, &t->e))
        fail_msg("%s", t->e.message);
    t->x = model_find_array(t->m, "x");
    random_uniform(random_stream(4, "images"), 0, -1, 1, t->x->values, shape_size(input));
}

static void trial_close(trial *t)
{
    model_free(t->m);
    free(t->self);
    team_free(t->team);
}

static void networks_have_the_published_number_of_parameters(void **state)
{
    (void)state;
    static const struct {
        int channels;
        size_t encoder, decoder, discriminator;
    } expected[] = {{1, 1066752, 1066880, 661248}, {3, 1068800, 1068928, 663296}};
    for (int i = 0; i < 2; i++) {
        trial t;
        trial_open(&t, 1, (shape){2, 32, 32, expected[i].channels}, "64");
        assert_int_equal(net_parameters(model_net(t.m, "encoder")), expected[i].encoder);
        assert_int_equal(net_parameters(model_net(t.m, "decoder")), expected[i].decoder);
        assert_int_equal(net_parameters(model_net(t.m, "encoder_hat")), expected[i].encoder);
        assert_int_equal(net_parameters(model_net(t.m, "discriminator")), expected[i].discriminator);
        trial_close(&t);
    }
}

static void weights_are_the_same_bits_at_any_thread_count(void **state)
{
    (void)state;
    char digests[4][65];
    static const int threads[] = {1, 2, 3, 1};
    for (int i = 0; i < 4; i++) {
        trial t;
        trial_open(&t, threads[i], (shape){16, 32, 32, 3}, "16");
        for (uint64_t step = 0; step < 4; step++)
            t.how->step(t.self, step);
        model_digest(t.m, digests[i]);
        trial_close(&t);
    }
    for (int i = 1; i < 4; i++)
        assert_string_equal(digests[0], digests[i]);
}

static void a_step_allocates_nothing(void **state)
{
    (void)state;
    trial t;
    trial_open(&t, 2, (shape){8, 32, 32, 1}, "16");
    t.how->step(t.self, 0);
    t.how->step(t.self, 1);
    size_t before = allocations_made();
    assert_true(before > 0);
    for (uint64_t step = 2; step < 6; step++)
        t.how->step(t.self, step);
    assert_int_equal(allocations_made() - before, 0);
    trial_close(&t);
}

/* The program's own losses at the present weights, with nothing moved. */
static double loss_at(trial *t, program *p, const char *name)
{
    (void)t;
    program_run(p, 0);
    return (double)*program_output(p, name, NULL);
}

static void freeze(trial *t)
{
    for (int i = 0; i < t->m->optim_count; i++)
        t->m->optims[i]->rate = 0;
}

/* Along its own gradient, a net's weights must change the loss by the gradient's norm. */
static void check_loss(trial *t, program *p, const char *loss, const char *of)
{
    net *n = model_net(t->m, of);
    program_run(p, 0);
    for (int i = 0; i < n->count; i++) {
        param *w = n->params[i];
        if (w->is_statistic)
            continue;
        size_t count = shape_size(w->s);
        float *start = malloc(count * sizeof *start), *along = malloc(count * sizeof *along);
        assert_true(start && along);
        double norm = 0, best = INFINITY;
        for (size_t j = 0; j < count; j++)
            norm += (double)w->gradient[j] * (double)w->gradient[j];
        norm = sqrt(norm);
        for (size_t j = 0; j < count; j++)
            along[j] = (float)((double)w->gradient[j] / norm);
        memcpy(start, w->values, count * sizeof *start);
        for (double step = 0.05; step > 1e-4 && norm > 1e-6; step /= 2) {
            double side[2];
            for (int s = 0; s < 2; s++) {
                for (size_t j = 0; j < count; j++)
                    w->values[j] = start[j] + (float)(s ? -step : step) * along[j];
                side[s] = loss_at(t, p, loss);
            }
            best = fmin(best, fabs((side[0] - side[1]) / (2 * step) - norm) / norm);
        }
        memcpy(w->values, start, count * sizeof *start);
        program_run(p, 0);
        if (norm > 1e-6 && !(best < 2e-2))
            fail_msg("%s by %s of %s: off by %.3g of itself", loss, w->name, of, best);
        free(start);
        free(along);
    }
}

static void losses_have_the_gradients_they_claim(void **state)
{
    (void)state;
    trial t;
    trial_open(&t, 2, (shape){6, 16, 16, 1}, "4");
    freeze(&t);
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
    trial_open(&t, 1, (shape){16, 32, 32, 3}, "16");
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
        cmocka_unit_test(weights_are_the_same_bits_at_any_thread_count),
        cmocka_unit_test(a_step_allocates_nothing),
        cmocka_unit_test(planned_memory_is_well_below_the_sum_of_its_parts),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
