/* SPDX-License-Identifier: MIT */
/* contract.c — YAML by libyaml into jansson's values, and the part of JSON Schema that openapi.yaml uses. */
#include "tests/api/contract.h"

#include "api/resources/openapi.h"

#include <regex.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <yaml.h>

#include <cmocka.h>

static json_t *document;

static json_t *scalar(const yaml_node_t *node)
{
    const char *text = (const char *)node->data.scalar.value;
    char *end;
    if (node->data.scalar.style != YAML_PLAIN_SCALAR_STYLE)
        return json_string(text);
    if (!strcmp(text, "true") || !strcmp(text, "false"))
        return json_boolean(text[0] == 't');
    if (!strcmp(text, "null"))
        return json_null();
    long long integer = strtoll(text, &end, 10);
    if (*text && !*end)
        return json_integer(integer);
    double number = strtod(text, &end);
    if (*text && !*end)
        return json_real(number);
    return json_string(text);
}

static json_t *convert(yaml_document_t *yaml, const yaml_node_t *node)
{
    if (node->type == YAML_SCALAR_NODE)
        return scalar(node);
    if (node->type == YAML_SEQUENCE_NODE) {
        json_t *array = json_array();
        for (yaml_node_item_t *i = node->data.sequence.items.start; i < node->data.sequence.items.top; i++)
            json_array_append_new(array, convert(yaml, yaml_document_get_node(yaml, *i)));
        return array;
    }
    json_t *object = json_object();
    for (yaml_node_pair_t *p = node->data.mapping.pairs.start; p < node->data.mapping.pairs.top; p++) {
        const char *key = (const char *)yaml_document_get_node(yaml, p->key)->data.scalar.value;
        if (json_object_get(object, key))
            fail_msg("openapi.yaml: key '%s' stands twice", key);
        json_object_set_new(object, key, convert(yaml, yaml_document_get_node(yaml, p->value)));
    }
    return object;
}

static void forget(void)
{
    json_decref(document);
}

const json_t *contract(void)
{
    if (document)
        return document;
    yaml_parser_t parser;
    yaml_document_t yaml;
    assert_true(yaml_parser_initialize(&parser));
    yaml_parser_set_input_string(&parser, openapi_yaml, openapi_yaml_size);
    if (!yaml_parser_load(&parser, &yaml))
        fail_msg("openapi.yaml: line %zu: %s", parser.problem_mark.line + 1, parser.problem);
    document = convert(&yaml, yaml_document_get_root_node(&yaml));
    yaml_document_delete(&yaml);
    yaml_parser_delete(&parser);
    atexit(forget);
    return document;
}

const json_t *contract_resolve(const json_t *value)
{
    const char *pointer = json_string_value(json_object_get(value, "$ref"));
    if (!pointer)
        return value;
    char path[256];
    snprintf(path, sizeof path, "%s", pointer + 2);
    const json_t *at = contract();
    char *rest = path;
    for (char *part = strsep(&rest, "/"); part; part = strsep(&rest, "/"))
        at = json_object_get(at, part);
    if (!at)
        fail_msg("openapi.yaml: %s leads nowhere", pointer);
    return contract_resolve(at);
}

static bool is_type(const json_t *value, const char *type)
{
    if (!strcmp(type, "object"))
        return json_is_object(value);
    if (!strcmp(type, "array"))
        return json_is_array(value);
    if (!strcmp(type, "string"))
        return json_is_string(value);
    if (!strcmp(type, "integer"))
        return json_is_integer(value);
    if (!strcmp(type, "number"))
        return json_is_number(value);
    if (!strcmp(type, "boolean"))
        return json_is_boolean(value);
    return !strcmp(type, "null") && json_is_null(value);
}

static bool has_type(const json_t *types, const json_t *value)
{
    size_t i;
    json_t *type;
    if (!types)
        return true;
    if (json_is_string(types))
        return is_type(value, json_string_value(types));
    json_array_foreach(types, i, type)
    {
        if (is_type(value, json_is_null(type) ? "null" : json_string_value(type)))
            return true;
    }
    return false;
}

static bool matches(const char *pattern, const char *text)
{
    regex_t compiled;
    assert_int_equal(regcomp(&compiled, pattern, REG_EXTENDED | REG_NOSUB), 0);
    bool match = regexec(&compiled, text, 0, NULL, 0) == 0;
    regfree(&compiled);
    return match;
}

static void validate_scalar(const json_t *schema, const json_t *value, const char *at, char why[512])
{
    size_t i;
    json_t *choice;
    const json_t *choices = json_object_get(schema, "enum"), *least = json_object_get(schema, "minimum");
    const json_t *most = json_object_get(schema, "maximum"), *pattern = json_object_get(schema, "pattern");
    const json_t *constant = json_object_get(schema, "const");
    bool found = !choices;
    json_array_foreach(choices, i, choice)
    {
        found |= json_equal(choice, value);
    }
    if (!found || (constant && !json_equal(constant, value)))
        snprintf(why, 512, "%s: not a value listed", at);
    if (least && json_number_value(value) < json_number_value(least))
        snprintf(why, 512, "%s: below the minimum", at);
    if (most && json_number_value(value) > json_number_value(most))
        snprintf(why, 512, "%s: above the maximum", at);
    if (pattern && json_is_string(value) && !matches(json_string_value(pattern), json_string_value(value)))
        snprintf(why, 512, "%s: does not match %s", at, json_string_value(pattern));
}

static void validate(const json_t *schema, const json_t *value, const char *at, char why[512])
{
    size_t i;
    json_t *item;
    const char *key;
    schema = contract_resolve(schema);
    if (!has_type(json_object_get(schema, "type"), value)) {
        snprintf(why, 512, "%s: of the wrong type", at);
        return;
    }
    validate_scalar(schema, value, at, why);
    json_array_foreach(json_object_get(schema, "required"), i, item)
    {
        if (json_is_object(value) && !json_object_get(value, json_string_value(item)))
            snprintf(why, 512, "%s: lacks '%s'", at, json_string_value(item));
    }
    const json_t *properties = json_object_get(schema, "properties");
    if (properties && json_is_object(value))
        json_object_foreach((json_t *)(uintptr_t)value, key, item)
        {
            char inner[300];
            const json_t *property = json_object_get(properties, key);
            snprintf(inner, sizeof inner, "%.200s/%.90s", at, key);
            if (property)
                validate(property, item, inner, why);
            else
                snprintf(why, 512, "%s: is not in the contract", inner);
        }
    const json_t *items = json_object_get(schema, "items");
    if (items)
        json_array_foreach(value, i, item)
        {
            char inner[300];
            snprintf(inner, sizeof inner, "%.200s/%zu", at, i);
            validate(items, item, inner, why);
        }
}

void contract_validate(const json_t *schema, const json_t *value, char why[512])
{
    why[0] = '\0';
    validate(schema, value, "", why);
}

/* The path item of a target without its query. */
static const json_t *find_path(const char *target)
{
    const char *pattern;
    json_t *item;
    char path[512];
    const json_t *exact;
    snprintf(path, sizeof path, "%.*s", (int)strcspn(target, "?"), target);
    exact = json_object_get(json_object_get(contract(), "paths"), path);
    if (exact)
        return exact;
    json_object_foreach(json_object_get(contract(), "paths"), pattern, item)
    {
        const char *p = pattern, *t = path;
        while (*p && *t) {
            if (*p == '{' && *t != '/') {
                p += strcspn(p, "}") + 1;
                t += strcspn(t, "/");
            } else if (*p++ != *t++) {
                p = "no";
                break;
            }
        }
        if (!*p && !*t)
            return item;
    }
    return NULL;
}

static const json_t *find_response(const char *verb, const char *target, int status)
{
    char name[16], code[16];
    size_t i = 0;
    for (; verb[i] && i + 1 < sizeof name; i++)
        name[i] = (char)(verb[i] | 0x20);
    name[i] = '\0';
    const json_t *operation = json_object_get(find_path(target), !strcmp(name, "head") ? "get" : name);
    if (!operation)
        return NULL;
    const json_t *responses = json_object_get(operation, "responses");
    snprintf(code, sizeof code, "%d", status);
    const json_t *response = json_object_get(responses, code);
    if (!response && status < 400)
        fail_msg("%s %s answers %d, which the contract does not list", verb, target, status);
    return contract_resolve(response ? response : json_object_get(responses, "default"));
}

void contract_check(const char *verb, const char *target, int status, const char *media_type, const json_t *body)
{
    char why[512], type[128];
    const json_t *response = find_response(verb, target, status);
    const json_t *fallback = json_object_get(json_object_get(contract(), "components"), "responses");
    if (!response)
        response = json_object_get(fallback, "problem");
    const json_t *contents = json_object_get(response, "content");
    if (!contents)
        return;
    snprintf(type, sizeof type, "%.*s", (int)strcspn(media_type, ";"), media_type);
    const json_t *content = json_object_get(contents, type);
    if (!content)
        fail_msg("%s %s answers %d with %s, which the contract does not list", verb, target, status, type);
    if (!body)
        return;
    contract_validate(json_object_get(content, "schema"), body, why);
    if (why[0])
        fail_msg("%s %s answers %d against the contract: %s", verb, target, status, why);
}
