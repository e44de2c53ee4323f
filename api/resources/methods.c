/* SPDX-License-Identifier: MIT */
/* methods.c — GET /methods: every method with its option table, from which forms and checks can be made. */
#include "api/resources/page.h"
#include "api/resources/routes.h"

#include "api/json/json.h"

static json_t *option_preset(const option *o)
{
    switch (o->type) {
    case OPTION_INT:
        return json_integer((json_int_t)o->preset);
    case OPTION_REAL:
        return json_single((float)o->preset);
    case OPTION_FLAG:
        return json_boolean(o->preset != 0);
    case OPTION_CHOICE:
        return json_string(o->choices[(size_t)o->preset]);
    }
    return NULL;
}

static const char *option_type_name(enum option_type type)
{
    static const char *const names[] = {
        [OPTION_INT] = "integer", [OPTION_REAL] = "number", [OPTION_FLAG] = "boolean", [OPTION_CHOICE] = "choice"};
    return names[type];
}

static json_t *option_json(const option *o)
{
    json_t *body =
        json_pack("{s:s, s:s, s:o}", "name", o->name, "type", option_type_name(o->type), "default", option_preset(o));
    if (o->type == OPTION_INT) {
        json_object_set_new(body, "minimum", json_integer((json_int_t)o->min));
        json_object_set_new(body, "maximum", json_integer((json_int_t)o->max));
    } else if (o->type == OPTION_REAL) {
        json_object_set_new(body, "minimum", json_single((float)o->min));
        json_object_set_new(body, "maximum", json_single((float)o->max));
    } else if (o->type == OPTION_CHOICE) {
        json_t *choices = json_array();
        for (const char *const *choice = o->choices; *choice; choice++)
            json_array_append_new(choices, json_string(*choice));
        json_object_set_new(body, "choices", choices);
    }
    json_object_set_new(body, "unit", json_string(o->unit ? o->unit : ""));
    json_object_set_new(body, "description", json_string(o->help ? o->help : ""));
    json_object_set_new(body, "source", json_string(o->source ? o->source : ""));
    return body;
}

static json_t *method_json(const method *m)
{
    json_t *options = json_array();
    for (const option *o = m->options; o->name; o++)
        json_array_append_new(options, option_json(o));
    return json_pack("{s:s, s:s, s:s, s:s, s:b, s:o}", "id", m->id, "title", m->title, "paper",
                     m->paper ? m->paper : "", "summary", m->summary ? m->summary : "", "closed_form", m->closed_form,
                     "options", options);
}

void get_methods(exchange *x)
{
    json_t *items = json_array();
    for (const method *const *m = method_all(); *m; m++)
        json_array_append_new(items, method_json(*m));
    page_answer(x, items, NULL);
}
