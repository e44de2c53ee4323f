/* SPDX-License-Identifier: MIT */
/*
 * file.h — whole files: read under a limit, mapped read-only, or replaced so that a reader (and a restart after
 * a power cut) sees the old contents or the new, never a mixture. Knows nothing of what is in them.
 */
#ifndef ANOMALYD_BASE_FILE_H
#define ANOMALYD_BASE_FILE_H

#include "base/error.h"

#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

/* Reads a regular file of at most `limit` bytes. Returns *bytes new (release it with free()), with a NUL behind the
 * last byte that *size does not count. ERROR_LIMIT when the file is larger. Any thread. */
bool file_read(const char *path, size_t limit, void **bytes, size_t *size, error *e);

/* A file mapped read-only. An empty file has size 0 and a NULL pointer. */
typedef struct file_map {
    const uint8_t *bytes;
    size_t size;
} file_map;

/* Maps a regular file into *out; file_map_close releases it. The file must not be truncated while it is mapped; files
 * that file_output wrote never are, since they are replaced whole. Any thread. */
bool file_map_open(const char *path, file_map *out, error *e);
void file_map_close(file_map *m);
/* Gives back the memory of the pages that hold these bytes. They can still be read; the kernel then loads them anew. */
void file_map_drop(const file_map *m, size_t at, size_t size);

/* Bytes to write; several are written one after another. Borrowed for the call. */
typedef struct file_part {
    const void *bytes;
    size_t size;
} file_part;

/* Replaces `path` by the parts: written to "PATH.….partial" beside it, fsynced, renamed, the folder fsynced. On
 * failure `path` is as it was and the temporary file is gone (where only the folder's fsync fails, the new contents
 * are there, but may not outlive a power cut). The mode follows the umask. Any thread. */
bool file_write_atomic(const char *path, const file_part *parts, size_t count, error *e);

/* A file that is being written, in steps, for contents too large to gather first. */
typedef struct file_output file_output;

/* Creates the temporary file. Returns new; end it with file_output_commit or file_output_abandon. One thread at a
 * time may use it. */
file_output *file_output_new(const char *path, error *e);
bool file_output_append(file_output *o, const void *bytes, size_t size, error *e);
/* Reserves `size` bytes of zeros on the disk and maps them for writing, instead of appending. A full disk is thus an
 * error here and not a SIGBUS later. Borrowed until commit or abandon. NULL on failure. */
uint8_t *file_output_map(file_output *o, size_t size, error *e);
/* Makes the contents durable and gives them their name. Frees `o` whether it succeeds or not. */
bool file_output_commit(file_output *o, error *e);
/* Removes the temporary file and frees `o`; NULL is fine. */
void file_output_abandon(file_output *o);

/* Syncs the folder of `path`, so that a power cut cannot undo that the file was made or renamed. */
bool file_sync_folder(const char *path, error *e);

/* Closes a stream of open_memstream(text, …), which may be NULL. Returns what was written, to be freed; NULL when it
 * was not good, or memory was out. */
char *file_close_text(FILE *out, bool good, char *const *text);

#endif
