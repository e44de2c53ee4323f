/* SPDX-License-Identifier: MIT */
/* bundle.c — fills a bundle and writes its file atomically. Knows the layout, not what the tensors mean. */
#include "nn/bundle.h"

#include "nn/bundle_layout.h"

#include <assert.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>

bundle *bundle_new(void)
{
    return calloc(1, sizeof(bundle));
}

void bundle_free(bundle *b)
{
    if (!b)
        return;
    file_map_close(&b->map);
    free(b->copy);
    free(b->pairs);
    free(b->entries);
    free(b);
}

bool bundle_grow(void **at, size_t *capacity, size_t needed, size_t size)
{
    if (needed <= *capacity)
        return true;
    size_t next = *capacity * 2 > needed ? *capacity * 2 : needed;
    void *grown = realloc(*at, next * size);
    if (!grown)
        return false;
    *at = grown;
    *capacity = next;
    return true;
}

/* Returns where to put a failure's reason; NULL after the first, since only that is kept. */
static error *first(bundle *b)
{
    return b->failure.code == ERROR_NONE ? &b->failure : NULL;
}

static bool one_line(const char *text)
{
    for (const unsigned char *c = (const unsigned char *)text; *c; c++)
        if (*c < ' ' || *c == 0x7f)
            return false;
    return true;
}

void bundle_put(bundle *b, const char *key, const char *value)
{
    size_t key_size = strlen(key) + 1, value_size = strlen(value) + 1;
    if (key_size == 1 || !one_line(key) || strpbrk(key, " =") || !one_line(value)) {
        error_set(first(b), ERROR_INVALID, "header: \"%.60s\" does not fit on one line of key = value", key);
        return;
    }
    if (bundle_get(b, key)) {
        error_set(first(b), ERROR_INVALID, "header: \"%.60s\" is there twice", key);
        return;
    }
    /* In the file a pair takes two bytes more than here: " = " and a newline instead of two NULs. */
    if (b->pairs_size + key_size + value_size > BUNDLE_HEADER_MAX / 2) {
        error_set(first(b), ERROR_LIMIT, "header: more than %d bytes at \"%.60s\"", BUNDLE_HEADER_MAX / 2, key);
        return;
    }
    size_t needed = b->pairs_size + key_size + value_size;
    if (!bundle_grow((void **)&b->pairs, &b->pairs_capacity, needed, 1)) {
        error_memory(first(b), "a bundle's header");
        return;
    }
    memcpy(b->pairs + b->pairs_size, key, key_size);
    memcpy(b->pairs + b->pairs_size + key_size, value, value_size);
    b->pairs_size = needed;
}

void bundle_put_number(bundle *b, const char *key, double value)
{
    char text[40];
    snprintf(text, sizeof text, "%.17g", value);
    bundle_put(b, key, text);
}

const char *bundle_get(const bundle *b, const char *key)
{
    const char *end = b->pairs + b->pairs_size;
    for (const char *at = b->pairs; at < end;) {
        const char *value = at + strlen(at) + 1;
        if (strcmp(at, key) == 0)
            return value;
        at = value + strlen(value) + 1;
    }
    return NULL;
}

bool bundle_get_number(const bundle *b, const char *key, double *out, error *e)
{
    const char *text = bundle_get(b, key);
    if (!text)
        return error_set(e, ERROR_CORRUPT, "header: \"%s\" is missing", key);
    char *end;
    double value = strtod(text, &end);
    if (end == text || *end)
        return error_set(e, ERROR_CORRUPT, "header: %s = \"%.60s\" is not a number", key, text);
    *out = value;
    return true;
}

bool bundle_get_whole(const bundle *b, const char *key, uint64_t max, uint64_t *out, error *e)
{
    assert(max <= BUNDLE_WHOLE_MAX);
    double value = 0;
    if (!bundle_get_number(b, key, &value, e))
        return false;
    if (!(value >= 0 && value <= (double)max) || value != floor(value))
        return error_set(e, ERROR_CORRUPT, "header: %s = %.17g is not within 0 to %llu", key, value,
                         (unsigned long long)max);
    *out = (uint64_t)value;
    return true;
}

bool bundle_add(bundle *b, const char *name, shape s, const float *data)
{
    uint64_t bytes;
    if (b->count == BUNDLE_TENSORS_MAX)
        return error_set(first(b), ERROR_LIMIT, "tensor '%.60s': more than %d tensors", name, BUNDLE_TENSORS_MAX);
    if (!name[0] || strlen(name) >= BUNDLE_NAME_MAX || !one_line(name))
        return error_set(first(b), ERROR_INVALID, "tensor %zu: \"%.60s\" is not a name", b->count, name);
    if (bundle_tensor(b, name, NULL))
        return error_set(first(b), ERROR_INVALID, "tensor %zu '%s': is there twice", b->count, name);
    if (!tensor_bytes(s, &bytes))
        return error_set(first(b), ERROR_INVALID, "tensor %zu '%s': impossible shape %dx%dx%dx%d", b->count, name, s.n,
                         s.h, s.w, s.c);
    if (!bundle_grow((void **)&b->entries, &b->capacity, b->count + 1, sizeof *b->entries))
        return error_memory(first(b), "a bundle's table");
    bundle_entry *entry = &b->entries[b->count++];
    *entry = (bundle_entry){.extent = s, .data = data};
    memcpy(entry->name, name, strlen(name) + 1);
    return true;
}

void bundle_put_tensor(bundle *b, const char *name, shape s, const float *data)
{
    assert(data);
    bundle_add(b, name, s, data);
}

const float *bundle_tensor(const bundle *b, const char *name, shape *s)
{
    for (size_t i = 0; i < b->count; i++)
        if (strcmp(b->entries[i].name, name) == 0) {
            if (s)
                *s = b->entries[i].extent;
            return b->entries[i].data;
        }
    return NULL;
}

void bundle_tensor_done(const bundle *b, const char *name)
{
    shape s;
    const float *data = b->map.size ? bundle_tensor(b, name, &s) : NULL;
    if (data)
        file_map_drop(&b->map, (size_t)((const uint8_t *)data - b->map.bytes), shape_size(s) * sizeof *data);
}

size_t bundle_tensor_count(const bundle *b)
{
    return b->count;
}

const char *bundle_tensor_name(const bundle *b, size_t index)
{
    assert(index < b->count);
    return b->entries[index].name;
}

const char *bundle_digest(const bundle *b)
{
    return b->digest;
}

/* Writes the header's text as it stands in the file. Returns its bytes; with out NULL it only counts them. */
static size_t print_header(const bundle *b, char *out)
{
    size_t used = 0;
    const char *end = b->pairs + b->pairs_size;
    for (const char *at = b->pairs; at < end;) {
        const char *value = at + strlen(at) + 1;
        size_t key_size = strlen(at), value_size = strlen(value);
        if (out) {
            memcpy(out + used, at, key_size);
            memcpy(out + used + key_size, " = ", 3);
            memcpy(out + used + key_size + 3, value, value_size);
            out[used + key_size + 3 + value_size] = '\n';
        }
        used += key_size + 3 + value_size + 1;
        at = value + value_size + 1;
    }
    return used;
}

/* Returns, new, everything before the first block: prefix, header, table and the zeros between them. */
static uint8_t *print_front(const bundle *b, size_t *front_bytes, error *e)
{
    size_t header = print_header(b, NULL);
    size_t table = round_up(PREFIX_BYTES + header, TABLE_ALIGNMENT);
    size_t front = table + b->count * RECORD_BYTES;
    uint64_t at = round_up(front, BLOCK_ALIGNMENT), end = front;
    uint8_t *out = calloc(1, at);
    if (!out) {
        error_memory(e, "a bundle's table");
        return NULL;
    }
    for (size_t i = 0; i < b->count; i++) {
        const bundle_entry *entry = &b->entries[i];
        uint8_t *record = out + table + i * RECORD_BYTES;
        uint64_t bytes;
        bool fits = tensor_bytes(entry->extent, &bytes);
        assert(fits);
        memcpy(record + AT_NAME, entry->name, BUNDLE_NAME_MAX);
        put_u32(record + AT_SHAPE, (uint32_t)entry->extent.n);
        put_u32(record + AT_SHAPE + 4, (uint32_t)entry->extent.h);
        put_u32(record + AT_SHAPE + 8, (uint32_t)entry->extent.w);
        put_u32(record + AT_SHAPE + 12, (uint32_t)entry->extent.c);
        put_u64(record + AT_OFFSET, at);
        put_u64(record + AT_BYTES, bytes);
        put_u32(record + AT_BLOCK_CRC, digest_crc32c(0, entry->data, bytes));
        end = at + bytes;
        at = round_up(end, BLOCK_ALIGNMENT);
    }
    if (end > BUNDLE_BYTES_MAX) {
        error_set(e, ERROR_LIMIT, "%.1f GB are more than a bundle may have", (double)end / 1e9);
        free(out);
        return NULL;
    }
    memcpy(out + AT_MAGIC, BUNDLE_MAGIC, 8);
    put_u32(out + AT_VERSION, BUNDLE_VERSION);
    put_u32(out + AT_HEADER_BYTES, (uint32_t)header);
    put_u64(out + AT_FILE_BYTES, end);
    put_u32(out + AT_TENSOR_COUNT, (uint32_t)b->count);
    print_header(b, (char *)out + PREFIX_BYTES);
    uint32_t crc = digest_crc32c(0, out, AT_CRC);
    put_u32(out + AT_CRC, digest_crc32c(crc, out + PREFIX_BYTES, front - PREFIX_BYTES));
    *front_bytes = front;
    return out;
}

bool bundle_write(const bundle *b, const char *path, error *e)
{
    static const uint8_t zeros[BLOCK_ALIGNMENT];
    if (b->failure.code != ERROR_NONE)
        return error_set(e, b->failure.code, "%s: %s", path, b->failure.message);
    size_t at;
    uint8_t *front = print_front(b, &at, e);
    if (!front)
        return error_at(e, "%s", path);
    file_output *out = file_output_new(path, e);
    bool ok = out && file_output_append(out, front, at, e);
    for (size_t i = 0; ok && i < b->count; i++) {
        uint64_t bytes = 0, start = round_up(at, BLOCK_ALIGNMENT);
        tensor_bytes(b->entries[i].extent, &bytes);
        ok = file_output_append(out, zeros, start - at, e) && file_output_append(out, b->entries[i].data, bytes, e);
        at = start + bytes;
    }
    free(front);
    if (ok)
        return file_output_commit(out, e);
    file_output_abandon(out);
    return false;
}
