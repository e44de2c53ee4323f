/* SPDX-License-Identifier: MIT */
/* learner.c — begins and ends members, and keeps the one under way in checkpoints. */
#include "train/learner.h"

#include <stdlib.h>

uint64_t learner_seed(uint64_t seed, int index)
{
    uint32_t words[4];
    if (index == 0)
        return seed;
    random_block(random_stream(seed, "member"), (uint64_t)index, 0, words);
    return (uint64_t)words[0] << 32 | words[1];
}

learner learner_of(const train_context *c)
{
    return (learner){.context = c, .kind = c->method->closed_form ? &learner_fit : &learner_steps};
}

bool learner_begin(learner *l, int index, error *e)
{
    const train_context *c = l->context;
    uint64_t steps = c->steps / (uint64_t)c->members;
    learner_end(l);
    l->self = method_state_copy(c->method, c->options, e);
    if (!l->self)
        return false;
    l->state = l->self;
    l->state->steps_an_epoch = c->steps_an_epoch;
    l->seed = learner_seed(c->plan->seed, index);
    l->from = (uint64_t)index * steps;
    l->until = l->from + steps;
    selection_begin(&l->selection);
    l->model = model_new(l->seed, c->team, e);
    return l->model && (!l->kind->build || l->kind->build(l, e));
}

bool learner_start(learner *l, checkpoint *c, error *e)
{
    const train_context *of = l->context;
    size_t n = of->split.train_count;
    l->rows = malloc(n * shape_row(of->images.input) * sizeof *l->rows);
    if (!l->rows)
        return error_memory(e, "the training images");
    return context_prepare(of, of->split.train, n, l->rows, e) && (!l->kind->start || l->kind->start(l, c, e));
}

bool learner_learn(learner *l, checkpoint *c, error *e)
{
    return l->kind->learn(l, c, e);
}

void learner_end(learner *l)
{
    evaluator_free(l->evaluator);
    method_state_free(l->context->method, l->self);
    model_free(l->model);
    l->evaluator = NULL;
    l->self = l->state = NULL;
    l->model = NULL;
}

void learner_free(learner *l)
{
    learner_end(l);
    selection_free(&l->selection);
    free(l->rows);
    free(l->order);
}

bool learner_make_evaluator(learner *l, error *e)
{
    l->evaluator = evaluator_new(&(evaluator_setup){.method = l->context->method,
                                                    .self = l->self,
                                                    .model = l->model,
                                                    .input = l->context->images.input,
                                                    .batches = context_batches,
                                                    .variants = true},
                                 e);
    return l->evaluator != NULL;
}

int learner_chosen_epoch(const learner *l)
{
    const train_context *c = l->context;
    if (c->selects)
        return l->selection.best_epoch - (int)(l->from / c->steps_an_epoch);
    return c->epochs / c->members;
}

bool learner_is_good(const void *of)
{
    const learner *l = of;
    return !collapse_suspected(&l->collapse) && model_finite(l->model);
}

void learner_put(const void *of, bundle *b)
{
    const learner *l = of;
    selection_put(&l->selection, b);
    bundle_put_number(b, "train_s", l->train_s);
    tally_put(&l->tally, b);
    collapse_put(&l->collapse, b);
    model_write(l->model, b, MODEL_WEIGHTS | MODEL_TRAINING);
}

bool learner_get(void *of, const bundle *b, error *e)
{
    learner *l = of;
    const train_context *c = l->context;
    if (!bundle_get_whole(b, "step", c->steps, &l->step, e) || !selection_get(&l->selection, b, c->epochs, e) ||
        !bundle_get_number(b, "train_s", &l->train_s, e) || !tally_get(&l->tally, b, c->steps_an_epoch, e))
        return false;
    if (l->step < l->from || l->step > l->until)
        return error_set(e, ERROR_CORRUPT, "header: step and members.done contradict each other");
    uint64_t into = l->step % c->steps_an_epoch;
    bool unjudged = into == 0 && l->step > l->from && l->tally.steps == c->steps_an_epoch;
    if (l->tally.steps != into && !unjudged)
        return error_set(e, ERROR_CORRUPT, "header: step and tally.steps contradict each other");
    return collapse_get(&l->collapse, b, l->step, e) && model_read(l->model, b, MODEL_WEIGHTS | MODEL_TRAINING, e) &&
           (l->selection.best_epoch == 0 || model_has_kept(l->model) ||
            error_set(e, ERROR_CORRUPT, "the weights of the best epoch are not in it"));
}
