/* SPDX-License-Identifier: MIT */
/* explain_sheet.c — see explain_sheet.h. */
#include "daemon/report/explain_sheet.h"

#include "base/file.h"
#include "base/random.h"
#include "daemon/report/sheet.h"
#include "data/protocol.h"

#include <stdlib.h>
#include <string.h>

enum { CELL_SIDE = 84 /* what the preset of the factor comes close to */ };

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
    sheet_free(&to);
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
