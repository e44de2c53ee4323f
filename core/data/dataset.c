/* SPDX-License-Identifier: MIT */
/* dataset.c — the packed file: its header, its checksums, and reading it mapped. Knows no other format. */
#include "data/dataset.h"

#include "base/digest.h"
#include "base/file.h"
#include "data/copies.h"
#include "data/dataset_packed.h"
#include "data/image.h"

#include <assert.h>
#include <stdlib.h>
#include <string.h>

enum {
    PACKED_VERSION = 1,
    /* Offsets of the header's fields. */
    AT_MAGIC = 0,
    AT_VERSION = 8,
    AT_HEADER_BYTES = 12,
    AT_FILE_BYTES = 16,
    AT_IMAGES = 24,
    AT_HEIGHT = 28,
    AT_WIDTH = 32,
    AT_CHANNELS = 36,
    AT_CLASSES = 40,
    AT_FORMAT = 48, /* the 4 bytes before it are not used */
    AT_DIGEST = 64,
    AT_LABELS_CRC = 96,
    AT_PIXELS_CRC = 100,
    AT_HEADER_CRC = 124,
    AT_NAMES = 128,
    PACKED_HEADER_BYTES = AT_NAMES + DATASET_CLASSES_MAX * DATASET_CLASS_NAME_MAX,
    PIXEL_ALIGNMENT = 64
};
_Static_assert(sizeof(((dataset_info *)0)->format) == AT_DIGEST - AT_FORMAT, "the format fits its field");

static const char packed_magic[8] = {'A', 'N', 'O', 'M', 'D', 'A', 'T', 'A'};

static uint32_t get_u32(const uint8_t *at)
{
    return (uint32_t)at[0] | (uint32_t)at[1] << 8 | (uint32_t)at[2] << 16 | (uint32_t)at[3] << 24;
}

static uint64_t get_u64(const uint8_t *at)
{
    return get_u32(at) | (uint64_t)get_u32(at + 4) << 32;
}

static void put_u32(uint8_t *at, uint32_t value)
{
    for (int i = 0; i < 4; i++)
        at[i] = (uint8_t)(value >> 8 * i);
}

static void put_u64(uint8_t *at, uint64_t value)
{
    put_u32(at, (uint32_t)value);
    put_u32(at + 4, (uint32_t)(value >> 32));
}

/* No product here can overflow: each factor is checked first, and 2,000,000·4096·4096·3 is below 2^63. */
bool packed_layout_of(shape s, packed_layout *out, error *e)
{
    if (s.n < 1 || s.n > DATASET_IMAGES_MAX)
        return error_set(e, ERROR_LIMIT, "%d images; 1 to %d are accepted", s.n, DATASET_IMAGES_MAX);
    if (s.h < 1 || s.h > IMAGE_SIDE_MAX || s.w < 1 || s.w > IMAGE_SIDE_MAX)
        return error_set(e, ERROR_LIMIT, "images of %d x %d pixels; 1 to %d each way are accepted", s.w, s.h,
                         IMAGE_SIDE_MAX);
    if (s.c != 1 && s.c != 3)
        return error_set(e, ERROR_UNSUPPORTED, "images of %d channels; 1 or 3 are accepted", s.c);
    uint64_t n = (uint64_t)s.n, pixels = n * (uint64_t)s.h * (uint64_t)s.w * (uint64_t)s.c;
    uint64_t start = (PACKED_HEADER_BYTES + 2 * n + PIXEL_ALIGNMENT - 1) / PIXEL_ALIGNMENT * PIXEL_ALIGNMENT;
    if (start + pixels > DATASET_BYTES_MAX)
        return error_set(e, ERROR_LIMIT, "%d images of %d x %d x %d are %llu bytes; at most %llu are accepted", s.n,
                         s.w, s.h, s.c, (unsigned long long)pixels, (unsigned long long)DATASET_BYTES_MAX);
    *out = (packed_layout){
        .labels = PACKED_HEADER_BYTES,
        .splits = PACKED_HEADER_BYTES + (size_t)n,
        .pixels = (size_t)start,
        .total = (size_t)(start + pixels),
    };
    return true;
}

static uint32_t header_crc(const uint8_t *file)
{
    uint32_t crc = digest_crc32c(0, file, AT_HEADER_CRC);
    return digest_crc32c(crc, file + AT_NAMES, PACKED_HEADER_BYTES - AT_NAMES);
}

static void count_classes(const uint8_t *labels, const uint8_t *splits, dataset_info *info)
{
    memset(info->counts, 0, sizeof info->counts);
    for (int i = 0; i < info->image.n; i++)
        info->counts[splits[i]][labels[i]]++;
}

static void digest_contents(const uint8_t *file, const packed_layout *at, shape s, uint8_t out[DIGEST_BYTES])
{
    digest d;
    digest_begin(&d);
    digest_update(&d, file + AT_IMAGES, AT_CLASSES - AT_IMAGES);
    digest_update(&d, file + at->pixels, shape_size(s));
    digest_update(&d, file + at->labels, (size_t)s.n);
    digest_update(&d, file + at->splits, (size_t)s.n);
    digest_end(&d, out);
}

void packed_seal(uint8_t *file, const packed_layout *layout, dataset_info *info)
{
    shape s = info->image;
    memset(file, 0, PACKED_HEADER_BYTES);
    memcpy(file + AT_MAGIC, packed_magic, sizeof packed_magic);
    put_u32(file + AT_VERSION, PACKED_VERSION);
    put_u32(file + AT_HEADER_BYTES, PACKED_HEADER_BYTES);
    put_u64(file + AT_FILE_BYTES, layout->total);
    put_u32(file + AT_IMAGES, (uint32_t)s.n);
    put_u32(file + AT_HEIGHT, (uint32_t)s.h);
    put_u32(file + AT_WIDTH, (uint32_t)s.w);
    put_u32(file + AT_CHANNELS, (uint32_t)s.c);
    put_u32(file + AT_CLASSES, (uint32_t)info->classes);
    memcpy(file + AT_FORMAT, info->format, strnlen(info->format, sizeof info->format - 1));
    for (int k = 0; k < info->classes; k++)
        memcpy(file + AT_NAMES + k * DATASET_CLASS_NAME_MAX, info->class_names[k],
               strnlen(info->class_names[k], DATASET_CLASS_NAME_MAX - 1));
    digest_contents(file, layout, s, file + AT_DIGEST);
    digest_hex(file + AT_DIGEST, info->digest);
    put_u32(file + AT_LABELS_CRC, digest_crc32c(0, file + layout->labels, layout->pixels - layout->labels));
    put_u32(file + AT_PIXELS_CRC, digest_crc32c(0, file + layout->pixels, shape_size(s)));
    put_u32(file + AT_HEADER_CRC, header_crc(file));
    count_classes(file + layout->labels, file + layout->splits, info);
}

struct dataset {
    file_map map;
    packed_layout layout;
    uint32_t *first; /* see dataset_first */
    dataset_info info;
};

/* A number of the header as an int, too large ones as -1, which no limit admits. */
static int get_int(const uint8_t *at)
{
    uint32_t value = get_u32(at);
    return value <= INT32_MAX ? (int)value : -1;
}

static bool check_frame(const file_map *m, error *e)
{
    if (m->size < sizeof packed_magic || memcmp(m->bytes, packed_magic, sizeof packed_magic))
        return error_set(e, ERROR_CORRUPT, "not a packed data set: it does not begin with \"ANOMDATA\"");
    if (m->size < PACKED_HEADER_BYTES)
        return error_set(e, ERROR_CORRUPT, "truncated: %zu bytes, less than the header's %d", m->size,
                         PACKED_HEADER_BYTES);
    uint32_t version = get_u32(m->bytes + AT_VERSION), header = get_u32(m->bytes + AT_HEADER_BYTES);
    if (version != PACKED_VERSION)
        return error_set(e, ERROR_UNSUPPORTED, "packed data set of version %u; this program reads version %d", version,
                         PACKED_VERSION);
    if (header != PACKED_HEADER_BYTES)
        return error_set(e, ERROR_CORRUPT, "damaged header: it claims %u bytes, not %d", header, PACKED_HEADER_BYTES);
    if (get_u32(m->bytes + AT_HEADER_CRC) != header_crc(m->bytes))
        return error_set(e, ERROR_CORRUPT, "damaged header: its checksum does not match");
    uint64_t size = get_u64(m->bytes + AT_FILE_BYTES);
    if (size != m->size)
        return error_set(e, ERROR_CORRUPT, "truncated or extended: %zu bytes; the header says %llu", m->size,
                         (unsigned long long)size);
    return true;
}

static bool read_names(const uint8_t *file, dataset_info *info, error *e)
{
    info->classes = get_int(file + AT_CLASSES);
    if (info->classes < 1 || info->classes > DATASET_CLASSES_MAX)
        return error_set(e, ERROR_CORRUPT, "damaged header: %d classes; 1 to %d are possible", info->classes,
                         DATASET_CLASSES_MAX);
    for (int k = 0; k < info->classes; k++) {
        const uint8_t *name = file + AT_NAMES + k * DATASET_CLASS_NAME_MAX;
        if (!*name || !memchr(name, 0, DATASET_CLASS_NAME_MAX))
            return error_set(e, ERROR_CORRUPT, "damaged header: the name of class %d is empty or endless", k);
        memcpy(info->class_names[k], name, DATASET_CLASS_NAME_MAX);
    }
    if (!memchr(file + AT_FORMAT, 0, sizeof info->format))
        return error_set(e, ERROR_CORRUPT, "damaged header: the name of the format is endless");
    memcpy(info->format, file + AT_FORMAT, sizeof info->format);
    return true;
}

static bool check_contents(const uint8_t *file, const packed_layout *at, const dataset_info *info, error *e)
{
    size_t n = (size_t)info->image.n;
    if (digest_crc32c(0, file + at->labels, at->pixels - at->labels) != get_u32(file + AT_LABELS_CRC))
        return error_set(e, ERROR_CORRUPT, "damaged labels: their checksum does not match");
    if (digest_crc32c(0, file + at->pixels, shape_size(info->image)) != get_u32(file + AT_PIXELS_CRC))
        return error_set(e, ERROR_CORRUPT, "damaged images: their checksum does not match");
    for (size_t i = 0; i < n; i++)
        if (file[at->labels + i] >= info->classes || file[at->splits + i] >= SPLIT_COUNT)
            return error_set(e, ERROR_CORRUPT, "image %zu has label %u of %d classes and split %u of %d", i,
                             file[at->labels + i], info->classes, file[at->splits + i], SPLIT_COUNT);
    return true;
}

static bool read_packed(dataset *d, error *e)
{
    const uint8_t *file = d->map.bytes;
    dataset_info *info = &d->info;
    if (!check_frame(&d->map, e))
        return false;
    info->image = (shape){
        .n = get_int(file + AT_IMAGES),
        .h = get_int(file + AT_HEIGHT),
        .w = get_int(file + AT_WIDTH),
        .c = get_int(file + AT_CHANNELS),
    };
    if (!packed_layout_of(info->image, &d->layout, e))
        return error_at(e, "damaged header");
    if (d->layout.total != d->map.size)
        return error_set(e, ERROR_CORRUPT, "damaged header: %d images of %d x %d x %d need %zu bytes, not %zu",
                         info->image.n, info->image.w, info->image.h, info->image.c, d->layout.total, d->map.size);
    if (!read_names(file, info, e) || !check_contents(file, &d->layout, info, e))
        return false;
    digest_hex(file + AT_DIGEST, info->digest);
    count_classes(file + d->layout.labels, file + d->layout.splits, info);
    return true;
}

static bool find_copies(dataset *d, error *e)
{
    const uint8_t *file = d->map.bytes;
    d->first = malloc((size_t)d->info.image.n * sizeof *d->first);
    if (!d->first)
        return error_memory(e, "looking for copies of images");
    return copies_find(file + d->layout.pixels, d->info.image, d->first, e) &&
           copies_count(d->first, file + d->layout.labels, file + d->layout.splits, &d->info, e);
}

dataset *dataset_open(const char *packed, error *e)
{
    dataset *d = calloc(1, sizeof *d);
    if (!d) {
        error_memory(e, packed);
        return NULL;
    }
    if (!file_map_open(packed, &d->map, e)) {
        free(d);
        return NULL;
    }
    if (!read_packed(d, e) || !find_copies(d, e)) {
        error_at(e, "%s", packed);
        dataset_free(d);
        return NULL;
    }
    return d;
}

void dataset_free(dataset *d)
{
    if (!d)
        return;
    file_map_close(&d->map);
    free(d->first);
    free(d);
}

size_t dataset_bytes(const dataset_info *info)
{
    packed_layout layout = {0};
    return packed_layout_of(info->image, &layout, NULL) ? layout.total : 0;
}

const dataset_info *dataset_facts(const dataset *d)
{
    return &d->info;
}

const uint8_t *dataset_image(const dataset *d, size_t index)
{
    assert(index < (size_t)d->info.image.n);
    return d->map.bytes + d->layout.pixels + index * shape_row(d->info.image);
}

int dataset_label(const dataset *d, size_t index)
{
    assert(index < (size_t)d->info.image.n);
    return d->map.bytes[d->layout.labels + index];
}

enum dataset_split dataset_split_of(const dataset *d, size_t index)
{
    assert(index < (size_t)d->info.image.n);
    return (enum dataset_split)d->map.bytes[d->layout.splits + index];
}

const uint32_t *dataset_first(const dataset *d)
{
    return d->first;
}

int dataset_class(const dataset_info *info, const char *name)
{
    for (int k = 0; k < info->classes; k++)
        if (!strcmp(info->class_names[k], name))
            return k;
    return -1;
}
