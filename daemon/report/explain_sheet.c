/* SPDX-License-Identifier: MIT */
/* explain_sheet.c — see explain_sheet.h. */
#include "daemon/report/explain_sheet.h"

#include "base/file.h"
#include "base/random.h"
#include "data/protocol.h"

#include <assert.h>
#include <stdlib.h>
#include <string.h>

enum { GAP = 4, SPLIT_GAP = 24, CELL_SIDE = 84 /* what the preset of the factor comes close to */ };

/* ---- small pictures side by side on a white one, each pixel enlarged to a square */

typedef struct sheet {
    int rows, columns;
    int split;         /* the columns from here on stand apart; 0: none */
    int width, height; /* of a small picture */
    int factor;        /* side of an enlarged pixel */
    image picture;     /* owned */
} sheet;

static int left_of(const sheet *s, int column)
{
    return GAP + column * (s->width * s->factor + GAP) + (s->split && column >= s->split ? SPLIT_GAP : 0);
}

static int top_of(const sheet *s, int row)
{
    return GAP + row * (s->height * s->factor + GAP);
}

/* Sets the picture up from the fields above it. ERROR_LIMIT when a side would have more than IMAGE_SIDE_MAX pixels. */
static bool sheet_begin(sheet *s, error *e)
{
    int64_t width = (int64_t)s->columns * ((int64_t)s->width * s->factor + GAP) + GAP + (s->split ? SPLIT_GAP : 0);
    int64_t height = (int64_t)s->rows * ((int64_t)s->height * s->factor + GAP) + GAP;
    if (width > IMAGE_SIDE_MAX || height > IMAGE_SIDE_MAX)
        return error_set(e, ERROR_LIMIT, "the sheet would have %lld x %lld pixels; at most %d each way",
                         (long long)width, (long long)height, IMAGE_SIDE_MAX);
    size_t bytes = (size_t)width * (size_t)height * 3;
    s->picture = (image){(int)width, (int)height, 3, malloc(bytes)};
    if (!s->picture.pixels)
        return error_memory(e, "a sheet");
    memset(s->picture.pixels, 255, bytes);
    return true;
}

/* Puts a picture of the sheet's width and height, grey or RGB, into its place. */
static void sheet_put(sheet *s, int row, int column, const image *small)
{
    assert(small->width == s->width && small->height == s->height && row < s->rows && column < s->columns);
    size_t left = (size_t)left_of(s, column), top = (size_t)top_of(s, row), factor = (size_t)s->factor;
    size_t width = (size_t)s->width, channels = (size_t)small->channels;
    for (size_t y = 0; y < (size_t)s->height * factor; y++)
        for (size_t x = 0; x < width * factor; x++) {
            const uint8_t *from = small->pixels + (y / factor * width + x / factor) * channels;
            uint8_t *to = s->picture.pixels + ((top + y) * (size_t)s->picture.width + left + x) * 3;
            for (size_t c = 0; c < 3; c++)
                to[c] = from[channels == 3 ? c : 0];
        }
}

/* ---- what they show */

/* The images of a sheet: `count` normal ones, then as many that are not. */
typedef struct drawn {
    size_t count;
    uint32_t *indices;
    image images[2 * EXPLAIN_SHEET_MOST]; /* pixels are the data set's */
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

static bool draw(const explain_request *q, const scorer *s, const dataset *d, drawn *out, error *e)
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
        return error_set(e, ERROR_NOT_FOUND, "the test part has %zu normal and %zu anomalous images of the %zu wanted",
                         found[0], found[1], q->count);
    return true;
}

static void put_row(sheet *s, int row, const image *pictures, size_t n)
{
    for (size_t i = 0; i < n; i++)
        sheet_put(s, row, (int)i, &pictures[i]);
}

/* Both rows from one pass, for a method that searches takes its time. */
static bool put_explanations(scorer *s, const drawn *d, float *scores, sheet *to, error *e)
{
    image reconstructions[2 * EXPLAIN_SHEET_MOST], heatmaps[2 * EXPLAIN_SHEET_MOST];
    image *const pictures[EXPLANATIONS] = {[EXPLAIN_RECONSTRUCTION] = reconstructions, [EXPLAIN_HEATMAP] = heatmaps};
    size_t n = 2 * d->count;
    if (!scorer_explains(s, EXPLAIN_RECONSTRUCTION, e) || !scorer_explains(s, EXPLAIN_HEATMAP, e) ||
        !scorer_explain(s, d->images, n, scores, pictures, e))
        return false;
    put_row(to, 1, reconstructions, n);
    put_row(to, 2, heatmaps, n);
    for (size_t i = 0; i < n; i++) {
        image_free(&reconstructions[i]);
        image_free(&heatmaps[i]);
    }
    return true;
}

bool explain_sheet_make(explain_sheet *out, const explain_request *q, scorer *s, const dataset *d, error *e)
{
    *out = (explain_sheet){.columns = 2 * q->count};
    const shape data = scorer_describe(s)->data, own = dataset_facts(d)->image;
    if (data.h != own.h || data.w != own.w || data.c != own.c)
        return error_set(e, ERROR_INVALID, "%s has images of %dx%dx%d; the model was trained on %dx%dx%d", q->source,
                         own.h, own.w, own.c, data.h, data.w, data.c);
    int side = data.h > data.w ? data.h : data.w, factor = q->factor;
    if (!factor)
        factor = CELL_SIDE / side < 1 ? 1 : CELL_SIDE / side;
    sheet to = {.rows = 3,
                .columns = (int)out->columns,
                .split = (int)q->count,
                .width = data.w,
                .height = data.h,
                .factor = factor};
    drawn from = {.indices = out->indices};
    if (!draw(q, s, d, &from, e) || !sheet_begin(&to, e))
        return false;
    put_row(&to, 0, from.images, out->columns);
    if (put_explanations(s, &from, out->scores, &to, e)) {
        out->picture = to.picture;
        return true;
    }
    image_free(&to.picture);
    return false;
}

void explain_sheet_free(explain_sheet *s)
{
    image_free(&s->picture);
}

bool explain_sheet_write(const explain_sheet *s, const char *path, error *e)
{
    void *bytes;
    size_t size;
    if (!image_encode_png(&s->picture, &bytes, &size, e))
        return error_at(e, "%s", path);
    bool ok = file_write_atomic(path, &(file_part){bytes, size}, 1, e);
    free(bytes);
    return ok;
}
