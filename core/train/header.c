/* SPDX-License-Identifier: MIT */
/* header.c — see header.h. */
#include "train/header.h"

#include "base/version.h"

#include <stdio.h>
#include <string.h>

enum { KEY_BYTES = 80 };

static void option_key(const option *o, char key[KEY_BYTES])
{
    snprintf(key, KEY_BYTES, "option.%s", o->name);
}

/* ---- what identifies a run */

void header_put_whole(bundle *b, const char *key, uint64_t value)
{
    char text[24];
    snprintf(text, sizeof text, "%llu", (unsigned long long)value);
    bundle_put(b, key, text);
}

bool header_read_count(const bundle *b, const char *key, uint64_t max, uint64_t *out, error *e)
{
    *out = 0;
    return !bundle_get(b, key) || bundle_get_whole(b, key, max, out, e);
}

static void put_shape(bundle *b, const char *name, shape s)
{
    const int extents[] = {s.h, s.w, s.c};
    for (int i = 0; i < 3; i++) {
        char key[32];
        snprintf(key, sizeof key, "%s.%c", name, "hwc"[i]);
        header_put_whole(b, key, (uint64_t)extents[i]);
    }
}

void header_put_run(const header_run *r, bundle *b)
{
    bundle_put(b, "method", r->method->id);
    for (const option *o = r->method->options; o->name; o++) {
        char key[KEY_BYTES], text[OPTION_VALUE_MAX];
        option_key(o, key);
        options_get(o, r->options, text);
        bundle_put(b, key, text);
    }
    bundle_put(b, "dataset_digest", r->dataset_digest);
    bundle_put(b, "training_digest", r->training_digest);
    bundle_put(b, "protocol", r->protocol);
    if (r->class_name)
        bundle_put(b, "class", r->class_name);
    header_put_whole(b, "seed", r->seed);
    bundle_put_number(b, "held_out", r->held_out);
    put_shape(b, "data", r->data);
    put_shape(b, "input", r->input);
}

/* A NULL is a key that is not there. */
static bool same_text(const char *what, const char *theirs, const char *ours, error *e)
{
    theirs = theirs ? theirs : "none";
    ours = ours ? ours : "none";
    return strcmp(theirs, ours) == 0 ||
           error_set(e, ERROR_CONFLICT, "it is of another run: %s is %.80s there and %.80s here", what, theirs, ours);
}

/* A program that wrote no digest did not keep copies of an image together; without copies that makes no difference. */
static bool same_images(const header_run *r, const bundle *b, error *e)
{
    const char *theirs = bundle_get(b, "training_digest");
    return (!theirs && !r->has_copies) || same_text("training_digest", theirs, r->training_digest, e);
}

/* An option that the checkpoint does not have came with a later program: its preset is what the earlier one did. */
static bool same_options(const header_run *r, const bundle *b, error *e)
{
    void *presets = method_state_new(r->method, e);
    bool same = presets != NULL;
    for (const option *o = r->method->options; same && o->name; o++) {
        char key[KEY_BYTES], ours[OPTION_VALUE_MAX], preset[OPTION_VALUE_MAX];
        if (o->observes)
            continue;
        option_key(o, key);
        options_get(o, presets, preset);
        options_get(o, r->options, ours);
        const char *theirs = bundle_get(b, key);
        theirs = theirs ? theirs : preset;
        if (strcmp(theirs, ours) != 0)
            same = error_set(e, ERROR_CONFLICT, "it is of another run: option %s is %.60s there and %.60s here",
                             o->name, theirs, ours);
    }
    method_state_free(r->method, presets);
    return same;
}

bool header_same_run(const header_run *r, const bundle *checkpoint, error *e)
{
    static const char *const keys[] = {"method",   "dataset_digest", "protocol", "class",  "seed",
                                       "held_out", "data.h",         "data.w",   "data.c", "input.h",
                                       "input.w",  "input.c",        NULL};
    const char *kind = bundle_get(checkpoint, "kind");
    if (!kind || strcmp(kind, "checkpoint") != 0)
        return error_set(e, ERROR_CORRUPT, "it is a %.40s, not a checkpoint", kind ? kind : "bundle of no kind");
    bundle *own = bundle_new();
    if (!own)
        return error_memory(e, "a checkpoint");
    header_put_run(r, own);
    bool same = true;
    for (int i = 0; same && keys[i]; i++)
        same = same_text(keys[i], bundle_get(checkpoint, keys[i]), bundle_get(own, keys[i]), e);
    same = same && same_images(r, checkpoint, e) && same_options(r, checkpoint, e);
    bundle_free(own);
    return same;
}

/* ---- writing a model's */

void header_put(const header *h, bundle *b)
{
    bundle_put(b, "kind", "model");
    header_put_run(&h->run, b);
    if (h->dataset)
        bundle_put(b, "dataset", h->dataset);
    bundle_put_number(b, "epochs", h->epochs);
    bundle_put_number(b, "chosen_epoch", h->chosen_epoch);
    bundle_put_number(b, "parameters", (double)h->parameters);
    bundle_put(b, "version", version_text());
    if (h->error_scale > 0)
        bundle_put_number(b, "explain.scale", h->error_scale);
}

void header_put_tensors(header *h, bundle *b)
{
    if (h->score_count) {
        joint_pack(&h->scales, h->score_count, h->members, h->packed_scales);
        bundle_put_tensor(b, "members", (shape){1, h->score_count, h->members, REFINE_VALUES}, h->packed_scales);
    }
    if (h->calibration_count)
        bundle_put_tensor(b, "calibration", (shape){1, 1, 1, (int)h->calibration_count}, h->calibration);
    if (h->refinement.count) {
        refine_pack(&h->refinement, h->packed_refinement);
        bundle_put_tensor(b, "refinement", (shape){1, 1, h->refinement.count, REFINE_VALUES}, h->packed_refinement);
    }
}

/* ---- reading it */

static bool read_extent(const bundle *b, const char *key, int *out, error *e)
{
    double value;
    if (!bundle_get_number(b, key, &value, e))
        return false;
    if (!(value >= 1 && value <= IMAGE_SIDE_MAX) || value != (int)value)
        return error_set(e, ERROR_CORRUPT, "header: %s = %g is not an extent of 1 to %d", key, value, IMAGE_SIDE_MAX);
    *out = (int)value;
    return true;
}

static bool read_shape(const bundle *b, const char *key, shape *out, error *e)
{
    char name[32];
    int *const extents[] = {&out->h, &out->w, &out->c};
    out->n = 1;
    for (int i = 0; i < 3; i++) {
        snprintf(name, sizeof name, "%s.%c", key, "hwc"[i]);
        if (!read_extent(b, name, extents[i], e))
            return false;
    }
    return out->c == 1 || out->c == 3 ||
           error_set(e, ERROR_CORRUPT, "header: %s.c = %d is neither 1 channel nor 3", key, out->c);
}

/* An option that the file does not have came with a later program: its preset is what earlier ones did. */
static bool read_options(const bundle *b, const method *m, void *self, error *e)
{
    for (const option *o = m->options; o->name; o++) {
        char key[KEY_BYTES];
        option_key(o, key);
        const char *text = bundle_get(b, key);
        if (text && !options_set(m->options, self, o->name, text, e)) {
            if (e)
                e->code = ERROR_CORRUPT;
            return error_at(e, "header");
        }
    }
    return true;
}

static bool read_run(const bundle *b, header *h, error *e)
{
    header_run *r = &h->run;
    const char *kind = bundle_get(b, "kind"), *id = bundle_get(b, "method");
    shape expected;
    if (!kind || strcmp(kind, "model") != 0 || !id)
        return error_set(e, ERROR_CORRUPT, "header: this is a %.40s, not a model", kind ? kind : "bundle of no kind");
    r->method = method_find(id);
    if (!r->method)
        return error_set(e, ERROR_UNSUPPORTED, "header: method \"%.60s\" is not known to this program", id);
    r->options = h->options = method_state_new(r->method, e);
    if (!h->options || !read_options(b, r->method, h->options, e) || !read_shape(b, "data", &r->data, e) ||
        !read_shape(b, "input", &r->input, e) || !method_input(r->method, h->options, r->data, &expected, e))
        return false;
    return shape_equal(expected, r->input) ||
           error_set(e, ERROR_CORRUPT, "header: input %dx%dx%d, but %s takes %dx%dx%d", r->input.h, r->input.w,
                     r->input.c, id, expected.h, expected.w, expected.c);
}

static bool read_error_scale(const bundle *b, double *scale, error *e)
{
    if (!bundle_get(b, "explain.scale"))
        return true;
    if (!bundle_get_number(b, "explain.scale", scale, e))
        return false;
    return (*scale > 0 && *scale <= 256) ||
           error_set(e, ERROR_CORRUPT, "header: explain.scale = %g is not above 0 and at most 256", *scale);
}

static bool read_calibration(const bundle *b, header *h, error *e)
{
    shape at;
    h->calibration = bundle_tensor(b, "calibration", &at);
    h->calibration_count = h->calibration ? shape_size(at) : 0;
    for (size_t i = 1; i < h->calibration_count; i++)
        if (!(h->calibration[i - 1] <= h->calibration[i]))
            return error_set(e, ERROR_CORRUPT, "tensor 'calibration': value %zu is out of order", i);
    return true;
}

static bool read_refinement(const bundle *b, int refining, refinement *out, error *e)
{
    shape at;
    const float *values = bundle_tensor(b, "refinement", &at);
    if (!values)
        return error_set(e, ERROR_CORRUPT, "tensor 'refinement' is missing, and option refine is %s",
                         refining_choices[refining]);
    return refine_unpack(values, shape_size(at), out, e) || error_at(e, "tensor 'refinement'");
}

static bool read_scales(const bundle *b, header *h, error *e)
{
    shape at;
    const float *values = bundle_tensor(b, "members", &at);
    if (!values)
        return error_set(e, ERROR_CORRUPT, "tensor 'members' is missing, and the model has %d", h->members);
    h->score_count = at.h;
    return joint_unpack(values, shape_size(at), at.h, h->members, &h->scales, e) || error_at(e, "tensor 'members'");
}

bool header_read(const bundle *b, header *h, error *e)
{
    *h = (header){0};
    if (!read_run(b, h, e) || !read_error_scale(b, &h->error_scale, e) || !read_calibration(b, h, e))
        return false;
    const struct method_state *state = h->options;
    h->members = method_members(h->run.method, state);
    return (h->members == 1 || read_scales(b, h, e)) &&
           (state->refine == REFINE_NONE || read_refinement(b, state->refine, &h->refinement, e));
}

bool header_fits(const header *h, size_t scores, error *e)
{
    return !h->score_count || scores <= (size_t)h->score_count ||
           error_set(e, ERROR_CORRUPT, "tensor 'members' is of %d scores, expected %zu", h->score_count, scores);
}

void header_free(header *h)
{
    if (h->run.method)
        method_state_free(h->run.method, h->options);
    *h = (header){0};
}
