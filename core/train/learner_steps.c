/* SPDX-License-Identifier: MIT */
/* learner_steps.c — steps and epochs of a neural method. Knows batches and losses by name, not what they mean. */
#include "train/learner.h"

#include "base/clock.h"
#include "eval/metric.h"

#include <assert.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

/* Wall-clock marks of this process: none of them touches what is learned. */
typedef struct clocks {
    double start_s, train_s_before; /* of this process; spent by earlier ones */
    double event_s, checkpoint_s;   /* when the last of either was */
    /* Since when, and since which step, the number of threads is what it is. */
    double pace_s;
    uint64_t pace_step;
    int threads;
} clocks;

static program *const *programs(const learner *l)
{
    return l->context->method->programs(l->self);
}

static bool build(learner *l, error *e)
{
    const method *m = l->context->method;
    shape batch = l->context->images.input;
    batch.n = l->state->batch;
    if (!m->build(l->self, l->model, batch, e))
        return error_at(e, "%s", m->id);
    l->batch = model_find_array(l->model, "x");
    assert(l->batch);
    tally_begin(&l->tally, programs(l));
    collapse_begin(&l->collapse, &l->tally);
    return learner_make_evaluator(l, e);
}

static bool start(learner *l, checkpoint *c, error *e)
{
    const train_context *of = l->context;
    size_t n = of->split.train_count;
    l->order = malloc(n * sizeof *l->order);
    if (!l->order)
        return error_memory(e, "the training images");
    return tally_measure(&l->tally, l->rows, n, shape_row(of->images.input), e) &&
           selection_init(&l->selection, of, e) && checkpoint_read(c, e);
}

/* ---- what is told of it */

static train_event event_of(const learner *l, const clocks *k, enum train_event_kind kind)
{
    const train_context *c = l->context;
    double spent = clock_now_s() - k->pace_s, made = (double)(l->step - k->pace_step);
    double rate = made > 0 && spent > 0 ? made / spent : NAN;
    train_event ev = {.kind = kind,
                      .epoch = l->step ? context_epoch(c, l->step - 1) : 1,
                      .epochs = c->epochs,
                      .step = l->step,
                      .steps = c->steps,
                      .images_s = rate * l->state->batch,
                      .eta_s = (double)(c->steps - l->step) / rate};
    tally_report(&l->tally, &ev);
    if (l->tally.steps && c->method->restarts)
        context_add_value(&ev, "restarts.discriminator", (double)c->method->restarts(l->self));
    return ev;
}

/* A run cancelled meanwhile leaves the figure out: the loop notices by itself, and saves the epoch first. */
static bool trace_test(learner *l, train_event *ev, error *e)
{
    const struct split *split = &l->context->split;
    size_t n = split->test_count;
    float *scores = malloc(n * sizeof *scores);
    auroc found;
    if (!scores)
        return error_memory(e, "test scores");
    scoring s = scoring_by(l->context, l->evaluator);
    bool ok = scoring_images(&s, split->test, n, &(scored_rows){.score = scores}, NULL, e) &&
              metric_auroc(scores, split->anomalous, n, &found, e);
    free(scores);
    if (ok)
        context_add_value(ev, "test_auroc", found.value);
    return ok || e->code == ERROR_CANCELLED || error_at(e, "trace");
}

/* ---- an epoch's end */

/* Whether its last step is made, and it is still to be judged. A checkpoint may say so too: see save_unjudged. */
static bool epoch_is_complete(const learner *l)
{
    return l->tally.steps == l->context->steps_an_epoch;
}

/* Judges the epoch by the weights now in use, which are those its model would have. */
static bool judge_epoch(learner *l, train_event *ev, error *e)
{
    const train_context *c = l->context;
    bool ok = true;
    if (c->selects) {
        double value = 0;
        scoring s = scoring_by(c, l->evaluator);
        ok = selection_judge(&l->selection, &s, l->model, ev->epoch, &value, e);
        context_add_value(ev, "selection_auroc", value);
    }
    return ok && (!c->plan->trace || c->split.test_count == 0 || trace_test(l, ev, e));
}

static bool end_epoch(learner *l, const clocks *k, error *e)
{
    train_event ev = event_of(l, k, TRAIN_EPOCH);
    bool averaged = l->state->average_decay > 0;
    if (averaged)
        model_average_swap(l->model);
    bool ok = judge_epoch(l, &ev, e);
    if (averaged)
        model_average_swap(l->model);
    if (!ok)
        return error_at(e, "epoch %d", ev.epoch);
    context_report(l->context, &ev);
    tally_begin_epoch(&l->tally);
    return true;
}

/* ---- checkpoints */

static bool save(learner *l, clocks *k, checkpoint *c, error *e)
{
    if (!l->context->plan->checkpoint_path)
        return true;
    l->train_s = k->train_s_before + clock_now_s() - k->start_s;
    if (!checkpoint_write(c, l->step, e))
        return false;
    k->checkpoint_s = clock_now_s();
    train_event ev = event_of(l, k, TRAIN_CHECKPOINT);
    context_report(l->context, &ev);
    return true;
}

/* Saves before a judgement that searches: it lasts minutes, and the run may be cancelled meanwhile. It cannot be saved
 * then, since the average's spectral norms have been resolved (model_average_swap), and a resume would do so again. */
static bool save_unjudged(learner *l, clocks *k, checkpoint *c, error *e)
{
    return !l->context->selects || !method_searches(l->context->method, l->self) || save(l, k, c, e);
}

/* ---- steps */

static void shuffle(learner *l)
{
    uint64_t epoch = (l->step - l->from) / l->context->steps_an_epoch;
    random_permutation(random_stream(l->seed, "shuffle"), epoch, l->order, l->context->split.train_count);
}

static void fill_batch(learner *l)
{
    size_t batch = (size_t)l->state->batch, row = shape_row(l->context->images.input);
    size_t first = (size_t)(l->step % l->context->steps_an_epoch) * batch;
    float *x = array_values(l->batch);
    for (size_t i = 0; i < batch; i++)
        memcpy(x + i * row, l->rows + l->order[first + i] * row, row * sizeof *x);
}

static bool make_step(learner *l, error *e)
{
    const train_context *c = l->context;
    fill_batch(l);
    uint64_t own = l->step - l->from;
    c->method->step(l->self, own);
    if (!tally_step(&l->tally, c, programs(l), l->step, e))
        return false;
    bool pretrains = c->method->pretraining && own < c->method->pretraining(l->self);
    if (!pretrains && !collapse_check(&l->collapse, c, &l->tally, l->step, e))
        return false;
    if (l->state->average_decay > 0 && !model_average(l->model, l->state->average_decay, own, e))
        return false;
    l->step++;
    return true;
}

/* Rates and the time left are those of the present number of threads, not of fewer or more before. */
static void keep_pace(const learner *l, clocks *k)
{
    int threads = team_active(l->context->team);
    if (threads == k->threads)
        return;
    k->threads = threads;
    k->pace_s = clock_now_s();
    k->pace_step = l->step;
}

/* Ends the epoch if this was its last step; else reports now and then. */
static bool after_step(learner *l, clocks *k, checkpoint *c, error *e)
{
    if (epoch_is_complete(l)) {
        if (!save_unjudged(l, k, c, e) || !end_epoch(l, k, e))
            return false;
        shuffle(l);
    } else if (context_report_due(&k->event_s)) {
        train_event ev = event_of(l, k, TRAIN_PROGRESS);
        context_report(l->context, &ev);
    }
    bool due = clock_now_s() - k->checkpoint_s >= l->context->plan->checkpoint_s;
    return l->step == l->until || !due || save(l, k, c, e);
}

/* Makes the member's steps that are left. */
static bool make_steps(learner *l, checkpoint *c, error *e)
{
    double now = clock_now_s();
    clocks k = {now, l->train_s, now, now, now, l->step, team_active(l->context->team)};
    bool was_done = l->step == l->until && !epoch_is_complete(l);
    if (epoch_is_complete(l) && !end_epoch(l, &k, e))
        return false;
    shuffle(l);
    while (l->step < l->until) {
        if (context_is_cancelled(l->context))
            return save(l, &k, c, e) && error_set(e, ERROR_CANCELLED, "cancelled at step %llu of %llu",
                                                  (unsigned long long)l->step, (unsigned long long)l->context->steps);
        keep_pace(l, &k);
        if (!make_step(l, e) || !after_step(l, &k, c, e))
            return false;
    }
    l->train_s = k.train_s_before + clock_now_s() - k.start_s;
    return was_done || save(l, &k, c, e); /* what follows may be cancelled too, and must not cost the run */
}

static bool learn(learner *l, checkpoint *c, error *e)
{
    if (!make_steps(l, c, e)) {
        if (e->code == ERROR_DIVERGED)
            checkpoint_restore_good(c);
        return false;
    }
    if (l->context->selects)
        model_restore(l->model);
    else if (l->state->average_decay > 0)
        model_average_swap(l->model);
    return true;
}

/* ---- its memory */

static size_t bytes(const learner *l)
{
    size_t sum = 0;
    for (program *const *p = programs(l); *p; p++)
        sum += program_bytes(*p);
    /* Copies that are made only after the first step, and after the first epoch. */
    sum += l->state->average_decay > 0 ? model_average_bytes(l->model) : 0;
    return sum + (l->context->selects ? model_keep_bytes(l->model) : 0);
}

static void print_program(size_t bytes_taken, const program *p, const char *what, FILE *out)
{
    size_t saved = program_bytes_unshared(p) - program_bytes(p);
    fprintf(out, "%-24s %14zu bytes, %zu without sharing\n", what, bytes_taken, bytes_taken + saved);
}

/* Makes the copies of weights first, so that they are counted. */
static bool print(learner *l, FILE *out, error *e)
{
    float decay = l->state->average_decay;
    if ((decay > 0 && !model_average(l->model, decay, 0, e)) || (l->context->selects && !model_keep(l->model, e)))
        return false;
    model_describe(l->model, out);
    int index = 0, batch;
    const program *scores;
    char what[48];
    for (program *const *p = programs(l); *p; p++) {
        snprintf(what, sizeof what, "training program %d", ++index);
        print_program(program_bytes(*p), *p, what, out);
    }
    for (index = 0; (scores = evaluator_program(l->evaluator, index, &batch)) != NULL; index++) {
        snprintf(what, sizeof what, "scoring %d images", batch);
        print_program(evaluator_program_bytes(l->evaluator, index), scores, what, out);
    }
    return true;
}

const learner_kind learner_steps = {
    .build = build, .start = start, .learn = learn, .program_bytes = bytes, .print = print};
