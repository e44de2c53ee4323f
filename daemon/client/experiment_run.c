/* SPDX-License-Identifier: MIT */
/* experiment_run.c — `anomalyd experiment run`: its options as the body of POST /experiments. What they may be is
 * the daemon's to judge, which may be of another version; here only their form is. */
#include "daemon/client/experiment.h"

#include "api/records/subject.h"

#include <inttypes.h>
#include <limits.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { CLASSES_MAX = 256 };

typedef struct run_options {
    remote_flags shared;
    const char *data, *protocol, *methods, *seeds, *name, *key; /* NULL: not given */
    const char *classes;                                        /* with commas, or "all" */
    struct class_list {
        const char *names[CLASSES_MAX];
        int count;
    } class;                  /* each one given alone */
    flag_pairs set, override; /* names are METHOD.OPTION */
    double held_out;
    int test_images; /* 0: not given */
    bool has_held_out, trace, reuse, any_version, no_follow;
} run_options;

/* ---- arguments */

static bool parse_class(void *at, char *text, error *e)
{
    struct class_list *list = at;
    if (list->count == CLASSES_MAX)
        return error_set(e, ERROR_INVALID, "there may be %d; \"%s\" is one more", CLASSES_MAX, text);
    list->names[list->count++] = text;
    return true;
}

static bool parse_option(void *at, char *text, error *e)
{
    static const flag pair = {.kind = FLAG_PAIR};
    const char *dot = strchr(text, '.'), *equals = strchr(text, '=');
    if (!dot || !equals || dot == text || dot + 1 >= equals)
        return error_set(e, ERROR_INVALID, "\"%s\" is not METHOD.NAME=VALUE", text);
    return flag_set(&pair, at, text, e);
}

/* 0 is a share that can be asked for, so not given is another value: the struct is zeroed at first. */
static bool parse_held_out(void *at, char *text, error *e)
{
    static const flag number = {.kind = FLAG_NUMBER, .max = SUBJECT_HELD_OUT_MAX};
    run_options *o = at;
    o->has_held_out = true;
    return flag_set(&number, &o->held_out, text, e);
}

#define AT(member_) offsetof(run_options, member_)

static const flag flags[] = {
    FLAG("data", 0, TEXT, AT(data), "NAME", "a data set of the daemon's", .required = true),
    FLAG("methods", 0, TEXT, AT(methods), "A,B,...", "every one on every class with every seed", .required = true),
    FLAG("protocol", 0, TEXT, AT(protocol), "NAME", "one-class or one-vs-rest", .preset = "one-class"),
    FLAG("classes", 0, TEXT, AT(classes), "A,B,...", "or all", .preset = "all"),
    FLAG("class", 0, PARSED, AT(class), "NAME", "one more of them, whose name may hold a comma; may be repeated",
         .parse = parse_class),
    FLAG("seeds", 0, TEXT, AT(seeds), "N,M,...", "seeds of each", .preset = "0"),
    FLAG("set", 0, PARSED, AT(set), "METHOD.OPTION=VALUE", "an option of one method; may be repeated",
         .parse = parse_option),
    FLAG("held-out", 0, PARSED, 0, "X", "share of the training images kept for choosing and calibrating",
         .parse = parse_held_out, .preset = "0.1"),
    FLAG("test-images", 0, INT, AT(test_images), "N", "a test on N of the test images", .min = 1, .max = INT_MAX,
         .preset = "all"),
    FLAG("override", 0, PARSED, AT(override), "METHOD.NAME=VALUE",
         "held_out or test_images for one method alone, as in kde.held_out=0.2; may be repeated",
         .parse = parse_option),
    FLAG("trace", 0, SWITCH, AT(trace), NULL, "also the test AUROC of each epoch, which chooses nothing"),
    FLAG("reuse", 0, SWITCH, AT(reuse), NULL, "takes a run that was the same, of the daemon's own version"),
    FLAG("reuse-any-version", 0, SWITCH, AT(any_version), NULL,
         "the same, of whatever version; rather of the daemon's own"),
    FLAG("name", 0, TEXT, AT(name), "NAME", "its models are called NAME-METHOD"),
    FLAG("key", 0, TEXT, AT(key), "TEXT", "the same key and options again are the same experiment: for trying again"),
    FLAG("no-follow", 0, SWITCH, AT(no_follow), NULL, "prints the id, and that is all"),
    FLAG("follow", 0, SWITCH, AT(no_follow), NULL, "undoes --no-follow", .off = true),
    {0}};

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

static bool check_list(const char *name, const char *text, error *e)
{
    const char *item;
    for (size_t size; (size = next_item(&text, &item)) != SIZE_MAX;)
        if (!size)
            return error_set(e, ERROR_INVALID, "--%s: expected a list such as A,B without gaps", name);
    return true;
}

static bool check_seeds(const char *text, error *e)
{
    const char *item, *all = text;
    for (size_t size; (size = next_item(&text, &item)) != SIZE_MAX;)
        if (!size || size > 18 || strspn(item, "0123456789") < size)
            return error_set(e, ERROR_INVALID, "--seeds: expected whole numbers such as 0,1,2, got \"%s\"", all);
    return true;
}

static bool check(remote *r, error *e)
{
    const run_options *o = r->own;
    if (o->classes && o->class.count && !strcmp(o->classes, "all"))
        return error_set(e, ERROR_INVALID, "--classes all and --class %s exclude each other", o->class.names[0]);
    return check_list("methods", o->methods, e) && check_list("classes", o->classes, e) && check_seeds(o->seeds, e);
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
static json_t *by_method(const flag_pairs *s)
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
    if (!o->class.count && (!o->classes || !strcmp(o->classes, "all")))
        return put(body, "classes", json_string("all"));
    return put(body, "classes", text_list(o->classes, o->class.names, o->class.count));
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
    .usage = {.words = "experiment run",
              .summary = "every method on every class with every seed",
              .about =
                  "Prints the experiment's id, then its progress until all has ended. An interrupt ends the command,\n"
                  "not the experiment; a daemon that stops is waited for. The status is 0 when every cell\n"
                  "succeeded, else 1.",
              .flags = flags,
              .shared = remote_server},
    .own_size = sizeof(run_options),
    .check = check,
    .work = work};
