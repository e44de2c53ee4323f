/* SPDX-License-Identifier: MIT */
/*
 * cmd_explain.c — `anomalyd explain`: one picture of what a model makes of test images, the normal ones on the left and
 * the anomalous ones on the right. Images are drawn by the seed, never chosen by their scores.
 */
#include "base/blas.h"
#include "base/file.h"
#include "base/random.h"
#include "daemon/cmd_source.h"
#include "daemon/command.h"
#include "daemon/sheet.h"
#include "data/protocol.h"
#include "nn/bundle.h"
#include "train/scorer.h"

#include <errno.h>
#include <getopt.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { COUNT_MAX = 32, FACTOR_MAX = 16, CELL_SIDE = 84 /* what the preset of --enlarge comes close to */ };

typedef struct request {
    const char *model, *source, *output;
    unsigned long count, seed, factor; /* factor 0: by CELL_SIDE */
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
        if ((c == 'n' && !parse_number("count", optarg, 1, COUNT_MAX, &q->count, e)) ||
            (c == 's' && !parse_number("seed", optarg, 0, UINT32_MAX, &q->seed, e)) ||
            (c == 'x' && !parse_number("enlarge", optarg, 1, FACTOR_MAX, &q->factor, e)))
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

/* The images of a sheet: `count` normal ones, then as many that are not. */
typedef struct drawn {
    size_t count;
    uint32_t indices[2 * COUNT_MAX];
    image images[2 * COUNT_MAX]; /* pixels are the data set's */
    float scores[2 * COUNT_MAX];
} drawn;

/* Which class is the model's, and whether it is the normal one. */
static bool find_class(const scorer *s, const dataset_info *info, int *label, bool *normal, error *e)
{
    const char *protocol = scorer_text(s, "protocol"), *name = scorer_text(s, "class");
    if (!protocol || !name)
        return error_set(e, ERROR_UNSUPPORTED,
                         "the model was trained without a class: nothing tells normal images "
                         "from others");
    *label = dataset_class(info, name);
    if (*label < 0)
        return error_set(e, ERROR_NOT_FOUND, "the data set has no class \"%s\", which the model was trained on", name);
    *normal = strcmp(protocol, protocol_name(PROTOCOL_ONE_CLASS)) == 0;
    return true;
}

static bool draw(const request *q, const scorer *s, const dataset *d, drawn *out, error *e)
{
    const dataset_info *info = dataset_facts(d);
    size_t n = (size_t)info->image.n, found[2] = {0};
    int label = -1;
    bool normal = false;
    if (!find_class(s, info, &label, &normal, e))
        return false;
    uint32_t *order = malloc(n * sizeof *order);
    if (!order)
        return error_memory(e, "the order of the test images");
    random_permutation(random_stream(q->seed, "explain"), 0, order, n);
    out->count = q->count;
    for (size_t i = 0; i < n; i++) {
        bool anomalous = (dataset_label(d, order[i]) == label) != normal;
        if (dataset_split_of(d, order[i]) != SPLIT_TEST || found[anomalous] == q->count)
            continue;
        size_t at = anomalous * q->count + found[anomalous]++;
        out->indices[at] = order[i];
        out->images[at] = (image){info->image.w, info->image.h, info->image.c,
                                  (uint8_t *)(uintptr_t)dataset_image(d, order[i])}; /* only read */
    }
    free(order);
    if (found[0] < q->count || found[1] < q->count)
        return error_set(e, ERROR_NOT_FOUND, "the test part has %zu normal and %zu anomalous images of the %lu wanted",
                         found[0], found[1], q->count);
    return true;
}

static void put_row(sheet *s, int row, const image *pictures, size_t n)
{
    for (size_t i = 0; i < n; i++)
        sheet_put(s, row, (int)i, &pictures[i]);
}

/* Both rows from one pass, for a method that searches takes its time. */
static bool put_explanations(scorer *s, drawn *d, sheet *to, error *e)
{
    image reconstructions[2 * COUNT_MAX], heatmaps[2 * COUNT_MAX];
    image *const pictures[EXPLANATIONS] = {[EXPLAIN_RECONSTRUCTION] = reconstructions, [EXPLAIN_HEATMAP] = heatmaps};
    size_t n = 2 * d->count;
    if (!scorer_explains(s, EXPLAIN_RECONSTRUCTION, e) || !scorer_explains(s, EXPLAIN_HEATMAP, e) ||
        !scorer_explain(s, d->images, n, d->scores, pictures, e))
        return false;
    put_row(to, 1, reconstructions, n);
    put_row(to, 2, heatmaps, n);
    for (size_t i = 0; i < n; i++) {
        image_finish(&reconstructions[i]);
        image_finish(&heatmaps[i]);
    }
    return true;
}

static void print_scores(const dataset *d, const drawn *from)
{
    const dataset_info *info = dataset_facts(d);
    for (size_t i = 0; i < 2 * from->count; i++)
        printf("column %zu: %s, class %s, score %.6g\n", i + 1, i < from->count ? "normal" : "anomalous",
               info->class_names[dataset_label(d, from->indices[i])], (double)from->scores[i]);
}

static bool write_sheet(const char *path, const image *picture, error *e)
{
    void *bytes;
    size_t size;
    if (!image_encode_png(picture, &bytes, &size, e))
        return error_at(e, "%s", path);
    bool ok = file_write_atomic(path, &(file_part){bytes, size}, 1, e);
    free(bytes);
    return ok;
}

static bool explain(const request *q, scorer *s, const dataset *d, error *e)
{
    const shape data = scorer_describe(s)->data, own = dataset_facts(d)->image;
    if (data.h != own.h || data.w != own.w || data.c != own.c)
        return error_set(e, ERROR_INVALID, "%s has images of %dx%dx%d; the model was trained on %dx%dx%d", q->source,
                         own.h, own.w, own.c, data.h, data.w, data.c);
    int side = data.h > data.w ? data.h : data.w, factor = (int)q->factor;
    if (!factor)
        factor = CELL_SIDE / side < 1 ? 1 : CELL_SIDE / side;
    sheet to = {.rows = 3,
                .columns = 2 * (int)q->count,
                .split = (int)q->count,
                .width = data.w,
                .height = data.h,
                .factor = factor};
    drawn from;
    if (!draw(q, s, d, &from, e) || !sheet_begin(&to, e))
        return false;
    put_row(&to, 0, from.images, 2 * from.count);
    bool ok = put_explanations(s, &from, &to, e) && write_sheet(q->output, &to.picture, e);
    sheet_finish(&to);
    if (ok)
        print_scores(d, &from);
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
