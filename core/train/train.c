/* SPDX-License-Identifier: MIT */
/* train.c — a run as a whole: the only file of the trainer that knows all others. */
#include "train/train.h"

#include "base/memory.h"
#include "train/finish.h"
#include "train/footprint.h"

#include <math.h>

bool train_check(const train_spec *plan, const dataset_info *info, error *e)
{
    train_context c = {0};
    protocol_spec spec;
    bool ok = context_describe(&c, plan, info, &spec, e);
    context_free(&c);
    return ok;
}

static void report_started(const ensemble *n)
{
    const train_context *c = n->context;
    const learner *l = n->learner;
    train_event ev = {.kind = TRAIN_STARTED,
                      .footprint_bytes = footprint_bytes(n),
                      .epochs = c->epochs,
                      .step = l->step,
                      .steps = c->steps,
                      .images_s = NAN,
                      .eta_s = NAN};
    if (c->epochs) {
        /* The epoch under way: the tally tells where it began. The last one, where no steps are left. */
        int under_way = context_epoch(c, l->step - l->tally.steps);
        ev.epoch = under_way < c->epochs ? under_way : c->epochs;
    }
    context_report(c, &ev);
}

bool train_run(const train_spec *plan, const dataset *d, team *t, const train_watch *watch, train_result *out, error *e)
{
    error unheard;
    e = e ? e : &unheard;
    train_context c = {.data = d, .team = t, .watch = watch, .process_bytes = memory_resident()};
    protocol_spec spec;
    if (!context_describe(&c, plan, dataset_facts(d), &spec, e) || !context_split(&c, &spec, e)) {
        context_free(&c);
        *out = (train_result){0};
        return false;
    }
    learner l = learner_of(&c);
    ensemble n = ensemble_of(&l);
    const checkpoint_record records[] = {{ensemble_put, ensemble_get, NULL, &n},
                                         {learner_put, learner_get, learner_is_good, &l}};
    checkpoint saved = {.context = &c, .records = records, .count = 2};
    bool ok = learner_begin(&l, 0, e) && learner_start(&l, &saved, e);
    if (ok)
        report_started(&n);
    ok = ok && ensemble_learn(&n, &saved, e) && finish(&n, out, e);
    if (ok)
        checkpoint_remove(&saved);
    else
        *out = (train_result){.checkpoint_step = e->code == ERROR_DIVERGED ? saved.good_step : 0};
    ensemble_free(&n);
    learner_free(&l);
    context_free(&c);
    return ok;
}

bool train_print_footprint(const train_spec *plan, const dataset_info *info, team *t, FILE *out, error *e)
{
    train_context c = {.team = t, .process_bytes = memory_resident()};
    protocol_spec spec;
    if (!context_describe(&c, plan, info, &spec, e) || !context_split(&c, &spec, e) ||
        !team_reserve(t, prepare_work(&c.images, c.images.data), e)) {
        context_free(&c);
        return false;
    }
    learner l = learner_of(&c);
    ensemble n = ensemble_of(&l);
    bool ok = learner_begin(&l, 0, e) && footprint_print(&n, out, e);
    learner_free(&l);
    context_free(&c);
    return ok;
}
