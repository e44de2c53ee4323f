/* SPDX-License-Identifier: MIT */
/* scorer.c — rebuilds a method's networks from a model file and scores images with them. */
#include "train/scorer.h"

#include "data/heat.h"
#include "eval/metric.h"
#include "train/header.h"
#include "train/member.h"
#include "train/scores.h"

#include <assert.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

struct scorer {
    bundle *file;
    header header;
    preparation images;
    member members[MEMBERS_MAX];
    int count;            /* of the members that were opened */
    evaluator *joined;    /* of several members; else NULL */
    evaluator *evaluator; /* that one, or the only member's */
    scorer_facts facts;
    enum refining refining;
    score_set found; /* of evaluator_rows() images; with a refinement only */
    float *rows;     /* evaluator_rows() of prepared input */
    float *work;     /* of prepare_image, grown for the largest image seen */
    size_t work_floats;
    float *made; /* reconstructions of `rows`, and work space: at the first explanation */
};

/* Batch sizes of the compiled programs: so close to each other that little of a batch is padding. */
static const int batches[] = {1, 2, 4, 8, 16, 32, 64, 0};

/* Floats of `made`: the reconstructions come first. */
static size_t made_floats(const scorer *s)
{
    shape data = s->images.data, input = s->images.input;
    return evaluator_rows(s->evaluator) * shape_row(input) + (size_t)data.h * (size_t)data.w +
           explain_work(input, data);
}

/* What its networks and buffers take. The work space of preparing is as large as clients' images. */
static size_t resident_bytes(const scorer *s)
{
    size_t floats = evaluator_rows(s->evaluator) * shape_row(s->images.input) + prepare_seen(&s->images);
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
    const header *h = &s->header;
    while (s->count < h->members) {
        char prefix[MEMBER_PREFIX_MAX];
        member_prefix(s->count, h->members, prefix);
        const member_setup setup = {.method = h->run.method,
                                    .input = h->run.input,
                                    .batches = batches,
                                    .variants = s->refining != REFINE_NONE,
                                    .team = t,
                                    .weights = s->file,
                                    .prefix = prefix};
        member *m = &s->members[s->count++];
        if (!member_open(m, method_state_copy(h->run.method, h->options, e), &setup, e))
            return false;
        s->facts.parameters += model_parameters(m->model);
    }
    return true;
}

/* The evaluator of all members. */
static bool join_members(scorer *s, error *e)
{
    evaluator *members[MEMBERS_MAX];
    s->evaluator = s->members[0].evaluator;
    if (!header_fits(&s->header, 1 + evaluator_variant_count(s->evaluator), e))
        return false;
    if (s->count == 1)
        return true;
    for (int m = 0; m < s->count; m++)
        members[m] = s->members[m].evaluator;
    s->evaluator = s->joined = evaluator_join(members, s->count, &s->header.scales, e);
    return s->evaluator != NULL;
}

/* Room to refine scores in. */
static bool start_refining(scorer *s, error *e)
{
    if (!s->refining)
        return true;
    if (!scores_init(&s->found, s->evaluator, evaluator_rows(s->evaluator), e))
        return false;
    int expected = scores_components(&s->found, s->refining), count = s->header.refinement.count;
    return count == expected ||
           error_set(e, ERROR_CORRUPT, "tensor 'refinement' is of %d scores, expected %d", count, expected);
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

static bool rebuild(scorer *s, team *t, error *e)
{
    const header *h = &s->header;
    s->images = (preparation){h->run.method, h->run.data, h->run.input};
    s->refining = (enum refining)((struct method_state *)h->options)->refine;
    if (!open_members(s, t, e) || !join_members(s, e) || !start_refining(s, e))
        return false;
    size_t row = shape_row(h->run.input), rows = evaluator_rows(s->evaluator);
    s->rows = calloc(rows * row, sizeof *s->rows);
    if (!s->rows || !reserve_work(s, prepare_seen(&s->images), e))
        return error_memory(e, "a batch of images");
    s->facts = (scorer_facts){.method = h->run.method,
                              .data = h->run.data,
                              .input = h->run.input,
                              .parameters = s->facts.parameters,
                              .bytes = resident_bytes(s),
                              .calibration_count = h->calibration_count,
                              .error_scale = h->error_scale,
                              .digest = bundle_digest(s->file)};
    return true;
}

/* Runs every program once, so that no later score pays for first touches of memory, and weights that make no finite
 * score are found out now. */
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
    if (s->file && header_read(s->file, &s->header, e) && rebuild(s, t, e) && warm(s, e))
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
    for (int m = 0; m < s->count; m++)
        member_free(&s->members[m], s->header.run.method);
    header_free(&s->header);
    bundle_free(s->file);
    free(s->rows);
    free(s->work);
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

/* Prepares n images as `rows`. */
static bool prepare_all(scorer *s, const image *images, size_t n, error *e)
{
    for (size_t i = 0; i < n; i++) {
        shape from = {1, images[i].height, images[i].width, images[i].channels};
        if (!reserve_work(s, prepare_work(&s->images, from), e))
            return false;
        prepare_image(&s->images, images[i].pixels, from, s->rows + i * shape_row(s->images.input), s->work);
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
    for (size_t i = 0; i < n; i++)
        s->found.complexity[i] = prepare_complexity(&s->images, s->rows + i * shape_row(s->images.input));
    scores_refine(&s->found, s->refining, &s->header.refinement, n, out);
    for (size_t i = 0; i < n; i++)
        if (!isfinite(out[i]))
            return error_set(e, ERROR_DIVERGED, "%s: the refined score of image %zu of %zu is not a finite number",
                             s->facts.method->id, i + 1, n);
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

/* Draws a picture of one pair; `work` has explain_work floats and one for each pixel of the picture. */
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

/* Scores at most evaluator_rows() images, from `at` on; draws what has a place in `pictures`, which may be NULL. */
static bool run_window(scorer *s, const image *images, size_t n, float *scores, image *const *pictures, size_t at,
                       error *e)
{
    shape input = s->images.input;
    size_t row = shape_row(input);
    if (pictures && !s->made && !(s->made = malloc(made_floats(s) * sizeof *s->made)))
        return error_memory(e, "reconstructions");
    if (!prepare_all(s, images + at, n, e) || !score_prepared(s, n, scores + at, pictures ? s->made : NULL, e))
        return false;
    for (size_t i = 0; pictures && i < n; i++) {
        explain_pair p = {s->facts.method, s->rows + i * row, s->made + i * row, input, s->facts.data};
        float *work = s->made + evaluator_rows(s->evaluator) * row;
        for (int kind = 0; kind < EXPLANATIONS; kind++)
            if (pictures[kind] && !draw(s, (enum explanation)kind, &p, &pictures[kind][at + i], work, e))
                return false;
    }
    return true;
}

static bool run(scorer *s, const image *images, size_t n, float *scores, image *const *pictures, error *e)
{
    size_t max = evaluator_rows(s->evaluator);
    for (size_t at = 0; at < n; at += max)
        if (!run_window(s, images, n - at < max ? n - at : max, scores, pictures, at, e))
            return false;
    return true;
}

bool scorer_run(scorer *s, const image *images, size_t n, float *scores, error *e)
{
    return run(s, images, n, scores, NULL, e);
}

bool scorer_explain(scorer *s, const image *images, size_t n, float *scores, image *const pictures[EXPLANATIONS],
                    error *e)
{
    assert(!pictures[EXPLAIN_NONE]);
    for (int kind = 0; kind < EXPLANATIONS; kind++)
        if (pictures[kind]) {
            assert(scorer_explains(s, (enum explanation)kind, NULL));
            memset(pictures[kind], 0, n * sizeof *pictures[kind]);
        }
    bool ok = run(s, images, n, scores, pictures, e);
    for (int kind = 0; !ok && kind < EXPLANATIONS; kind++)
        for (size_t i = 0; pictures[kind] && i < n; i++)
            image_free(&pictures[kind][i]);
    return ok;
}

bool scorer_p_value(const scorer *s, float score, double *out)
{
    if (s->facts.calibration_count == 0)
        return false;
    *out = metric_p_value(s->header.calibration, s->facts.calibration_count, score);
    return true;
}

bool scorer_percentile(const scorer *s, float score, double *out)
{
    size_t n = s->facts.calibration_count, low = 0, high = n;
    if (n == 0)
        return false;
    while (low < high) {
        size_t middle = low + (high - low) / 2;
        if (s->header.calibration[middle] < score)
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
           metric_threshold(s->header.calibration, s->facts.calibration_count, false_alarm_rate, out);
}
