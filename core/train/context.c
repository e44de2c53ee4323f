/* SPDX-License-Identifier: MIT */
/* context.c — sets up what stays the same during a run. */
#include "train/context.h"

#include "base/clock.h"

#include <stdlib.h>

const int context_batches[] = {64, 0};
enum { PREPARE_CHUNK = 64 };

/* ---- options, and whether they can be had of this data set */

static bool set_options(train_context *c, error *e)
{
    const train_spec *plan = c->plan;
    c->options = method_state_new(c->method, e);
    for (size_t i = 0; c->options && i < plan->option_count; i++)
        if (!options_set(c->method->options, c->options, plan->options[i].name, plan->options[i].value, e))
            return false;
    c->settings = c->options;
    return c->options != NULL;
}

static bool check_held_out(const train_context *c, error *e)
{
    double share = c->plan->held_out;
    if (!(share >= 0 && share <= 0.8))
        return error_set(e, ERROR_INVALID, "held_out: %g is not within 0 to 0.8", share);
    if (!c->selects && share > 0.4)
        return error_set(e, ERROR_INVALID, "held_out: %g is above 0.4, the most for calibration", share);
    if (share > 0)
        return true;
    if (c->selects)
        return error_set(e, ERROR_INVALID,
                         "held_out: 0 leaves no images to choose an epoch by; hold some out, or set "
                         "selection to last");
    if (c->members > 1)
        return error_set(e, ERROR_INVALID,
                         "held_out: 0 leaves no images to bring the scores of %d members to one scale by; hold some "
                         "out",
                         c->members);
    return c->settings->refine == REFINE_NONE ||
           error_set(e, ERROR_INVALID, "held_out: 0 leaves no images to refine scores by; hold some out");
}

static bool check_protocol(const train_context *c, error *e)
{
    const protocol_spec *p = &c->plan->protocol;
    if (p->protocol == PROTOCOL_UNLABELLED)
        return true;
    if (p->class_index < 0 || p->class_index >= c->info->classes)
        return error_set(e, ERROR_INVALID, "class: number %d is not among the data set's %d", p->class_index,
                         c->info->classes);
    return p->protocol != PROTOCOL_ONE_VS_REST || c->info->classes >= 2 ||
           error_set(e, ERROR_INVALID, "protocol: one-vs-rest needs at least 2 classes, the data set has %d",
                     c->info->classes);
}

/* Shares of the training normals: one half of what is held out is for selection, if there is any. */
static bool check_shares(const train_context *c, protocol_spec *spec, error *e)
{
    *spec = c->plan->protocol;
    spec->seed = c->plan->seed;
    spec->validation_share = c->selects ? c->plan->held_out / 2 : 0;
    spec->calibration_share = c->plan->held_out - spec->validation_share;
    size_t min = c->epochs ? (size_t)c->settings->batch : 2;
    double left = (double)protocol_normals(c->info, spec) * (1 - c->plan->held_out);
    if (left < (double)min)
        return error_set(e, ERROR_INVALID, "%.0f normal images are left for training; %s needs at least %zu", left,
                         c->method->id, min);
    return protocol_check(c->info, spec, e);
}

bool context_describe(train_context *c, const train_spec *plan, const dataset_info *info, protocol_spec *spec, error *e)
{
    c->plan = plan;
    c->info = info;
    c->method = plan->method;
    c->images = (preparation){.method = plan->method, .data = info->image};
    c->images.data.n = 1;
    if (!set_options(c, e))
        return false;
    c->members = method_members(c->method, c->settings);
    c->epochs = c->method->closed_form ? 0 : c->members * c->settings->epochs;
    c->selects = c->epochs > 0 && c->settings->selection == SELECT_PSEUDO;
    return check_held_out(c, e) && check_protocol(c, e) &&
           method_input(c->method, c->options, c->images.data, &c->images.input, e) && check_shares(c, spec, e);
}

header_run context_run(const train_context *c)
{
    const protocol_spec *p = &c->plan->protocol;
    return (header_run){.method = c->method,
                        .options = c->options,
                        .dataset_digest = c->info->digest,
                        .training_digest = c->training_digest,
                        .protocol = protocol_name(p->protocol),
                        .class_name = p->protocol == PROTOCOL_UNLABELLED ? NULL : c->info->class_names[p->class_index],
                        .has_copies = c->info->copies[SPLIT_TRAIN] || c->info->duplicates,
                        .seed = c->plan->seed,
                        .held_out = c->plan->held_out,
                        .data = c->images.data,
                        .input = c->images.input};
}

/* ---- the images */

/* Before hours of training: whether the split has what the run's end will need. */
static bool check_split(const train_context *c, error *e)
{
    size_t n = c->split.calibration_count;
    bool alone = c->members == 1;
    return (c->settings->refine == REFINE_NONE && alone) || n >= REFINE_IMAGES_MIN ||
           error_set(e, ERROR_INVALID, "held_out: %zu calibration images are too few to %s by; at least %d", n,
                     alone ? "refine scores" : "bring the scores of members to one scale", REFINE_IMAGES_MIN);
}

static bool count_steps(train_context *c, error *e)
{
    if (c->epochs == 0)
        return true;
    c->steps_an_epoch = c->split.train_count / (size_t)c->settings->batch;
    c->steps = c->steps_an_epoch * (uint64_t)c->epochs;
    return c->steps > 0 || error_set(e, ERROR_INVALID, "batch: %d images are more than the %zu for training",
                                     c->settings->batch, c->split.train_count);
}

bool context_split(train_context *c, const protocol_spec *spec, error *e)
{
    if (!c->data)
        return split_count(c->info, spec, &c->split, e);
    if (!split_make(c->data, spec, &c->split, e))
        return false;
    split_training_digest(&c->split, c->info, c->training_digest);
    return check_split(c, e) && count_steps(c, e);
}

void context_free(train_context *c)
{
    split_free(&c->split);
    method_state_free(c->method, c->options);
}

int context_epoch(const train_context *c, uint64_t step)
{
    return (int)(step / c->steps_an_epoch) + 1;
}

typedef struct batch {
    const train_context *context;
    const uint32_t *indices;
    size_t n;
    float *rows;
} batch;

static void prepare_chunk(void *of, int chunk, int worker)
{
    const batch *b = of;
    const train_context *c = b->context;
    size_t first = (size_t)chunk * PREPARE_CHUNK, row = shape_row(c->images.input);
    for (size_t i = first; i < b->n && i < first + PREPARE_CHUNK; i++)
        prepare_image(&c->images, dataset_image(c->data, b->indices[i]), c->images.data, b->rows + i * row,
                      team_scratch(c->team, worker));
}

bool context_prepare(const train_context *c, const uint32_t *indices, size_t n, float *rows, error *e)
{
    batch b = {c, indices, n, rows};
    if (!team_reserve(c->team, prepare_work(&c->images, c->images.data), e))
        return false;
    team_run(c->team, (int)((n + PREPARE_CHUNK - 1) / PREPARE_CHUNK), prepare_chunk, &b);
    return true;
}

/* ---- the watch: cancelling and reporting */

bool context_is_cancelled(const train_context *c)
{
    return c->watch && c->watch->cancelled && c->watch->cancelled(c->watch->context);
}

bool context_goes_on(const train_context *c, error *e)
{
    return !context_is_cancelled(c) || error_set(e, ERROR_CANCELLED, "cancelled");
}

void context_report(const train_context *c, const train_event *ev)
{
    if (c->watch && c->watch->event)
        c->watch->event(c->watch->context, ev);
}

bool context_report_due(double *since_s)
{
    static const double interval_s = 0.5;
    double now = clock_now_s();
    if (now - *since_s < interval_s)
        return false;
    *since_s = now;
    return true;
}

void context_add_value(train_event *ev, const char *name, double value)
{
    if (ev->value_count == TRAIN_VALUES_MAX)
        return;
    ev->values[ev->value_count].name = name;
    ev->values[ev->value_count++].value = value;
}
