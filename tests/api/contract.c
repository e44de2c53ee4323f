/* SPDX-License-Identifier: MIT */
/* contract.c — YAML by libyaml into jansson's values. */
#include "tests/api/contract.h"

#include "api/resources/routes.h"

#include <setjmp.h>
#include <stdarg.h>
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
