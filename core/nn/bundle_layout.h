/* SPDX-License-Identifier: MIT */
/* bundle_layout.h — private to bundle.c (which fills and writes) and bundle_read.c (which verifies): the object and
 * the places of things in the file. */
#ifndef ANOMALYD_NN_BUNDLE_LAYOUT_H
#define ANOMALYD_NN_BUNDLE_LAYOUT_H

#include "base/digest.h"
#include "base/file.h"
#include "nn/bundle.h"

#include <string.h>

#if __BYTE_ORDER__ != __ORDER_LITTLE_ENDIAN__
#error "tensors are used where they lie in the file, which is little-endian"
#endif

#define BUNDLE_MAGIC "ANOMALYD"

/* Offsets in the prefix, which the header's text follows; then zeros up to a multiple of 8, then the table. */
enum {
    AT_MAGIC = 0,
    AT_VERSION = 8,
    AT_HEADER_BYTES = 12,
    AT_FILE_BYTES = 16,
    AT_TENSOR_COUNT = 24,
    AT_CRC = 28, /* of prefix up to here, header, zeros and table */
    PREFIX_BYTES = 32,
    TABLE_ALIGNMENT = 8,
    BLOCK_ALIGNMENT = 64
};

/* Offsets in a record of the table. */
enum {
    AT_NAME = 0, /* ended and padded by NULs */
    AT_SHAPE = BUNDLE_NAME_MAX,
    AT_OFFSET = AT_SHAPE + 16,
    AT_BYTES = AT_OFFSET + 8,
    AT_BLOCK_CRC = AT_BYTES + 8,
    AT_SPARE = AT_BLOCK_CRC + 4, /* zero */
    RECORD_BYTES = AT_SPARE + 4
};

typedef struct bundle_entry {
    char name[BUNDLE_NAME_MAX];
    shape extent;
    const float *data;
} bundle_entry;

struct bundle {
    char *pairs; /* key NUL value NUL key NUL value NUL … */
    size_t pairs_size, pairs_capacity;
    bundle_entry *entries;
    size_t count, capacity;
    error failure; /* the first thing that went wrong while filling */
    file_map map;  /* what the tensors point into, when the bundle opened the file */
    void *copy;    /* or when it had to move the bytes to an aligned place */
    char digest[DIGEST_TEXT];
};

static inline void put_u32(uint8_t *at, uint32_t value)
{
    memcpy(at, &value, sizeof value);
}

static inline void put_u64(uint8_t *at, uint64_t value)
{
    memcpy(at, &value, sizeof value);
}

static inline uint32_t get_u32(const uint8_t *at)
{
    uint32_t value;
    memcpy(&value, at, sizeof value);
    return value;
}

static inline uint64_t get_u64(const uint8_t *at)
{
    uint64_t value;
    memcpy(&value, at, sizeof value);
    return value;
}

static inline uint64_t round_up(uint64_t value, uint64_t alignment)
{
    return (value + alignment - 1) / alignment * alignment;
}

/* Bytes of a tensor. False when an extent is not positive or the product is over BUNDLE_BYTES_MAX. */
static inline bool tensor_bytes(shape s, uint64_t *out)
{
    const int extents[] = {s.n, s.h, s.w, s.c};
    uint64_t bytes = sizeof(float);
    for (int i = 0; i < 4; i++)
        if (extents[i] <= 0 || __builtin_mul_overflow(bytes, (uint64_t)extents[i], &bytes) || bytes > BUNDLE_BYTES_MAX)
            return false;
    *out = bytes;
    return true;
}

/* Adds a tensor after checking its name and extents. The first failure stays in b->failure. */
bool bundle_add(bundle *b, const char *name, shape s, const float *data);

/* Grows *at, of items of `size` bytes, to hold at least `needed` of them. False when out of memory. */
bool bundle_grow(void **at, size_t *capacity, size_t needed, size_t size);

#endif
