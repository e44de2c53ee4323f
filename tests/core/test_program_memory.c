/* SPDX-License-Identifier: MIT */
/*
 * test_program_memory.c — each allocation of making and compiling two programs fails once: program_compile says that
 * memory ran out.
 */
#include "nn/net.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "failing_allocations.h"

static tensor *judge(model *m, graph *g, tensor *x)
{
    net *n = model_net(m, "judge");
    net_enter(n, g);
    tensor *y = nn_conv(n, x, (struct conv){.out = 4, .kernel = 3, .stride = 1, .pad = 1, .spectral = true});
    return nn_dense(n, t_leaky(nn_batch_norm(n, y), 0.2f), (struct conv){.out = 1, .bias = true});
}

/* As a method does it: arrays and graphs are asked for, all else is left to program_compile. */
static bool make(model *m, enum mode mode, error *e)
{
    array *x = model_array(m, "x", (shape){2, 4, 4, 3});
    graph *g = model_graph(m, mode);
    if (!x || !g)
        return error_memory(e, "a program");
    tensor *y = judge(m, g, t_leaf(g, x));
    if (mode == TRAIN)
        minimise(g, t_bce(y, 1), NETS(model_net(m, "judge")), model_adam(m, "adam", (struct adam){.rate = 1e-3f}));
    else
        t_output(y, "y");
    return program_compile(g, e) != NULL;
}

static bool make_all(error *e)
{
    team *t = team_new(1, e);
    model *m = t ? model_new(3, t, e) : NULL;
    bool made = m && make(m, TRAIN, e) && make(m, SCORE, e);
    model_free(m);
    team_free(t);
    return made;
}

static void every_failed_allocation_is_reported_as_such(void **state)
{
    (void)state;
    int failures = 0;
    for (bool failed = true; failed; failures += failed) {
        error e = {0};
        allocations_left = failures;
        bool made = make_all(&e);
        failed = allocations_left < 0;
        allocations_left = -1;
        if (made == failed || (failed && e.code != ERROR_MEMORY))
            fail_msg("allocation %d: code %d, \"%s\"", failures, (int)e.code, e.message);
    }
    assert_true(failures > 60);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(every_failed_allocation_is_reported_as_such),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
