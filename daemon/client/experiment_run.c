/* SPDX-License-Identifier: MIT */
/* experiment_run.c — `anomalyd experiment run`: its options as the body of POST /experiments. What they may be is
 * the daemon's to judge, which may be of another version; here only their form is. */
#include "daemon/client/experiment.h"

#include "api/json/training.h"
#include "daemon/platform/argument.h"

#include <inttypes.h>
#include <limits.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { CLASSES_MAX = 256 };

typedef struct run_options {
    const char *data, *protocol, *methods, *seeds, *name, *key; /* NULL: not given */
    const char *classes;                                        /* with commas, or "all" */
    const char *class[CLASSES_MAX];                             /* each one given alone */
    int class_count;
    settings set, override; /* names are METHOD.OPTION */
    double held_out;
    bool has_held_out;
    int test_images; /* 0: not given */
    bool trace, reuse, any_version, no_follow;
} run_options;

/* ---- arguments */

static const struct option options[] = {{"data", required_argument, NULL, 'd'},
                                        {"protocol", required_argument, NULL, 'p'},
                                        {"methods", required_argument, NULL, 'm'},
                                        {"classes", required_argument, NULL, 'c'},
                                        {"class", required_argument, NULL, 'C'},
                                        {"seeds", required_argument, NULL, 's'},
                                        {"set", required_argument, NULL, 'o'},
                                        {"override", required_argument, NULL, 'O'},
                                        {"held-out", required_argument, NULL, 'H'},
                                        {"test-images", required_argument, NULL, 't'},
                                        {"trace", no_argument, NULL, 'T'},
                                        {"reuse", no_argument, NULL, 'r'},
                                        {"reuse-any-version", no_argument, NULL, 'R'},
                                        {"name", required_argument, NULL, 'n'},
                                        {"key", required_argument, NULL, 'k'},
                                        {"follow", no_argument, NULL, 'f'},
                                        {"no-follow", no_argument, NULL, 'F'},
                                        {NULL, 0, NULL, 0}};

static bool take_class(const remote *r, run_options *o)
{
    if (o->class_count == CLASSES_MAX) {
        fprintf(stderr, "anomalyd %s: --class: there may be %d; \"%s\" is one more\n", r->command, CLASSES_MAX, optarg);
        return false;
    }
    o->class[o->class_count++] = optarg;
    return true;
}

static bool take_setting(const remote *r, const char *name, settings *to)
{
    const char *dot = strchr(optarg, '.'), *equals = strchr(optarg, '=');
    if (!dot || !equals || dot == optarg || dot + 1 >= equals) {
        fprintf(stderr, "anomalyd %s: --%s: \"%s\" is not METHOD.NAME=VALUE\n", r->command, name, optarg);
        return false;
    }
    return argument_setting(r->command, name, optarg, to);
}

static const char **text_of(run_options *o, int letter)
{
    switch (letter) {
    case 'd':
        return &o->data;
    case 'p':
        return &o->protocol;
    case 'm':
        return &o->methods;
    case 'c':
        return &o->classes;
    case 's':
        return &o->seeds;
    case 'n':
        return &o->name;
    case 'k':
        return &o->key;
    default:
        return NULL;
    }
}

static bool take(remote *r, int letter)
{
    run_options *o = r->own;
    const char **text = text_of(o, letter);
    if (text) {
        *text = optarg;
        return true;
    }
    switch (letter) {
    case 'C':
        return take_class(r, o);
    case 'o':
        return take_setting(r, "set", &o->set);
    case 'O':
        return take_setting(r, "override", &o->override);
    case 'H':
        o->has_held_out = true;
        return argument_number(r->command, "held-out", optarg, 0, TRAINING_HELD_OUT_MOST, &o->held_out);
    case 't':
        return argument_count(r->command, "test-images", optarg, INT_MAX, &o->test_images);
    case 'T':
        return o->trace = true;
    case 'r':
        return o->reuse = true;
    case 'R':
        return o->any_version = true;
    case 'f':
    case 'F':
        o->no_follow = letter == 'F';
        return true;
    default:
        return false;
    }
}

/* The next of a list with commas, up to the end of which *text is moved; its length, SIZE_MAX at the end. */
static size_t next_item(const char **text, const char **item)
{
    if (!*text)
        return SIZE_MAX;
    size_t size = strcspn(*text, ",");
    *item = *text;
    *text = (*text)[size] ? *text + size + 1 : NULL;
    return size;
}

static bool check_list(const remote *r, const char *name, const char *text)
{
    const char *item;
    for (size_t size; (size = next_item(&text, &item)) != SIZE_MAX;)
        if (!size) {
            fprintf(stderr, "anomalyd %s: --%s: expected a list such as A,B without gaps\n", r->command, name);
            return false;
        }
    return true;
}

static bool check_seeds(const remote *r, const char *text)
{
    const char *item, *all = text;
    for (size_t size; (size = next_item(&text, &item)) != SIZE_MAX;)
        if (!size || size > 18 || strspn(item, "0123456789") < size) {
            fprintf(stderr, "anomalyd %s: --seeds: expected whole numbers such as 0,1,2, got \"%s\"\n", r->command,
                    all);
            return false;
        }
    return true;
}

static bool check(remote *r)
{
    const run_options *o = r->own;
    if (!o->data || !o->methods) {
        fprintf(stderr, "anomalyd %s: --%s is missing\n", r->command, o->data ? "methods" : "data");
        return false;
    }
    if (o->classes && o->class_count && !strcmp(o->classes, "all")) {
        fprintf(stderr, "anomalyd %s: --classes all and --class %s exclude each other\n", r->command, o->class[0]);
        return false;
    }
    return check_list(r, "methods", o->methods) && check_list(r, "classes", o->classes) && check_seeds(r, o->seeds);
}

/* ---- the body; a value that is NULL for want of memory makes the whole fail */

static bool put(json_t *o, const char *name, json_t *value)
{
    return !json_object_set_new(o, name, value);
}

/* Texts from a list with commas, then some more. */
static json_t *text_list(const char *text, const char *const *more, int count)
{
    json_t *list = json_array();
    const char *item;
    bool good = list != NULL;
    for (size_t size; good && (size = next_item(&text, &item)) != SIZE_MAX;)
        good = !json_array_append_new(list, json_stringn(item, size));
    for (int i = 0; good && i < count; i++)
        good = !json_array_append_new(list, json_string(more[i]));
    if (good)
        return list;
    json_decref(list);
    return NULL;
}

static json_t *seed_list(const char *text)
{
    json_t *list = json_array();
    const char *item;
    bool good = list != NULL;
    while (good && next_item(&text, &item) != SIZE_MAX)
        good = !json_array_append_new(list, json_integer((json_int_t)strtoull(item, NULL, 10)));
    if (good)
        return list;
    json_decref(list);
    return NULL;
}

/* A number, true or false as JSON knows it, a number as C does, else text. */
static json_t *value_of(const char *text)
{
    json_t *value = json_loads(text, JSON_DECODE_ANY, NULL);
    if (value && (json_is_number(value) || json_is_boolean(value)))
        return value;
    json_decref(value);
    char *end;
    double number = strtod(text, &end);
    return end != text && !*end && isfinite(number) ? json_real(number) : json_string(text);
}

/* An object by method of objects by option. */
static json_t *by_method(const settings *s)
{
    json_t *all = json_object();
    bool good = all != NULL;
    for (size_t i = 0; good && i < s->count; i++) {
        const char *dot = strchr(s->all[i].name, '.');
        json_t *key = json_stringn(s->all[i].name, (size_t)(dot - s->all[i].name));
        const char *name = json_string_value(key);
        good = name && (json_object_get(all, name) || put(all, name, json_object())) &&
               put(json_object_get(all, name), dot + 1, value_of(s->all[i].value));
        json_decref(key);
    }
    if (good)
        return all;
    json_decref(all);
    return NULL;
}

static bool put_texts(json_t *body, const run_options *o)
{
    return put(body, "dataset", json_string(o->data)) && put(body, "methods", text_list(o->methods, NULL, 0)) &&
           (!o->protocol || put(body, "protocol", json_string(o->protocol))) &&
           (!o->name || put(body, "name", json_string(o->name)));
}

static bool put_classes(json_t *body, const run_options *o)
{
    if (!o->class_count && (!o->classes || !strcmp(o->classes, "all")))
        return put(body, "classes", json_string("all"));
    return put(body, "classes", text_list(o->classes, o->class, o->class_count));
}

static json_t *make_body(const run_options *o)
{
    json_t *body = json_object();
    bool good = body && put_texts(body, o) && put_classes(body, o) &&
                (!o->seeds || put(body, "seeds", seed_list(o->seeds))) &&
                (!o->has_held_out || put(body, "held_out", json_real(o->held_out))) &&
                (!o->test_images || put(body, "test_images", json_integer(o->test_images))) &&
                put(body, "trace", json_boolean(o->trace)) &&
                put(body, "reuse", o->any_version ? json_string("any-version") : json_boolean(o->reuse)) &&
                (!o->set.count || put(body, "hyperparameters", by_method(&o->set))) &&
                (!o->override.count || put(body, "overrides", by_method(&o->override)));
    if (good)
        return body;
    json_decref(body);
    return NULL;
}

static bool work(remote *r, error *e)
{
    const run_options *o = r->own;
    json_t *body = make_body(o);
    if (!body)
        return error_set(e, ERROR_INVALID, "the request cannot be made: an argument is not UTF-8, or memory is short");
    client_request q = {.method = "POST", .path = {"experiments"}, .body = body, .key = o->key};
    json_t *made = client_ask_json(r->client, &q, e);
    json_decref(body);
    if (!made)
        return false;
    const char *id = remote_text(made, "id");
    bool good = *id || error_set(e, ERROR_CORRUPT, "%s answers without an id", client_url(r->client));
    if (good) {
        puts(id);
        good = (!fflush(stdout) || error_system(e, "standard output")) &&
               (o->no_follow || experiment_follow(r, id, true, e));
    }
    json_decref(made);
    return good;
}

const remote_action experiment_run = {
    .name = "run", .options = options, .own_size = sizeof(run_options), .take = take, .check = check, .work = work};
