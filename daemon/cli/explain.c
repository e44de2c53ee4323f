/* SPDX-License-Identifier: MIT */
/* explain.c — `anomalyd explain`: the sheet of explain_sheet.h of a model file and a data set's files. */
#include "base/blas.h"
#include "base/file.h"
#include "daemon/cli/source.h"
#include "daemon/platform/command.h"
#include "daemon/report/explain_sheet.h"
#include "nn/bundle.h"

#include <errno.h>
#include <getopt.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

typedef struct request {
    const char *model, *source, *output;
    unsigned long count, seed, factor;
} request;

static const char help[] =
    "usage: anomalyd explain MODEL SOURCE -o SHEET.png [--count N] [--seed N] [--enlarge N]\n"
    "\n"
    "Draws images from the test part of a data set (a file, an archive or a folder, as POST /datasets takes them) and\n"
    "writes one picture of what the model file MODEL makes of them. Columns are images: the first half normal, the\n"
    "others, behind the wide gap, anomalous, by the class that the model was trained on. Rows, from above: the image,\n"
    "its reconstruction, and the heat map, whose colours have the model's scale. Prints each image's class and score.\n"
    "\n"
    "  -o, --output SHEET.png  where to\n"
    "  -n, --count N           images of either kind (default 8, at most 32)\n"
    "  -s, --seed N            which images are drawn (default 0)\n"
    "  -x, --enlarge N         side of a pixel, 1 to 16 (default: images of about 84 pixels)\n";

static bool parse_number(const char *name, const char *text, unsigned long least, unsigned long most,
                         unsigned long *out, error *e)
{
    char *end;
    errno = 0;
    unsigned long value = strtoul(text, &end, 10);
    if (*text < '0' || *text > '9' || *end || errno || value < least || value > most)
        return error_set(e, ERROR_INVALID, "--%s: expected %lu to %lu, got \"%s\"", name, least, most, text);
    *out = value;
    return true;
}

static bool parse(int argc, char **argv, request *q, error *e)
{
    static const struct option names[] = {
        {"output", required_argument, NULL, 'o'}, {"count", required_argument, NULL, 'n'},
        {"seed", required_argument, NULL, 's'},   {"enlarge", required_argument, NULL, 'x'},
        {"help", no_argument, NULL, 'h'},         {NULL, 0, NULL, 0}};
    int c;
    while ((c = getopt_long(argc, argv, "o:n:s:x:h", names, NULL)) != -1) {
        if ((c == 'n' && !parse_number("count", optarg, 1, EXPLAIN_SHEET_MOST, &q->count, e)) ||
            (c == 's' && !parse_number("seed", optarg, 0, UINT32_MAX, &q->seed, e)) ||
            (c == 'x' && !parse_number("enlarge", optarg, 1, EXPLAIN_SHEET_FACTOR_MAX, &q->factor, e)))
            return false;
        if (c == 'o')
            q->output = optarg;
        if (c == 'h') {
            fputs(help, stdout);
            exit(0);
        }
        if (c == '?')
            return error_set(e, ERROR_INVALID, "see anomalyd explain --help");
    }
    if (argc - optind != 2 || !q->output)
        return error_set(e, ERROR_INVALID, "expected MODEL SOURCE -o SHEET.png; see anomalyd explain --help");
    q->model = argv[optind];
    q->source = argv[optind + 1];
    return true;
}

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
    const explain_request asked = {.source = q->source, .count = q->count, .seed = q->seed, .factor = (int)q->factor};
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
    error e = {0};
    if (!parse(argc, argv, &q, &e)) {
        fprintf(stderr, "anomalyd explain: %s\n", e.message);
        return EXIT_USAGE;
    }
    bool done = explain_from(&q, &e);
    if (done && fflush(stdout) != 0)
        done = error_system(&e, "standard output");
    if (!done)
        fprintf(stderr, "anomalyd explain: %s\n", e.message);
    return done ? 0 : 1;
}

const command command_explain = {.name = "explain", .summary = "a picture of what a model makes of images", .run = run};
