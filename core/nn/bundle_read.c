/* SPDX-License-Identifier: MIT */
/* bundle_read.c — verifies a bundle's bytes and finds its tensors in them. Every byte of a file is either covered by a
 * checksum or must be zero. */
#include "nn/bundle_layout.h"

#include <stdlib.h>

/* Where header and table of a file lie, once their sizes have been checked. */
typedef struct front {
    size_t header_bytes, table, end; /* `table`, `end`: offsets of the table and of what follows it */
    uint32_t count;
} front;

static bool check_prefix(const uint8_t *bytes, size_t size, front *f, error *e)
{
    if (size < PREFIX_BYTES)
        return error_set(e, ERROR_CORRUPT, "%zu bytes are too few for a bundle", size);
    if (memcmp(bytes + AT_MAGIC, BUNDLE_MAGIC, 8) != 0)
        return error_set(e, ERROR_CORRUPT, "not a bundle: it does not begin with \"%s\"", BUNDLE_MAGIC);
    uint32_t version = get_u32(bytes + AT_VERSION);
    if (version > BUNDLE_VERSION)
        return error_set(e, ERROR_UNSUPPORTED, "format version %u, but this program reads up to %d", version,
                         BUNDLE_VERSION);
    if (version < 1)
        return error_set(e, ERROR_CORRUPT, "format version 0 does not exist");
    uint64_t file_bytes = get_u64(bytes + AT_FILE_BYTES);
    if (file_bytes != size)
        return error_set(e, ERROR_CORRUPT, "%s: %zu bytes are there, %llu were written",
                         size < file_bytes ? "truncated" : "oversized", size, (unsigned long long)file_bytes);
    if (file_bytes > BUNDLE_BYTES_MAX)
        return error_set(e, ERROR_LIMIT, "%llu bytes are more than a bundle may have", (unsigned long long)file_bytes);
    uint32_t header_bytes = get_u32(bytes + AT_HEADER_BYTES), count = get_u32(bytes + AT_TENSOR_COUNT);
    if (header_bytes > BUNDLE_HEADER_MAX)
        return error_set(e, ERROR_CORRUPT, "header: %u bytes are more than %d", header_bytes, BUNDLE_HEADER_MAX);
    if (count > BUNDLE_TENSORS_MAX)
        return error_set(e, ERROR_CORRUPT, "table: %u tensors are more than %d", count, BUNDLE_TENSORS_MAX);
    f->header_bytes = header_bytes;
    f->count = count;
    f->table = round_up(PREFIX_BYTES + (uint64_t)header_bytes, TABLE_ALIGNMENT);
    f->end = f->table + (size_t)count * RECORD_BYTES;
    if (f->end > size)
        return error_set(e, ERROR_CORRUPT, "table: %u tensors do not fit into %zu bytes", count, size);
    uint32_t expected = get_u32(bytes + AT_CRC), found = digest_crc32c(0, bytes, AT_CRC);
    found = digest_crc32c(found, bytes + PREFIX_BYTES, f->end - PREFIX_BYTES);
    if (found != expected)
        return error_set(e, ERROR_CORRUPT, "header and table: checksum %08x expected, %08x found", expected, found);
    return true;
}

/* Parses the "key = value" lines. Anything else in the header is damage. */
static bool read_header(bundle *b, const uint8_t *bytes, size_t size, error *e)
{
    if (memchr(bytes, 0, size))
        return error_set(e, ERROR_CORRUPT, "header: a NUL is in it");
    char *text = malloc(size + 1);
    if (!text)
        return error_memory(e, "a bundle's header");
    memcpy(text, bytes, size);
    text[size] = '\0';
    for (char *line = text; *line;) {
        char *newline = strchr(line, '\n'), *gap = strstr(line, " = ");
        if (!newline || !gap || gap > newline) {
            error_set(e, ERROR_CORRUPT, "header: no key = value at byte %td", line - text);
            break;
        }
        *gap = *newline = '\0';
        bundle_put(b, line, gap + 3);
        line = newline + 1;
        if (!*line) {
            free(text);
            return true;
        }
    }
    bool empty = size == 0;
    free(text);
    return empty;
}

static bool all_zero(const uint8_t *bytes, size_t size)
{
    for (size_t i = 0; i < size; i++)
        if (bytes[i])
            return false;
    return true;
}

/* How many bytes are verified before their memory is given back. */
enum { SLICE_BYTES = 1 << 20 };

/* Returns the bytes of the slice that begins at `at`. */
static size_t slice(uint64_t at, uint64_t end)
{
    return end - at < SLICE_BYTES ? (size_t)(end - at) : SLICE_BYTES;
}

static void drop(const bundle *b, uint64_t at, size_t size)
{
    if (b->map.size)
        file_map_drop(&b->map, at, size);
}

static uint32_t checksum(const bundle *b, const uint8_t *bytes, uint64_t at, uint64_t end)
{
    uint32_t crc = 0;
    for (size_t n; (n = slice(at, end)) > 0; at += n) {
        crc = digest_crc32c(crc, bytes + at, n);
        drop(b, at, n);
    }
    return crc;
}

static void digest_all(bundle *b, const uint8_t *bytes, size_t size)
{
    digest d;
    digest_begin(&d);
    size_t at = 0;
    for (size_t n; (n = slice(at, size)) > 0; at += n) {
        digest_update(&d, bytes + at, n);
        drop(b, at, n);
    }
    digest_end_hex(&d, b->digest);
}

/* Reads record i and checks its block, which must lie at *at, the next aligned place; moves *at behind it. */
static bool read_record(bundle *b, const uint8_t *bytes, size_t size, const front *f, uint32_t i, uint64_t *at,
                        error *e)
{
    const uint8_t *record = bytes + f->table + (size_t)i * RECORD_BYTES;
    const char *name = (const char *)record + AT_NAME;
    if (!memchr(name, 0, BUNDLE_NAME_MAX))
        return error_set(e, ERROR_CORRUPT, "tensor %u: its name does not end", i);
    shape s = {(int)get_u32(record + AT_SHAPE), (int)get_u32(record + AT_SHAPE + 4),
               (int)get_u32(record + AT_SHAPE + 8), (int)get_u32(record + AT_SHAPE + 12)};
    uint64_t offset = get_u64(record + AT_OFFSET), bytes_said = get_u64(record + AT_BYTES), bytes_due;
    if (!tensor_bytes(s, &bytes_due) || bytes_due != bytes_said)
        return error_set(e, ERROR_CORRUPT, "tensor %u '%s': shape %dx%dx%dx%d does not make %llu bytes", i, name, s.n,
                         s.h, s.w, s.c, (unsigned long long)bytes_said);
    uint64_t due = round_up(*at, BLOCK_ALIGNMENT);
    if (offset != due || due > size || bytes_due > size - due)
        return error_set(e, ERROR_CORRUPT, "tensor %u '%s': its block at %llu is not within the file", i, name,
                         (unsigned long long)offset);
    if (!all_zero(bytes + *at, due - *at))
        return error_set(e, ERROR_CORRUPT, "tensor %u '%s': the gap before its block is not empty", i, name);
    uint32_t expected = get_u32(record + AT_BLOCK_CRC), found = checksum(b, bytes, due, due + bytes_due);
    if (expected != found)
        return error_set(e, ERROR_CORRUPT, "tensor %u '%s': checksum %08x expected, %08x found", i, name, expected,
                         found);
    *at = due + bytes_due;
    if (!bundle_add(b, name, s, (const float *)(const void *)(bytes + due))) {
        *e = b->failure;
        return false;
    }
    return true;
}

static bool read_all(bundle *b, const uint8_t *bytes, size_t size, error *e)
{
    front f = {0};
    error unheard;
    e = e ? e : &unheard;
    if (!check_prefix(bytes, size, &f, e) || !read_header(b, bytes + PREFIX_BYTES, f.header_bytes, e))
        return false;
    if (b->failure.code != ERROR_NONE) {
        *e = b->failure;
        return false;
    }
    uint64_t at = f.end;
    for (uint32_t i = 0; i < f.count; i++)
        if (!read_record(b, bytes, size, &f, i, &at, e))
            return false;
    if (at != size)
        return error_set(e, ERROR_CORRUPT, "%llu bytes follow the last tensor", (unsigned long long)(size - at));
    digest_all(b, bytes, size);
    return true;
}

bundle *bundle_parse(const void *bytes, size_t size, error *e)
{
    bundle *b = bundle_new();
    if (!b) {
        error_memory(e, "a bundle");
        return NULL;
    }
    /* Tensors are used where they lie, so the bytes must be aligned as floats are. */
    if ((uintptr_t)bytes % _Alignof(float) != 0 && size <= BUNDLE_BYTES_MAX) {
        b->copy = malloc(size);
        if (!b->copy) {
            error_memory(e, "a bundle's bytes");
            goto free_bundle;
        }
        memcpy(b->copy, bytes, size);
        bytes = b->copy;
    }
    if (read_all(b, bytes, size, e))
        return b;
free_bundle:
    bundle_free(b);
    return NULL;
}

bundle *bundle_open(const char *path, error *e)
{
    bundle *b = bundle_new();
    if (!b) {
        error_memory(e, "a bundle");
        return NULL;
    }
    if (!file_map_open(path, &b->map, e)) {
        bundle_free(b);
        return NULL;
    }
    if (read_all(b, b->map.bytes, b->map.size, e))
        return b;
    bundle_free(b);
    error_at(e, "%s", path);
    return NULL;
}
