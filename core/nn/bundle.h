/* SPDX-License-Identifier: MIT */
/*
 * bundle.h — the one portable file format: models and checkpoints. Data only, little-endian.
 *
 * Layout: magic "ANOMALYD", u32 format version, u32 header bytes, u64 file bytes, u32 tensor count, u32 CRC-32C of
 * all this, header and table; a header of `key = value` lines; a table with each tensor's name, shape, offset, bytes
 * and CRC-32C; then the blocks, each 64-byte aligned. A damaged, truncated, oversized or newer file is refused whole,
 * with a message naming the place. Knows names and floats, not networks.
 */
#ifndef ANOMALYD_NN_BUNDLE_H
#define ANOMALYD_NN_BUNDLE_H

#include "base/error.h"
#include "base/shape.h"

#include <stddef.h>
#include <stdint.h>

enum { BUNDLE_VERSION = 1, BUNDLE_NAME_MAX = 96, BUNDLE_TENSORS_MAX = 4096, BUNDLE_HEADER_MAX = 1 << 20 };
#define BUNDLE_BYTES_MAX ((uint64_t)4 << 30)
#define BUNDLE_WHOLE_MAX ((uint64_t)1 << 53)

typedef struct bundle bundle;

/* An empty bundle to fill and write. Returns new; free with bundle_free. */
bundle *bundle_new(void);
void bundle_free(bundle *b);

/* Copies key and value; values are one line of UTF-8 (a newline is an error recorded until bundle_write). */
void bundle_put(bundle *b, const char *key, const char *value);
void bundle_put_number(bundle *b, const char *key, double value);
/* Borrows data until bundle_write or bundle_free. */
void bundle_put_tensor(bundle *b, const char *name, shape s, const float *data);

/* Writes the bundle to `path` atomically (see file_output). An error from filling the bundle is reported here too. */
bool bundle_write(const bundle *b, const char *path, error *e);

/* Verifies all sizes (before any allocation) and all checksums. Returns new; tensors point into `bytes`, which is
 * borrowed until bundle_free. NULL and *e set where the bytes are not a whole bundle. */
bundle *bundle_parse(const void *bytes, size_t size, error *e);
/* The same from a file, which is mapped. Pages that have been verified do not stay in memory. */
bundle *bundle_open(const char *path, error *e);

/* Returns the value of a key, borrowed; NULL when there is no such key. */
const char *bundle_get(const bundle *b, const char *key);
/* Parses the value of a key as a number. False and *e set when it is absent or not a number. */
bool bundle_get_number(const bundle *b, const char *key, double *out, error *e);
/* The same of a whole number of 0 … max, where max is BUNDLE_WHOLE_MAX at most: numbers are read as doubles. */
bool bundle_get_whole(const bundle *b, const char *key, uint64_t max, uint64_t *out, error *e);
/* Returns the values of a tensor, borrowed, and sets *s (which may be NULL) to its shape. NULL when it is absent. */
const float *bundle_tensor(const bundle *b, const char *name, shape *s);
/* Tells that a tensor will hardly be read again. Where bundle_open mapped the file, its memory is given back; its
 * values can still be read. */
void bundle_tensor_done(const bundle *b, const char *name);
size_t bundle_tensor_count(const bundle *b);
const char *bundle_tensor_name(const bundle *b, size_t index);
/* SHA-256 of the file's bytes, as 64 hexadecimal digits, for a parsed bundle. */
const char *bundle_digest(const bundle *b);

#endif
