/* SPDX-License-Identifier: MIT */
/* test_program.c — objectives, what they move and what they leave alone, optimisers, errors, limits. */
#include "graph/graph.h"
#include "graph/plan.h"
#include "nn/internal.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <math.h>
#include <string.h>

#include "model_fixture.h"

static void net_copy(const net *n, float *out)
{
    for (int i = 0; i < n->count; i++) {
        memcpy(out, n->params[i]->values, shape_size(n->params[i]->s) * sizeof *out);
        out += shape_size(n->params[i]->s);
    }
}

static const struct adam adam_rule = {.rate = 1e-3f, .beta1 = 0.5f, .beta2 = 0.999f, .epsilon = 1e-8f};

static void an_objective_moves_only_what_it_names(void **state)
{
    fixture *f = *state;
    graph *g = model_graph(f->m, TRAIN);
    array *x = model_array(f->m, "x", (shape){4, 1, 1, 3});
    random_normal(random_stream(1, "x"), 0, 0, 1, x->values, shape_size(x->s));
    net *generator = model_net(f->m, "generator"), *discriminator = model_net(f->m, "discriminator");
    tensor *fake = layer(generator, g, t_leaf(g, x), 5);
    tensor *logits = layer(discriminator, g, t_tanh(fake), 1);
    minimise(g, t_bce(logits, 0), NETS(discriminator), model_adam(f->m, "d", adam_rule));
    program *p = program_compile(g, &f->e);
    assert_non_null(p);
    float before[64], after[64], moved[64], still[64];
    net_copy(generator, before);
    net_copy(discriminator, still);
    program_run(p, 0);
    net_copy(generator, after);
    net_copy(discriminator, moved);
    assert_memory_equal(before, after, net_parameters(generator) * sizeof(float));
    assert_memory_not_equal(still, moved, net_parameters(discriminator) * sizeof(float));
}

static void only_gradients_that_reach_are_computed(void **state)
{
    fixture *f = *state;
    graph *g = model_graph(f->m, TRAIN);
    array *x = model_array(f->m, "x", (shape){4, 1, 1, 3});
    net *first = model_net(f->m, "first"), *second = model_net(f->m, "second");
    tensor *y = layer(second, g, t_tanh(layer(first, g, t_leaf(g, x), 5)), 1);
    minimise(g, t_mean(y), NETS(second), model_sgd(f->m, "sgd", 0.1f));
    program *p = program_compile(g, &f->e);
    assert_non_null(p);
    int backward = p->step_count - p->forward_count;
    assert_int_equal(backward, 2); /* mean, and the second layer for its weights alone */
    assert_null(p->steps[p->step_count - 1].call.dx[0]);
    assert_null(first->params[0]->gradient);
}

static void objectives_share_one_forward_and_see_old_weights(void **state)
{
    fixture *f = *state;
    array *x = model_array(f->m, "x", (shape){2, 1, 1, 2});
    x->values[0] = 1;
    net *a = model_net(f->m, "a"), *b = model_net(f->m, "b");
    graph *g = model_graph(f->m, TRAIN);
    tensor *middle = layer(a, g, t_leaf(g, x), 2);
    tensor *end = layer(b, g, middle, 1);
    optim *sgd = model_sgd(f->m, "sgd", 0.5f);
    tensor *loss = t_mean(end);
    minimise(g, loss, NETS(a), sgd);
    minimise(g, t_scale(loss, 3), NETS(b), sgd);
    program *p = program_compile(g, &f->e);
    assert_non_null(p);
    assert_int_equal(p->forward_count, 4); /* two layers, mean and scale, once each */
    float weight_of_b = b->params[0]->values[0];
    program_run(p, 0);
    /* ∂mean/∂(a's bias 0) = b's weight before b's own update. */
    assert_true(fabsf(a->params[1]->values[0] - -0.5f * weight_of_b) < 1e-6f);
}

static void adam_follows_a_hand_computed_sequence(void **state)
{
    fixture *f = *state;
    array *x = model_array(f->m, "x", (shape){1, 1, 1, 1});
    x->values[0] = 1;
    graph *g = model_graph(f->m, TRAIN);
    /* loss = x², gradient 2x; rate 0.1, β1 0.9, β2 0.99, ε 1e-8. */
    minimise_at(g, t_sum(t_square(t_leaf(g, x))), x,
                model_adam(f->m, "adam", (struct adam){.rate = 0.1f, .beta1 = 0.9f, .beta2 = 0.99f, .epsilon = 1e-8f}));
    program *p = program_compile(g, &f->e);
    assert_non_null(p);
    double value = 1, m1 = 0, m2 = 0;
    for (int t = 1; t <= 3; t++) {
        program_run(p, (uint64_t)t);
        double gradient = 2 * value;
        m1 = 0.9 * m1 + 0.1 * gradient;
        m2 = 0.99 * m2 + 0.01 * gradient * gradient;
        value -= 0.1 * (m1 / (1 - pow(0.9, t))) / (sqrt(m2 / (1 - pow(0.99, t))) + 1e-8);
        assert_true(fabs((double)x->values[0] - value) < 1e-5);
    }
}

/* The gradient is (2, 2) by the weights and 1 by the bias: a norm of 3 over both. */
static void a_clip_scales_the_whole_gradient_to_its_norm(void **state)
{
    static const float clips[] = {0, 1.5f, 3, 4}, shares[] = {1, 0.5f, 1, 1};
    fixture *f = *state;
    array *x = model_array(f->m, "x", (shape){1, 1, 1, 2});
    x->values[0] = x->values[1] = 2;
    for (int i = 0; i < 4; i++) {
        char name[16];
        snprintf(name, sizeof name, "clip%d", i);
        graph *g = model_graph(f->m, TRAIN);
        net *n = model_net(f->m, name);
        struct adam rule = {.rate = 0.1f, .beta1 = 0.5f, .beta2 = 0.75f, .epsilon = 1, .clip = clips[i]};
        optim *o = model_adam(f->m, name, rule);
        minimise(g, t_mean(layer(n, g, t_leaf(g, x), 1)), NETS(n), o);
        program *p = program_compile(g, &f->e);
        assert_non_null(p);
        float before[3] = {0}, after[3] = {0};
        net_copy(n, before);
        program_run(p, 0);
        net_copy(n, after);
        for (int j = 0; j < 3; j++) {
            float slope = shares[i] * (j < 2 ? 2 : 1);
            assert_true(fabsf(before[j] - after[j] - 0.1f * slope / (slope + 1)) < 1e-6f);
        }
        assert_int_equal(o->slot_count, 2);
        assert_true(n->params[0]->gradient[0] == 2 && n->params[1]->gradient[0] == 1); /* as it was found */
    }
}

typedef struct products {
    conv_product seen[8];
    double flops;
    int count;
} products;

static void take(void *context, conv_product p, double flops)
{
    products *all = context;
    assert_true(all->count < 8);
    all->seen[all->count++] = p;
    all->flops += flops;
}

/* Two layers: each forward and by its weights, the second also by what the first gave. */
static void a_run_is_made_of_its_products(void **state)
{
    fixture *f = *state;
    graph *g = model_graph(f->m, TRAIN);
    net *n = model_net(f->m, "n");
    tensor *x = t_leaf(g, model_array(f->m, "x", (shape){4, 1, 1, 3}));
    net_enter(n, g);
    tensor *y = nn_dense(n, t_relu(nn_dense(n, x, (struct conv){.out = 5, .bias = true})), (struct conv){.out = 2});
    minimise(g, t_mean(y), NETS(n), model_adam(f->m, "o", adam_rule));
    program *p = program_compile(g, &f->e);
    assert_non_null(p);
    products all = {.count = 0};
    program_products(p, take, &all);
    assert_int_equal(all.count, 5);
    const double first = 2.0 * 4 * 3 * 5, second = 2.0 * 4 * 5 * 2;
    assert_true(all.flops == 2 * first + 3 * second && program_flops(p) == all.flops);
    assert_true(all.seen[0].m == 4 && all.seen[0].n == 5 && all.seen[0].k == 3 && !all.seen[0].a_transposed);
}

static void a_derivative_is_read_and_moves_nothing(void **state)
{
    fixture *f = *state;
    array *x = model_array(f->m, "x", (shape){1, 1, 1, 2});
    assert_null(array_gradient(x));
    x->values[0] = 3;
    x->values[1] = -2;
    graph *g = model_graph(f->m, SCORE);
    differentiate(g, t_sum(t_square(t_leaf(g, x))), x);
    program *p = program_compile(g, &f->e);
    assert_non_null(p);
    for (int i = 0; i < 2; i++)
        program_run(p, 0);
    assert_true(array_gradient(x)[0] == 6 && array_gradient(x)[1] == -4);
    assert_true(x->values[0] == 3 && x->values[1] == -2);
}

static void shape_errors_surface_at_compile_with_both_shapes(void **state)
{
    fixture *f = *state;
    graph *g = model_graph(f->m, TRAIN);
    tensor *a = t_leaf(g, model_array(f->m, "a", (shape){2, 1, 1, 3}));
    tensor *b = t_leaf(g, model_array(f->m, "b", (shape){2, 1, 1, 4}));
    t_output(t_mean(t_tanh(t_sub(a, b))), "loss");
    assert_null(program_compile(g, &f->e));
    assert_string_equal(f->e.message, "sub: 2×1×1×3 against 2×1×1×4");
}

static void an_output_has_one_name(void **state)
{
    fixture *f = *state;
    array *x = model_array(f->m, "x", (shape){2, 1, 1, 3});
    graph *same = model_graph(f->m, TRAIN), *other = model_graph(f->m, TRAIN);
    t_output(t_output(t_tanh(t_leaf(same, x)), "y"), "y");
    assert_non_null(program_compile(same, &f->e));
    t_output(t_output(t_tanh(t_leaf(other, x)), "y"), "score");
    assert_null(program_compile(other, &f->e));
    assert_string_equal(f->e.message, "tanh: output y is to be score too");
}

static void a_net_of_another_shape_is_refused(void **state)
{
    fixture *f = *state;
    graph *g = model_graph(f->m, TRAIN);
    net *n = model_net(f->m, "n");
    tensor *x = t_leaf(g, model_array(f->m, "x", (shape){2, 1, 1, 3}));
    layer(n, g, x, 4);
    t_output(layer(n, g, x, 5), "y");
    assert_null(program_compile(g, &f->e));
    assert_non_null(strstr(f->e.message, "net n has dense0.weight"));
}

static void a_net_may_be_moved_by_one_objective_alone(void **state)
{
    fixture *f = *state;
    graph *g = model_graph(f->m, TRAIN);
    net *n = model_net(f->m, "n");
    tensor *loss = t_mean(layer(n, g, t_leaf(g, model_array(f->m, "x", (shape){2, 1, 1, 3})), 4));
    optim *sgd = model_sgd(f->m, "sgd", 0.1f);
    minimise(g, loss, NETS(n), sgd);
    minimise(g, t_scale(loss, 2), NETS(n), sgd);
    assert_null(program_compile(g, &f->e));
    assert_non_null(strstr(f->e.message, "moved by two objectives"));
}

static void an_array_may_be_named_by_one_objective_alone(void **state)
{
    fixture *f = *state;
    array *x = model_array(f->m, "x", (shape){2, 1, 1, 3});
    optim *sgd = model_sgd(f->m, "sgd", 0.1f);
    for (int moves = 0; moves < 2; moves++) {
        graph *g = model_graph(f->m, TRAIN);
        tensor *loss = t_sum(t_leaf(g, x));
        differentiate(g, t_scale(loss, 2), x);
        if (moves)
            minimise_at(g, loss, x, sgd);
        else
            differentiate(g, loss, x);
        assert_null(program_compile(g, &f->e));
        assert_non_null(strstr(f->e.message, "array x is named by two objectives"));
    }
}

static void a_loss_that_reaches_nothing_is_refused(void **state)
{
    fixture *f = *state;
    graph *g = model_graph(f->m, TRAIN);
    net *n = model_net(f->m, "n");
    tensor *y = layer(n, g, t_leaf(g, model_array(f->m, "x", (shape){2, 1, 1, 3})), 4);
    minimise(g, t_mean(t_stop(y)), NETS(n), model_sgd(f->m, "sgd", 0.1f));
    assert_null(program_compile(g, &f->e));
    assert_non_null(strstr(f->e.message, "does not depend on"));
}

static void padding_that_differs_by_axis_is_refused_as_such(void **state)
{
    fixture *f = *state;
    graph *g = model_graph(f->m, TRAIN);
    net *n = model_net(f->m, "n");
    net_enter(n, g);
    tensor *x = t_leaf(g, model_array(f->m, "x", (shape){2, 8, 7, 3}));
    t_output(nn_conv(n, x, (struct conv){.out = 4, .kernel = 3, .stride = 2, .same = true}), "y");
    assert_null(program_compile(g, &f->e));
    assert_string_equal(f->e.message,
                        "conv: SAME would pad a map of 8×7 by 1 rows and 2 columns; only equal ones are done");
}

static void a_limit_that_is_reached_is_told(void **state)
{
    fixture *f = *state;
    graph *g = model_graph(f->m, TRAIN);
    net *n = model_net(f->m, "deep");
    tensor *x = t_leaf(g, model_array(f->m, "x", (shape){1, 1, 1, 1}));
    net_enter(n, g);
    for (int i = 0; i <= NET_PARAMS_MAX; i++)
        x = nn_dense(n, x, (struct conv){.out = 1});
    assert_null(program_compile(g, &f->e));
    assert_string_equal(f->e.message, "dense: more than 128 parameters in net deep");
    char name[16];
    for (int i = 0; i <= MODEL_THINGS_MAX; i++) {
        snprintf(name, sizeof name, "net %d", i);
        n = model_net(f->m, name);
    }
    g = model_graph(f->m, TRAIN);
    t_output(layer(n, g, t_leaf(g, model_find_array(f->m, "x")), 1), "y");
    assert_null(program_compile(g, &f->e));
    assert_string_equal(f->e.message, "a model: more than 64 nets");
}

static void an_optimiser_that_moves_too_much_is_told(void **state)
{
    fixture *f = *state;
    optim *sgd = model_sgd(f->m, "sgd", 0.1f);
    array *x = model_array(f->m, "x", (shape){1, 1, 1, 1});
    for (int moved = 0; moved <= OPTIM_SLOTS_MAX; moved += NET_PARAMS_MAX) {
        char name[16];
        snprintf(name, sizeof name, "net %d", moved);
        net *n = model_net(f->m, name);
        graph *g = model_graph(f->m, TRAIN);
        tensor *y = t_leaf(g, x);
        net_enter(n, g);
        for (int i = 0; i < NET_PARAMS_MAX; i++)
            y = nn_dense(n, y, (struct conv){.out = 1});
        minimise(g, t_mean(y), NETS(n), sgd);
        assert_int_equal(program_compile(g, &f->e) != NULL, moved < OPTIM_SLOTS_MAX);
    }
    assert_string_equal(f->e.message, "optimiser sgd: more than 512 things to move");
}

static void statistics_move_only_where_their_net_is_trained(void **state)
{
    fixture *f = *state;
    net *n = model_net(f->m, "n"), *other = model_net(f->m, "other");
    array *x = model_array(f->m, "x", (shape){8, 1, 1, 3});
    random_normal(random_stream(1, "x"), 0, 3, 1, x->values, shape_size(x->s));
    for (int trains = 0; trains < 2; trains++) {
        graph *g = model_graph(f->m, TRAIN);
        net_enter(n, g);
        tensor *y = layer(other, g, nn_batch_norm(n, t_leaf(g, x)), 1);
        minimise(g, t_l2(y, t_constant(g, tensor_shape(y), 1)), NETS(trains ? n : other),
                 model_sgd(f->m, "sgd", 0.01f));
        program *p = program_compile(g, &f->e);
        assert_non_null(p);
        program_run(p, 0);
        float mean = n->params[2]->values[0];
        assert_true(trains ? mean > 0.1f : mean == 0);
    }
}

static void a_frozen_net_normalises_as_in_scoring(void **state)
{
    fixture *f = *state;
    net *n = model_net(f->m, "n"), *other = model_net(f->m, "other");
    array *x = model_array(f->m, "x", (shape){8, 1, 1, 3});
    random_normal(random_stream(1, "x"), 0, 3, 1, x->values, shape_size(x->s));
    float found[3][24];
    static const struct {
        enum mode mode;
        bool frozen;
    } ways[] = {{SCORE, false}, {TRAIN, true}, {TRAIN, false}};
    for (int i = 0; i < 3; i++) {
        graph *g = model_graph(f->m, ways[i].mode);
        net_freeze(n, ways[i].frozen);
        net_enter(n, g);
        tensor *y = t_output(nn_batch_norm(n, t_leaf(g, x)), "y");
        if (ways[i].frozen) /* the statistics stay as they are beside a net that learns */
            minimise(g, t_mean(layer(other, g, y, 1)), NETS(other), model_sgd(f->m, "sgd", 0.01f));
        program *p = program_compile(g, &f->e);
        assert_non_null(p);
        program_run(p, 0);
        memcpy(found[i], program_output(p, "y", NULL), sizeof found[i]);
        assert_true(n->params[2]->values[0] == 0 && n->params[3]->values[0] == 1);
    }
    assert_memory_equal(found[0], found[1], sizeof found[0]);
    assert_memory_not_equal(found[0], found[2], sizeof found[0]);
}

static void draws_differ_by_step_and_repeat_with_it(void **state)
{
    fixture *f = *state;
    graph *g = model_graph(f->m, TRAIN);
    t_output(t_normal(g, (shape){64, 10, 10, 10}), "z");
    program *p = program_compile(g, &f->e);
    assert_non_null(p);
    const float *z = program_output(p, "z", NULL);
    program_run(p, 1);
    float first = z[123], sum = 0;
    program_run(p, 2);
    assert_true(z[123] != first);
    program_run(p, 1);
    assert_true(z[123] == first);
    for (int i = 0; i < 64000; i++)
        sum += z[i];
    assert_true(fabsf(sum / 64000) < 0.02f);
}

static void a_plan_never_overlaps_what_lives_together(void **state)
{
    (void)state;
    enum { BUFFERS = 300, TIMES = 100 };
    plan p = {0};
    uint32_t draw[3 * BUFFERS];
    random_bits(random_stream(9, "plan"), 0, draw, 3 * BUFFERS);
    for (int i = 0; i < BUFFERS; i++) {
        int born = (int)(draw[3 * i] % TIMES);
        int index = plan_add(&p, 1 + draw[3 * i + 1] % 5000, born);
        plan_touch(&p, index, born + (int)(draw[3 * i + 2] % 20));
    }
    size_t shared, apart;
    assert_true(plan_place(&p, false, &apart, NULL));
    assert_true(plan_place(&p, true, &shared, NULL));
    assert_true(shared * 2 < apart);
    for (int i = 0; i < BUFFERS; i++)
        for (int j = 0; j < i; j++) {
            const plan_buffer *a = &p.buffers[i], *b = &p.buffers[j];
            bool together = a->born <= b->dies && b->born <= a->dies;
            bool overlap = a->offset < b->offset + b->floats && b->offset < a->offset + a->floats;
            assert_false(together && overlap);
        }
    plan_free(&p);
}

int main(void)
{
#define TEST(name_) cmocka_unit_test_setup_teardown(name_, fixture_open, fixture_close)
    const struct CMUnitTest tests[] = {
        TEST(an_objective_moves_only_what_it_names),
        TEST(only_gradients_that_reach_are_computed),
        TEST(objectives_share_one_forward_and_see_old_weights),
        TEST(adam_follows_a_hand_computed_sequence),
        TEST(a_clip_scales_the_whole_gradient_to_its_norm),
        TEST(a_run_is_made_of_its_products),
        TEST(a_derivative_is_read_and_moves_nothing),
        TEST(shape_errors_surface_at_compile_with_both_shapes),
        TEST(an_output_has_one_name),
        TEST(a_net_of_another_shape_is_refused),
        TEST(a_net_may_be_moved_by_one_objective_alone),
        TEST(an_array_may_be_named_by_one_objective_alone),
        TEST(a_loss_that_reaches_nothing_is_refused),
        TEST(padding_that_differs_by_axis_is_refused_as_such),
        TEST(a_limit_that_is_reached_is_told),
        TEST(an_optimiser_that_moves_too_much_is_told),
        TEST(statistics_move_only_where_their_net_is_trained),
        TEST(a_frozen_net_normalises_as_in_scoring),
        TEST(draws_differ_by_step_and_repeat_with_it),
        TEST(a_plan_never_overlaps_what_lives_together),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
