/* SPDX-License-Identifier: MIT */
/* training.c — see training.h. */
#include "api/json/training.h"

#include "data/protocol.h"

#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

/* The text options_set reads, when the JSON value has the option's type. */
static bool option_text(const option *o, const json_t *value, char text[OPTION_VALUE_MAX])
{
    switch (o->type) {
    case OPTION_INT:
        snprintf(text, OPTION_VALUE_MAX, "%" JSON_INTEGER_FORMAT, json_integer_value(value));
        return json_is_integer(value);
    case OPTION_REAL:
        snprintf(text, OPTION_VALUE_MAX, "%.9g", json_number_value(value));
        return json_is_number(value);
    case OPTION_FLAG:
        snprintf(text, OPTION_VALUE_MAX, "%s", json_is_true(value) ? "true" : "false");
        return json_is_boolean(value);
    case OPTION_CHOICE:
        snprintf(text, OPTION_VALUE_MAX, "%s", json_is_string(value) ? json_string_value(value) : "");
        return json_is_string(value) && json_string_length(value) < OPTION_VALUE_MAX;
    }
    return false;
}

static const char *option_wish(enum option_type type)
{
    static const char *const names[] = {[OPTION_INT] = "an integer",
                                        [OPTION_REAL] = "a number",
                                        [OPTION_FLAG] = "true or false",
                                        [OPTION_CHOICE] = "one of its choices, as a string"};
    return names[type];
}

static void complain_unknown(const fields *f, const method *m, const char *key)
{
    char names[384] = "";
    for (const option *o = m->options; o->name; o++)
        problem_list(names, sizeof names, o->name);
    fields_complain(f, key, "unknown hyperparameter '%.64s'; %s takes: %s", key, m->id, names);
}

bool training_check_options(const method *m, json_t *values, const char *pointer, problem *p)
{
    fields f = {.object = values, .pointer = pointer, .problem = p};
    const char *key;
    json_t *value;
    if (!json_is_object(values))
        return problem_add(p, f.pointer, "expected an object");
    void *trial = calloc(1, m->size);
    if (!trial)
        return problem_set(p, 503, "out of memory");
    options_preset(m->options, trial);
    json_object_foreach(values, key, value)
    {
        char text[OPTION_VALUE_MAX];
        error e = {0};
        const option *o = options_find(m->options, key);
        if (!o)
            complain_unknown(&f, m, key);
        else if (!option_text(o, value, text))
            fields_complain(&f, key, "expected %s", option_wish(o->type));
        else if (!options_set(m->options, trial, key, text, &e))
            fields_complain(&f, key, "%s", e.message);
    }
    free(trial);
    return p->status == 0;
}

void training_read_name(const fields *f, const char *field, char out[RECORD_NAME_MAX])
{
    const char *text = fields_text(f, field, NULL);
    if (text && !name_valid(text))
        fields_complain(f, field, "'%.64s' is not " NAME_RULE, text);
    else if (text)
        snprintf(out, RECORD_NAME_MAX, "%s", text);
}

void training_complain_method(const fields *f, const char *field, const char *id)
{
    char names[256] = "";
    for (const method *const *known = method_all(); *known; known++)
        problem_list(names, sizeof names, (*known)->id);
    fields_complain(f, field, "unknown method '%.64s'; there are: %s", id, names);
}

uint32_t training_read_test_images(const fields *f, uint32_t preset)
{
    uint32_t n = (uint32_t)fields_integer(f, "test_images", 0, UINT32_MAX, preset);
    if (!n || n >= PROTOCOL_TEST_MIN)
        return n;
    fields_complain(f, "test_images", "%" PRIu32 " is neither 0, for all, nor at least %d", n, PROTOCOL_TEST_MIN);
    return preset;
}
