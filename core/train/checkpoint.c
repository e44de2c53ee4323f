/* SPDX-License-Identifier: MIT */
/* checkpoint.c — writes and reads the trainer's position beside the model's weights and moments. */
#include "train/checkpoint.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

static void put_whole(bundle *b, const char *key, uint64_t value)
{
    char text[24];
    snprintf(text, sizeof text, "%llu", (unsigned long long)value);
    bundle_put(b, key, text);
}

static void put_shape(bundle *b, const char *name, shape s)
{
    const int extents[] = {s.h, s.w, s.c};
    for (int i = 0; i < 3; i++) {
        char key[32];
        snprintf(key, sizeof key, "%s.%c", name, "hwc"[i]);
        put_whole(b, key, (uint64_t)extents[i]);
    }
}

void checkpoint_describe(const run *r, bundle *b)
{
    const dataset_info *info = dataset_facts(r->data);
    const train_plan *plan = r->plan;
    bundle_put(b, "method", r->method->id);
    for (const option *o = r->method->options; o->name; o++) {
        char key[80], text[OPTION_VALUE_MAX];
        snprintf(key, sizeof key, "option.%s", o->name);
        options_get(o, r->self, text);
        bundle_put(b, key, text);
    }
    bundle_put(b, "dataset_digest", info->digest);
    bundle_put(b, "protocol", protocol_name(plan->protocol.protocol));
    if (plan->protocol.protocol != PROTOCOL_UNLABELLED)
        bundle_put(b, "class", info->class_names[plan->protocol.class_index]);
    put_whole(b, "seed", plan->seed);
    bundle_put_number(b, "held_out", plan->held_out);
    put_shape(b, "data", r->data_shape);
    put_shape(b, "input", r->input);
}

bool checkpoint_write(const run *r, error *e)
{
    bundle *b = bundle_new();
    if (!b)
        return error_memory(e, "a checkpoint");
    bundle_put(b, "kind", "checkpoint");
    checkpoint_describe(r, b);
    put_whole(b, "step", r->step);
    put_whole(b, "best_epoch", (uint64_t)r->best_epoch);
    bundle_put_number(b, "best", r->best);
    bundle_put_number(b, "train_s", r->train_s);
    put_whole(b, "tally.steps", r->tally.steps);
    for (int i = 0; i < r->tally.count; i++) {
        char key[80];
        snprintf(key, sizeof key, "tally.%s", r->tally.names[i]);
        bundle_put_number(b, key, r->tally.sums[i]);
    }
    model_write(r->model, b, MODEL_WEIGHTS | MODEL_TRAINING);
    bool ok = bundle_write(b, r->plan->checkpoint_path, e);
    bundle_free(b);
    return ok || error_at(e, "checkpoint");
}

/* Every key that describes the run must say in the checkpoint what it says of this plan. */
static bool same_plan(const run *r, const bundle *b, error *e)
{
    static const char *const keys[] = {"method",   "dataset_digest", "protocol", "class",  "seed",
                                       "held_out", "data.h",         "data.w",   "data.c", "input.h",
                                       "input.w",  "input.c",        NULL};
    bundle *own = bundle_new();
    if (!own)
        return error_memory(e, "a checkpoint");
    checkpoint_describe(r, own);
    bool same = true;
    const char *kind = bundle_get(b, "kind");
    if (!kind || strcmp(kind, "checkpoint") != 0)
        same = error_set(e, ERROR_CORRUPT, "it is a %.40s, not a checkpoint", kind ? kind : "bundle of no kind");
    for (int i = 0; same && keys[i]; i++) {
        const char *theirs = bundle_get(b, keys[i]), *ours = bundle_get(own, keys[i]);
        if (strcmp(theirs ? theirs : "none", ours ? ours : "none") != 0)
            same = error_set(e, ERROR_CONFLICT, "it is of another run: %s is %.80s there and %.80s here", keys[i],
                             theirs ? theirs : "none", ours ? ours : "none");
    }
    for (const option *o = r->method->options; same && o->name; o++) {
        char key[80];
        snprintf(key, sizeof key, "option.%s", o->name);
        const char *theirs = bundle_get(b, key), *ours = bundle_get(own, key);
        if (!theirs || strcmp(theirs, ours) != 0)
            same = error_set(e, ERROR_CONFLICT, "it is of another run: option %s is %.60s there and %.60s here",
                             o->name, theirs ? theirs : "not", ours);
    }
    bundle_free(own);
    return same;
}

/* A whole number of 0 … most. */
static bool get_whole(const bundle *b, const char *key, uint64_t most, uint64_t *out, error *e)
{
    double value;
    if (!bundle_get_number(b, key, &value, e))
        return false;
    if (!(value >= 0 && value <= (double)most) || value != floor(value))
        return error_set(e, ERROR_CORRUPT, "header: %s = %.17g is not within 0 to %llu", key, value,
                         (unsigned long long)most);
    *out = (uint64_t)value;
    return true;
}

static bool read_position(run *r, const bundle *b, error *e)
{
    uint64_t best_epoch = 0;
    if (!get_whole(b, "step", r->steps, &r->step, e) ||
        !get_whole(b, "best_epoch", (uint64_t)r->state->epochs, &best_epoch, e) ||
        !get_whole(b, "tally.steps", r->steps_an_epoch, &r->tally.steps, e) ||
        !bundle_get_number(b, "best", &r->best, e) || !bundle_get_number(b, "train_s", &r->train_s, e))
        return false;
    r->best_epoch = (int)best_epoch;
    if (r->tally.steps != r->step % r->steps_an_epoch)
        return error_set(e, ERROR_CORRUPT, "header: step and tally.steps contradict each other");
    for (int i = 0; i < r->tally.count; i++) {
        char key[80];
        snprintf(key, sizeof key, "tally.%s", r->tally.names[i]);
        if (!bundle_get_number(b, key, &r->tally.sums[i], e))
            return false;
    }
    return true;
}

bool checkpoint_read(run *r, bool *found, error *e)
{
    const char *path = r->plan->checkpoint_path;
    *found = path && access(path, F_OK) == 0;
    if (!*found)
        return true;
    bundle *b = bundle_open(path, e);
    if (!b)
        return error_at(e, "checkpoint");
    bool ok = same_plan(r, b, e) && read_position(r, b, e) &&
              model_read(r->model, b, MODEL_WEIGHTS | MODEL_TRAINING, e) &&
              (r->best_epoch == 0 || model_has_kept(r->model) ||
               error_set(e, ERROR_CORRUPT, "the weights of the best epoch are not in it"));
    bundle_free(b);
    return ok || error_at(e, "checkpoint %s", path);
}
