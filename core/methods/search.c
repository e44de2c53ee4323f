/* SPDX-License-Identifier: MIT */
/* search.c — slots, their queue and their Adam. Knows losses as numbers. */
#include "methods/search.h"

#include "base/simd.h"

#include <assert.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

static const float beta1 = 0.9f, beta2 = 0.999f, epsilon = 1e-8f;

typedef struct slot {
    bool busy, is_new;
    size_t image;
    int restart;
    int steps;   /* made */
    int without; /* steps since the last progress */
    float point; /* loss at the last progress */
} slot;

struct search {
    search_setup setup;
    search_rule rule;
    size_t slots, length;  /* of a code */
    bool guesses;          /* the first restart's codes come from `prepare` */
    float *starts;         /* restarts×length; the first is not used where it is guessed */
    float *first, *second; /* Adam's moments, slots×length */
    slot *slot;
};

search *search_new(const search_setup *setup, search_rule rule, error *e)
{
    search *s = calloc(1, sizeof *s);
    if (!s) {
        error_memory(e, "a search");
        return NULL;
    }
    *s = (search){.setup = *setup, .rule = rule, .slots = (size_t)array_shape(setup->codes).n};
    s->length = shape_row(array_shape(setup->codes));
    s->guesses = setup->prepare && program_output(setup->prepare, "start", NULL);
    s->starts = calloc((size_t)rule.restarts * s->length, sizeof *s->starts);
    s->first = calloc(s->slots * s->length, sizeof *s->first);
    s->second = calloc(s->slots * s->length, sizeof *s->second);
    s->slot = calloc(s->slots, sizeof *s->slot);
    if (!s->starts || !s->first || !s->second || !s->slot) {
        search_free(s);
        error_memory(e, "a search");
        return NULL;
    }
    /* The seed is not the model's, since a model that was read from a file must score as the one that was trained. */
    random_key key = random_stream(0, "search");
    for (size_t i = s->guesses; i < (size_t)rule.restarts; i++)
        random_truncated_normal(key, i - s->guesses, 0, 1, s->starts + i * s->length, s->length);
    return s;
}

void search_free(search *s)
{
    if (!s)
        return;
    free(s->starts);
    free(s->first);
    free(s->second);
    free(s->slot);
    free(s);
}

int search_slots(const search *s)
{
    return (int)s->slots;
}

int search_iterations(const search *s)
{
    return s->rule.iterations;
}

program *search_program(const search *s)
{
    return s->setup.step;
}

size_t search_bytes(const search *s)
{
    size_t floats = (size_t)s->rule.restarts * s->length + 2 * s->slots * s->length;
    return program_bytes(s->setup.step) + (s->setup.prepare ? program_bytes(s->setup.prepare) : 0) +
           floats * sizeof(float) + s->slots * sizeof *s->slot;
}

static void start(search *s, size_t index, const float *image, size_t restart)
{
    size_t row = shape_row(array_shape(s->setup.images)), code = index * s->length, bytes = s->length * sizeof(float);
    memcpy(array_values(s->setup.images) + index * row, image, row * sizeof *image);
    memcpy(array_values(s->setup.codes) + code, s->starts + restart * s->length, bytes);
    memset(s->first + code, 0, bytes);
    memset(s->second + code, 0, bytes);
    s->slot[index] = (slot){.busy = true, .is_new = true, .restart = (int)restart, .point = INFINITY};
}

/* Runs the `prepare` program for images that have come in. */
static void prepare(search *s)
{
    if (!s->setup.prepare)
        return;
    program_run(s->setup.prepare, 0);
    shape at;
    const float *target = program_output(s->setup.prepare, "target", &at);
    memcpy(array_values(s->setup.target), target, shape_size(at) * sizeof *target);
    const float *guess = s->guesses ? program_output(s->setup.prepare, "start", NULL) : NULL;
    for (size_t i = 0; i < s->slots; i++) {
        slot *of = &s->slot[i];
        if (guess && of->is_new && of->restart == 0)
            memcpy(array_values(s->setup.codes) + i * s->length, guess + i * s->length, s->length * sizeof *guess);
        of->is_new = false;
    }
}

/* Gives free slots to the next in the queue, which has each image once for every restart. Returns how many are busy. */
static size_t fill(search *s, const search_job *job, size_t *next)
{
    size_t restarts = (size_t)s->rule.restarts, busy = 0, row = shape_row(array_shape(s->setup.images));
    bool came = false;
    for (size_t i = 0; i < s->slots; i++) {
        if (!s->slot[i].busy && *next < job->n * restarts) {
            size_t image = *next / restarts;
            start(s, i, job->images + image * row, *next % restarts);
            s->slot[i].image = image;
            came = true;
            ++*next;
        }
        busy += s->slot[i].busy;
    }
    if (came)
        prepare(s);
    return busy;
}

static double rate_at(const search_rule *r, int step)
{
    double done = (double)step / r->iterations;
    return (double)r->rate * (!r->anneals || done <= 0.4 ? 1 : done <= 0.6 ? 0.1 : 0.05);
}

typedef struct pace {
    float step, second_scale;
} pace;

SIMD_CLONES static void adam(float *restrict z, const float *restrict g, float *restrict m1, float *restrict m2,
                             size_t n, pace p)
{
    for (size_t i = 0; i < n; i++) {
        m1[i] = beta1 * m1[i] + (1 - beta1) * g[i];
        m2[i] = beta2 * m2[i] + (1 - beta2) * g[i] * g[i];
        z[i] -= p.step * m1[i] / (sqrtf(m2[i] * p.second_scale) + epsilon);
    }
}

static void move(search *s, size_t index)
{
    int t = ++s->slot[index].steps;
    double step = rate_at(&s->rule, t) / (1 - pow((double)beta1, t));
    pace p = {(float)step, (float)(1 / (1 - pow((double)beta2, t)))};
    size_t at = index * s->length;
    adam(array_values(s->setup.codes) + at, array_gradient(s->setup.codes) + at, s->first + at, s->second + at,
         s->length, p);
}

/* Records the loss of a slot's present code. True when the slot is done. */
static bool judge(const search_rule *r, slot *at, float loss)
{
    at->without++;
    if (loss < at->point * (1 - r->progress)) {
        at->point = loss;
        at->without = 0;
    }
    return at->steps == r->iterations || (r->patience > 0 && at->without >= r->patience);
}

/* Keeps the results of a slot's present code if it is the best so far of its image. `restarts` has, for each image, the
 * restart from which its best code came; NULL where only scores are wanted. */
static void keep(const search *s, size_t index, float loss, const search_job *job, int *restarts)
{
    const slot *at = &s->slot[index];
    float *score = &job->out.score[job->out.at + at->image];
    if (!(loss < *score || (restarts && loss == *score && at->restart < restarts[at->image])))
        return;
    *score = loss;
    if (!restarts)
        return;
    restarts[at->image] = at->restart;
    scored_copy(&job->out, at->image, s->setup.step, index, 1);
}

/* Reports the images that are done now that so many codes are; `before` were reported already. Returns how many are. */
static size_t tell(const search *s, const scored_watch *watch, size_t codes, size_t before)
{
    size_t images = codes / (size_t)s->rule.restarts;
    if (images > before && watch && watch->scored)
        watch->scored(watch->context, images - before);
    return images;
}

static bool search_queue(search *s, const scored_watch *watch, const search_job *job, int *restarts, error *e)
{
    size_t next = 0, codes = 0, told = 0;
    for (size_t i = 0; i < job->n; i++)
        job->out.score[job->out.at + i] = INFINITY;
    for (size_t i = 0; i < s->slots; i++)
        s->slot[i].busy = false;
    while (fill(s, job, &next) > 0) {
        if (watch && watch->cancelled && watch->cancelled(watch->context))
            return error_set(e, ERROR_CANCELLED, "cancelled");
        program_run(s->setup.step, 0);
        const float *loss = program_output(s->setup.step, "loss", NULL);
        for (size_t i = 0; i < s->slots; i++) {
            slot *at = &s->slot[i];
            if (!at->busy)
                continue;
            bool done = judge(&s->rule, at, loss[i]);
            if (done || !s->rule.keeps_last)
                keep(s, i, loss[i], job, restarts);
            at->busy = !done;
            codes += done;
            if (!done)
                move(s, i);
        }
        told = tell(s, watch, codes, told);
    }
    return true;
}

bool search_run(search *s, const scored_watch *watch, const search_job *job, error *e)
{
    int *restarts = NULL;
    if ((job->out.variants || job->out.reconstruction) && !(restarts = calloc(job->n + 1, sizeof *restarts)))
        return error_memory(e, "the codes of a search");
    bool ok = search_queue(s, watch, job, restarts, e);
    free(restarts);
    return ok;
}

void search_first_step(search *s, const float *images, size_t n, float *losses)
{
    assert(n <= s->slots);
    size_t row = shape_row(array_shape(s->setup.images));
    for (size_t i = 0; i < n; i++)
        start(s, i, images + i * row, 0);
    prepare(s);
    program_run(s->setup.step, 0);
    memcpy(losses, program_output(s->setup.step, "loss", NULL), n * sizeof *losses);
}
