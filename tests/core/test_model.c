/* SPDX-License-Identifier: MIT */
/* test_model.c — averages, the kept copy, resolved spectral norms, and files. */
#include "nn/internal.h"
#include "scratch.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <math.h>
#include <string.h>

#include "model_fixture.h"

static void an_average_trails_the_weights_and_swaps_in_place(void **state)
{
    fixture *f = *state;
    graph *g = model_graph(f->m, TRAIN);
    net *n = model_net(f->m, "n");
    layer(n, g, t_leaf(g, model_array(f->m, "x", (shape){2, 1, 1, 1})), 1);
    float *weight = n->params[0]->values;
    *weight = 1;
    assert_true(model_average(f->m, 0.5f, 1000, &f->e)); /* starts at 1 */
    *weight = 3;
    assert_true(model_average(f->m, 0.5f, 1001, &f->e));
    model_average_swap(f->m);
    assert_true(*weight == 2);
    model_average_swap(f->m);
    assert_true(*weight == 3);
    assert_true(model_keep(f->m, &f->e));
    *weight = 7;
    model_restore(f->m);
    assert_true(*weight == 3);
}

static void a_count_that_is_none_is_refused(void **state)
{
    static const char *const counts[][2] = {{"-1", "0"}, {"0", "nan"}, {"1e300", "0"}, {"0", "0.5"}};
    fixture *f = *state;
    model_net(f->m, "n");
    model_sgd(f->m, "sgd", 0.1f);
    for (int i = 0; i < 4; i++) {
        bundle *b = bundle_new();
        bundle_put(b, "net.n.resets", counts[i][0]);
        bundle_put(b, "optim.sgd.steps", counts[i][1]);
        assert_false(model_read(f->m, b, MODEL_WEIGHTS | MODEL_TRAINING, &f->e));
        assert_int_equal(f->e.code, ERROR_CORRUPT);
        bundle_free(b);
    }
}

/* A layer under spectral norm as scoring and as training run it. */
typedef struct normed {
    array *x;
    program *score, *train_like, *step;
} normed;

static tensor *normed_layer(net *n, graph *g, tensor *x)
{
    net_enter(n, g);
    return nn_dense(n, x, (struct conv){.out = 3, .bias = true, .spectral = true});
}

static normed normed_build(fixture *f)
{
    normed p = {.x = model_array(f->m, "x", (shape){4, 1, 1, 5})};
    random_normal(random_stream(1, "x"), 0, 0, 1, p.x->values, shape_size(p.x->s));
    net *n = model_net(f->m, "n");
    for (int i = 0; i < 2; i++) {
        graph *g = model_graph(f->m, i ? TRAIN : SCORE);
        t_output(normed_layer(n, g, t_leaf(g, p.x)), "y");
        *(i ? &p.train_like : &p.score) = program_compile(g, &f->e);
    }
    graph *g = model_graph(f->m, TRAIN);
    minimise(g, t_mean(t_square(normed_layer(n, g, t_leaf(g, p.x)))), NETS(n), model_sgd(f->m, "sgd", 0.5f));
    p.step = program_compile(g, &f->e);
    assert_true(p.score && p.train_like && p.step);
    return p;
}

/* The scoring program's weights are those of this moment. It multiplies in tiles of a fixed size and the training
 * program in one product, so that the two agree to rounding: only some processors' kernels give them the same bits. */
static void assert_up_to_date(const normed *p, float before[12])
{
    program_run(p->score, 0);
    program_run(p->train_like, 0);
    const float *y = program_output(p->score, "y", NULL), *trained = program_output(p->train_like, "y", NULL);
    float change = 0;
    for (int i = 0; i < 12; i++) {
        assert_float_equal(y[i], trained[i], 1e-5f);
        change = fmaxf(change, fabsf(y[i] - before[i]));
    }
    assert_true(change > 1e-3f);
    memcpy(before, y, 12 * sizeof(float));
}

static void a_resolved_spectral_norm_follows_all_that_moves_weights(void **state)
{
    fixture *f = *state;
    normed p = normed_build(f);
    float y[12] = {0};
    assert_up_to_date(&p, y);
    program_run(p.step, 0);
    assert_up_to_date(&p, y);
    assert_true(model_keep(f->m, &f->e) && model_average(f->m, 0.9f, 1000, &f->e));
    program_run(p.step, 1);
    assert_up_to_date(&p, y);
    model_average_swap(f->m);
    assert_up_to_date(&p, y);
    model_average_swap(f->m);
    assert_up_to_date(&p, y);
    model_restore(f->m);
    assert_up_to_date(&p, y);
    net_reset(model_net(f->m, "n"));
    assert_up_to_date(&p, y);
    scratch folder = scratch_make();
    scratch_path path = scratch_at(&folder, "weights");
    bundle *b = bundle_new();
    model_write(f->m, b, MODEL_WEIGHTS);
    assert_true(bundle_write(b, path.text, &f->e));
    bundle_free(b);
    program_run(p.step, 2);
    assert_up_to_date(&p, y);
    assert_non_null(b = bundle_open(path.text, &f->e));
    assert_true(model_read(f->m, b, MODEL_WEIGHTS, &f->e));
    assert_up_to_date(&p, y);
    bundle_free(b);
    scratch_remove(&folder);
}

static void a_spectral_norm_is_resolved_once_for_all_scoring_programs(void **state)
{
    fixture *f = *state;
    normed p = normed_build(f);
    net *n = model_net(f->m, "n");
    size_t bytes = model_bytes(f->m);
    graph *g = model_graph(f->m, SCORE);
    t_output(normed_layer(n, g, t_leaf(g, p.x)), "y");
    program *other = program_compile(g, &f->e);
    assert_non_null(other);
    assert_int_equal(model_bytes(f->m), bytes);
    program_run(p.score, 0);
    /* Behind the model's back: what is worked out no more does not see it. */
    n->params[0]->values[0] += 1;
    program_run(p.score, 0);
    program_run(other, 0);
    program_run(p.train_like, 0);
    const float *y = program_output(p.score, "y", NULL);
    assert_memory_equal(y, program_output(other, "y", NULL), 12 * sizeof(float));
    assert_memory_not_equal(y, program_output(p.train_like, "y", NULL), 12 * sizeof(float));
}

/* Normed weights, averages and the kept copy among them. */
static void the_parts_of_its_memory_add_up(void **state)
{
    fixture *f = *state;
    normed_build(f);
    assert_true(model_average(f->m, 0.9f, 0, &f->e) && model_keep(f->m, &f->e));
    char *text = NULL, what[32];
    size_t size = 0, bytes = 0, sum = 0;
    FILE *out = open_memstream(&text, &size);
    assert_non_null(out);
    model_describe(f->m, out);
    assert_int_equal(fclose(out), 0);
    for (const char *line = text; *line; line = strchr(line, '\n') + 1)
        if (sscanf(line, "%31[^0-9] %zu bytes", what, &bytes) == 2 && strncmp(line, "net ", 4) != 0)
            sum += bytes;
    assert_int_equal(sum, model_bytes(f->m));
    free(text);
}

static void the_gradient_of_an_array_counts_as_its_memory(void **state)
{
    fixture *f = *state;
    array *codes = model_array(f->m, "codes", (shape){.n = 2, .h = 1, .w = 1, .c = 3});
    size_t without = model_bytes(f->m);
    assert_int_equal(without, 6 * sizeof(float));
    graph *g = model_graph(f->m, TRAIN);
    differentiate(g, t_sum(t_square(t_leaf(g, codes))), codes);
    assert_non_null(program_compile(g, &f->e));
    assert_int_equal(model_bytes(f->m), 2 * without);
}

static void a_scoring_graph_moves_no_resolved_weights(void **state)
{
    fixture *f = *state;
    graph *g = model_graph(f->m, SCORE);
    net *n = model_net(f->m, "n");
    tensor *y = normed_layer(n, g, t_leaf(g, model_array(f->m, "x", (shape){4, 1, 1, 5})));
    minimise(g, t_mean(y), NETS(n), model_sgd(f->m, "sgd", 0.1f));
    assert_null(program_compile(g, &f->e));
    assert_non_null(strstr(f->e.message, "net n is under spectral norm"));
}

int main(void)
{
#define TEST(name_) cmocka_unit_test_setup_teardown(name_, fixture_open, fixture_close)
    const struct CMUnitTest tests[] = {
        TEST(an_average_trails_the_weights_and_swaps_in_place),
        TEST(a_count_that_is_none_is_refused),
        TEST(a_resolved_spectral_norm_follows_all_that_moves_weights),
        TEST(a_spectral_norm_is_resolved_once_for_all_scoring_programs),
        TEST(the_parts_of_its_memory_add_up),
        TEST(the_gradient_of_an_array_counts_as_its_memory),
        TEST(a_scoring_graph_moves_no_resolved_weights),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
