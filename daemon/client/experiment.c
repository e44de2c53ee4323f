/* SPDX-License-Identifier: MIT */
/* experiment.c — `anomalyd experiment`: sweeps of a running daemon, from the command line. */
#include "daemon/client/experiment.h"

#include "daemon/client/text_table.h"
#include "daemon/platform/command.h"

#include <limits.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>

static const char *const table_formats[] = {"markdown", "csv", "json", NULL};

/* ---- one experiment */

static bool get(remote *r, const client_request *q, client_answer *a, json_t **body, error *e)
{
    if (!client_ask(r->client, q, a, e))
        return false;
    *body = client_json(r->client, a, e);
    if (!*body)
        client_answer_free(a);
    return *body != NULL;
}

static bool print_progress(const json_t *experiment, const char *before, error *e)
{
    char eta[64];
    char *progress = experiment_progress(experiment, e);
    if (!progress)
        return false;
    experiment_eta(experiment, eta, sizeof eta);
    printf("%s%s%s%s\n", before, progress, *eta ? "; " : "", eta);
    free(progress);
    return true;
}

static bool print_cells(const json_t *experiment, error *e)
{
    static const char *const heads[] = {"method",  "class", "seed", "state",  "auroc",
                                        "seconds", "run",   "code", "failure"};
    enum { HEADS = sizeof heads / sizeof *heads };
    columns *c = columns_new(HEADS, e);
    if (!c)
        return false;
    for (int i = 0; i < HEADS; i++)
        columns_text(c, heads[i]);
    size_t i;
    const json_t *cell;
    json_array_foreach(json_object_get(experiment, "cells"), i, cell)
    {
        bool reused = json_is_true(json_object_get(cell, "reused"));
        columns_text(c, remote_text(cell, "method"));
        columns_text(c, remote_text(cell, "class"));
        columns_number(c, 0, remote_number(cell, "seed"));
        columns_text(c, reused ? "reused" : remote_text(cell, "state"));
        columns_number(c, 4, remote_number(cell, "auroc"));
        columns_number(c, 1, remote_number(cell, "cost_s"));
        columns_text(c, remote_text(cell, "run"));
        columns_text(c, remote_text(cell, "code_version"));
        columns_text(c, remote_text(cell, "failure"));
    }
    bool good = columns_print(c, stdout, e);
    columns_free(c);
    return good;
}

static bool show(remote *r, error *e)
{
    client_answer a = {0};
    json_t *body = NULL;
    if (!get(r, &(client_request){.method = "GET", .path = {"experiments", r->line.operands[0]}}, &a, &body, e))
        return false;
    bool good = true;
    if (remote_wants(r, "json")) {
        remote_print(&a);
    } else {
        const char *name = remote_text(body, "name");
        printf("%s%s%s: %s on %s, %s, %s\n", remote_text(body, "id"), *name ? " " : "", name,
               remote_text(body, "state"), remote_text(body, "dataset"), remote_text(body, "protocol"),
               remote_text(body, "created"));
        good = print_progress(body, "", e) && print_cells(body, e);
    }
    json_decref(body);
    client_answer_free(&a);
    return good;
}

static bool change(remote *r, const client_request *q, error *e)
{
    json_t *body = client_ask_json(r->client, q, e);
    bool good = body && print_progress(body, "", e);
    json_decref(body);
    return good;
}

static bool resume(remote *r, error *e)
{
    return change(r, &(client_request){.method = "POST", .path = {"experiments", r->line.operands[0], "resume"}}, e);
}

static bool cancel(remote *r, error *e)
{
    return change(r, &(client_request){.method = "DELETE", .path = {"experiments", r->line.operands[0]}}, e);
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
    client_answer a = {0};
    client_request q = {.method = "GET",
                        .path = {"experiments", r->line.operands[0], "table"},
                        .query = {{"format", r->format}, {o->score ? "score" : NULL, o->score}}};
    if (!client_ask(r->client, &q, &a, e))
        return false;
    remote_print(&a);
    client_answer_free(&a);
    return true;
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
enum { LIST_PRESET = 50 };

/* "kde, pca": methods of an experiment. */
static void put_list(columns *c, const json_t *list)
{
    char text[256] = "";
    size_t used = 0, i;
    const json_t *item;
    json_array_foreach(list, i, item)
    {
        const char *one = json_string_value(item);
        if (used < sizeof text)
            used += (size_t)snprintf(text + used, sizeof text - used, "%s%s", i ? "," : "", one ? one : "?");
    }
    columns_text(c, text);
}

static void put_experiments(void *context, const remote_page *p)
{
    columns *c = context;
    if (!c) {
        remote_print(p->answer);
        return;
    }
    size_t i;
    const json_t *item;
    json_array_foreach(json_object_get(p->json, "items"), i, item)
    {
        const json_t *progress = json_object_get(item, "progress");
        columns_text(c, remote_text(item, "id"));
        columns_text(c, remote_text(item, "created"));
        columns_text(c, remote_text(item, "state"));
        columns_number(c, 0, remote_number(progress, "cells"));
        columns_number(c, 0, remote_number(progress, "succeeded"));
        columns_number(c, 0, remote_number(progress, "failed"));
        columns_text(c, remote_text(item, "dataset"));
        columns_text(c, remote_text(item, "protocol"));
        put_list(c, json_object_get(item, "methods"));
        columns_text(c, remote_text(item, "name"));
    }
}

static bool list(remote *r, error *e)
{
    static const char *const heads[] = {"id",     "created", "state",    "cells",   "succeeded",
                                        "failed", "dataset", "protocol", "methods", "name"};
    enum { HEADS = sizeof heads / sizeof *heads };
    const list_options *o = r->own;
    client_request q = {.method = "GET", .path = {"experiments"}};
    columns *c = remote_wants(r, "json") ? NULL : columns_new(HEADS, e);
    if (!c && !remote_wants(r, "json"))
        return false;
    for (int i = 0; c && i < HEADS; i++)
        columns_text(c, heads[i]);
    bool good = remote_list(r, &q, o->limit ? o->limit : LIST_PRESET, put_experiments, c, e) &&
                (!c || columns_print(c, stdout, e));
    columns_free(c);
    return good;
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
