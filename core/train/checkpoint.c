/* SPDX-License-Identifier: MIT */
/* checkpoint.c — writes and reads the trainer's position beside the model's weights and moments. */
#include "train/checkpoint.h"

#include "train/collapse.h"
#include "train/ensemble.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

enum { PATH_BYTES = 4096 };

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
    bundle_put(b, "training_digest", r->training_digest);
    bundle_put(b, "protocol", protocol_name(plan->protocol.protocol));
    if (plan->protocol.protocol != PROTOCOL_UNLABELLED)
        bundle_put(b, "class", info->class_names[plan->protocol.class_index]);
    put_whole(b, "seed", plan->seed);
    bundle_put_number(b, "held_out", plan->held_out);
    put_shape(b, "data", r->data_shape);
    put_shape(b, "input", r->input);
}

/* Where the last good checkpoint is kept while later ones are written. False where there is no checkpoint at all, or no
 * such long name. */
static bool aside(const run *r, char out[PATH_BYTES])
{
    const char *path = r->plan->checkpoint_path;
    int n = path ? snprintf(out, PATH_BYTES, "%s.good", path) : -1;
    return n > 0 && n < PATH_BYTES;
}

static bool is_good(const run *r)
{
    return !collapse_looms(r) && model_finite(r->model);
}

static bool set_aside(run *r, error *e)
{
    char kept[PATH_BYTES];
    if (r->good_aside || r->good_step == 0)
        return true;
    if (!aside(r, kept))
        return error_set(e, ERROR_LIMIT, "its path is too long");
    if (rename(r->plan->checkpoint_path, kept))
        return error_system(e, "%s", kept);
    r->good_aside = true;
    return true;
}

static bool write_file(const run *r, error *e)
{
    bundle *b = bundle_new();
    if (!b)
        return error_memory(e, "a checkpoint");
    bundle_put(b, "kind", "checkpoint");
    checkpoint_describe(r, b);
    put_whole(b, "step", r->step);
    put_whole(b, "good_step", r->good_step);
    put_whole(b, "best_epoch", (uint64_t)r->best_epoch);
    bundle_put_number(b, "best", r->best);
    bundle_put_number(b, "train_s", r->train_s);
    put_whole(b, "tally.steps", r->tally.steps);
    for (int i = 0; i < r->tally.count; i++) {
        char key[80];
        snprintf(key, sizeof key, "tally.%s", r->tally.names[i]);
        bundle_put_number(b, key, r->tally.sums[i]);
    }
    collapse_put(r, b);
    ensemble_put(r, b);
    model_write(r->model, b, MODEL_WEIGHTS | MODEL_TRAINING);
    bool ok = bundle_write(b, r->plan->checkpoint_path, e);
    bundle_free(b);
    return ok;
}

bool checkpoint_write(run *r, error *e)
{
    char kept[PATH_BYTES];
    bool good = is_good(r);
    uint64_t before = r->good_step;
    if (!good && !set_aside(r, e))
        return error_at(e, "checkpoint");
    if (good)
        r->good_step = r->step;
    if (!write_file(r, e)) {
        r->good_step = before;
        return error_at(e, "checkpoint");
    }
    if (good && r->good_aside && aside(r, kept))
        unlink(kept);
    r->good_aside = r->good_aside && !good;
    return true;
}

void checkpoint_settle(run *r)
{
    char kept[PATH_BYTES];
    if (!aside(r, kept))
        return;
    if (r->good_step == 0)
        checkpoint_remove(r);
    else if (r->good_aside && rename(kept, r->plan->checkpoint_path) != 0)
        r->good_step = 0; /* the one at its place is not good, and this one is not at its place */
}

/* One that stays behind does no harm: it resumes to the same model. */
void checkpoint_remove(const run *r)
{
    char kept[PATH_BYTES];
    if (r->plan->checkpoint_path)
        unlink(r->plan->checkpoint_path);
    if (aside(r, kept))
        unlink(kept);
}

/* A checkpoint without the digest is of a program that dealt images out without regard to copies; where there are none,
 * that is the same. */
static bool same_images(const run *r, const bundle *b, error *e)
{
    const dataset_info *info = dataset_facts(r->data);
    const char *theirs = bundle_get(b, "training_digest");
    if (theirs ? !strcmp(theirs, r->training_digest) : !info->copies[SPLIT_TRAIN] && !info->duplicates)
        return true;
    return error_set(e, ERROR_CONFLICT, "it is of another run: training_digest is %.80s there and %.80s here",
                     theirs ? theirs : "none", r->training_digest);
}

/* An option that the checkpoint does not have came with a later program: its preset is what the earlier one did. */
static bool same_options(const run *r, const bundle *b, error *e)
{
    void *presets = method_state_new(r->method, e);
    bool same = presets != NULL;
    for (const option *o = r->method->options; same && o->name; o++) {
        char key[80], ours[OPTION_VALUE_MAX], preset[OPTION_VALUE_MAX];
        if (o->observes)
            continue;
        snprintf(key, sizeof key, "option.%s", o->name);
        options_get(o, presets, preset);
        options_get(o, r->self, ours);
        const char *theirs = bundle_get(b, key);
        theirs = theirs ? theirs : preset;
        if (strcmp(theirs, ours) != 0)
            same = error_set(e, ERROR_CONFLICT, "it is of another run: option %s is %.60s there and %.60s here",
                             o->name, theirs, ours);
    }
    method_state_free(r->method, presets);
    return same;
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
    same = same && same_images(r, b, e) && same_options(r, b, e);
    bundle_free(own);
    return same;
}

bool checkpoint_count(const bundle *b, const char *key, uint64_t most, uint64_t *out, error *e)
{
    *out = 0;
    return !bundle_get(b, key) || bundle_get_whole(b, key, most, out, e);
}

static bool read_position(run *r, const bundle *b, error *e)
{
    uint64_t best_epoch = 0;
    if (!bundle_get_whole(b, "step", r->steps, &r->step, e) ||
        !checkpoint_count(b, "good_step", r->step, &r->good_step, e) ||
        !bundle_get_whole(b, "best_epoch", (uint64_t)run_epochs(r), &best_epoch, e) ||
        !bundle_get_whole(b, "tally.steps", r->steps_an_epoch, &r->tally.steps, e) ||
        !bundle_get_number(b, "best", &r->best, e) || !bundle_get_number(b, "train_s", &r->train_s, e))
        return false;
    r->best_epoch = (int)best_epoch;
    if (r->step < r->from || r->step > r->until)
        return error_set(e, ERROR_CORRUPT, "header: step and members.done contradict each other");
    uint64_t into = r->step % r->steps_an_epoch;
    bool unjudged = into == 0 && r->step > r->from && r->tally.steps == r->steps_an_epoch;
    if (r->tally.steps != into && !unjudged)
        return error_set(e, ERROR_CORRUPT, "header: step and tally.steps contradict each other");
    for (int i = 0; i < r->tally.count; i++) {
        char key[80];
        snprintf(key, sizeof key, "tally.%s", r->tally.names[i]);
        r->tally.sums[i] = 0; /* of a value that an earlier program did not tally */
        if (bundle_get(b, key) && !bundle_get_number(b, key, &r->tally.sums[i], e))
            return false;
    }
    return collapse_get(r, b, e);
}

/* Which of the files is the good one, after `path` has been read. */
static void find_good(run *r, const char *path)
{
    char kept[PATH_BYTES];
    bool there = aside(r, kept) && access(kept, F_OK) == 0;
    if (is_good(r)) {
        r->good_step = r->step;
        r->good_aside = path != r->plan->checkpoint_path;
        return;
    }
    r->good_aside = there;
    if (!there)
        r->good_step = 0;
}

bool checkpoint_read(run *r, error *e)
{
    const char *path = r->plan->checkpoint_path;
    char kept[PATH_BYTES];
    /* Between setting one aside and writing the next there is only that one. */
    if (path && access(path, F_OK) != 0 && aside(r, kept))
        path = kept;
    if (!path || access(path, F_OK) != 0)
        return true;
    bundle *b = bundle_open(path, e);
    if (!b)
        return error_at(e, "checkpoint");
    bool ok = same_plan(r, b, e) && ensemble_get(r, b, e) && read_position(r, b, e) &&
              model_read(r->model, b, MODEL_WEIGHTS | MODEL_TRAINING, e) &&
              (r->best_epoch == 0 || model_has_kept(r->model) ||
               error_set(e, ERROR_CORRUPT, "the weights of the best epoch are not in it"));
    bundle_free(b);
    if (ok)
        find_good(r, path);
    return ok || error_at(e, "checkpoint %s", path);
}
