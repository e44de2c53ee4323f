/* SPDX-License-Identifier: MIT */
/* scratch.h — a temporary folder for one test, removed with everything in it at the end. */
#ifndef ANOMALYD_TESTS_SCRATCH_H
#define ANOMALYD_TESTS_SCRATCH_H

#include <assert.h>
#include <dirent.h>
#include <fts.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

enum { SCRATCH_PATH_MAX = 256 };

typedef struct scratch {
    char folder[SCRATCH_PATH_MAX];
} scratch;

typedef struct scratch_path {
    char text[2 * SCRATCH_PATH_MAX];
} scratch_path;

static inline scratch scratch_make(void)
{
    const char *root = getenv("TMPDIR");
    scratch s;
    size_t n = (size_t)snprintf(s.folder, sizeof s.folder - 7, "%s/anomalyd-test-", root ? root : "/tmp");
    assert(n < sizeof s.folder - 7);
    memset(s.folder + n, 'X', 6); /* what mkdtemp replaces */
    s.folder[n + 6] = 0;
    char *made = mkdtemp(s.folder);
    assert(made);
    return s;
}

/* The path of `name` in the folder; by value, so that several fit one expression. */
static inline scratch_path scratch_at(const scratch *s, const char *name)
{
    scratch_path p;
    int n = snprintf(p.text, sizeof p.text, "%s/%s", s->folder, name);
    assert(n > 0 && (size_t)n < sizeof p.text);
    return p;
}

/* Writes a file there, making the folders on its way. */
static inline void scratch_write(const scratch *s, const char *name, const void *bytes, size_t size)
{
    scratch_path p = scratch_at(s, name);
    for (char *at = p.text + strlen(s->folder) + 1; (at = strchr(at, '/')); at++) {
        *at = 0;
        mkdir(p.text, 0777);
        *at = '/';
    }
    FILE *f = fopen(p.text, "wb");
    assert(f);
    size_t written = size ? fwrite(bytes, 1, size, f) : 0;
    assert(written == size);
    int failed = fclose(f);
    assert(!failed);
}

/* How many entries the folder itself has. */
static inline int scratch_count(const scratch *s)
{
    DIR *d = opendir(s->folder);
    assert(d);
    int n = 0;
    for (struct dirent *entry; (entry = readdir(d));)
        n += strcmp(entry->d_name, ".") && strcmp(entry->d_name, "..");
    closedir(d);
    return n;
}

static inline void scratch_remove(scratch *s)
{
    char *roots[] = {s->folder, NULL};
    FTS *walk = fts_open(roots, FTS_PHYSICAL | FTS_NOCHDIR, NULL);
    assert(walk);
    for (FTSENT *entry; (entry = fts_read(walk));)
        if (entry->fts_info != FTS_D)
            remove(entry->fts_accpath);
    fts_close(walk);
}

#endif
