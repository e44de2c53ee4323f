/* SPDX-License-Identifier: MIT */
/* test_ops.c — every operation of the table in every mode: value, gradient, memory plan on and off, threads. */
#include "ops_table.h"

#include "base/blas.h"
#include "thorough.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { SETTLE_RUNS = TURNS(200, 2) };

/* One record, compiled: loss = Σ y·weights, with an objective for each thing that it depends on. */
typedef struct bench {
    team *team;
    model *m;
    array *a, *b, *weights;
    net *n;
    program *p;
    op_case k;
} bench;

static void fill(array *x, const char *stream, bool positive)
{
    random_uniform(random_stream(7, stream), 0, positive ? 0.5f : -1.0f, positive ? 2.0f : 1.0f, x->values,
                   shape_size(x->s));
}

static void bench_open(bench *s, const op_record *r, int threads)
{
    error e;
    *s = (bench){.team = team_new(threads, &e)};
    assert_non_null(s->team);
    s->m = model_new(3, s->team, &e);
    assert_non_null(s->m);
    s->n = model_net(s->m, "net");
    net_init(s->n, (init_rule){.kind = INIT_NORMAL, .deviation = 0.3f, .gamma_deviation = 0.3f});
    graph *g = model_graph(s->m, r->score ? SCORE : TRAIN);
    s->a = model_array(s->m, "a", r->a);
    fill(s->a, "a", r->positive);
    s->k = (op_case){.g = g, .n = s->n, .a = t_leaf(g, s->a), .a_values = s->a->values, .a_shape = r->a};
    if (r->b.n) {
        s->b = model_array(s->m, "b", r->b);
        fill(s->b, "b", r->positive);
        s->k.b = t_leaf(g, s->b);
        s->k.b_values = s->b->values;
        s->k.b_shape = r->b;
    }
    tensor *y = t_output(r->build(&s->k), "y");
    s->k.y_shape = tensor_shape(y);
    s->weights = model_array(s->m, "weights", s->k.y_shape);
    fill(s->weights, "weights", false);
    tensor *loss = t_output(t_sum(t_mul(y, t_leaf(g, s->weights))), "loss");
    optim *still = model_sgd(s->m, "still", 0);
    minimise_at(g, loss, s->a, still);
    if (s->b)
        minimise_at(g, loss, s->b, still);
    if (r->has_net)
        minimise(g, loss, NETS(s->n), still);
    s->p = program_compile(g, &e);
    if (!s->p)
        fail_msg("%s, %s: %s", r->op, r->what, e.message);
    for (int i = 0; i < (r->settles ? SETTLE_RUNS : 1); i++)
        program_run(s->p, 11);
}

static void bench_close(bench *s)
{
    model_free(s->m);
    team_free(s->team);
}

static double loss_of(bench *s)
{
    program_run(s->p, 11);
    /* Summed here in double: the program's own float would drown small differences. */
    const float *y = program_output(s->p, "y", NULL);
    double sum = 0;
    for (size_t i = 0; i < shape_size(s->k.y_shape); i++)
        sum += (double)y[i] * (double)s->weights->values[i];
    return sum;
}

static void check_value(const op_record *r, bench *s)
{
    shape shown;
    const float *y = program_output(s->p, "y", &shown);
    size_t i = 0;
    for (int n = 0; n < shown.n; n++)
        for (int h = 0; h < shown.h; h++)
            for (int w = 0; w < shown.w; w++)
                for (int c = 0; c < shown.c; c++, i++) {
                    double expected = r->value(&s->k, (place){n, h, w, c});
                    if (!(fabs((double)y[i] - expected) <= 2e-5 * (1 + fabs(expected))))
                        fail_msg("%s, %s, seed 7: value at (%d, %d, %d, %d) is %.9g, expected %.9g", r->op, r->what, n,
                                 h, w, c, (double)y[i], expected);
                }
}

static void operations_compute_their_formula(void **state)
{
    (void)state;
    for (int i = 0; i < op_record_count; i++) {
        if (!op_records[i].value || (op_records[i].settles && !THOROUGH))
            continue;
        bench s;
        bench_open(&s, &op_records[i], 2);
        check_value(&op_records[i], &s);
        bench_close(&s);
    }
}

/* Along the gradient itself, the loss must change by the gradient's norm: the best of a ladder of step sizes. Unless
 * THOROUGH takes the first step alone and does not judge. */
static void check_gradient(const op_record *r, bench *s, float *values, const float *gradient, size_t count)
{
    double norm = 0, best = INFINITY;
    /* Beside t_stop's constant path runs a live one of equal slope: the true change is twice the gradient. */
    double expected = strcmp(r->op, "stop") == 0 ? 2 : 1;
    for (size_t i = 0; i < count; i++)
        norm += (double)gradient[i] * (double)gradient[i];
    norm = sqrt(norm);
    assert_true(norm > 0);
    float *start = malloc(count * sizeof *start), *direction = malloc(count * sizeof *direction);
    assert_true(start && direction);
    memcpy(start, values, count * sizeof *start);
    for (size_t i = 0; i < count; i++)
        direction[i] = (float)((double)gradient[i] / norm);
    for (double step = 0.1; step > TURNS(5e-5, 0.05); step /= 2) {
        double loss[2];
        for (int side = 0; side < 2; side++) {
            for (size_t i = 0; i < count; i++)
                values[i] = start[i] + (float)(side ? -step : step) * direction[i];
            for (int j = 0; j < (r->settles ? SETTLE_RUNS : 0); j++)
                program_run(s->p, 11);
            loss[side] = loss_of(s);
        }
        double slope = (loss[0] - loss[1]) / (2 * step);
        best = fmin(best, fabs(slope / norm - expected));
    }
    memcpy(values, start, count * sizeof *start);
    free(start);
    free(direction);
    if (THOROUGH && !(best < 1e-2))
        fail_msg("%s, %s, seed 7: gradient is off by %.3g of itself", r->op, r->what, best);
}

static void gradients_agree_with_finite_differences(void **state)
{
    (void)state;
    for (int i = 0; i < op_record_count; i++) {
        const op_record *r = &op_records[i];
        bench s;
        bench_open(&s, r, 2);
        check_gradient(r, &s, s.a->values, s.a->gradient, shape_size(s.a->s));
        if (s.b)
            check_gradient(r, &s, s.b->values, s.b->gradient, shape_size(s.b->s));
        for (int j = 0; r->has_net && j < s.n->count; j++) {
            param *p = s.n->params[j];
            if (!p->is_statistic)
                check_gradient(r, &s, p->values, p->gradient, shape_size(p->s));
        }
        bench_close(&s);
    }
}

static bool all_are_numbers(const bench *s)
{
    const float *y = program_output(s->p, "y", NULL);
    for (size_t i = 0; i < shape_size(s->k.y_shape); i++)
        if (isnan(y[i]))
            return false;
    return true;
}

/* A network that has come to nothing must be seen in its losses and scores. */
static void what_is_no_number_comes_through(void **state)
{
    (void)state;
    for (int i = 0; i < op_record_count; i++) {
        const op_record *r = &op_records[i];
        const bool reads_ends = strcmp(r->op, "slice") != 0;
        for (int end = 0; end < 2 && r->value && reads_ends; end++) {
            const size_t at = end ? shape_size(r->a) - 1 : 0;
            bench s;
            bench_open(&s, r, 1);
            s.a->values[at] = NAN;
            program_run(s.p, 11);
            if (all_are_numbers(&s))
                fail_msg("%s, %s: NaN at %zu is lost", r->op, r->what, at);
            bench_close(&s);
        }
    }
}

static void check_same(const op_record *r, const char *how, const float *x, const float *y, size_t count)
{
    if (memcmp(x, y, count * sizeof *x) != 0)
        fail_msg("%s, %s: bits differ %s", r->op, r->what, how);
}

static void check_equal(const op_record *r, bench *x, bench *y, const char *how)
{
    check_same(r, how, program_output(x->p, "y", NULL), program_output(y->p, "y", NULL), shape_size(x->k.y_shape));
    check_same(r, how, x->a->gradient, y->a->gradient, shape_size(r->a));
    if (x->b)
        check_same(r, how, x->b->gradient, y->b->gradient, shape_size(r->b));
    for (int j = 0; r->has_net && j < x->n->count; j++) {
        param *p = x->n->params[j], *q = y->n->params[j];
        check_same(r, how, p->values, q->values, shape_size(p->s));
        if (!p->is_statistic)
            check_same(r, how, p->gradient, q->gradient, shape_size(p->s));
    }
}

static void sharing_memory_changes_no_bit(void **state)
{
    (void)state;
    for (int i = 0; i < op_record_count; i++) {
        bench shared, apart;
        bench_open(&shared, &op_records[i], 1);
        setenv("ANOMALYD_PLAN_SHARING", "0", 1);
        bench_open(&apart, &op_records[i], 1);
        unsetenv("ANOMALYD_PLAN_SHARING");
        assert_true(program_bytes(shared.p) <= program_bytes(apart.p));
        check_equal(&op_records[i], &shared, &apart, "when memory is shared");
        bench_close(&shared);
        bench_close(&apart);
    }
}

static void threads_change_no_bit(void **state)
{
    (void)state;
    static const int counts[] = {2, 3, 5};
    for (int i = 0; i < op_record_count; i++) {
        bench one;
        bench_open(&one, &op_records[i], 1);
        for (size_t j = 0; j < sizeof counts / sizeof *counts; j++) {
            bench many;
            bench_open(&many, &op_records[i], counts[j]);
            check_equal(&op_records[i], &one, &many, "with more threads");
            bench_close(&many);
        }
        bench_close(&one);
    }
}

static bool has_record(const char *name, size_t length)
{
    for (int i = 0; i < op_record_count; i++)
        if (strlen(op_records[i].op) == length && !strncmp(op_records[i].op, name, length))
            return true;
    return false;
}

/* Finds every `pattern`NAME`end` in a source file and asks for a record of that name. */
static int names_after(const char *text, const char *pattern, const char *end)
{
    int found = 0;
    for (const char *at = text; (at = strstr(at, pattern)) != NULL; found++) {
        at += strlen(pattern);
        size_t length = strcspn(at, end);
        bool is_macro = !strncmp(at, "name_", length);
        if (!is_macro && !has_record(at, length))
            fail_msg("operation %.*s has no record in the table", (int)length, at);
    }
    return found;
}

static void every_operation_has_a_record(void **state)
{
    (void)state;
    static const char *const files[] = {"op_map.c",  "op_random.c", "op_shape.c", "op_reduce.c",  "op_loss.c",
                                        "op_pool.c", "op_conv.c",   "op_norm.c",  "op_spectral.c"};
    int found = 0;
    for (size_t i = 0; i < sizeof files / sizeof *files; i++) {
        char path[512], text[65536];
        snprintf(path, sizeof path, "%s/%s", GRAPH_SOURCE_DIR, files[i]);
        FILE *f = fopen(path, "r");
        assert_non_null(f);
        size_t size = fread(text, 1, sizeof text - 1, f);
        fclose(f);
        assert_true(size < sizeof text - 1);
        text[size] = 0;
        found += names_after(text, ".name = \"", "\"") + names_after(text, "MAP_RECORD(", ",");
    }
    assert_true(found >= 30);
}

int main(int argc, char **argv)
{
    (void)argc;
    error e;
    if (!blas_start(argv, &e))
        return 1;
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(every_operation_has_a_record),
        cmocka_unit_test(operations_compute_their_formula),
        cmocka_unit_test(gradients_agree_with_finite_differences),
        cmocka_unit_test(what_is_no_number_comes_through),
        cmocka_unit_test(sharing_memory_changes_no_bit),
        cmocka_unit_test(threads_change_no_bit),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
