/* SPDX-License-Identifier: MIT */
/* experiment.c — `anomalyd experiment`: sweeps of a running daemon, from the command line. */
#include "daemon/client/experiment.h"

#include "daemon/platform/command.h"

#include <limits.h>
#include <stdio.h>
#include <stdlib.h>

static const char *const table_formats[] = {"markdown", "csv", "json", NULL};

/* ---- one experiment */

static bool print_progress(json_t *experiment, error *e)
{
    char eta[64];
    char *progress = experiment_progress(experiment, e);
    if (!progress)
        return false;
    experiment_eta(experiment, eta, sizeof eta);
    printf("%s%s%s\n", progress, *eta ? "; " : "", eta);
    free(progress);
    return true;
}

static void cell_state(const json_t *cell, char *text, size_t size)
{
    bool reused = json_is_true(json_object_get(cell, "reused"));
    snprintf(text, size, "%s", reused ? "reused" : remote_text(cell, "state"));
}

static bool print_cells(const json_t *experiment, error *e)
{
    static const text_column columns[] = {{.name = "method"},
                                          {.name = "class"},
                                          {.name = "seed"},
                                          {.head = "state", .text = cell_state},
                                          {.name = "auroc", .decimals = 4},
                                          {.head = "seconds", .name = "cost_s", .decimals = 1},
                                          {.name = "run"},
                                          {.head = "code", .name = "code_version"},
                                          {.name = "failure"}};
    text_table *t = text_table_new(columns, sizeof columns / sizeof *columns, e);
    size_t i;
    const json_t *cell;
    json_array_foreach(t ? json_object_get(experiment, "cells") : NULL, i, cell)
    {
        text_table_item(t, cell);
    }
    return t && text_table_print(t, e);
}

static bool print_experiment(json_t *body, error *e)
{
    const char *name = remote_text(body, "name");
    printf("%s%s%s: %s on %s, %s, %s\n", remote_text(body, "id"), *name ? " " : "", name, remote_text(body, "state"),
           remote_text(body, "dataset"), remote_text(body, "protocol"), remote_text(body, "created"));
    return print_progress(body, e) && print_cells(body, e);
}

static bool show(remote *r, error *e)
{
    return remote_show(r, &(client_request){.method = "GET", .path = {"experiments", r->line.operands[0]}},
                       print_experiment, e);
}

static bool resume(remote *r, error *e)
{
    return remote_show(r, &(client_request){.method = "POST", .path = {"experiments", r->line.operands[0], "resume"}},
                       print_progress, e);
}

static bool cancel(remote *r, error *e)
{
    return remote_show(r, &(client_request){.method = "DELETE", .path = {"experiments", r->line.operands[0]}},
                       print_progress, e);
}

static bool follow(remote *r, error *e)
{
    return experiment_follow(r, r->line.operands[0], false, e);
}

typedef struct table_options {
    remote_flags shared;
    const char *score; /* NULL: not given */
} table_options;

static const flag table_flags[] = {FLAG("score", 0, TEXT, offsetof(table_options, score), "NAME",
                                        "another of the runs' scores, one that `anomalyd runs show` lists"),
                                   {0}};
static const flag table_shared[] = {
    REMOTE_SERVER_FLAG, REMOTE_FORMAT_FLAG(table_formats, "markdown|csv|json", "markdown"), {0}};

static bool table(remote *r, error *e)
{
    const table_options *o = r->own;
    client_request q = {.method = "GET",
                        .path = {"experiments", r->line.operands[0], "table"},
                        .query = {{"format", r->format}, {o->score ? "score" : NULL, o->score}}};
    return remote_show(r, &q, NULL, e);
}

/* ---- all of them */

typedef struct list_options {
    remote_flags shared;
    int limit; /* 0: not given */
} list_options;

static const flag list_flags[] = {FLAG("limit", 0, INT, offsetof(list_options, limit), "N",
                                       "experiments listed at most, newest first", .min = 1, .max = INT_MAX,
                                       .preset = "50"),
                                  {0}};

/* "kde,pca". */
static void methods_of(const json_t *experiment, char *text, size_t size)
{
    size_t used = 0, i;
    const json_t *item;
    json_array_foreach(json_object_get(experiment, "methods"), i, item)
    {
        const char *one = json_string_value(item);
        if (used < size)
            used += (size_t)snprintf(text + used, size - used, "%s%s", i ? "," : "", one ? one : "?");
    }
}

static bool list(remote *r, error *e)
{
    static const text_column columns[] = {{.name = "id"},
                                          {.name = "created"},
                                          {.name = "state"},
                                          {.name = "cells", .within = "progress"},
                                          {.name = "succeeded", .within = "progress"},
                                          {.name = "failed", .within = "progress"},
                                          {.name = "dataset"},
                                          {.name = "protocol"},
                                          {.head = "methods", .text = methods_of},
                                          {.name = "name"}};
    const list_options *o = r->own;
    client_request q = {.method = "GET", .path = {"experiments"}};
    return remote_list(r, &q, o->limit, columns, sizeof columns / sizeof *columns, e);
}

/* ---- the command */

static const remote_action action_list = {.usage = {.words = "experiment list",
                                                    .summary = "the experiments there are",
                                                    .flags = list_flags,
                                                    .shared = remote_table_json_flags},
                                          .formats = remote_table_json,
                                          .own_size = sizeof(list_options),
                                          .work = list};
static const remote_action action_show = {.usage = {.words = "experiment show",
                                                    .summary = "one experiment and its cells",
                                                    .operands = {"ID"},
                                                    .shared = remote_text_json_flags},
                                          .formats = remote_text_json,
                                          .work = show};
static const remote_action action_follow = {.usage = {.words = "experiment follow",
                                                      .summary = "prints the progress until all has ended",
                                                      .operands = {"ID"},
                                                      .shared = remote_server},
                                            .work = follow};
static const remote_action action_resume = {.usage = {.words = "experiment resume",
                                                      .summary = "queues again what failed or was cancelled",
                                                      .operands = {"ID"},
                                                      .shared = remote_server},
                                            .work = resume};
static const remote_action action_cancel = {.usage = {.words = "experiment cancel",
                                                      .summary = "cancels what has not ended",
                                                      .operands = {"ID"},
                                                      .shared = remote_server},
                                            .work = cancel};
static const remote_action action_table = {.usage = {.words = "experiment table",
                                                     .summary = "AUROC by method and class",
                                                     .operands = {"ID"},
                                                     .flags = table_flags,
                                                     .shared = table_shared},
                                           .formats = table_formats,
                                           .own_size = sizeof(table_options),
                                           .work = table};

static const remote_action *const actions[] = {&experiment_run, &action_list,   &action_show,  &action_follow,
                                               &action_resume,  &action_cancel, &action_table, NULL};

static int run(int argc, char **argv)
{
    return remote_main(actions, argc, argv);
}

const command command_experiment = {.name = "experiment",
                                    .summary = "sweeps of a running daemon: run, follow, tabulate",
                                    .usages = (const usage *const[]){&experiment_run.usage, &action_list.usage,
                                                                     &action_show.usage, &action_follow.usage,
                                                                     &action_resume.usage, &action_cancel.usage,
                                                                     &action_table.usage, NULL},
                                    .run = run};
