/* SPDX-License-Identifier: MIT */
/* fake_experiments.c — one experiment of two cells, and what is published beside it. */
#include "tests/api/fake_inside.h"
#include "tests/api/fake_service.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static void put_text(char *out, size_t size, const char *text)
{
    snprintf(out, size, "%s", text);
}

static void put_cell(experiment_cell *c, const char *method_id, enum job_state state, double auroc)
{
    *c = (experiment_cell){.state = state, .auroc = auroc, .cost_s = auroc};
    put_text(c->method, sizeof c->method, method_id);
    put_text(c->class_name, sizeof c->class_name, "8");
    put_text(c->job, sizeof c->job, "job-1");
    if (state != JOB_SUCCEEDED)
        return;
    put_text(c->run, sizeof c->run, "run-1");
    put_text(c->code_version, sizeof c->code_version, "1.2");
}

static void make_experiment(experiment_row *row, bool with_cells)
{
    *row = (experiment_row){.created = 1700000000000, .held_out = 0.1, .eta_s = 2.5};
    put_text(row->id, sizeof row->id, "experiment-1");
    put_text(row->dataset, sizeof row->dataset, "digits");
    put_text(row->dataset_digest, sizeof row->dataset_digest, "d");
    put_text(row->protocol, sizeof row->protocol, "one-class");
    row->axes = strdup("{\"methods\": [\"kde\", \"toy\"], \"classes\": [\"8\"], \"seeds\": [0], "
                       "\"hyperparameters\": {\"kde\": {}, \"toy\": {}}}");
    row->counts[JOB_SUCCEEDED] = row->counts[JOB_QUEUED] = 1;
    if (!with_cells)
        return;
    row->cells = calloc(2, sizeof *row->cells);
    row->cell_count = 2;
    put_cell(&row->cells[0], "kde", JOB_SUCCEEDED, 0.75);
    put_cell(&row->cells[1], "toy", JOB_QUEUED, NAN);
}

void fake_answer_experiment(fake *f)
{
    experiment_done *done = f->experiment_done;
    error failure = f->failure;
    f->experiment_done = NULL;
    f->failure.code = ERROR_NONE;
    done(f->done_context, failure.code ? NULL : "experiment-1", failure.code ? &failure : NULL);
}

static bool experiment_submit(void *self, const experiment_spec *spec, const char *key, experiment_done *done,
                              void *context, error *e)
{
    fake *f = self;
    (void)e;
    f->submits++;
    f->experiment = *spec;
    f->experiment_last = spec->methods[spec->method_count - 1];
    snprintf(f->experiment_options, sizeof f->experiment_options, "%s",
             spec->methods[0].hyperparameters ? spec->methods[0].hyperparameters : "");
    snprintf(f->experiment_class, sizeof f->experiment_class, "%s", spec->class_count ? spec->classes[0] : "");
    f->experiment_seed = spec->seeds[spec->seed_count - 1];
    snprintf(f->key, sizeof f->key, "%s", key ? key : "");
    f->experiment_done = done;
    f->done_context = context;
    return true;
}

static bool experiment_change(void *self, const char *id, experiment_done *done, void *context, error *e)
{
    fake *f = self;
    f->cancels++;
    if (strcmp(id, "experiment-1") != 0)
        return error_set(e, ERROR_NOT_FOUND, "there is no experiment '%s'", id);
    f->experiment_done = done;
    f->done_context = context;
    return true;
}

static bool experiment_get(void *self, const char *id, experiment_row *row, error *e)
{
    (void)self;
    if (strcmp(id, "experiment-1") != 0)
        return error_set(e, ERROR_NOT_FOUND, "there is no experiment '%s'", id);
    make_experiment(row, true);
    return true;
}

static bool experiment_score(void *self, experiment_row *row, const char *score, error *e)
{
    (void)self;
    if (strcmp(score, "complexity") != 0)
        return error_set(e, ERROR_INVALID, "score: no run has '%s'", score);
    for (int i = 0; i < row->cell_count; i++)
        row->cells[i].auroc = 0.875;
    put_text(row->score, sizeof row->score, score);
    return true;
}

static bool experiment_list(void *self, const void *filter, record_page *page, void *rows, int *count, error *e)
{
    (void)filter;
    experiment_row *experiments = rows;
    int first;
    if (!fake_page(self, page, &first, count, e))
        return false;
    for (int i = 0; i < *count; i++)
        make_experiment(&experiments[i], false);
    return true;
}

static bool published_list(void *self, const char *dataset_digest, const char *protocol, published_row *rows, int limit,
                           int *count, error *e)
{
    (void)self, (void)e;
    assert_string_equal(dataset_digest, "d");
    assert_true(limit >= 1);
    rows[0] = (published_row){.source = "survey", .place = "table 2", .method = "kde", .class_name = "8", .auroc = 0.5};
    put_text(rows[0].protocol, sizeof rows[0].protocol, protocol);
    *count = 1;
    return true;
}

void fake_experiments(service *s)
{
    s->experiment_submit = experiment_submit;
    s->experiment_cancel = experiment_change;
    s->experiment_resume = experiment_change;
    s->experiment_get = experiment_get;
    s->experiment_score = experiment_score;
    s->experiment_list = experiment_list;
    s->published_list = published_list;
}
