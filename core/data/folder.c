/* SPDX-License-Identifier: MIT */
/*
 * folder.c — PNG images in folders: CLASS/NAME.png, or train/CLASS/NAME.png and test/CLASS/NAME.png, below any number
 * of folders that all images share. Images in no folder are one class, "all". A top folder "ground_truth" beside train
 * and test holds masks, not images, and is passed over. Knows PNG only through image.h.
 */
#include "data/dataset_reader.h"
#include "data/image.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

/* The places of the fields in a PNG's first bytes that folder_prepare needs. */
enum { PNG_WIDTH_AT = 16, PNG_HEIGHT_AT = 20, PNG_COLOUR_AT = 25, PNG_HEAD_BYTES = 26 };

static const char loose_class[] = "all";

typedef struct item {
    const char *name; /* borrowed from the listing, after the shared folders */
    size_t listed;
    int class_index;
    enum dataset_split split;
    int width, height;
    bool grey;
} item;

typedef struct folder {
    item *items;
    size_t count;
    uint32_t *place; /* of each member of the listing: 1 + its item, or 0 */
    size_t listed;
    char (*names)[DATASET_CLASS_NAME_MAX]; /* classes */
    int classes;
    void *encoded; /* room for the longest file */
    size_t encoded_max;
} folder;

static bool is_png(const listing_entry *entry)
{
    static const uint8_t signature[8] = {0x89, 'P', 'N', 'G', '\r', '\n', 0x1a, '\n'};
    return entry->head_bytes >= sizeof signature && !memcmp(entry->head, signature, sizeof signature);
}

static bool has_suffix(const char *name, const char *suffix)
{
    size_t n = strlen(name), k = strlen(suffix);
    return n >= k && !strcasecmp(name + n - k, suffix);
}

/* True for images in formats other than PNG, which are an error. Files that are no images are ignored. */
static bool is_other_image(const char *name)
{
    static const char *const suffixes[] = {".png", ".jpg", ".jpeg", ".bmp", ".gif", ".tif", ".tiff", ".webp", ".ppm"};
    for (size_t i = 0; i < sizeof suffixes / sizeof *suffixes; i++)
        if (has_suffix(name, suffixes[i]))
            return true;
    return false;
}

static bool folder_claims(const listing *l)
{
    for (size_t i = 0; i < l->count; i++)
        if (is_png(&l->entries[i]) || is_other_image(l->entries[i].name))
            return true;
    return false;
}

/* ---- names ---- */

/* Returns the length of the first folder in a name, 0 where there is none. */
static size_t top_length(const char *name)
{
    const char *slash = strchr(name, '/');
    return slash ? (size_t)(slash - name) : 0;
}

static bool top_is(const char *name, const char *folder_name)
{
    size_t n = top_length(name);
    return n == strlen(folder_name) && !memcmp(name, folder_name, n);
}

static bool split_of(const char *name, enum dataset_split *split)
{
    if (top_is(name, "train") || top_is(name, "training"))
        *split = SPLIT_TRAIN;
    else if (top_is(name, "test") || top_is(name, "testing"))
        *split = SPLIT_TEST;
    else
        return false;
    return true;
}

/* True where all names begin with the same folder, which is not a split, and have another folder below it. */
static bool share_top(const folder *f)
{
    const char *first = f->items[0].name;
    size_t n = top_length(first);
    enum dataset_split split;
    if (!n || split_of(first, &split))
        return false;
    for (size_t i = 0; i < f->count; i++) {
        const char *name = f->items[i].name;
        if (strncmp(name, first, n + 1) || !top_length(name + n + 1))
            return false;
    }
    return true;
}

static void drop_shared_folders(folder *f)
{
    while (share_top(f)) {
        size_t n = top_length(f->items[0].name) + 1;
        for (size_t i = 0; i < f->count; i++)
            f->items[i].name += n;
    }
}

/* Names go into JSON and logs, so they must be UTF-8 without control characters. */
static bool is_text(const char *name, size_t n)
{
    for (size_t i = 0; i < n;) {
        uint8_t lead = (uint8_t)name[i++];
        size_t more = lead < 0x80 ? 0 : lead >= 0xc2 && lead < 0xe0 ? 1 : (lead & 0xf0) == 0xe0 ? 2 : 3;
        if (lead < 0x20 || lead == 0x7f || (lead >= 0x80 && lead < 0xc2) || lead > 0xf4 || more > n - i)
            return false;
        uint8_t second = more ? (uint8_t)name[i] : 0;
        if ((lead == 0xe0 && second < 0xa0) || (lead == 0xed && second > 0x9f) || (lead == 0xf0 && second < 0x90) ||
            (lead == 0xf4 && second > 0x8f))
            return false;
        for (; more; more--, i++)
            if (((uint8_t)name[i] & 0xc0) != 0x80)
                return false;
    }
    return true;
}

/* Returns the index of a class by name, and adds a new one; -1 and *e set where it cannot. `hint` is compared first. */
static int find_class(folder *f, const char *name, size_t n, int hint, error *e)
{
    if (n >= DATASET_CLASS_NAME_MAX) {
        error_set(e, ERROR_LIMIT, "class \"%.*s\": the name has %zu bytes; at most %d are accepted", (int)n, name, n,
                  DATASET_CLASS_NAME_MAX - 1);
        return -1;
    }
    for (int k = hint, tried = 0; tried < f->classes; tried++, k = (k + 1) % f->classes)
        if (strlen(f->names[k]) == n && !memcmp(f->names[k], name, n))
            return k;
    if (!is_text(name, n)) {
        error_set(e, ERROR_INVALID, "class folder %d has a name that is not printable UTF-8", f->classes + 1);
        return -1;
    }
    if (f->classes == DATASET_CLASSES_MAX) {
        error_set(e, ERROR_LIMIT, "class \"%.*s\": there are more than %d classes", (int)n, name, DATASET_CLASSES_MAX);
        return -1;
    }
    memcpy(f->names[f->classes], name, n);
    f->names[f->classes][n] = 0;
    return f->classes++;
}

/* Gives every item its split and class, and removes items that belong to neither split. */
static bool assign_classes(folder *f, error *e)
{
    bool has_splits = false;
    enum dataset_split split;
    for (size_t i = 0; i < f->count; i++)
        has_splits |= split_of(f->items[i].name, &split);
    size_t kept = 0, loose = 0;
    int class_index = 0;
    for (size_t i = 0; i < f->count; i++) {
        item it = f->items[i];
        if (has_splits && top_is(it.name, "ground_truth"))
            continue;
        if (has_splits && !split_of(it.name, &it.split))
            return error_set(e, ERROR_INVALID, "%s: is neither under train/ nor under test/", it.name);
        const char *below = has_splits ? it.name + top_length(it.name) + 1 : it.name;
        size_t n = top_length(below);
        loose += !n;
        if (loose && loose != kept + 1)
            return error_set(e, ERROR_INVALID, "%s: some images are in a class folder and others are not", it.name);
        class_index = find_class(f, n ? below : loose_class, n ? n : strlen(loose_class), class_index, e);
        if (class_index < 0)
            return false;
        it.class_index = class_index;
        f->items[kept++] = it;
    }
    f->count = kept;
    return true;
}

/* ---- order ---- */

static int by_class_name(const void *a, const void *b)
{
    int natural = strverscmp(a, b);
    return natural ? natural : strcmp(a, b);
}

static int by_split_class_and_name(const void *a, const void *b)
{
    const item *x = a, *y = b;
    if (x->split != y->split)
        return (int)x->split - (int)y->split;
    if (x->class_index != y->class_index)
        return x->class_index - y->class_index;
    return by_class_name(x->name, y->name);
}

/* Numbers classes and items in natural order, so that neither archive nor file system order matters. */
static bool sort_items(folder *f, error *e)
{
    char(*found)[DATASET_CLASS_NAME_MAX] = malloc(sizeof *found * (size_t)f->classes);
    if (!found)
        return error_memory(e, "the list of classes");
    memcpy(found, f->names, sizeof *found * (size_t)f->classes);
    qsort(f->names, (size_t)f->classes, sizeof *f->names, by_class_name);
    int sorted[DATASET_CLASSES_MAX] = {0};
    for (int k = 0; k < f->classes; k++)
        for (int j = 0; j < f->classes; j++)
            if (!strcmp(found[k], f->names[j]))
                sorted[k] = j;
    free(found);
    for (size_t i = 0; i < f->count; i++)
        f->items[i].class_index = sorted[f->items[i].class_index];
    qsort(f->items, f->count, sizeof *f->items, by_split_class_and_name);
    for (size_t i = 0; i < f->count; i++)
        f->place[f->items[i].listed] = (uint32_t)i + 1;
    return true;
}

/* ---- preparing ---- */

static int get_side(const uint8_t *at)
{
    uint32_t value = (uint32_t)at[0] << 24 | (uint32_t)at[1] << 16 | (uint32_t)at[2] << 8 | at[3];
    return value <= INT32_MAX ? (int)value : INT32_MAX;
}

static bool add_item(folder *f, const listing *l, size_t i, error *e)
{
    const listing_entry *entry = &l->entries[i];
    if (!is_png(entry)) {
        if (!is_other_image(entry->name))
            return true;
        return error_set(e, ERROR_UNSUPPORTED, "%s: is not a PNG; only PNG images are read", entry->name);
    }
    if (entry->head_bytes < PNG_HEAD_BYTES)
        return error_set(e, ERROR_CORRUPT, "%s: truncated PNG: it has %zu bytes", entry->name, entry->head_bytes);
    item it = {.name = entry->name, .listed = i};
    it.width = get_side(entry->head + PNG_WIDTH_AT);
    it.height = get_side(entry->head + PNG_HEIGHT_AT);
    if (it.width < 1 || it.height < 1 || it.width > IMAGE_SIDE_MAX || it.height > IMAGE_SIDE_MAX)
        return error_set(e, ERROR_LIMIT, "%s: PNG is %d x %d pixels; 1 to %d each way are accepted", entry->name,
                         it.width, it.height, IMAGE_SIDE_MAX);
    if (entry->bytes > IMAGE_FILE_BYTES_MAX)
        return error_set(e, ERROR_LIMIT, "%s: PNG has %llu bytes; at most %d are accepted", entry->name,
                         (unsigned long long)entry->bytes, IMAGE_FILE_BYTES_MAX);
    uint8_t colour = entry->head[PNG_COLOUR_AT];
    it.grey = colour == 0 || colour == 4;
    if (entry->bytes > f->encoded_max)
        f->encoded_max = (size_t)entry->bytes;
    f->items[f->count++] = it;
    return true;
}

static bool prepare_items(folder *f, const listing *l, dataset_info *info, error *e)
{
    for (size_t i = 0; i < l->count; i++)
        if (!add_item(f, l, i, e))
            return false;
    drop_shared_folders(f);
    if (!assign_classes(f, e))
        return false;
    if (!f->count)
        return error_set(e, ERROR_INVALID, "there is no image in it");
    if (f->count > DATASET_IMAGES_MAX)
        return error_set(e, ERROR_LIMIT, "%zu images; at most %d are accepted", f->count, DATASET_IMAGES_MAX);
    if (!sort_items(f, e))
        return false;
    bool grey = true;
    for (size_t i = 0; i < f->count; i++)
        grey &= f->items[i].grey;
    f->encoded = malloc(f->encoded_max);
    if (!f->encoded)
        return error_memory(e, "an encoded image");
    info->image = (shape){.n = (int)f->count, .h = f->items[0].height, .w = f->items[0].width, .c = grey ? 1 : 3};
    info->classes = f->classes;
    memcpy(info->class_names, f->names, sizeof *f->names * (size_t)f->classes);
    return true;
}

static void folder_free(void *state)
{
    folder *f = state;
    free(f->items);
    free(f->place);
    free(f->names);
    free(f->encoded);
    free(f);
}

static void *folder_prepare(const listing *l, dataset_info *info, error *e)
{
    folder *f = calloc(1, sizeof *f);
    if (!f) {
        error_memory(e, "the list of images");
        return NULL;
    }
    f->listed = l->count;
    f->items = calloc(l->count, sizeof *f->items);
    f->place = calloc(l->count, sizeof *f->place);
    f->names = calloc(DATASET_CLASSES_MAX, sizeof *f->names);
    bool planned = f->items && f->place && f->names;
    if (!planned)
        error_memory(e, "the list of images");
    if (planned && prepare_items(f, l, info, e))
        return f;
    folder_free(f);
    return NULL;
}

/* ---- reading ---- */

/* Converts an image of another size or number of channels to the common one. */
static bool convert(const image *i, shape target, uint8_t *to, error *e)
{
    shape from = {.n = 1, .h = i->height, .w = i->width, .c = i->channels};
    if (from.h == target.h && from.w == target.w && from.c == target.c) {
        memcpy(to, i->pixels, shape_row(target));
        return true;
    }
    size_t n = shape_row(target);
    float *values = malloc((n + image_work(from, target)) * sizeof *values);
    if (!values)
        return error_memory(e, "resizing");
    image_convert(i->pixels, from, target, values, values + n);
    for (size_t k = 0; k < n; k++)
        to[k] = (uint8_t)lroundf(fminf(fmaxf(values[k], 0), 1) * 255.0f);
    free(values);
    return true;
}

static bool folder_read(void *state, const source_member *m, const reader_target *to, error *e)
{
    folder *f = state;
    size_t place = m->index < f->listed ? f->place[m->index] : 0;
    if (!place)
        return true;
    const item *it = &f->items[place - 1];
    size_t got, more;
    uint8_t beyond;
    if (!source_read(m->content, f->encoded, f->encoded_max, &got, e) || !source_read(m->content, &beyond, 1, &more, e))
        return false;
    if (more)
        return error_set(e, ERROR_IO, "it has grown while it was read");
    image i;
    if (!image_decode_png(f->encoded, got, &i, e))
        return false;
    bool kept = i.width == it->width && i.height == it->height
                    ? convert(&i, to->image, to->pixels + (place - 1) * shape_row(to->image), e)
                    : error_set(e, ERROR_IO, "it changed while it was read");
    to->labels[place - 1] = (uint8_t)it->class_index;
    to->splits[place - 1] = (uint8_t)it->split;
    image_free(&i);
    return kept;
}

const dataset_reader folder_reader = {
    .format = "folder",
    .claims = folder_claims,
    .prepare = folder_prepare,
    .read = folder_read,
    .free = folder_free,
};
