/* SPDX-License-Identifier: MIT */
/* experiment.c — `anomalyd experiment`: sweeps of a running daemon, from the command line. */
#include "daemon/client/experiment.h"

#include "daemon/client/text_table.h"
#include "daemon/platform/argument.h"
#include "daemon/platform/command.h"

#include <limits.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>

static const char help[] =
    "usage: anomalyd experiment run --data NAME --methods A,B,... [OPTION...]\n"
    "       anomalyd experiment list [--limit N] [--format table|json]\n"
    "       anomalyd experiment show ID [--format text|json]\n"
    "       anomalyd experiment follow ID\n"
    "       anomalyd experiment resume ID     queues again what failed or was cancelled\n"
    "       anomalyd experiment cancel ID     cancels what has not ended\n"
    "       anomalyd experiment table ID [--score NAME] [--format markdown|csv|json]\n\n"
    "Sweeps of a running daemon: every method on every class with every seed.\n\n"
    "  --server URL       of the daemon (ANOMALYD_SERVER; default http://127.0.0.1:8080)\n"
    "  --format FORMAT    the first of those named is the preset; json is the daemon's answer as it came\n"
    "  --score NAME       another of the runs' scores, one that `anomalyd runs show` lists\n"
    "  --limit N          experiments listed at most, newest first (default 50)\n\n"
    "run prints the experiment's id, then its progress until all has ended. An interrupt ends the command, not the\n"
    "experiment; a daemon that stops is waited for. The status is 0 when every cell succeeded, else 1.\n\n"
    "  --data NAME        a data set of the daemon's\n"
    "  --methods A,B,...\n"
    "  --protocol NAME    one-class or one-vs-rest (default one-class)\n"
    "  --classes A,B,...  or all (default all)\n"
    "  --class NAME       one more of them, whose name may hold a comma; may be repeated\n"
    "  --seeds N,M,...    (default 0)\n"
    "  --set METHOD.OPTION=VALUE    an option of one method; may be repeated\n"
    "  --held-out X       share of the training images kept for choosing and calibrating (default 0.1)\n"
    "  --test-images N    a test on N of the test images (default: all)\n"
    "  --override METHOD.held_out=X, --override METHOD.test_images=N\n"
    "                     the same for one method alone; may be repeated\n"
    "  --trace            also the test AUROC of each epoch, which chooses nothing\n"
    "  --reuse            takes a run that was the same, of the daemon's own version\n"
    "  --reuse-any-version    the same, of whatever version; rather of the daemon's own\n"
    "  --name NAME        its models are called NAME-METHOD\n"
    "  --key TEXT         the same key and options again are the same experiment: for trying again\n"
    "  --no-follow        prints the id, and that is all; --follow, the preset, undoes it\n";

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
    if (!get(r, &(client_request){.method = "GET", .path = {"experiments", r->operands[0]}}, &a, &body, e))
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
    return change(r, &(client_request){.method = "POST", .path = {"experiments", r->operands[0], "resume"}}, e);
}

static bool cancel(remote *r, error *e)
{
    return change(r, &(client_request){.method = "DELETE", .path = {"experiments", r->operands[0]}}, e);
}

static bool follow(remote *r, error *e)
{
    return experiment_follow(r, r->operands[0], false, e);
}

typedef struct table_options {
    const char *score; /* NULL: not given */
} table_options;

static const struct option table_names[] = {{"score", required_argument, NULL, 's'}, {NULL, 0, NULL, 0}};

static bool take_score(remote *r, int letter)
{
    table_options *o = r->own;
    o->score = optarg;
    return letter == 's';
}

static bool table(remote *r, error *e)
{
    const table_options *o = r->own;
    client_answer a = {0};
    client_request q = {.method = "GET",
                        .path = {"experiments", r->operands[0], "table"},
                        .query = {{"format", r->format}, {o->score ? "score" : NULL, o->score}}};
    if (!client_ask(r->client, &q, &a, e))
        return false;
    remote_print(&a);
    client_answer_free(&a);
    return true;
}

/* ---- all of them */

typedef struct list_options {
    int limit; /* 0: not given */
} list_options;

static const struct option list_names[] = {{"limit", required_argument, NULL, 'l'}, {NULL, 0, NULL, 0}};
enum { LIST_PRESET = 50 };

static bool take_limit(remote *r, int letter)
{
    list_options *o = r->own;
    return letter == 'l' && argument_count(r->command, "limit", optarg, INT_MAX, &o->limit);
}

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

static int run(int argc, char **argv)
{
    const remote_action actions[] = {
        experiment_run,
        {.name = "list",
         .formats = remote_table_json,
         .options = list_names,
         .own_size = sizeof(list_options),
         .take = take_limit,
         .work = list},
        {.name = "show", .operands = {"ID"}, .formats = remote_text_json, .work = show},
        {.name = "follow", .operands = {"ID"}, .work = follow},
        {.name = "resume", .operands = {"ID"}, .work = resume},
        {.name = "cancel", .operands = {"ID"}, .work = cancel},
        {.name = "table",
         .operands = {"ID"},
         .formats = table_formats,
         .options = table_names,
         .own_size = sizeof(table_options),
         .take = take_score,
         .work = table},
    };
    return remote_main(help, actions, sizeof actions / sizeof *actions, argc, argv);
}

const command command_experiment = {
    .name = "experiment", .summary = "sweeps of a running daemon: run, follow, tabulate", .run = run};
