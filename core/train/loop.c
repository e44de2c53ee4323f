/* SPDX-License-Identifier: MIT */
/* loop.c — steps and epochs of a neural method. Knows batches and losses by name, not what they mean. */
#include "train/checkpoint.h"
#include "train/collapse.h"

#include "base/clock.h"
#include "train/select.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

/* Wall-clock marks of this process: none of them touches what is learned. */
typedef struct clocks {
    double start_s, train_s_before; /* of this process; spent by earlier ones */
    double event_s, checkpoint_s;   /* when last */
    /* Since when, and since which step, it has run on as many threads as it does. */
    double pace_s;
    uint64_t pace_step;
    int threads;
} clocks;

static int epoch_of(const run *r, uint64_t step)
{
    return (int)(step / r->steps_an_epoch) + 1;
}

static void shuffle(run *r)
{
    uint64_t epoch = (r->step - r->from) / r->steps_an_epoch;
    random_permutation(random_stream(r->seed, "shuffle"), epoch, r->order, r->split.train_count);
}

static void fill_batch(run *r)
{
    size_t batch = (size_t)r->state->batch, row = shape_row(r->input);
    size_t first = (size_t)(r->step % r->steps_an_epoch) * batch;
    float *x = array_values(r->batch);
    for (size_t i = 0; i < batch; i++)
        memcpy(x + i * row, r->train + r->order[first + i] * row, row * sizeof *x);
}

/* Adds the step's losses and spreads to the epoch's. A program that did not run in this step adds none. */
static bool tally_step(run *r, error *e)
{
    int at = 0;
    for (program *const *p = r->method->programs(r->self); *p; p++)
        for (size_t i = 0; i < program_output_count(*p); i++) {
            const char *name = program_output_name(*p, i);
            if (!run_tallies(name) || at == r->tally.count)
                continue;
            double *latest = &r->tally.latest[at];
            uint64_t *runs = &r->tally.runs[at++];
            *latest = NAN;
            if (*runs == program_runs(*p))
                continue;
            *runs = program_runs(*p);
            double value = (double)*program_output(*p, name, NULL);
            if (!isfinite(value))
                return error_set(e, ERROR_DIVERGED, "%s is %g in epoch %d, step %llu", name, value,
                                 epoch_of(r, r->step), (unsigned long long)(r->step + 1));
            *latest = collapse_value(r, name, value);
            r->tally.sums[at - 1] += *latest;
        }
    r->tally.steps++;
    return collapse_check(r, e);
}

static void add_value(train_event *ev, const char *name, double value)
{
    if (ev->value_count == TRAIN_VALUES_MAX)
        return;
    ev->values[ev->value_count].name = name;
    ev->values[ev->value_count++].value = value;
}

static train_event event_of(const run *r, const clocks *c, enum train_event_kind kind)
{
    double spent = clock_now_s() - c->pace_s, made = (double)(r->step - c->pace_step);
    double rate = made > 0 && spent > 0 ? made / spent : NAN;
    train_event ev = {.kind = kind,
                      .epoch = r->step ? epoch_of(r, r->step - 1) : 1,
                      .epochs = run_epochs(r),
                      .step = r->step,
                      .steps = r->steps,
                      .images_s = rate * r->state->batch,
                      .eta_s = (double)(r->steps - r->step) / rate};
    if (r->tally.steps == 0)
        return ev; /* between epochs it has no values: those of the last one stand */
    for (int i = 0; i < r->tally.count; i++)
        add_value(&ev, r->tally.names[i], r->tally.sums[i] / (double)r->tally.steps);
    if (r->method->restarts)
        add_value(&ev, "restarts.discriminator", (double)r->method->restarts(r->self));
    return ev;
}

/* A run cancelled meanwhile leaves the figure out: the loop notices by itself, and saves the epoch first. */
static bool trace_test(run *r, train_event *ev, error *e)
{
    size_t n = r->split.test_count;
    float *scores = malloc(n * sizeof *scores);
    auroc found;
    if (!scores)
        return error_memory(e, "test scores");
    bool ok = run_score(r, r->evaluator, r->split.test, n, &(scored_rows){.score = scores}, NULL, e) &&
              metric_auroc(scores, r->split.anomalous, n, &found, e);
    free(scores);
    if (ok)
        add_value(ev, "test_auroc", found.value);
    return ok || e->code == ERROR_CANCELLED || error_at(e, "trace");
}

/* Its last step is made. A checkpoint may say so too: see save_unjudged. */
static bool epoch_is_complete(const run *r)
{
    return r->tally.steps == r->steps_an_epoch;
}

/* Judges the epoch under the weights that would be its model's. */
static bool end_epoch(run *r, const clocks *c, error *e)
{
    train_event ev = event_of(r, c, TRAIN_EPOCH);
    bool averaged = r->state->average_decay > 0, ok = true;
    if (averaged)
        model_average_swap(r->model);
    if (run_selects(r)) {
        double value = 0;
        ok = select_judge(r, &value, e) && select_keep(r, ev.epoch, value, e);
        add_value(&ev, "selection_auroc", value);
    }
    if (ok && r->plan->trace && r->split.test_count > 0)
        ok = trace_test(r, &ev, e);
    if (averaged)
        model_average_swap(r->model);
    if (!ok)
        return error_at(e, "epoch %d", ev.epoch);
    run_report(r, &ev);
    memset(r->tally.sums, 0, sizeof r->tally.sums);
    r->tally.steps = 0;
    return true;
}

static bool save(run *r, clocks *c, error *e)
{
    if (!r->plan->checkpoint_path)
        return true;
    r->train_s = c->train_s_before + clock_now_s() - c->start_s;
    if (!checkpoint_write(r, e))
        return false;
    c->checkpoint_s = clock_now_s();
    train_event ev = event_of(r, c, TRAIN_CHECKPOINT);
    run_report(r, &ev);
    return true;
}

/* A judgement that searches takes minutes, in which the run may be cancelled. It cannot be saved then: the average has
 * settled to be scored with (model_average_swap), and would settle once more after a resume. */
static bool save_unjudged(run *r, clocks *c, error *e)
{
    return !run_selects(r) || !method_searches(r->method, r->self) || save(r, c, e);
}

static bool make_step(run *r, error *e)
{
    fill_batch(r);
    uint64_t own = r->step - r->from;
    r->method->step(r->self, own);
    if (!tally_step(r, e))
        return false;
    if (r->state->average_decay > 0 && !model_average(r->model, r->state->average_decay, own, e))
        return false;
    r->step++;
    return true;
}

/* Rates and what is left are told from the pace on the threads there are, not from that on fewer or more. */
static void keep_pace(const run *r, clocks *c)
{
    int threads = team_active(r->team);
    if (threads == c->threads)
        return;
    c->threads = threads;
    c->pace_s = clock_now_s();
    c->pace_step = r->step;
}

bool run_loop(run *r, error *e)
{
    double start = clock_now_s();
    clocks c = {start, r->train_s, start, start, start, r->step, team_active(r->team)};
    bool was_done = r->step == r->until && !epoch_is_complete(r);
    if (epoch_is_complete(r) && !end_epoch(r, &c, e))
        return false;
    shuffle(r);
    while (r->step < r->until) {
        if (run_cancelled(r, e))
            return save(r, &c, e) && error_set(e, ERROR_CANCELLED, "cancelled at step %llu of %llu",
                                               (unsigned long long)r->step, (unsigned long long)r->steps);
        keep_pace(r, &c);
        if (!make_step(r, e))
            return false;
        if (epoch_is_complete(r)) {
            if (!save_unjudged(r, &c, e) || !end_epoch(r, &c, e))
                return false;
            shuffle(r);
        } else if (run_report_due(&c.event_s)) {
            train_event ev = event_of(r, &c, TRAIN_PROGRESS);
            run_report(r, &ev);
        }
        if (r->step < r->until && clock_now_s() - c.checkpoint_s >= r->plan->checkpoint_s && !save(r, &c, e))
            return false;
    }
    r->train_s = c.train_s_before + clock_now_s() - c.start_s;
    return was_done || save(r, &c, e); /* what follows may be cancelled too, and must not cost the run */
}
