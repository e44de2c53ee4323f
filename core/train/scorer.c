/* SPDX-License-Identifier: MIT */
/* scorer.c — rebuilds a method's networks from a model file and scores images with them. */
#include "train/scorer.h"

#include "data/heat.h"
#include "eval/metric.h"
#include "train/joint.h"
#include "train/member.h"
#include "train/scores.h"

#include <assert.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

struct scorer {
    bundle *file;
    void *self; /* for its options */
    member members[MEMBERS_MAX];
    int count;
    evaluator *joined;    /* of several members; else NULL */
    evaluator *evaluator; /* that one, or the only member's */
    scorer_facts facts;
    const float *calibration; /* ascending; borrowed from the file */
    enum refining refining;
    refinement refinement;
    score_set found; /* of evaluator_rows() images; with a refinement only */
    float *rows;     /* evaluator_rows() of prepared input */
    float *work;     /* of image_convert, grown to the largest image seen */
    size_t work_floats;
    float *seen; /* one image as the training images were: see seen_shape */
    float *made; /* reconstructions of `rows`, and work space: at the first explanation */
};

/* Batch sizes of the compiled programs: so close to each other that little of a batch is padding. */
static const int batches[] = {1, 2, 4, 8, 16, 32, 64, 0};

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
        char key[80];
        snprintf(key, sizeof key, "option.%s", o->name);
        const char *text = bundle_get(b, key);
        if (text && !options_set(m->options, self, o->name, text, e)) {
            if (e)
                e->code = ERROR_CORRUPT;
            return error_at(e, "header");
        }
    }
    return true;
}

static bool read_facts(scorer *s, error *e)
{
    const char *kind = bundle_get(s->file, "kind"), *id = bundle_get(s->file, "method");
    shape expected;
    if (!kind || strcmp(kind, "model") != 0 || !id)
        return error_set(e, ERROR_CORRUPT, "header: this is a %.40s, not a model", kind ? kind : "bundle of no kind");
    s->facts.method = method_find(id);
    if (!s->facts.method)
        return error_set(e, ERROR_UNSUPPORTED, "header: method \"%.60s\" is not known to this program", id);
    s->self = method_state_new(s->facts.method, e);
    if (!s->self || !read_options(s->file, s->facts.method, s->self, e) ||
        !read_shape(s->file, "data", &s->facts.data, e) || !read_shape(s->file, "input", &s->facts.input, e) ||
        !method_input(s->facts.method, s->self, s->facts.data, &expected, e))
        return false;
    if (!shape_equal(expected, s->facts.input))
        return error_set(e, ERROR_CORRUPT, "header: input %dx%dx%d, but %s takes %dx%dx%d", s->facts.input.h,
                         s->facts.input.w, s->facts.input.c, id, expected.h, expected.w, expected.c);
    s->facts.digest = bundle_digest(s->file);
    if (!bundle_get(s->file, "explain.scale"))
        return true;
    double *scale = &s->facts.error_scale;
    if (!bundle_get_number(s->file, "explain.scale", scale, e))
        return false;
    return (*scale > 0 && *scale <= 256) ||
           error_set(e, ERROR_CORRUPT, "header: explain.scale = %g is not above 0 and at most 256", *scale);
}

static bool read_calibration(scorer *s, error *e)
{
    shape at;
    s->calibration = bundle_tensor(s->file, "calibration", &at);
    s->facts.calibration_count = s->calibration ? shape_size(at) : 0;
    for (size_t i = 1; i < s->facts.calibration_count; i++)
        if (!(s->calibration[i - 1] <= s->calibration[i]))
            return error_set(e, ERROR_CORRUPT, "tensor 'calibration': value %zu is out of order", i);
    return true;
}

/* What the model's scores are refined by. */
static bool read_refinement(scorer *s, error *e)
{
    shape at;
    const float *values = bundle_tensor(s->file, "refinement", &at);
    if (!values)
        return error_set(e, ERROR_CORRUPT, "tensor 'refinement' is missing, and option refine is %s",
                         refining_choices[s->refining]);
    if (!refine_unpack(values, shape_size(at), &s->refinement, e))
        return error_at(e, "tensor 'refinement'");
    if (!scores_start(&s->found, s->evaluator, evaluator_rows(s->evaluator), e))
        return false;
    int expected = scores_components(&s->found, s->refining);
    return s->refinement.count == expected ||
           error_set(e, ERROR_CORRUPT, "tensor 'refinement' is of %d scores, expected %d", s->refinement.count,
                     expected);
}

/* An image as training saw it before the method's own input was made of it: its extent, and the colours that are taken.
 */
static shape seen_shape(const scorer *s)
{
    return (shape){1, s->facts.data.h, s->facts.data.w, s->facts.input.c};
}

/* Floats of `made`: the reconstructions come first. */
static size_t made_floats(const scorer *s)
{
    shape data = s->facts.data, input = s->facts.input;
    return evaluator_rows(s->evaluator) * shape_row(input) + (size_t)data.h * (size_t)data.w +
           explain_work(input, data);
}

/* What its networks and buffers take. The work space of resizing is as large as clients' images. */
static size_t resident_bytes(const scorer *s)
{
    size_t floats = evaluator_rows(s->evaluator) * shape_row(s->facts.input) + shape_row(seen_shape(s));
    if (evaluator_reconstructs(s->evaluator))
        floats += made_floats(s);
    size_t sum = floats * sizeof(float);
    sum += s->refining ? scores_bytes(s->evaluator, s->found.n) : 0;
    sum += evaluator_bytes(s->evaluator);
    for (int m = 0; m < s->count; m++)
        sum += model_bytes(s->members[m].model);
    return sum;
}

static bool open_members(scorer *s, team *t, error *e)
{
    const method *m = s->facts.method;
    const struct method_state *state = s->self;
    int count = m->closed_form ? 1 : state->members;
    for (s->count = 0; s->count < count;) {
        char prefix[MEMBER_PREFIX_MAX];
        void *self = method_state_new(m, e);
        member_prefix(s->count, count, prefix);
        const member_setup setup = {.method = m,
                                    .input = s->facts.input,
                                    .batches = batches,
                                    .variants = s->refining != REFINE_NONE,
                                    .team = t,
                                    .weights = s->file,
                                    .prefix = prefix};
        if (!self || !read_options(s->file, m, self, e)) {
            method_state_free(m, self);
            return false;
        }
        if (!member_open(&s->members[s->count++], self, &setup, e))
            return false;
        s->facts.parameters += model_parameters(s->members[s->count - 1].model);
    }
    return true;
}

/* The evaluator of all members. */
static bool join_members(scorer *s, error *e)
{
    shape at;
    joint_scales scales;
    evaluator *members[MEMBERS_MAX];
    s->evaluator = s->members[0].evaluator;
    if (s->count == 1)
        return true;
    const float *values = bundle_tensor(s->file, "members", &at);
    if (!values)
        return error_set(e, ERROR_CORRUPT, "tensor 'members' is missing, and the model has %d", s->count);
    if (!joint_unpack(values, shape_size(at), at.h, s->count, &scales, e))
        return error_at(e, "tensor 'members'");
    if (1 + evaluator_variant_count(s->evaluator) > (size_t)at.h)
        return error_set(e, ERROR_CORRUPT, "tensor 'members' is of %d scores, expected %zu", at.h,
                         1 + evaluator_variant_count(s->evaluator));
    for (int m = 0; m < s->count; m++)
        members[m] = s->members[m].evaluator;
    s->evaluator = s->joined = evaluator_join(members, s->count, &scales, e);
    return s->evaluator != NULL;
}

static bool rebuild(scorer *s, team *t, error *e)
{
    s->refining = (enum refining)((struct method_state *)s->self)->refine;
    if (!open_members(s, t, e) || !join_members(s, e) || (s->refining && !read_refinement(s, e)))
        return false;
    size_t row = shape_row(s->facts.input), rows = evaluator_rows(s->evaluator);
    s->rows = calloc(rows * row, sizeof *s->rows);
    s->seen = calloc(shape_row(seen_shape(s)), sizeof *s->seen);
    if (!s->rows || !s->seen)
        return error_memory(e, "a batch of images");
    s->facts.bytes = resident_bytes(s);
    return true;
}

/* Runs every program once, so that no later score pays for first touches of memory, and none is the first to find out
 * that the weights make no finite score. */
static bool warm(scorer *s, error *e)
{
    for (int i = 0; batches[i]; i++)
        if (!evaluator_warm(s->evaluator, s->rows, (size_t)batches[i], e))
            return error_at(e, "a blank image");
    return true;
}

scorer *scorer_open(const void *bytes, size_t size, team *t, error *e)
{
    error unheard;
    e = e ? e : &unheard;
    scorer *s = calloc(1, sizeof *s);
    if (!s) {
        error_memory(e, "a scorer");
        return NULL;
    }
    s->file = bundle_parse(bytes, size, e);
    if (s->file && read_facts(s, e) && read_calibration(s, e) && rebuild(s, t, e) && warm(s, e))
        return s;
    scorer_free(s);
    return NULL;
}

void scorer_free(scorer *s)
{
    if (!s)
        return;
    scores_free(&s->found);
    evaluator_free(s->joined);
    if (s->facts.method)
        method_state_free(s->facts.method, s->self);
    for (int m = 0; m < s->count; m++)
        member_close(&s->members[m], s->facts.method);
    bundle_free(s->file);
    free(s->rows);
    free(s->work);
    free(s->seen);
    free(s->made);
    free(s);
}

const scorer_facts *scorer_describe(const scorer *s)
{
    return &s->facts;
}

const char *scorer_text(const scorer *s, const char *key)
{
    return bundle_get(s->file, key);
}

static bool reserve_work(scorer *s, size_t floats, error *e)
{
    if (floats <= s->work_floats)
        return true;
    float *grown = malloc(floats * sizeof *grown);
    if (!grown)
        return error_memory(e, "resizing an image");
    free(s->work);
    s->work = grown;
    s->work_floats = floats;
    return true;
}

/* An image of another extent than the training data's is first brought to that, so that it is as sharp or as soft as
 * what the model has seen; the method's own input comes from there, with the bits of evaluate_prepare. */
static bool prepare(scorer *s, const uint8_t *pixels, shape from, float *row, error *e)
{
    shape seen = seen_shape(s), input = s->facts.input;
    size_t first = image_work(from, seen), second = image_work(seen, input);
    if (!reserve_work(s, first > second ? first : second, e))
        return false;
    image_convert(pixels, from, seen, s->seen, s->work);
    image_resize(s->seen, seen, input, row, s->work);
    evaluate_scale(s->facts.method, row, shape_row(input));
    return true;
}

static bool prepare_all(scorer *s, const image *images, size_t n, error *e)
{
    size_t row = shape_row(s->facts.input);
    for (size_t i = 0; i < n; i++) {
        shape from = {1, images[i].height, images[i].width, images[i].channels};
        if (!prepare(s, images[i].pixels, from, s->rows + i * row, e))
            return false;
    }
    return true;
}

/* Scores the n images in `rows`; reconstruction may be NULL. */
static bool score_prepared(scorer *s, size_t n, float *out, float *reconstruction, error *e)
{
    if (!s->refining)
        return evaluator_run(s->evaluator, s->rows, n, &(scored_rows){.score = out, .reconstruction = reconstruction},
                             e);
    scored_rows all = {.score = s->found.own, .variants = s->found.variants, .reconstruction = reconstruction};
    if (!evaluator_run(s->evaluator, s->rows, n, &all, e))
        return false;
    const method *m = s->facts.method;
    for (size_t i = 0; i < n; i++)
        s->found.complexity[i] = evaluate_complexity(m, s->rows + i * shape_row(s->facts.input), s->facts.input);
    scores_refine(&s->found, s->refining, &s->refinement, n, out);
    for (size_t i = 0; i < n; i++)
        if (!isfinite(out[i]))
            return error_set(e, ERROR_DIVERGED, "%s: the refined score of image %zu of %zu is not a finite number",
                             m->id, i + 1, n);
    return true;
}

bool scorer_run(scorer *s, const image *images, size_t n, float *scores, error *e)
{
    size_t most = evaluator_rows(s->evaluator);
    for (size_t first = 0; first < n; first += most) {
        size_t count = n - first < most ? n - first : most;
        if (!prepare_all(s, images + first, count, e) || !score_prepared(s, count, scores + first, NULL, e))
            return false;
    }
    return true;
}

bool scorer_run_bytes(scorer *s, const uint8_t *const *pixels, size_t n, float *scores, error *e)
{
    size_t most = evaluator_rows(s->evaluator), row = shape_row(s->facts.input);
    for (size_t first = 0; first < n; first += most) {
        size_t count = n - first < most ? n - first : most;
        for (size_t i = 0; i < count; i++)
            if (!prepare(s, pixels[first + i], s->facts.data, s->rows + i * row, e))
                return false;
        if (!score_prepared(s, count, scores + first, NULL, e))
            return false;
    }
    return true;
}

bool scorer_explains(const scorer *s, enum explanation kind, error *e)
{
    const method *m = s->facts.method;
    if (kind == EXPLAIN_NONE)
        return true;
    if (!evaluator_reconstructs(s->evaluator))
        return error_set(e, ERROR_UNSUPPORTED, "%s has no %s of an image: %s", m->id, explanation_name(kind),
                         m->unexplained);
    if (kind == EXPLAIN_HEATMAP && s->facts.error_scale <= 0)
        return error_set(e, ERROR_UNSUPPORTED,
                         "the model has no scale for a heat map: it was made without calibration images (held_out) "
                         "or by an earlier version; train it again, or ask for its reconstruction");
    return true;
}

/* Takes a picture of one pair; `work` is explain_work and as many floats as the picture has pixels. */
static bool draw(const scorer *s, enum explanation kind, const explain_pair *p, image *out, float *work, error *e)
{
    size_t pixels = (size_t)p->data.h * (size_t)p->data.w;
    int channels = kind == EXPLAIN_HEATMAP ? 3 : p->input.c;
    *out = (image){p->data.w, p->data.h, channels, malloc(pixels * (size_t)channels)};
    if (!out->pixels)
        return error_memory(e, "a picture");
    if (kind == EXPLAIN_RECONSTRUCTION) {
        explain_reconstruction(p, out->pixels, work);
        return true;
    }
    explain_errors(p, work, work + pixels);
    heat_colour(work, pixels, (float)s->facts.error_scale, out->pixels);
    return true;
}

static bool explain_window(scorer *s, const image *images, size_t n, float *scores, image *const pictures[EXPLANATIONS],
                           size_t at, error *e)
{
    shape input = s->facts.input;
    size_t row = shape_row(input);
    if (!s->made && !(s->made = malloc(made_floats(s) * sizeof *s->made)))
        return error_memory(e, "reconstructions");
    float *work = s->made + evaluator_rows(s->evaluator) * row;
    if (!prepare_all(s, images + at, n, e) || !score_prepared(s, n, scores + at, s->made, e))
        return false;
    for (size_t i = 0; i < n; i++) {
        explain_pair p = {s->facts.method, s->rows + i * row, s->made + i * row, input, s->facts.data};
        for (int kind = 0; kind < EXPLANATIONS; kind++)
            if (pictures[kind] && !draw(s, (enum explanation)kind, &p, &pictures[kind][at + i], work, e))
                return false;
    }
    return true;
}

bool scorer_explain(scorer *s, const image *images, size_t n, float *scores, image *const pictures[EXPLANATIONS],
                    error *e)
{
    size_t most = evaluator_rows(s->evaluator);
    bool ok = true;
    assert(!pictures[EXPLAIN_NONE]);
    for (int kind = 0; kind < EXPLANATIONS; kind++)
        if (pictures[kind]) {
            assert(scorer_explains(s, (enum explanation)kind, NULL));
            memset(pictures[kind], 0, n * sizeof *pictures[kind]);
        }
    for (size_t at = 0; ok && at < n; at += most)
        ok = explain_window(s, images, n - at < most ? n - at : most, scores, pictures, at, e);
    for (int kind = 0; !ok && kind < EXPLANATIONS; kind++)
        for (size_t i = 0; pictures[kind] && i < n; i++)
            image_free(&pictures[kind][i]);
    return ok;
}

bool scorer_p_value(const scorer *s, float score, double *out)
{
    if (s->facts.calibration_count == 0)
        return false;
    *out = metric_p_value(s->calibration, s->facts.calibration_count, score);
    return true;
}

bool scorer_percentile(const scorer *s, float score, double *out)
{
    size_t n = s->facts.calibration_count, low = 0, high = n;
    if (n == 0)
        return false;
    while (low < high) {
        size_t middle = low + (high - low) / 2;
        if (s->calibration[middle] < score)
            low = middle + 1;
        else
            high = middle;
    }
    *out = 100 * (double)low / (double)n;
    return true;
}

bool scorer_threshold(const scorer *s, double false_alarm_rate, float *out)
{
    return s->facts.calibration_count > 0 &&
           metric_threshold(s->calibration, s->facts.calibration_count, false_alarm_rate, out);
}
