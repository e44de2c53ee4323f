/* SPDX-License-Identifier: MIT */
/* test_contract.c — openapi.yaml and the route table say the same. */
#include "tests/api/fake_service.h"

#include "api/resources/routes.h"
#include "tests/api/contract.h"

#include <ctype.h>
#include <string.h>

static const json_t *operation_of(const route *r)
{
    char verb[16];
    size_t i = 0;
    for (; r->verb[i]; i++)
        verb[i] = (char)tolower((unsigned char)r->verb[i]);
    verb[i] = '\0';
    const json_t *path = json_object_get(json_object_get(contract(), "paths"), r->pattern);
    return json_object_get(path, verb);
}

static const route *route_of(const char *verb, const char *pattern)
{
    for (const route *r = resource_routes; r->pattern; r++)
        if (!strcasecmp(r->verb, verb) && !strcmp(r->pattern, pattern))
            return r;
    return NULL;
}

static void every_route_is_in_the_contract(void **state)
{
    (void)state;
    for (const route *r = resource_routes; r->pattern; r++)
        if (!operation_of(r))
            fail_msg("openapi.yaml lacks %s %s", r->verb, r->pattern);
}

static void every_operation_of_the_contract_has_a_route(void **state)
{
    (void)state;
    const char *pattern, *verb;
    json_t *path, *operation;
    size_t count = 0;
    json_object_foreach(json_object_get(contract(), "paths"), pattern, path)
    {
        json_object_foreach(path, verb, operation)
        {
            if (!route_of(verb, pattern))
                fail_msg("no route for %s %s", verb, pattern);
            count++;
        }
    }
    assert_true(count > 15);
}

static bool lists_parameter(const json_t *operation, const char *in, const char *name)
{
    size_t i;
    json_t *item;
    json_array_foreach(json_object_get(operation, "parameters"), i, item)
    {
        const json_t *parameter = contract_resolve(item);
        if (!strcmp(json_string_value(json_object_get(parameter, "in")), in) &&
            !strcmp(json_string_value(json_object_get(parameter, "name")), name))
            return true;
    }
    return false;
}

static bool in_list(const char *const *list, const char *name)
{
    for (; list && *list; list++)
        if (!strcmp(*list, name))
            return true;
    return false;
}

static void query_parameters_agree_both_ways(void **state)
{
    (void)state;
    for (const route *r = resource_routes; r->pattern; r++) {
        const json_t *operation = operation_of(r);
        size_t i;
        json_t *item;
        for (const char *const *name = r->query; name && *name; name++)
            if (!lists_parameter(operation, "query", *name))
                fail_msg("openapi.yaml: %s %s lacks ?%s=", r->verb, r->pattern, *name);
        json_array_foreach(json_object_get(operation, "parameters"), i, item)
        {
            const json_t *parameter = contract_resolve(item);
            const char *name = json_string_value(json_object_get(parameter, "name"));
            if (!strcmp(json_string_value(json_object_get(parameter, "in")), "query") && !in_list(r->query, name))
                fail_msg("%s %s does not take ?%s=", r->verb, r->pattern, name);
        }
    }
}

static void path_parameters_are_declared(void **state)
{
    (void)state;
    for (const route *r = resource_routes; r->pattern; r++) {
        const char *open = strchr(r->pattern, '{');
        char name[32];
        if (!open)
            continue;
        snprintf(name, sizeof name, "%.*s", (int)strcspn(open + 1, "}"), open + 1);
        if (!lists_parameter(operation_of(r), "path", name))
            fail_msg("openapi.yaml: %s lacks path parameter %s", r->pattern, name);
    }
}

static void media_types_of_bodies_agree_both_ways(void **state)
{
    (void)state;
    for (const route *r = resource_routes; r->pattern; r++) {
        const json_t *content = json_object_get(json_object_get(operation_of(r), "requestBody"), "content");
        size_t count = 0;
        for (const body_rule *rule = r->bodies; rule && rule->media_type; rule++, count++)
            if (!json_object_get(content, rule->media_type))
                fail_msg("openapi.yaml: %s %s lacks %s", r->verb, r->pattern, rule->media_type);
        assert_int_equal(count, json_object_size(content));
    }
}

static void every_reference_leads_somewhere(void **state)
{
    (void)state;
    size_t depth = 0;
    const json_t *stack[4096];
    stack[depth++] = contract();
    while (depth > 0) {
        const json_t *value = stack[--depth];
        size_t i;
        const char *key;
        json_t *item;
        if (json_is_object(value)) {
            assert_non_null(contract_resolve(value));
            json_object_foreach((json_t *)(uintptr_t)value, key, item)
            {
                assert_true(depth < 4096);
                stack[depth++] = item;
            }
        } else if (json_is_array(value)) {
            json_array_foreach(value, i, item)
            {
                assert_true(depth < 4096);
                stack[depth++] = item;
            }
        }
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(every_route_is_in_the_contract),
        cmocka_unit_test(every_operation_of_the_contract_has_a_route),
        cmocka_unit_test(query_parameters_agree_both_ways),
        cmocka_unit_test(path_parameters_are_declared),
        cmocka_unit_test(media_types_of_bodies_agree_both_ways),
        cmocka_unit_test(every_reference_leads_somewhere),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
