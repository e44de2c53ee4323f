/* SPDX-License-Identifier: MIT */
/*
 * source.h — the files of a folder, of a zip or tar archive, or a single file, visited one after another as streams
 * of bytes. gzip is undone on the way (and its checksum verified). Private to core/data: the readers of formats
 * stand on it. Nothing is ever written or extracted; names from archives are text, never paths to open.
 */
#ifndef ANOMALYD_DATA_SOURCE_H
#define ANOMALYD_DATA_SOURCE_H

#include "base/error.h"

#include <stddef.h>
#include <stdint.h>

enum {
    SOURCE_MEMBERS_MAX = 1000000,
    SOURCE_NAME_MAX = 1024,
    SOURCE_RATIO_MAX = 100,                /* bytes out for each byte in, once … */
    SOURCE_RATIO_FREE_BYTES_MAX = 16 << 20 /* … more than this came out */
};
#define SOURCE_BYTES_MAX ((uint64_t)16 << 30) /* of all contents together */

/* True where `in` compressed bytes giving `out` bytes exceed SOURCE_RATIO_MAX. */
bool source_is_bomb(uint64_t in, uint64_t out);

/* Bytes that can be read once, forward. */
typedef struct source_stream {
    /* Reads 1 … n bytes; 0 at the end; -1 and *e on failure. */
    ptrdiff_t (*read)(struct source_stream *s, void *to, size_t n, error *e);
} source_stream;

/* Reads n bytes, or fewer at the end of the stream; *got says how many. */
bool source_read(source_stream *s, void *to, size_t n, size_t *got, error *e);
/* Reads and drops the rest; adds its length to *count. */
bool source_drain(source_stream *s, uint64_t *count, error *e);

/* What a visitor sees of one regular file; borrowed for the visit. */
typedef struct source_member {
    const char *name;       /* relative to the folder or in the archive, '/' between parts, never "." or ".." */
    size_t index;           /* how many were visited before it; the same in every walk of an unchanged source */
    uint64_t size;          /* of its content, or SOURCE_SIZE_UNKNOWN */
    source_stream *content; /* after gunzip */
} source_member;
#define SOURCE_SIZE_UNKNOWN UINT64_MAX

/* Visits one member. False stops the walk; the names of source and member are put in front of its message. */
typedef bool source_visit(void *context, const source_member *m, error *e);

/* Visits all regular files: of a folder sorted by name, of an archive in its order. Hidden ones (".name",
 * "__MACOSX") are passed over; links, devices and names that lead outside are errors. Any thread. */
bool source_walk(const char *path, source_visit *visit, void *context, error *e);

/* ---- between source.c and archive.c ---- */

typedef struct source_walker source_walker;

/* Normalises a name ("./a//b" is "a/b") into out[SOURCE_NAME_MAX]. False where it leads outside or is too long. */
bool source_clean_name(const char *name, char *out, error *e);
/* Visits one member whose stored bytes come from `raw`. Counts and limits. */
bool source_visit_member(source_walker *w, const char *name, uint64_t stored_bytes, source_stream *raw, error *e);
bool source_is_hidden(const char *name);

/* Walks a tar given as a stream. Errors have the member's name in front, not the archive's. */
bool archive_walk_tar(source_walker *w, source_stream *content, error *e);
/* Walks a zip given as an open file of `bytes` bytes; zip needs to seek. */
bool archive_walk_zip(source_walker *w, int fd, uint64_t bytes, error *e);

#endif
