/* SPDX-License-Identifier: MIT */
/* wire.c — a job's specification between JSON, the service's struct and the trainer's plan. */
#include "daemon/worker/wire.h"

#include "base/digest.h"

#include <stdlib.h>
#include <string.h>

/* A seed is text: JSON readers elsewhere keep 53 bits of a number. */
static json_t *spec_json(const job_spec *s)
{
    char seed[24];
    snprintf(seed, sizeof seed, "%llu", (unsigned long long)s->subject.seed);
    json_t *hyperparameters = json_loads(s->hyperparameters ? s->hyperparameters : "{}", 0, NULL);
    if (!hyperparameters)
        return NULL;
    return json_pack("{s:s, s:s, s:s, s:s, s:s, s:f, s:I, s:b, s:s, s:o}", "method", s->subject.method, "dataset",
                     s->subject.dataset, "protocol", s->subject.protocol, "class", s->subject.class_name, "seed", seed,
                     "held_out", s->subject.held_out, "test_images", (json_int_t)s->subject.test_images, "trace",
                     (int)s->trace, "model", s->model, "hyperparameters", hyperparameters);
}

static bool copy_text(json_t *o, const char *key, char *out, size_t size, error *e)
{
    const char *text = json_string_value(json_object_get(o, key));
    if (!text || strlen(text) >= size)
        return error_set(e, ERROR_INVALID, "%s: expected text of less than %zu bytes", key, size);
    memcpy(out, text, strlen(text) + 1);
    return true;
}

static bool read_spec(json_t *o, job_spec *s, error *e)
{
    char seed[24];
    if (!copy_text(o, "method", s->subject.method, sizeof s->subject.method, e) ||
        !copy_text(o, "dataset", s->subject.dataset, sizeof s->subject.dataset, e) ||
        !copy_text(o, "protocol", s->subject.protocol, sizeof s->subject.protocol, e) ||
        !copy_text(o, "class", s->subject.class_name, sizeof s->subject.class_name, e) ||
        !copy_text(o, "model", s->model, sizeof s->model, e) || !copy_text(o, "seed", seed, sizeof seed, e))
        return false;
    s->subject.seed = strtoull(seed, NULL, 10);
    s->subject.held_out = json_number_value(json_object_get(o, "held_out"));
    s->subject.test_images = (uint32_t)json_integer_value(json_object_get(o, "test_images"));
    s->trace = json_is_true(json_object_get(o, "trace"));
    json_t *hyperparameters = json_object_get(o, "hyperparameters");
    if (!json_is_object(hyperparameters))
        return error_set(e, ERROR_INVALID, "hyperparameters: expected an object");
    s->hyperparameters = json_dumps(hyperparameters, JSON_COMPACT);
    return s->hyperparameters || error_memory(e, "a job's specification");
}

char *wire_write_job(const wire_job *j)
{
    json_t *spec = spec_json(&j->spec);
    json_t *o = spec ? json_pack("{s:s, s:s, s:s, s:i, s:i, s:i, s:I, s:o}", "id", j->id, "folder", j->folder.text,
                                 "dataset", j->dataset.text, "threads", j->threads, "share", j->share, "checkpoint_s",
                                 j->checkpoint_s, "memory", (json_int_t)j->memory, "spec", spec)
                     : NULL;
    char *line = o ? json_dumps(o, JSON_COMPACT) : NULL;
    json_decref(o);
    return line;
}

bool wire_read_job(const char *line, wire_job *j, error *e)
{
    memset(j, 0, sizeof *j);
    json_error_t bad;
    json_t *o = json_loads(line, JSON_REJECT_DUPLICATES, &bad);
    if (!o)
        return error_set(e, ERROR_INVALID, "job line: %s", bad.text);
    j->threads = (int)json_integer_value(json_object_get(o, "threads"));
    j->share = (int)json_integer_value(json_object_get(o, "share"));
    j->checkpoint_s = (int)json_integer_value(json_object_get(o, "checkpoint_s"));
    j->memory = (uint64_t)json_integer_value(json_object_get(o, "memory"));
    bool good = copy_text(o, "id", j->id, sizeof j->id, e) &&
                copy_text(o, "folder", j->folder.text, sizeof j->folder, e) &&
                copy_text(o, "dataset", j->dataset.text, sizeof j->dataset, e) &&
                read_spec(json_object_get(o, "spec"), &j->spec, e);
    json_decref(o);
    return good || error_at(e, "job line");
}

bool wire_fingerprint(const job_spec *spec, char out[DATASET_DIGEST_TEXT], error *e)
{
    json_t *o = spec_json(spec);
    char *text = o ? json_dumps(o, JSON_COMPACT | JSON_SORT_KEYS) : NULL;
    json_decref(o);
    if (!text)
        return error_memory(e, "a request's fingerprint");
    digest_sha256_hex(text, strlen(text), out);
    free(text);
    return true;
}

static bool option_text(const char *name, json_t *value, char out[OPTION_VALUE_MAX], error *e)
{
    int n = -1;
    if (json_is_integer(value))
        n = snprintf(out, OPTION_VALUE_MAX, "%lld", (long long)json_integer_value(value));
    else if (json_is_real(value))
        n = snprintf(out, OPTION_VALUE_MAX, "%.17g", json_real_value(value));
    else if (json_is_boolean(value))
        n = snprintf(out, OPTION_VALUE_MAX, "%s", json_is_true(value) ? "true" : "false");
    else if (json_is_string(value))
        n = snprintf(out, OPTION_VALUE_MAX, "%s", json_string_value(value));
    else
        return error_set(e, ERROR_INVALID, "hyperparameters.%s: expected a number, true, false or text", name);
    return (n >= 0 && n < OPTION_VALUE_MAX) ||
           error_set(e, ERROR_INVALID, "hyperparameters.%s: longer than %d bytes", name, OPTION_VALUE_MAX - 1);
}

static bool plan_options(wire_plan *p, const job_spec *spec, error *e)
{
    json_error_t bad;
    p->hyperparameters = json_loads(spec->hyperparameters ? spec->hyperparameters : "{}", JSON_REJECT_DUPLICATES, &bad);
    if (!json_is_object(p->hyperparameters))
        return error_set(e, ERROR_INVALID, "hyperparameters: expected a JSON object");
    const char *name;
    json_t *value;
    json_object_foreach(p->hyperparameters, name, value)
    {
        size_t at = p->train.option_count;
        if (at == WIRE_OPTIONS_MAX)
            return error_set(e, ERROR_INVALID, "hyperparameters: more than %d", WIRE_OPTIONS_MAX);
        if (!option_text(name, value, p->values[at], e))
            return false;
        p->options[at] = (struct train_option){.name = name, .value = p->values[at]};
        p->train.option_count++;
    }
    return true;
}

static bool plan_class(wire_plan *p, const job_spec *spec, const dataset_info *info, error *e)
{
    if (p->train.protocol.protocol == PROTOCOL_UNLABELLED)
        return !spec->subject.class_name[0] ||
               error_set(e, ERROR_INVALID, "class: the protocol \"unlabelled\" takes none, found \"%s\"",
                         spec->subject.class_name);
    if (!spec->subject.class_name[0])
        return error_set(e, ERROR_INVALID, "class: the protocol \"%s\" needs one", spec->subject.protocol);
    p->train.protocol.class_index = dataset_class(info, spec->subject.class_name);
    return p->train.protocol.class_index >= 0 ||
           error_set(e, ERROR_NOT_FOUND, "class: the data set %s has no class \"%s\"", spec->subject.dataset,
                     spec->subject.class_name);
}

bool wire_plan_make(wire_plan *p, const job_spec *spec, const dataset_info *info, error *e)
{
    memset(p, 0, sizeof *p);
    p->train.method = method_find(spec->subject.method);
    if (!p->train.method)
        return error_set(e, ERROR_NOT_FOUND, "there is no method \"%s\"", spec->subject.method);
    p->train.options = p->options;
    p->train.held_out = spec->subject.held_out;
    p->train.dataset_name = spec->subject.dataset;
    p->train.seed = spec->subject.seed;
    p->train.protocol.test_images = spec->subject.test_images;
    p->train.trace = spec->trace;
    return protocol_parse(spec->subject.protocol, &p->train.protocol.protocol, e) && plan_class(p, spec, info, e) &&
           plan_options(p, spec, e);
}

void wire_plan_free(wire_plan *p)
{
    json_decref(p->hyperparameters);
    p->hyperparameters = NULL;
}
