/* SPDX-License-Identifier: MIT */
/* source.c — walks folders and single files, and inflates gzip. Knows archives only by their first bytes. */
#include "data/source.h"

#include <errno.h>
#include <fcntl.h>
#include <fts.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>
#include <zlib.h>

enum { BUFFER_BYTES = 64 << 10, TAR_BLOCK_BYTES = 512, TAR_MAGIC_AT = 257 };

bool source_is_bomb(uint64_t in, uint64_t out)
{
    return out > SOURCE_RATIO_FREE_BYTES_MAX && out / SOURCE_RATIO_MAX > in;
}

bool source_read(source_stream *s, void *to, size_t n, size_t *got, error *e)
{
    *got = 0;
    while (*got < n) {
        ptrdiff_t some = s->read(s, (uint8_t *)to + *got, n - *got, e);
        if (some < 0)
            return false;
        if (!some)
            break;
        *got += (size_t)some;
    }
    return true;
}

bool source_drain(source_stream *s, uint64_t *count, error *e)
{
    uint8_t sink[16 << 10];
    for (ptrdiff_t some; (some = s->read(s, sink, sizeof sink, e)) != 0;) {
        if (some < 0)
            return false;
        *count += (uint64_t)some;
    }
    return true;
}

struct file_stream {
    source_stream base;
    int fd;
};

static ptrdiff_t file_read_some(source_stream *s, void *to, size_t n, error *e)
{
    const struct file_stream *f = (struct file_stream *)s;
    for (;;) {
        ssize_t some = read(f->fd, to, n);
        if (some >= 0)
            return some;
        if (errno != EINTR) {
            error_system(e, "cannot read");
            return -1;
        }
    }
}

/* A stream of the content of stored bytes: the bytes themselves, or inflated where they are gzip. */
struct content {
    source_stream base;
    source_stream *raw;
    uint64_t in, out, out_max;
    size_t at, filled; /* of the stored bytes in the buffer */
    bool gzip, member_ended;
    z_stream inflater;
    uint8_t buffer[BUFFER_BYTES];
};

/* Reads more stored bytes into the empty buffer, which stays empty at the end. */
static bool content_refill(struct content *c, error *e)
{
    ptrdiff_t some = c->raw->read(c->raw, c->buffer, sizeof c->buffer, e);
    if (some < 0)
        return false;
    c->at = 0;
    c->filled = (size_t)some;
    c->in += (uint64_t)some;
    return true;
}

static ptrdiff_t plain_read(struct content *c, void *to, size_t n, error *e)
{
    if (c->at == c->filled && !content_refill(c, e))
        return -1;
    size_t ready = c->filled - c->at;
    if (n > ready)
        n = ready;
    memcpy(to, c->buffer + c->at, n);
    c->at += n;
    return (ptrdiff_t)n;
}

/* Inflates one step. Sets *done when the stored bytes end with a gzip member. */
static bool gunzip_step(struct content *c, bool *done, error *e)
{
    if (c->at == c->filled && !content_refill(c, e))
        return false;
    size_t ready = c->filled - c->at;
    if (c->member_ended) {
        *done = !ready;
        if (*done)
            return true;
        /* Members may follow each other, as in `cat a.gz b.gz`. */
        inflateReset(&c->inflater);
        c->member_ended = false;
    } else if (!ready) {
        return error_set(e, ERROR_CORRUPT, "truncated gzip data: they end after %llu bytes", (unsigned long long)c->in);
    }
    c->inflater.next_in = c->buffer + c->at;
    c->inflater.avail_in = (uInt)ready;
    int status = inflate(&c->inflater, Z_NO_FLUSH);
    c->at = c->filled - c->inflater.avail_in;
    c->member_ended = status == Z_STREAM_END;
    if (status == Z_OK || status == Z_STREAM_END || status == Z_BUF_ERROR)
        return true;
    if (status == Z_MEM_ERROR)
        return error_memory(e, "gunzip");
    return error_set(e, ERROR_CORRUPT, "damaged gzip data before byte %llu: %s",
                     (unsigned long long)(c->in - c->inflater.avail_in),
                     c->inflater.msg ? c->inflater.msg : "no valid gzip stream");
}

static ptrdiff_t gunzip_read(struct content *c, void *to, size_t n, error *e)
{
    uInt room = n > BUFFER_BYTES * 16 ? BUFFER_BYTES * 16 : (uInt)n;
    c->inflater.next_out = to;
    c->inflater.avail_out = room;
    for (bool done = false; !done && c->inflater.avail_out == room;)
        if (!gunzip_step(c, &done, e))
            return -1;
    size_t made = room - c->inflater.avail_out;
    if (source_is_bomb(c->in, c->out + made)) {
        error_set(e, ERROR_LIMIT, "gzip data inflate more than %d to 1", SOURCE_RATIO_MAX);
        return -1;
    }
    return (ptrdiff_t)made;
}

static ptrdiff_t content_read(source_stream *s, void *to, size_t n, error *e)
{
    struct content *c = (struct content *)s;
    if (!n)
        return 0;
    ptrdiff_t some = c->gzip ? gunzip_read(c, to, n, e) : plain_read(c, to, n, e);
    if (some <= 0)
        return some;
    c->out += (uint64_t)some;
    if (c->out <= c->out_max)
        return some;
    error_set(e, ERROR_LIMIT, "contents of more than %llu bytes", (unsigned long long)SOURCE_BYTES_MAX);
    return -1;
}

/* Begins with another raw stream; call content_end after each. */
static bool content_begin(struct content *c, source_stream *raw, uint64_t out_max, error *e)
{
    c->base.read = content_read;
    c->raw = raw;
    c->in = c->out = 0;
    c->out_max = out_max;
    c->gzip = c->member_ended = false;
    if (!content_refill(c, e))
        return false;
    if (c->filled < 3 || c->buffer[0] != 0x1f || c->buffer[1] != 0x8b || c->buffer[2] != Z_DEFLATED)
        return true;
    c->inflater = (z_stream){0};
    c->gzip = inflateInit2(&c->inflater, 16 + MAX_WBITS) == Z_OK; /* 16: the gzip wrapper, checksum verified */
    return c->gzip || error_memory(e, "gunzip");
}

static void content_end(struct content *c)
{
    if (c->gzip)
        inflateEnd(&c->inflater);
    c->gzip = false;
}

struct source_walker {
    const char *path;
    source_visit *visit;
    void *context;
    size_t members;
    uint64_t bytes;
    struct content outer, inner; /* of the archive as a whole; of one member */
};

bool source_is_hidden(const char *name)
{
    for (const char *component = name; component; component = strchr(component, '/')) {
        component += *component == '/';
        if (*component == '.' || !strncmp(component, "__MACOSX", 8))
            return true;
    }
    return false;
}

bool source_clean_name(const char *name, char *out, error *e)
{
    size_t used = 0;
    if (*name == '/')
        return error_set(e, ERROR_INVALID, "%s: the name is absolute; names relative to the archive are accepted",
                         name);
    while (*name) {
        size_t n = strcspn(name, "/");
        if (n == 2 && !memcmp(name, "..", 2))
            return error_set(e, ERROR_INVALID, "%s: the name leads outside the archive", name);
        if (n && !(n == 1 && *name == '.')) {
            if (used + n + 2 > SOURCE_NAME_MAX)
                return error_set(e, ERROR_LIMIT, "%.40s…: the name is longer than %d bytes", name, SOURCE_NAME_MAX - 1);
            if (used)
                out[used++] = '/';
            memcpy(out + used, name, n);
            used += n;
        }
        name += n + (name[n] == '/');
    }
    out[used] = 0;
    return true;
}

bool source_visit_member(source_walker *w, const char *name, uint64_t stored_bytes, source_stream *raw, error *e)
{
    if (w->members == SOURCE_MEMBERS_MAX)
        return error_set(e, ERROR_LIMIT, "more than %d files", SOURCE_MEMBERS_MAX);
    struct content *c = &w->inner;
    bool seen = content_begin(c, raw, SOURCE_BYTES_MAX - w->bytes, e);
    if (seen) {
        source_member m = {.name = name, .index = w->members, .content = &c->base};
        m.size = c->gzip ? SOURCE_SIZE_UNKNOWN : stored_bytes;
        seen = w->visit(w->context, &m, e);
    }
    content_end(c);
    w->members++;
    w->bytes += c->out;
    return seen || error_at(e, "%s", name);
}

/* Opens a regular file and nothing else: no link, no device, no waiting for a FIFO. */
static int open_regular(const char *path, int flags, struct stat *facts, error *e)
{
    int fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK | O_NOCTTY | flags);
    if (fd < 0) {
        error_system(e, "cannot open");
        return -1;
    }
    if (fstat(fd, facts))
        error_system(e, "cannot open");
    else if (!S_ISREG(facts->st_mode))
        error_set(e, ERROR_INVALID, "is not a regular file");
    else
        return fd;
    close(fd);
    return -1;
}

static bool visit_file(source_walker *w, const char *path, const char *name, error *e)
{
    struct stat facts;
    struct file_stream f = {.base.read = file_read_some, .fd = open_regular(path, O_NOFOLLOW, &facts, e)};
    if (f.fd < 0)
        return error_at(e, "%s", name);
    bool seen = source_visit_member(w, name, (uint64_t)facts.st_size, &f.base, e);
    close(f.fd);
    return seen;
}

static int by_name(const FTSENT **a, const FTSENT **b)
{
    return strcmp((*a)->fts_name, (*b)->fts_name);
}

static bool visit_entry(source_walker *w, FTS *walk, FTSENT *entry, size_t root_length, error *e)
{
    if (entry->fts_level == FTS_ROOTLEVEL || entry->fts_info == FTS_DP)
        return true;
    const char *name = entry->fts_path + root_length;
    name += strspn(name, "/");
    if (source_is_hidden(entry->fts_name)) {
        fts_set(walk, entry, FTS_SKIP);
        return true;
    }
    switch (entry->fts_info) {
    case FTS_D:
        return true;
    case FTS_F:
        return visit_file(w, entry->fts_accpath, name, e);
    case FTS_SL:
    case FTS_SLNONE:
        return error_set(e, ERROR_INVALID, "%s: is a symbolic link; only regular files are read", name);
    case FTS_DNR:
    case FTS_ERR:
    case FTS_NS:
        errno = entry->fts_errno;
        return error_system(e, "%s", name);
    default:
        return error_set(e, ERROR_INVALID, "%s: is neither a regular file nor a folder", name);
    }
}

static bool walk_folder(source_walker *w, error *e)
{
    char *roots[] = {(char *)(uintptr_t)w->path, NULL}; /* fts_open does not write to it */
    FTS *walk = fts_open(roots, FTS_PHYSICAL | FTS_COMFOLLOW | FTS_NOCHDIR, by_name);
    if (!walk)
        return error_system(e, "cannot list");
    bool seen = true;
    size_t root_length = 0;
    while (seen) {
        errno = 0;
        FTSENT *entry = fts_read(walk);
        if (!entry) {
            seen = errno == 0 || error_system(e, "cannot list");
            break;
        }
        if (entry->fts_level == FTS_ROOTLEVEL && entry->fts_info == FTS_D)
            root_length = entry->fts_pathlen;
        seen = visit_entry(w, walk, entry, root_length, e);
    }
    fts_close(walk);
    return seen;
}

/* An archive is known by its first bytes, a tar by those after gunzip. The file is then read again from its start. */
static bool walk_file(source_walker *w, struct file_stream *f, uint64_t bytes, error *e)
{
    struct content *c = &w->outer;
    uint8_t head[TAR_BLOCK_BYTES];
    size_t got = 0;
    bool read_it = content_begin(c, &f->base, SOURCE_BYTES_MAX, e) && source_read(&c->base, head, sizeof head, &got, e);
    bool gzip = c->gzip;
    content_end(c);
    if (!read_it)
        return false;
    if (lseek(f->fd, 0, SEEK_SET) < 0)
        return error_system(e, "cannot seek");
    if (!gzip && got >= 4 && (!memcmp(head, "PK\3\4", 4) || !memcmp(head, "PK\5\6", 4)))
        return archive_walk_zip(w, f->fd, bytes, e);
    if (got < sizeof head || memcmp(head + TAR_MAGIC_AT, "ustar", 5)) {
        const char *slash = strrchr(w->path, '/');
        return source_visit_member(w, slash ? slash + 1 : w->path, bytes, &f->base, e);
    }
    bool seen = content_begin(c, &f->base, SOURCE_BYTES_MAX, e) && archive_walk_tar(w, &c->base, e);
    content_end(c);
    return seen;
}

bool source_walk(const char *path, source_visit *visit, void *context, error *e)
{
    source_walker *w = malloc(sizeof *w);
    if (!w)
        return error_memory(e, "reading files");
    w->path = path;
    w->visit = visit;
    w->context = context;
    w->members = 0;
    w->bytes = 0;
    struct stat facts;
    bool seen;
    if (stat(path, &facts)) {
        seen = error_system(e, "cannot open");
    } else if (S_ISDIR(facts.st_mode)) {
        seen = walk_folder(w, e);
    } else {
        struct file_stream f = {.base.read = file_read_some, .fd = open_regular(path, 0, &facts, e)};
        seen = f.fd >= 0 && walk_file(w, &f, (uint64_t)facts.st_size, e);
        if (f.fd >= 0)
            close(f.fd);
    }
    free(w);
    return seen || error_at(e, "%s", path);
}
