/* SPDX-License-Identifier: MIT */
/* train.c — sets a run up from its plan, sees it through, takes it down. */
#include "train/train.h"

#include "base/clock.h"
#include "base/memory.h"
#include "train/checkpoint.h"
#include "train/collapse.h"
#include "train/ensemble.h"
#include "train/select.h"

#include <assert.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

/* Validation and test images are scored one by one's worth of memory, not all at once. */
const int run_batches[] = {64, 0};
enum { PREPARE_CHUNK = 64, WINDOW_BATCHES = 16, WINDOW_BYTES = 16 << 20 };

bool run_selects(const run *r)
{
    return !r->method->closed_form && r->state->selection == SELECT_PSEUDO;
}

void run_shares(const run *r, double *validation, double *calibration)
{
    *validation = run_selects(r) ? r->plan->held_out / 2 : 0;
    *calibration = r->plan->held_out - *validation;
}

static bool is_cancelled(void *context)
{
    const run *r = context;
    return r->watch && r->watch->cancelled && r->watch->cancelled(r->watch->context);
}

bool run_cancelled(run *r, error *e)
{
    if (!is_cancelled(r))
        return false;
    error_set(e, ERROR_CANCELLED, "cancelled");
    return true;
}

void run_report(const run *r, const train_event *ev)
{
    if (r->watch && r->watch->event)
        r->watch->event(r->watch->context, ev);
}

bool run_report_due(double *since_s)
{
    static const double interval_s = 0.5;
    double now = clock_now_s();
    if (now - *since_s < interval_s)
        return false;
    *since_s = now;
    return true;
}

static void report_scoring(const run *r)
{
    const run_scoring *s = &r->scoring;
    double spent = clock_now_s() - s->start_s, rate = s->done ? (double)s->done / spent : NAN;
    train_event ev = {.kind = TRAIN_EVALUATING,
                      .epoch = run_epochs(r),
                      .epochs = run_epochs(r),
                      .step = r->step,
                      .steps = r->steps,
                      .scored = s->done,
                      .to_score = s->all,
                      .images_s = rate,
                      .eta_s = (double)(s->all - s->done) / rate};
    run_report(r, &ev);
}

void run_begin_scoring(run *r, size_t images)
{
    double now = clock_now_s();
    r->scoring =
        (run_scoring){.all = images * (size_t)(r->done_count ? r->done_count : 1), .start_s = now, .event_s = now};
    report_scoring(r);
}

static void on_scored(void *context, size_t count)
{
    run *r = context;
    r->scoring.done += count;
    bool all = r->scoring.done == r->scoring.all;
    if (r->scoring.all && (run_report_due(&r->scoring.event_s) || all))
        report_scoring(r);
}

typedef struct preparing {
    run *run;
    const uint32_t *indices;
    size_t n;
    float *rows;
} preparing;

static void prepare_chunk(void *context, int chunk, int worker)
{
    const preparing *p = context;
    const run *r = p->run;
    size_t first = (size_t)chunk * PREPARE_CHUNK, row = shape_row(r->input);
    for (size_t i = first; i < p->n && i < first + PREPARE_CHUNK; i++)
        evaluate_prepare(r->method, dataset_image(r->data, p->indices[i]), r->data_shape, r->input, p->rows + i * row,
                         team_scratch(r->team, worker));
}

bool run_prepare(run *r, const uint32_t *indices, size_t n, float *rows, error *e)
{
    preparing p = {r, indices, n, rows};
    if (!team_reserve(r->team, image_work(r->data_shape, r->input), e))
        return false;
    team_run(r->team, (int)((n + PREPARE_CHUNK - 1) / PREPARE_CHUNK), prepare_chunk, &p);
    return true;
}

size_t run_window(const run *r, const evaluator *by)
{
    size_t batch = by ? evaluator_rows(by) : EVALUATE_ROWS_MAX;
    size_t fitting = WINDOW_BYTES / (batch * shape_row(r->input) * sizeof(float));
    return batch * (fitting < 1 ? 1 : fitting < WINDOW_BATCHES ? fitting : WINDOW_BATCHES);
}

bool run_evaluate(run *r, evaluator *by, const float *rows, size_t n, const scored_rows *out, error *e)
{
    evaluator_watch(by, (scored_watch){is_cancelled, on_scored, r});
    bool ok = evaluator_run(by, rows, n, out, e);
    evaluator_watch(by, (scored_watch){0});
    return ok;
}

bool run_score(run *r, evaluator *by, const uint32_t *indices, size_t n, const scored_rows *out, float *complexity,
               error *e)
{
    size_t window = run_window(r, by);
    float *rows = malloc(window * shape_row(r->input) * sizeof *rows);
    if (!rows)
        return error_memory(e, "images to score");
    bool ok = true;
    for (size_t first = 0; ok && first < n; first += window) {
        size_t count = n - first < window ? n - first : window;
        scored_rows part = *out;
        part.at += first;
        ok = !run_cancelled(r, e) && run_prepare(r, indices + first, count, rows, e) &&
             run_evaluate(r, by, rows, count, &part, e);
        for (size_t i = 0; ok && complexity && i < count; i++)
            complexity[first + i] = evaluate_complexity(r->method, rows + i * shape_row(r->input), r->input);
    }
    free(rows);
    return ok;
}

void *run_options(const run *r, error *e)
{
    const method *m = r->plan->method;
    void *self = method_state_new(m, e);
    for (size_t i = 0; self && i < r->plan->option_count; i++)
        if (!options_set(m->options, self, r->plan->options[i].name, r->plan->options[i].value, e)) {
            method_state_free(m, self);
            self = NULL;
        }
    return self;
}

static bool set_options(run *r, error *e)
{
    r->method = r->plan->method;
    r->self = run_options(r, e);
    r->state = r->self;
    return r->self != NULL;
}

static bool check_protocol(const run *r, const dataset_info *info, error *e)
{
    const protocol_spec *p = &r->plan->protocol;
    if (!(r->plan->held_out >= 0 && r->plan->held_out <= 0.8))
        return error_set(e, ERROR_INVALID, "held_out: %g is not within 0 to 0.8", r->plan->held_out);
    if (!run_selects(r) && r->plan->held_out > 0.4)
        return error_set(e, ERROR_INVALID, "held_out: %g is above 0.4, the most for calibration", r->plan->held_out);
    if (run_selects(r) && r->plan->held_out <= 0)
        return error_set(e, ERROR_INVALID,
                         "held_out: 0 leaves no images to choose an epoch by; hold some out, or set "
                         "selection to last");
    if (r->members > 1 && r->plan->held_out <= 0)
        return error_set(e, ERROR_INVALID,
                         "held_out: 0 leaves no images to bring the scores of %d members to one scale by; hold some "
                         "out",
                         r->members);
    if (r->state->refine != REFINE_NONE && r->plan->held_out <= 0)
        return error_set(e, ERROR_INVALID, "held_out: 0 leaves no images to refine scores by; hold some out");
    if (p->protocol == PROTOCOL_UNLABELLED)
        return true;
    if (p->class_index < 0 || p->class_index >= info->classes)
        return error_set(e, ERROR_INVALID, "class: number %d is not among the data set's %d", p->class_index,
                         info->classes);
    if (p->protocol == PROTOCOL_ONE_VS_REST && info->classes < 2)
        return error_set(e, ERROR_INVALID, "protocol: one-vs-rest needs at least 2 classes, the data set has %d",
                         info->classes);
    return true;
}

bool run_describe(run *r, const dataset_info *info, protocol_spec *spec, error *e)
{
    r->data_shape = info->image;
    r->data_shape.n = 1;
    if (!set_options(r, e))
        return false;
    r->members = r->method->closed_form ? 1 : r->state->members;
    if (!check_protocol(r, info, e) || !method_input(r->method, r->self, r->data_shape, &r->input, e))
        return false;
    *spec = r->plan->protocol;
    spec->seed = r->plan->seed;
    run_shares(r, &spec->validation_share, &spec->calibration_share);
    size_t least = r->method->closed_form ? 2 : (size_t)r->state->batch;
    double left = (double)protocol_normals(info, spec) * (1 - r->plan->held_out);
    if (left < (double)least)
        return error_set(e, ERROR_INVALID, "%.0f normal images are left for training; %s needs at least %zu", left,
                         r->method->id, least);
    return protocol_check(info, spec, e);
}

bool train_check(const train_plan *plan, const dataset_info *info, error *e)
{
    run r = {.plan = plan};
    protocol_spec spec;
    bool ok = run_describe(&r, info, &spec, e);
    method_state_free(plan->method, r.self);
    return ok;
}

static const char spread_prefix[] = "spread.", loss_prefix[] = "loss.";

bool run_tallies(const char *output)
{
    return strncmp(output, loss_prefix, sizeof loss_prefix - 1) == 0 ||
           strncmp(output, spread_prefix, sizeof spread_prefix - 1) == 0;
}

static void name_values(run *r)
{
    enum { OTHERS = 3 }; /* restarts, and the AUROC of selection and test */
    for (program *const *p = r->method->programs(r->self); *p; p++)
        for (size_t i = 0; i < program_output_count(*p); i++) {
            const char *name = program_output_name(*p, i);
            if (run_tallies(name) && r->tally.count < TRAIN_VALUES_MAX - OTHERS)
                r->tally.names[r->tally.count++] = name;
        }
    collapse_suspects(r);
}

static bool make_evaluator(run *r, error *e)
{
    r->evaluator = evaluator_new(&(evaluator_setup){.method = r->method,
                                                    .self = r->self,
                                                    .model = r->model,
                                                    .input = r->input,
                                                    .batches = run_batches,
                                                    .variants = true},
                                 e);
    return r->evaluator != NULL;
}

bool run_build(run *r, error *e)
{
    if (r->method->closed_form)
        return true;
    shape batch = r->input;
    batch.n = r->state->batch;
    if (!r->method->build(r->self, r->model, batch, e))
        return error_at(e, "%s", r->method->id);
    r->batch = model_find_array(r->model, "x");
    assert(r->batch);
    name_values(r);
    return make_evaluator(r, e);
}

void run_take_down_nets(run *r)
{
    evaluator_free(r->evaluator);
    method_state_free(r->method, r->self);
    model_free(r->model);
    r->evaluator = NULL;
    r->self = r->state = NULL;
    r->model = NULL;
}

bool run_begin(run *r, int index, error *e)
{
    if (r->model) {
        run_take_down_nets(r);
        if (!set_options(r, e))
            return false;
    }
    uint64_t steps = r->steps / (uint64_t)r->members;
    r->seed = ensemble_seed(r->plan->seed, index);
    r->from = (uint64_t)index * steps;
    r->until = r->from + steps;
    r->tally = (tally){0};
    r->best = 0;
    r->best_epoch = 0;
    r->state->steps_an_epoch = r->steps_an_epoch;
    r->model = model_new(r->seed, r->team, e);
    return r->model && run_build(r, e);
}

int run_epochs(const run *r)
{
    return r->method->closed_form ? 0 : r->members * r->state->epochs;
}

static void report_started(const run *r)
{
    train_event ev = {.kind = TRAIN_STARTED,
                      .plan_bytes = run_bytes(r),
                      .step = r->step,
                      .steps = r->steps,
                      .images_s = NAN,
                      .eta_s = NAN};
    if (!r->method->closed_form) {
        /* The epoch under way: the tally tells where it began. The last one, where no steps are left. */
        int under_way = (int)((r->step - r->tally.steps) / r->steps_an_epoch) + 1;
        ev.epochs = run_epochs(r);
        ev.epoch = under_way < ev.epochs ? under_way : ev.epochs;
    }
    run_report(r, &ev);
}

static bool load_images(run *r, error *e)
{
    size_t n = r->split.train_count;
    r->train = malloc(n * shape_row(r->input) * sizeof *r->train);
    r->order = malloc(n * sizeof *r->order);
    if (!r->train || !r->order)
        return error_memory(e, "the training images");
    return run_prepare(r, r->split.train, n, r->train, e);
}

/* A closed-form method has no steps to resume from: it is fitted, or not. */
static bool fit(run *r, error *e)
{
    double start = clock_now_s();
    report_started(r);
    if (run_cancelled(r, e) || !r->method->fit(r->self, r->model, r->train, r->split.train_count, r->input, e))
        return false;
    free(r->train);
    r->train = NULL;
    bool good = make_evaluator(r, e);
    r->train_s = clock_now_s() - start;
    return good;
}

/* Until the member under way has its weights. */
static bool learn_member(run *r, int *chosen_epoch, error *e)
{
    if (!run_loop(r, e)) {
        if (e->code == ERROR_DIVERGED)
            checkpoint_settle(r);
        return false;
    }
    if (run_selects(r))
        model_restore(r->model);
    else if (r->state->average_decay > 0)
        model_average_swap(r->model);
    *chosen_epoch = run_selects(r) ? r->best_epoch - (int)(r->from / r->steps_an_epoch) : r->state->epochs;
    return true;
}

static bool learn_all(run *r, int *chosen_epoch, error *e)
{
    for (;;) {
        int chosen;
        if (!learn_member(r, &chosen, e))
            return false;
        *chosen_epoch = chosen;
        if (r->members == 1)
            return true;
        if (!ensemble_retire(r, chosen, e))
            return false;
        *chosen_epoch = r->done[0].chosen_epoch;
        if (r->done_count == r->members)
            return ensemble_join(r, e);
        if (!run_begin(r, r->done_count, e))
            return false;
    }
}

static bool learn(run *r, int *chosen_epoch, error *e)
{
    *chosen_epoch = 0;
    if (r->method->closed_form)
        return fit(r, e);
    r->steps_an_epoch = r->split.train_count / (size_t)r->state->batch;
    if (r->steps_an_epoch == 0)
        return error_set(e, ERROR_INVALID, "batch: %d images are more than the %zu for training", r->state->batch,
                         r->split.train_count);
    r->steps = r->steps_an_epoch * (uint64_t)run_epochs(r);
    r->until = r->steps / (uint64_t)r->members;
    r->state->steps_an_epoch = r->steps_an_epoch;
    if (!collapse_measure(r, e) || !select_start(r, e) || !checkpoint_read(r, e))
        return false;
    report_started(r);
    return learn_all(r, chosen_epoch, e);
}

static void run_take_down(run *r)
{
    run_take_down_nets(r);
    ensemble_free(r);
    split_free(&r->split);
    free(r->train);
    free(r->order);
    free(r->selection_rows);
    free(r->selection_scores);
    free(r->selection_anomalous);
}

static bool make_parts(run *r, const protocol_spec *spec, error *e)
{
    if (!split_make(r->data, spec, &r->split, e))
        return false;
    split_training_digest(&r->split, dataset_facts(r->data), r->training_digest);
    return true;
}

/* Before hours of training: what the end of the run will need of its split. */
static bool check_parts(const run *r, error *e)
{
    size_t n = r->split.calibration_count;
    bool alone = r->members == 1;
    return (r->state->refine == REFINE_NONE && alone) || n >= REFINE_IMAGES_MIN ||
           error_set(e, ERROR_INVALID, "held_out: %zu calibration images are too few to %s by; at least %d", n,
                     alone ? "refine scores" : "bring the scores of members to one scale", REFINE_IMAGES_MIN);
}

bool train_run(const train_plan *plan, const dataset *d, team *t, const train_watch *watch, train_result *out, error *e)
{
    error unheard;
    e = e ? e : &unheard;
    run r = {.plan = plan, .data = d, .team = t, .watch = watch, .method = plan->method};
    r.process_bytes = memory_resident();
    protocol_spec spec;
    int chosen_epoch;
    bool ok = run_describe(&r, dataset_facts(d), &spec, e) && make_parts(&r, &spec, e) && check_parts(&r, e) &&
              run_begin(&r, 0, e) && load_images(&r, e) && learn(&r, &chosen_epoch, e) &&
              run_finish(&r, chosen_epoch, out, e);
    if (!ok)
        *out = (train_result){.checkpoint_step = e->code == ERROR_DIVERGED ? r.good_step : 0};
    run_take_down(&r);
    return ok;
}
