/* SPDX-License-Identifier: MIT */
/*
 * golden.h — compares a model with numbers from a reference implementation, by name. The file holds "x" (a batch),
 * "start" (values by NET/PARAMETER) and "steps", each with "losses", "gradients" and "values" after it.
 */
#ifndef ANOMALYD_TESTS_GOLDEN_H
#define ANOMALYD_TESTS_GOLDEN_H

#include "nn/internal.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <jansson.h>
#include <math.h>
#include <stdio.h>
#include <string.h>

/* A difference is allowed up to `relative` times the largest of the tensor's expected values, plus `absolute`. */
typedef struct tolerance {
    double relative, absolute;
} tolerance;

static inline json_t *golden_open(const char *path)
{
    json_error_t e;
    json_t *root = json_load_file(path, 0, &e);
    if (!root)
        fail_msg("%s:%d: %s", path, e.line, e.text);
    return root;
}

static inline void golden_fill(float *values, const json_t *list, size_t count)
{
    assert_int_equal(json_array_size(list), count);
    for (size_t i = 0; i < count; i++)
        values[i] = (float)json_number_value(json_array_get(list, i));
}

static inline void golden_compare(const char *what, const float *values, const json_t *list, size_t count, tolerance t)
{
    double largest = 0;
    if (!values || !list) {
        fail_msg("%s has no %s", values ? "the reference" : "the model", what);
        return;
    }
    assert_int_equal(json_array_size(list), count);
    for (size_t i = 0; i < count; i++)
        largest = fmax(largest, fabs(json_number_value(json_array_get(list, i))));
    for (size_t i = 0; i < count; i++) {
        double expected = json_number_value(json_array_get(list, i));
        if (!(fabs((double)values[i] - expected) <= t.relative * largest + t.absolute))
            fail_msg("%s[%zu] is %.9g, the reference has %.9g", what, i, (double)values[i], expected);
    }
}

/* The parameter called NET/PARAMETER. */
static inline param *golden_param(model *m, const char *name)
{
    for (int i = 0; i < m->net_count; i++)
        for (int j = 0; j < m->nets[i]->count; j++) {
            char own[2 * PARAM_NAME_MAX];
            snprintf(own, sizeof own, "%s/%s", m->nets[i]->name, m->nets[i]->params[j]->name);
            if (!strcmp(own, name))
                return m->nets[i]->params[j];
        }
    fail_msg("the model has no %s", name);
    return NULL;
}

static inline void golden_start(model *m, const json_t *start)
{
    const char *name;
    json_t *list;
    json_object_foreach((json_t *)start, name, list)
    {
        param *p = golden_param(m, name);
        golden_fill(p->values, list, shape_size(p->s));
    }
}

/* First values that a reference draws too, with the project's generator: by the parameter's name, and its role. */
static inline void golden_draw(model *m, uint64_t seed)
{
    for (int i = 0; i < m->net_count; i++)
        for (int j = 0; j < m->nets[i]->count; j++) {
            param *p = m->nets[i]->params[j];
            char stream[3 * PARAM_NAME_MAX];
            snprintf(stream, sizeof stream, "start/%s/%s", m->nets[i]->name, p->name);
            const char *role = strrchr(p->name, '.') + 1;
            bool is_one = !strcmp(role, "gamma") || !strcmp(role, "variance");
            float deviation = !strcmp(role, "weight") || !strcmp(role, "gamma") ? 0.2f
                              : !strcmp(role, "bias") || !strcmp(role, "beta")  ? 0.1f
                              : !strcmp(role, "direction")                      ? 1.0f
                                                                                : 0.0f;
            random_normal(random_stream(seed, stream), 0, is_one, deviation, p->values, shape_size(p->s));
        }
}

#endif
