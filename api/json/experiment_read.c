/* SPDX-License-Identifier: MIT */
/* experiment_read.c — see experiment_read.h. */
#include "api/json/experiment_read.h"

#include "api/json/json.h"
#include "api/json/training.h"
#include "data/protocol.h"

#include <stdlib.h>
#include <string.h>

static bool is_scalar(const json_t *value)
{
    return !json_is_array(value) && !json_is_object(value);
}

/* The array `name` of 1 to `count_max` different names or numbers; NULL after a complaint, or when it is absent. */
static json_t *read_list(const fields *f, const char *name, size_t count_max)
{
    json_t *list = fields_value(f, name);
    if (!list)
        return NULL;
    if (!json_is_array(list) || json_array_size(list) < 1 || json_array_size(list) > count_max) {
        fields_complain(f, name, "expected an array of 1 to %zu", count_max);
        return NULL;
    }
    for (size_t i = 0; i < json_array_size(list); i++) {
        if (!is_scalar(json_array_get(list, i))) {
            fields_complain(f, name, "at %zu: expected a name or a number", i);
            return NULL;
        }
        for (size_t k = 0; k < i; k++)
            if (json_equal(json_array_get(list, i), json_array_get(list, k))) {
                fields_complain(f, name, "holds the same twice, at %zu and %zu", k, i);
                return NULL;
            }
    }
    return list;
}

/* A method's own settings; the experiment's where it has none. */
static void read_overrides(const fields *f, json_t *overrides, const experiment_spec *spec, experiment_method *m)
{
    static const char *const names[] = {"held_out", "test_images", NULL};
    char pointer[JSON_POINTER_MAX];
    json_t *values = json_object_get(overrides, m->method);
    fields own = {.problem = f->problem};
    if (values) {
        json_pointer(pointer, "/overrides", m->method);
        own = fields_of(values, pointer, names, f->problem);
    }
    m->held_out = fields_number(&own, "held_out", 0, SUBJECT_HELD_OUT_MAX, spec->held_out);
    m->test_images = training_read_test_images(&own, spec->test_images);
    m->overrides_held_out = fields_value(&own, "held_out") != NULL;
    m->overrides_test_images = fields_value(&own, "test_images") != NULL;
}

static void read_hyperparameters(const fields *f, json_t *options, experiment_method *m)
{
    char pointer[JSON_POINTER_MAX];
    json_t *values = json_object_get(options, m->method);
    if (!values)
        return;
    json_pointer(pointer, "/hyperparameters", m->method);
    training_check_options(method_find(m->method), values, pointer, f->problem);
    m->hyperparameters = json_dumps(values, JSON_COMPACT | JSON_REAL_PRECISION(17));
    if (!m->hyperparameters)
        problem_set(f->problem, 503, "out of memory");
}

static bool has_method(const experiment_spec *spec, const char *id)
{
    for (int m = 0; m < spec->method_count; m++)
        if (!strcmp(spec->methods[m].method, id))
            return true;
    return false;
}

/* Complains when field `name` is no object with methods of the experiment as keys. */
static void check_methods(const fields *f, const char *name, const experiment_spec *spec)
{
    const char *key;
    json_t *by_method = fields_value(f, name), *value;
    if (by_method && !json_is_object(by_method))
        fields_complain(f, name, "expected an object of objects by method");
    json_object_foreach(by_method, key, value)
    {
        if (!has_method(spec, key))
            fields_complain(f, name, "'%.64s' is none of the methods asked for", key);
    }
}

static void read_methods(const fields *f, experiment_spec *spec)
{
    json_t *list = read_list(f, "methods", EXPERIMENT_METHODS_MAX);
    spec->methods = calloc(EXPERIMENT_METHODS_MAX, sizeof *spec->methods);
    if (!spec->methods)
        return;
    for (size_t i = 0; i < json_array_size(list); i++) {
        const char *id = json_string_value(json_array_get(list, i));
        const method *m = id ? method_find(id) : NULL;
        if (!m) {
            training_complain_method(f, "methods", id ? id : "(no string)");
            continue;
        }
        experiment_method *at = &spec->methods[spec->method_count++];
        snprintf(at->method, sizeof at->method, "%s", m->id);
        read_hyperparameters(f, fields_value(f, "hyperparameters"), at);
        read_overrides(f, fields_value(f, "overrides"), spec, at);
    }
    check_methods(f, "hyperparameters", spec);
    check_methods(f, "overrides", spec);
}

static void read_classes(const fields *f, experiment_spec *spec)
{
    json_t *value = fields_value(f, "classes");
    if (!value || (json_is_string(value) && !strcmp(json_string_value(value), "all")))
        return; /* none: all */
    json_t *list = read_list(f, "classes", DATASET_CLASSES_MAX);
    spec->classes = calloc(DATASET_CLASSES_MAX, sizeof *spec->classes);
    for (size_t i = 0; spec->classes && i < json_array_size(list); i++) {
        const json_t *item = json_array_get(list, i);
        char *name = spec->classes[spec->class_count++];
        int n = -1;
        if (json_is_string(item) && strlen(json_string_value(item)) == json_string_length(item))
            n = snprintf(name, DATASET_CLASS_NAME_MAX, "%s", json_string_value(item));
        else if (json_is_integer(item))
            n = snprintf(name, DATASET_CLASS_NAME_MAX, "%" JSON_INTEGER_FORMAT, json_integer_value(item));
        if (n <= 0 || n >= DATASET_CLASS_NAME_MAX)
            fields_complain(f, "classes", "at %zu: expected a class's name, of 1 to %d bytes, or its number", i,
                            DATASET_CLASS_NAME_MAX - 1);
        for (int k = 0; k < spec->class_count - 1; k++)
            if (!strcmp(spec->classes[k], name))
                fields_complain(f, "classes", "holds '%.40s' twice", name);
    }
}

static void read_seeds(const fields *f, experiment_spec *spec)
{
    json_t *list = read_list(f, "seeds", EXPERIMENT_SEEDS_MAX);
    spec->seeds = calloc(EXPERIMENT_SEEDS_MAX, sizeof *spec->seeds);
    if (!fields_value(f, "seeds"))
        spec->seed_count = 1; /* 0 */
    for (size_t i = 0; spec->seeds && i < json_array_size(list); i++) {
        const json_t *item = json_array_get(list, i);
        json_int_t seed = json_integer_value(item);
        if (!json_is_integer(item) || seed < 0 || seed > SUBJECT_SEED_MAX)
            fields_complain(f, "seeds", "at %zu: expected a whole number from 0 to %lld", i,
                            (long long)SUBJECT_SEED_MAX);
        spec->seeds[spec->seed_count++] = (uint64_t)seed;
    }
}

static void read_protocol(const fields *f, experiment_spec *spec)
{
    enum protocol protocol;
    error e = {0};
    if (!protocol_parse(fields_text(f, "protocol", "one-class"), &protocol, &e))
        fields_complain(f, "protocol", "%s", e.message);
    else if (protocol == PROTOCOL_UNLABELLED)
        fields_complain(f, "protocol", "'unlabelled' has no test; there are: one-class, one-vs-rest");
    else
        snprintf(spec->protocol, sizeof spec->protocol, "%s", protocol_name(protocol));
}

#define ANY_VERSION "any-version"

json_t *experiment_reuse_json(enum reuse reuse)
{
    return reuse == REUSE_ANY_VERSION ? json_string(ANY_VERSION) : json_boolean(reuse == REUSE_SAME_VERSION);
}

static enum reuse read_reuse(const fields *f)
{
    const json_t *value = fields_value(f, "reuse");
    if (json_is_string(value) && !strcmp(json_string_value(value), ANY_VERSION))
        return REUSE_ANY_VERSION;
    if (value && !json_is_boolean(value))
        fields_complain(f, "reuse", "expected false, true or \"%s\"", ANY_VERSION);
    return json_is_true(value) ? REUSE_SAME_VERSION : REUSE_NONE;
}

void experiment_read(json_t *body, experiment_spec *spec, problem *p)
{
    static const char *const names[] = {"name",      "methods",  "dataset",     "protocol", "classes",
                                        "seeds",     "held_out", "test_images", "trace",    "hyperparameters",
                                        "overrides", "reuse",    NULL};
    fields f = fields_of(body, "", names, p);
    fields_require(&f, "methods");
    fields_require(&f, "dataset");
    training_read_name(&f, "name", spec->name);
    training_read_name(&f, "dataset", spec->dataset);
    spec->held_out = fields_number(&f, "held_out", 0, SUBJECT_HELD_OUT_MAX, TRAINING_HELD_OUT_PRESET);
    spec->test_images = training_read_test_images(&f, 0);
    read_methods(&f, spec);
    read_protocol(&f, spec);
    read_classes(&f, spec);
    read_seeds(&f, spec);
    spec->trace = fields_flag(&f, "trace", false);
    spec->reuse = read_reuse(&f);
    if (!spec->methods || !spec->seeds || (spec->class_count && !spec->classes))
        problem_set(p, 503, "out of memory");
}
