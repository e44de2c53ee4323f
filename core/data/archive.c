/* SPDX-License-Identifier: MIT */
/*
 * archive.c — zip and tar members as streams, by libarchive. Nothing is extracted: a member's name is shown to the
 * visitor and its bytes are read where they lie. Only the two formats named here are enabled.
 */
#include "data/source.h"

#include <archive.h>
#include <archive_entry.h>
#include <errno.h>

enum { BLOCK_BYTES = 64 << 10 };

/* What libarchive's read callback needs. It keeps a failure of the stream for the caller of libarchive. */
struct input {
    source_stream *content;
    bool failed;
    error failure;
    uint8_t block[BLOCK_BYTES];
};

static la_ssize_t on_read(struct archive *a, void *context, const void **block)
{
    struct input *in = context;
    *block = in->block;
    ptrdiff_t some = in->content->read(in->content, in->block, sizeof in->block, &in->failure);
    if (some < 0) {
        in->failed = true;
        archive_set_error(a, EIO, "%s", in->failure.message);
    }
    return some;
}

struct member_stream {
    source_stream base;
    struct archive *archive;
    struct input *input; /* NULL for zip */
    uint64_t in, out;    /* bytes of the whole archive; bytes its members gave so far */
};

static bool archive_failed(const struct member_stream *s, error *e)
{
    if (s->input && s->input->failed) {
        if (e)
            *e = s->input->failure;
        return false;
    }
    const char *text = archive_error_string(s->archive);
    return error_set(e, ERROR_CORRUPT, "damaged archive: %s", text ? text : "unreadable");
}

static ptrdiff_t member_read(source_stream *base, void *to, size_t n, error *e)
{
    struct member_stream *s = (struct member_stream *)base;
    la_ssize_t some = archive_read_data(s->archive, to, n);
    if (some < 0) {
        archive_failed(s, e);
        return -1;
    }
    s->out += (uint64_t)some;
    if (!s->input && source_is_bomb(s->in, s->out)) {
        error_set(e, ERROR_LIMIT, "the archive inflates more than %d to 1", SOURCE_RATIO_MAX);
        return -1;
    }
    return some;
}

/* Returns a member's name. Names in an unknown character set are returned as the bytes that they are. */
static const char *name_of(struct archive_entry *entry)
{
    const char *name = archive_entry_pathname_utf8(entry);
    return name ? name : archive_entry_pathname(entry);
}

static bool visit_entry(source_walker *w, struct member_stream *s, struct archive_entry *entry, error *e)
{
    const char *stored = name_of(entry);
    if (!stored)
        return error_set(e, ERROR_CORRUPT, "damaged archive: a member has no readable name");
    char name[SOURCE_NAME_MAX];
    if (!source_clean_name(stored, name, e))
        return false;
    if (archive_entry_filetype(entry) == AE_IFDIR || source_is_hidden(name))
        return true;
    if (archive_entry_filetype(entry) != AE_IFREG || archive_entry_hardlink(entry))
        return error_set(e, ERROR_INVALID, "%s: is a link or a device; only regular files are read", name);
    if (!*name)
        return error_set(e, ERROR_CORRUPT, "damaged archive: a file has an empty name");
    uint64_t size = archive_entry_size_is_set(entry) ? (uint64_t)archive_entry_size(entry) : SOURCE_SIZE_UNKNOWN;
    return source_visit_member(w, name, size, &s->base, e);
}

static bool walk_entries(source_walker *w, struct member_stream *s, error *e)
{
    /* Headers have a limit too, since folders and hidden files do not count as members. */
    for (size_t headers = 0; headers < 2 * (size_t)SOURCE_MEMBERS_MAX; headers++) {
        struct archive_entry *entry;
        int status = archive_read_next_header(s->archive, &entry);
        if (status == ARCHIVE_EOF)
            return true;
        /* A warning means that a part of the header, such as the name's character set, is not understood. */
        if (status != ARCHIVE_OK && status != ARCHIVE_WARN)
            return archive_failed(s, e);
        if (!visit_entry(w, s, entry, e))
            return false;
    }
    return error_set(e, ERROR_LIMIT, "the archive has more than %d entries", 2 * SOURCE_MEMBERS_MAX);
}

bool archive_walk_tar(source_walker *w, source_stream *content, error *e)
{
    struct archive *a = archive_read_new();
    if (!a)
        return error_memory(e, "reading a tar archive");
    struct input in = {.content = content};
    struct member_stream s = {.base.read = member_read, .archive = a, .input = &in};
    bool walked;
    if (archive_read_support_format_tar(a) != ARCHIVE_OK ||
        archive_read_open(a, &in, NULL, on_read, NULL) != ARCHIVE_OK)
        walked = archive_failed(&s, e);
    else
        walked = walk_entries(w, &s, e);
    archive_read_free(a);
    /* A tar ends before its gzip stream does, and the stream's checksum is at its end. */
    uint64_t rest = 0;
    return walked && source_drain(content, &rest, e);
}

bool archive_walk_zip(source_walker *w, int fd, uint64_t bytes, error *e)
{
    struct archive *a = archive_read_new();
    if (!a)
        return error_memory(e, "reading a zip archive");
    struct member_stream s = {.base.read = member_read, .archive = a, .in = bytes};
    bool walked;
    if (archive_read_support_format_zip_seekable(a) != ARCHIVE_OK ||
        archive_read_open_fd(a, fd, BLOCK_BYTES) != ARCHIVE_OK)
        walked = archive_failed(&s, e);
    else
        walked = walk_entries(w, &s, e);
    archive_read_free(a);
    return walked;
}
