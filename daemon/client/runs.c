/* SPDX-License-Identifier: MIT */
/* runs.c — `anomalyd runs`: the history of a running daemon's experiments, from the command line. */
#include "api/records/subject.h"
#include "daemon/client/remote.h"
#include "daemon/platform/command.h"

#include <errno.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* ---- list */

/* GET /runs takes these, as they are. */
static const char *const filters[] = {"method", "dataset", "protocol", "class",     "seed",
                                      "model",  "since",   "until",    "min_auroc", "order"};
enum { FILTERS = sizeof filters / sizeof *filters };

typedef struct list_options {
    remote_flags shared;
    const char *filters[FILTERS]; /* NULL: not given */
    int limit;                    /* 0: not given */
} list_options;

#define FILTER(i_, name_, value_, help_)                                                                  \
    {                                                                                                     \
        .name = name_, .kind = FLAG_TEXT, .offset = offsetof(list_options, filters[i_]), .value = value_, \
        .help = help_                                                                                     \
    }

static bool parse_share(void *at, char *text, error *e)
{
    static const flag share = {.kind = FLAG_NUMBER, .max = 1};
    double value;
    *(const char **)at = text;
    return flag_set(&share, &value, text, e);
}

static const char *const list_formats[] = {"table", "csv", "json", NULL};
static const flag list_shared[] = {
    REMOTE_SERVER_FLAG, REMOTE_FORMAT_FLAG(list_formats, "table|csv|json", "table"), {0}};

static const flag list_flags[] = {FILTER(0, "method", "NAME", "only runs of this method"),
                                  FILTER(1, "dataset", "NAME", "only on this data set"),
                                  FILTER(2, "protocol", "NAME", "only under this protocol"),
                                  FILTER(3, "class", "NAME", "only with this class"),
                                  FILTER(4, "seed", "N", "only with this seed"),
                                  FILTER(5, "model", "NAME", "only of this model"),
                                  FILTER(6, "since", "TIME", "only from then on, such as 2026-01-31T12:00:00Z"),
                                  FILTER(7, "until", "TIME", "only before then"),
                                  FLAG("min-auroc", 0, PARSED, offsetof(list_options, filters[8]), "X",
                                       "only those that reached it", .parse = parse_share),
                                  FILTER(9, "order", "NAME", "newest, oldest, or auroc, the highest first"),
                                  FLAG("limit", 0, INT, offsetof(list_options, limit), "N",
                                       "runs listed at most; json prints a document for every 500", .min = 1,
                                       .max = INT_MAX, .preset = "50"),
                                  {0}};

static void model_of(const json_t *run, char *text, size_t size)
{
    if (*remote_text(run, "model"))
        snprintf(text, size, "%s:%.0f", remote_text(run, "model"), remote_number(run, "version"));
}

static bool list(remote *r, error *e)
{
    static const text_column columns[] = {{.name = "id"},
                                          {.name = "created"},
                                          {.name = "method"},
                                          {.name = "dataset"},
                                          {.name = "protocol"},
                                          {.name = "class"},
                                          {.name = "seed"},
                                          {.head = "model", .text = model_of},
                                          {.name = "auroc", .decimals = 4},
                                          {.head = "low", .name = "auroc_low", .decimals = 4},
                                          {.head = "high", .name = "auroc_high", .decimals = 4}};
    const list_options *o = r->own;
    client_request q = {.method = "GET", .path = {"runs"}};
    int n = 0;
    for (int i = 0; i < FILTERS; i++)
        if (o->filters[i])
            q.query[n++] = (struct client_parameter){filters[i], o->filters[i]};
    if (!remote_wants(r, "table"))
        q.query[n++] = (struct client_parameter){"format", r->format};
    return remote_list(r, &q, o->limit, columns, sizeof columns / sizeof *columns, e);
}

/* ---- show */

/* A line for each value that the daemon answers, in its order; but scores have a table, and the detail is for charts.
 */
static bool print_facts(json_t *run, error *e)
{
    text_table *t = text_table_new(NULL, 2, e);
    const char *name;
    json_t *value;
    if (!t)
        return false;
    json_object_foreach(run, name, value)
    {
        if (!strcmp(name, "scores") || !strcmp(name, "detail"))
            continue;
        char *text = json_is_string(value) || json_is_null(value)
                         ? NULL
                         : json_dumps(value, JSON_ENCODE_ANY | JSON_REAL_PRECISION(6));
        text_table_text(t, name);
        text_table_text(t, json_is_string(value) ? json_string_value(value) : text ? text : "");
        free(text);
    }
    return text_table_print(t, e);
}

/* What each variant of the score reached. */
static bool print_scores(const json_t *run, error *e)
{
    static const text_column columns[] = {{.head = "score"},
                                          {.name = "auroc", .decimals = 4},
                                          {.head = "low", .name = "auroc_low", .decimals = 4},
                                          {.head = "high", .name = "auroc_high", .decimals = 4},
                                          {.head = "average precision", .name = "average_precision", .decimals = 4}};
    json_t *scores = json_object_get(run, "scores"), *score;
    const char *name;
    if (!json_object_size(scores))
        return true;
    text_table *t = text_table_new(columns, sizeof columns / sizeof *columns, e);
    if (!t)
        return false;
    json_object_foreach(scores, name, score)
    {
        text_table_text(t, name);
        text_table_item(t, score);
    }
    putchar('\n');
    return text_table_print(t, e);
}

static bool print_run(json_t *run, error *e)
{
    return print_facts(run, e) && print_scores(run, e);
}

static bool show(remote *r, error *e)
{
    return remote_show(r, &(client_request){.method = "GET", .path = {"runs", r->line.operands[0]}}, print_run, e);
}

/* ---- compare */

static bool print_comparison(json_t *body, error *e)
{
    (void)e;
    const json_t *a = json_object_get(body, "a"), *b = json_object_get(body, "b");
    const json_t *images = json_object_get(body, "images");
    const char *untested = remote_text(body, "untested"), *class_name = remote_text(images, "class");
    printf("%s (%s) minus %s (%s): AUROC %.4f - %.4f = %+.4f, ", remote_text(a, "method"), remote_text(a, "id"),
           remote_text(b, "method"), remote_text(b, "id"), remote_number(a, "auroc"), remote_number(b, "auroc"),
           remote_number(body, "difference"));
    if (*untested)
        printf("no test: %s", untested);
    else
        printf("95%% interval %+.4f to %+.4f, p = %.2g", remote_number(body, "low"), remote_number(body, "high"),
               remote_number(body, "p_value"));
    printf(" (%s, %s%s%s: %.0f normal and %.0f anomalous test images)\n", remote_text(images, "dataset"),
           remote_text(images, "protocol"), *class_name ? ", class " : "", class_name, remote_number(images, "normals"),
           remote_number(images, "anomalies"));
    return true;
}

static bool compare(remote *r, error *e)
{
    client_request q = {
        .method = "GET", .path = {"compare"}, .query = {{"a", r->line.operands[0]}, {"b", r->line.operands[1]}}};
    return remote_show(r, &q, print_comparison, e);
}

/* ---- import */

typedef struct import_options {
    remote_flags shared;
    bool has_held_out;
    double held_out;
} import_options;

static bool parse_held_out(void *at, char *text, error *e)
{
    static const flag share = {.kind = FLAG_NUMBER, .max = SUBJECT_HELD_OUT_MAX};
    import_options *o = at;
    o->has_held_out = true;
    return flag_set(&share, &o->held_out, text, e);
}

static const flag import_flags[] = {FLAG("held-out", 0, PARSED, 0, "SHARE",
                                         "of runs that do not say it, as those of earlier programs",
                                         .parse = parse_held_out),
                                    {0}};

typedef struct import_counts {
    int fresh, known, refused; /* runs that are new to the daemon, that it had, that it or this program refused */
} import_counts;

/* Sends one run. *fresh: the daemon did not have it. */
static bool import_run(remote *r, json_t *run, bool *fresh, error *e)
{
    const import_options *o = r->own;
    if (o->has_held_out && json_is_object(run) && !json_object_get(run, "held_out"))
        json_object_set_new(run, "held_out", json_real(o->held_out));
    client_answer a = {0};
    client_request q = {.method = "POST", .path = {"runs"}, .body = run};
    bool good = client_ask(r->client, &q, &a, e);
    *fresh = good && client_status(r->client) == 201;
    client_answer_free(&a);
    return good;
}

/* Reads the next run of the file. NULL at its end, and where no run can be read: then *e says why. Returns new. */
static json_t *read_run(FILE *in, error *e)
{
    json_error_t at;
    int c;
    while ((c = getc(in)) != EOF && strchr(" \t\r\n", c))
        ;
    if (c == EOF && !ferror(in))
        return NULL;
    ungetc(c, in);
    json_t *run = json_loadf(in, JSON_REJECT_DUPLICATES | JSON_DISABLE_EOF_CHECK, &at);
    if (!run)
        error_set(e, ERROR_INVALID, "%s", at.text);
    return run;
}

/* What is said of a run that is refused, and how many were. */
static void refuse(const remote *r, import_counts *counts, const char *path, int n, const char *why)
{
    fprintf(stderr, "anomalyd %s: %s: ", r->command, path);
    if (n)
        fprintf(stderr, "run %d: ", n);
    fprintf(stderr, "%s\n", why);
    counts->refused++;
}

/* A run that is refused does not keep the others out; text that is no JSON ends the file. False: the daemon cannot be
 * asked. */
static bool import_file(remote *r, const char *path, import_counts *counts, error *e)
{
    FILE *in = fopen(path, "re");
    bool answers = true, more = in != NULL;
    if (!in)
        refuse(r, counts, path, 0, strerror(errno));
    for (int n = 1; more && answers; n++) {
        bool fresh = false;
        error why = {0};
        json_t *run = read_run(in, &why);
        more = run != NULL;
        if (run && import_run(r, run, &fresh, &why))
            fresh ? counts->fresh++ : counts->known++;
        else if (why.code == ERROR_IO || why.code == ERROR_BUSY) {
            *e = why;
            answers = false;
        } else if (why.code)
            refuse(r, counts, path, n, why.message);
        json_decref(run);
    }
    if (in)
        fclose(in);
    return answers;
}

static bool import(remote *r, error *e)
{
    import_counts counts = {0};
    for (int i = 0; i < r->line.rest_count; i++)
        if (!import_file(r, r->line.rest[i], &counts, e))
            return false;
    printf("%d imported, %d were here, %d refused\n", counts.fresh, counts.known, counts.refused);
    r->status = counts.refused ? 1 : 0;
    return true;
}

/* ---- the command */

static const remote_action action_list = {.usage = {.words = "runs list",
                                                    .summary = "the runs there are, of which all filters hold",
                                                    .flags = list_flags,
                                                    .shared = list_shared},
                                          .formats = list_formats,
                                          .own_size = sizeof(list_options),
                                          .work = list};
static const remote_action action_show = {.usage = {.words = "runs show",
                                                    .summary = "all that is known of one run",
                                                    .operands = {"RUN"},
                                                    .shared = remote_text_json_flags},
                                          .formats = remote_text_json,
                                          .work = show};
static const remote_action action_compare = {
    .usage = {.words = "runs compare",
              .summary = "the AUROC of A minus that of B",
              .operands = {"A", "B"},
              .about = "By the paired DeLong test on their common test images.",
              .shared = remote_text_json_flags},
    .formats = remote_text_json,
    .work = compare};
static const remote_action action_import = {
    .usage = {.words = "runs import",
              .summary = "adds runs of another registry to the history, without their models",
              .rest = "FILE",
              .about =
                  "Each FILE holds one run as `runs show --format json` prints it, or many one after another, as a\n"
                  "report's runs.jsonl does. The daemon must have their data set.",
              .flags = import_flags,
              .shared = remote_server},
    .own_size = sizeof(import_options),
    .work = import};

static const remote_action *const actions[] = {&action_list, &action_show, &action_compare, &action_import, NULL};

static int run(int argc, char **argv)
{
    return remote_main(actions, argc, argv);
}

const command command_runs = {.name = "runs",
                              .summary = "the history of a running daemon's experiments",
                              .usages = (const usage *const[]){&action_list.usage, &action_show.usage,
                                                               &action_compare.usage, &action_import.usage, NULL},
                              .run = run};
