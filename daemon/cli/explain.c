/* SPDX-License-Identifier: MIT */
/* explain.c — `anomalyd explain`: the sheet of explain_sheet.h of a model file and a data set's files. */
#include "base/blas.h"
#include "base/file.h"
#include "daemon/cli/commands.h"
#include "daemon/cli/values.h"
#include "daemon/report/explain_sheet.h"
#include "nn/bundle.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

typedef struct request {
    const char *model, *source, *output;
    int count, factor;
    uint64_t seed;
} request;

#define AT(member_) offsetof(request, member_)

static const flag explain_flags[] = {
    FLAG("output", 'o', TEXT, AT(output), "SHEET.png", "where to", .required = true),
    FLAG("count", 'n', INT, AT(count), "N", "images of either kind, at most 32", .min = 1, .max = EXPLAIN_SHEET_MOST,
         .preset = "8"),
    FLAG("seed", 's', WHOLE, AT(seed), "N", "which images are drawn", .max = UINT32_MAX, .preset = "0"),
    FLAG("enlarge", 'x', INT, AT(factor), "N", "side of a pixel, 1 to 16", .min = 1, .max = EXPLAIN_SHEET_FACTOR_MAX,
         .preset = "images of about 84 pixels"),
    {0}};

static const usage explain_usage = {
    .words = "explain",
    .summary = "a picture of what a model makes of images",
    .operands = {"MODEL", "SOURCE"},
    .about = "Draws images from the test part of a data set (a file, an archive or a folder, as POST /datasets takes\n"
             "them) and writes one picture of what the model file MODEL makes of them. Columns are images: the first\n"
             "half normal, the others, behind the wide gap, anomalous, by the class that the model was trained on.\n"
             "Rows, from above: the image, its reconstruction, and the heat map, whose colours have the model's\n"
             "scale. Prints each image's class and score.",
    .flags = explain_flags};

static void print_scores(const dataset *d, const explain_sheet *made)
{
    const dataset_info *info = dataset_facts(d);
    for (size_t i = 0; i < made->columns; i++)
        printf("column %zu: %s, class %s, score %.6g\n", i + 1, i < made->columns / 2 ? "normal" : "anomalous",
               info->class_names[dataset_label(d, made->indices[i])], (double)made->scores[i]);
}

static bool explain(const request *q, scorer *s, const dataset *d, error *e)
{
    explain_sheet made;
    const explain_request asked = {
        .source = q->source, .count = (size_t)q->count, .seed = q->seed, .factor = q->factor};
    bool ok = explain_sheet_make(&made, &asked, s, d, e) && explain_sheet_write(&made, q->output, e);
    if (ok)
        print_scores(d, &made);
    explain_sheet_free(&made);
    return ok;
}

static bool explain_from(const request *q, error *e)
{
    void *bytes;
    size_t size;
    if (!file_read(q->model, BUNDLE_BYTES_MAX, &bytes, &size, e))
        return false;
    team *t = team_new(team_default_threads(), e);
    if (t)
        blas_warm(t);
    scorer *s = t ? scorer_open(bytes, size, t, e) : NULL;
    dataset *d = s ? source_open(q->source, e) : NULL;
    bool ok = d && explain(q, s, d, e);
    dataset_free(d);
    scorer_free(s);
    team_free(t);
    free(bytes);
    return ok;
}

static int run(int argc, char **argv)
{
    request q = {.count = 8};
    command_line a;
    error e = {0};
    int status;
    if (!usage_read(&explain_usage, argc, argv, &q, &a, &status))
        return status;
    q.model = a.operands[0];
    q.source = a.operands[1];
    bool done = explain_from(&q, &e);
    return end_command("explain", done, &e);
}

const command command_explain = {.name = "explain",
                                 .summary = "a picture of what a model makes of images",
                                 .usages = (const usage *const[]){&explain_usage, NULL},
                                 .run = run};
