/* SPDX-License-Identifier: MIT */
/*
 * test_ocgan_reference.c — two steps of mining, judges and autoencoder beside PyTorch's in doubles: what every network
 * makes, losses, gradients, weights; and the scores after them.
 */
#include "base/blas.h"
#include "golden.h"
#include "methods/method.h"

#include <stdlib.h>

enum { MINE, JUDGE, AUTOENCODE, PROGRAMS };
static const shape input = {5, 22, 22, 1};
static const uint64_t seed = 1;

typedef struct trial {
    team *team;
    model *m;
    void *self;
    const method *how;
    program *const *programs;
    array *v;
    json_t *golden;
} trial;

static trial trial_open(void)
{
    /* At the preset's mining_rate, 2, mining enlarges roundings tenfold. */
    static const char *const options[][2] = {{"width", "2"},   {"width_visual", "3"}, {"latent", "3"},
                                             {"noise", "0.2"}, {"mining_from", "0"},  {"mining_rate", "0.5"}};
    error e;
    /* Values of the forward passes stay where they were made. */
    assert_int_equal(setenv("ANOMALYD_PLAN_SHARING", "0", 1), 0);
    trial t = {
        .how = method_find("ocgan"), .team = team_new(2, &e), .golden = golden_open(REFERENCE_DIR "/ocgan.json")};
    t.m = model_new(seed, t.team, &e);
    t.self = calloc(1, t.how->size);
    assert_true(t.team && t.m && t.self);
    options_preset(t.how->options, t.self);
    for (size_t i = 0; i < sizeof options / sizeof *options; i++)
        assert_true(options_set(t.how->options, t.self, options[i][0], options[i][1], &e));
    if (!t.how->build(t.self, t.m, input, &e))
        fail_msg("%s", e.message);
    t.programs = t.how->programs(t.self);
    t.v = model_find_array(t.m, "v");
    golden_draw(t.m, seed);
    random_normal(random_stream(seed, "images"), 0, 0, 0.5f, array_values(model_find_array(t.m, "x")),
                  shape_size(input));
    return t;
}

static void trial_close(trial *t)
{
    json_decref(t->golden);
    model_free(t->m);
    free(t->self);
    team_free(t->team);
}

/* Every loss and spread that a program tells. */
static void check_numbers(const trial *t, const json_t *numbers)
{
    size_t count = 0;
    for (int i = MINE; i < PROGRAMS; i++)
        for (size_t j = 0; j < program_output_count(t->programs[i]); j++, count++) {
            const char *name = program_output_name(t->programs[i], j);
            json_t *one = json_pack("[O]", json_object_get(numbers, name));
            golden_compare(name, program_output(t->programs[i], name, NULL), one, 1, (tolerance){5e-6, 0});
            json_decref(one);
        }
    assert_int_equal(count, json_object_size(numbers));
}

/* The nth operation of that name in a program's forward pass. */
static const call *nth_call(const program *p, const char *op_name, int nth)
{
    for (int i = 0; i < p->forward_count; i++)
        if (!strcmp(p->steps[i].op->name, op_name) && nth-- == 0)
            return &p->steps[i].call;
    fail_msg("the program has too few of %s", op_name);
    return NULL;
}

/* En and De end in a tanh; what a judge makes is what a cross-entropy reads. */
static void check_outputs(const trial *t, const json_t *outputs)
{
    static const struct {
        const char *name;
        int program;
        const char *op;
        int nth;
    } made[] = {
        {"judge.visual.real", JUDGE, "bce", 0},
        {"judge.visual.decoded", JUDGE, "bce", 1},
        {"judge.latent.uniform", JUDGE, "bce", 2},
        {"judge.latent.code", JUDGE, "bce", 3},
        {"judge.classifier.decoded", JUDGE, "bce", 4},
        {"judge.classifier.reconstructed", JUDGE, "bce", 5},
        {"autoencode.code", AUTOENCODE, "tanh", 0},
        {"autoencode.reconstruction", AUTOENCODE, "tanh", 1},
        {"autoencode.mined", AUTOENCODE, "tanh", 3}, /* of 2, the code that was mined */
        {"autoencode.visual.mined", AUTOENCODE, "bce", 0},
        {"autoencode.latent.code", AUTOENCODE, "bce", 1},
    };
    for (size_t i = 0; i < sizeof made / sizeof *made; i++) {
        const call *c = nth_call(t->programs[made[i].program], made[i].op, made[i].nth);
        bool is_read = !strcmp(made[i].op, "bce");
        size_t count = shape_size(is_read ? c->t->source[0]->s : c->t->s);
        golden_compare(made[i].name, is_read ? c->x[0] : c->y, json_object_get(outputs, made[i].name), count,
                       (tolerance){1e-5, 0});
    }
    assert_int_equal(json_object_size(outputs), sizeof made / sizeof *made);
}

static void check_mining(const trial *t, const json_t *mining)
{
    size_t count = shape_size(array_shape(t->v));
    tolerance within = {1e-5, 0};
    golden_compare("v", array_values(t->v), json_object_get(mining, "v"), count, within);
    golden_compare("gradient of v", array_gradient(t->v), json_object_get(mining, "gradient"), count, within);
}

/* All that the model has, by name. */
static void check_parameters(const trial *t, bool gradients, tolerance within)
{
    const json_t *expected = json_object_get(t->golden, gradients ? "gradients" : "values");
    size_t count = 0;
    for (int i = 0; i < t->m->net_count; i++)
        for (int j = 0; j < t->m->nets[i]->count; j++) {
            const param *p = t->m->nets[i]->params[j];
            char name[2 * PARAM_NAME_MAX];
            if (gradients && p->is_statistic)
                continue;
            snprintf(name, sizeof name, "%s/%s", t->m->nets[i]->name, p->name);
            golden_compare(name, gradients ? p->gradient : p->values, json_object_get(expected, name), shape_size(p->s),
                           within);
            count++;
        }
    assert_int_equal(count, json_object_size(expected));
}

static void check_scores(const trial *t)
{
    error e;
    graph *g = model_graph(t->m, SCORE);
    t_output(t->how->score(t->self, t->m, g, t_leaf(g, model_find_array(t->m, "x"))), "score");
    program *p = program_compile(g, &e);
    if (!p)
        fail_msg("%s", e.message);
    program_run(p, 0);
    const char *name;
    json_t *list;
    json_object_foreach(json_object_get(t->golden, "scores"), name, list)
    {
        shape s;
        const float *found = program_output(p, name, &s);
        if (!found)
            fail_msg("the model has no %s", name);
        golden_compare(name, found, list, shape_size(s), (tolerance){1e-5, 0});
    }
    assert_int_equal(json_object_size(json_object_get(t->golden, "scores")), 3);
}

static void two_steps_follow_the_reference(void **state)
{
    (void)state;
    trial t = trial_open();
    size_t index;
    json_t *expected;
    json_array_foreach(json_object_get(t.golden, "steps"), index, expected)
    {
        t.how->step(t.self, index);
        check_mining(&t, json_object_get(expected, "mining"));
        check_numbers(&t, json_object_get(expected, "numbers"));
        check_outputs(&t, json_object_get(expected, "outputs"));
    }
    assert_int_equal(index, 2);
    check_parameters(&t, true, (tolerance){2e-5, 1e-8});
    check_parameters(&t, false, (tolerance){1e-6, 5e-6}); /* a fortieth of one step of Adam */
    check_scores(&t);
    trial_close(&t);
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
