/* SPDX-License-Identifier: MIT */
/* file.c — POSIX calls of whole-file reading and replacing, each checked and named in its error. */
#include "base/file.h"

#include <assert.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/random.h>
#include <sys/stat.h>
#include <unistd.h>

/* Opens for reading and refuses what is not a regular file. O_NONBLOCK keeps a FIFO from blocking the open. */
static int open_regular(const char *path, size_t *size, error *e)
{
    int fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK | O_NOCTTY);
    if (fd < 0) {
        error_system(e, "%s", path);
        return -1;
    }
    struct stat facts;
    if (fstat(fd, &facts)) {
        error_system(e, "%s", path);
    } else if (!S_ISREG(facts.st_mode)) {
        error_set(e, ERROR_INVALID, "%s is not a regular file", path);
    } else {
        *size = (size_t)facts.st_size;
        return fd;
    }
    close(fd);
    return -1;
}

/* Reads until `size` bytes or the end of the file. Returns how many, or -1 with errno. */
static ssize_t read_fully(int fd, uint8_t *to, size_t size)
{
    size_t done = 0;
    while (done < size) {
        ssize_t n = read(fd, to + done, size - done);
        if (n < 0 && errno == EINTR)
            continue;
        if (n < 0)
            return -1;
        if (n == 0)
            break;
        done += (size_t)n;
    }
    return (ssize_t)done;
}

bool file_read(const char *path, size_t limit, void **bytes, size_t *size, error *e)
{
    size_t expected;
    int fd = open_regular(path, &expected, e);
    if (fd < 0)
        return false;
    uint8_t *buffer = NULL;
    bool read_it = false;
    if (expected > limit) {
        error_set(e, ERROR_LIMIT, "%s has %zu bytes; at most %zu are accepted", path, expected, limit);
    } else if (!(buffer = malloc(expected + 1))) {
        error_memory(e, path);
    } else {
        /* One byte more than the size is asked for, which shows whether the file grew meanwhile. */
        ssize_t n = read_fully(fd, buffer, expected + 1);
        if (n < 0)
            error_system(e, "%s: cannot read", path);
        else if ((size_t)n != expected)
            error_set(e, ERROR_IO, "%s changed its size while it was read", path);
        else
            read_it = true;
    }
    close(fd);
    if (!read_it) {
        free(buffer);
        return false;
    }
    buffer[expected] = 0;
    *bytes = buffer;
    *size = expected;
    return true;
}

bool file_map_open(const char *path, file_map *out, error *e)
{
    *out = (file_map){0};
    size_t size;
    int fd = open_regular(path, &size, e);
    if (fd < 0)
        return false;
    if (size) {
        void *bytes = mmap(NULL, size, PROT_READ, MAP_PRIVATE, fd, 0);
        if (bytes == MAP_FAILED) {
            error_system(e, "%s: cannot map %zu bytes", path, size);
            close(fd);
            return false;
        }
        *out = (file_map){.bytes = bytes, .size = size};
    }
    close(fd);
    return true;
}

void file_map_close(file_map *m)
{
    if (m->size)
        munmap((void *)(uintptr_t)m->bytes, m->size);
    *m = (file_map){0};
}

void file_map_drop(const file_map *m, size_t at, size_t size)
{
    assert(at <= m->size && size <= m->size - at);
    size_t first = at - at % (size_t)sysconf(_SC_PAGESIZE);
    /* If the kernel refuses, the pages stay in memory and nothing is lost. */
    if (size)
        madvise((void *)(uintptr_t)(m->bytes + first), at + size - first, MADV_DONTNEED);
}

struct file_output {
    char *path, *partial;
    int fd;
    uint8_t *mapped;
    size_t mapped_size;
};

static void output_free(file_output *o)
{
    if (o->mapped)
        munmap(o->mapped, o->mapped_size);
    if (o->fd >= 0)
        close(o->fd);
    free(o->path);
    free(o->partial);
    free(o);
}

file_output *file_output_new(const char *path, error *e)
{
    file_output *o = malloc(sizeof *o);
    if (!o) {
        error_memory(e, path);
        return NULL;
    }
    *o = (file_output){.path = strdup(path), .fd = -1};
    uint64_t nonce = 0;
    if (getrandom(&nonce, sizeof nonce, 0) != (ssize_t)sizeof nonce) {
        error_system(e, "%s: no random name for a temporary file", path);
        output_free(o);
        return NULL;
    }
    if (!o->path || asprintf(&o->partial, "%s.%016llx.partial", path, (unsigned long long)nonce) < 0) {
        o->partial = NULL; /* asprintf leaves it undefined when it fails */
        error_memory(e, path);
        output_free(o);
        return NULL;
    }
    o->fd = open(o->partial, O_RDWR | O_CREAT | O_EXCL | O_CLOEXEC, 0666);
    if (o->fd < 0) {
        error_system(e, "%s: cannot create a file there", path);
        output_free(o);
        return NULL;
    }
    return o;
}

bool file_output_append(file_output *o, const void *bytes, size_t size, error *e)
{
    assert(!o->mapped);
    const uint8_t *from = bytes;
    while (size) {
        ssize_t n = write(o->fd, from, size);
        if (n < 0 && errno == EINTR)
            continue;
        if (n < 0)
            return error_system(e, "%s: cannot write", o->path);
        from += n;
        size -= (size_t)n;
    }
    return true;
}

uint8_t *file_output_map(file_output *o, size_t size, error *e)
{
    assert(!o->mapped && size);
    int number;
    do {
        number = posix_fallocate(o->fd, 0, (off_t)size);
    } while (number == EINTR);
    if (number) {
        errno = number;
        error_system(e, "%s: cannot reserve %zu bytes", o->path, size);
        return NULL;
    }
    void *bytes = mmap(NULL, size, PROT_READ | PROT_WRITE, MAP_SHARED, o->fd, 0);
    if (bytes == MAP_FAILED) {
        error_system(e, "%s: cannot map %zu bytes", o->path, size);
        return NULL;
    }
    o->mapped = bytes;
    o->mapped_size = size;
    return o->mapped;
}

bool file_sync_folder(const char *path, error *e)
{
    const char *slash = strrchr(path, '/');
    char *folder = !slash ? strdup(".") : slash == path ? strdup("/") : strndup(path, (size_t)(slash - path));
    if (!folder)
        return error_memory(e, path);
    int fd = open(folder, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    /* Some network file systems cannot sync a folder and say EINVAL: nothing more can be done there. */
    bool synced = fd >= 0 && (!fsync(fd) || errno == EINVAL);
    if (!synced)
        error_system(e, "%s: cannot sync its folder", path);
    if (fd >= 0)
        close(fd);
    free(folder);
    return synced;
}

bool file_output_commit(file_output *o, error *e)
{
    bool written = true;
    if (o->mapped && msync(o->mapped, o->mapped_size, MS_SYNC))
        written = error_system(e, "%s: cannot write", o->path);
    if (written && fsync(o->fd))
        written = error_system(e, "%s: cannot sync", o->path);
    if (written) {
        /* A network file system may report a failed write only here. */
        int fd = o->fd;
        o->fd = -1;
        if (close(fd) && errno != EINTR)
            written = error_system(e, "%s: cannot close", o->path);
    }
    if (written && rename(o->partial, o->path))
        written = error_system(e, "%s: cannot rename a file to this", o->path);
    if (!written) {
        file_output_abandon(o);
        return false;
    }
    bool durable = file_sync_folder(o->path, e);
    output_free(o);
    return durable;
}

void file_output_abandon(file_output *o)
{
    if (!o)
        return;
    unlink(o->partial);
    output_free(o);
}

bool file_write_atomic(const char *path, const file_part *parts, size_t count, error *e)
{
    file_output *o = file_output_new(path, e);
    if (!o)
        return false;
    for (size_t i = 0; i < count; i++) {
        if (!file_output_append(o, parts[i].bytes, parts[i].size, e)) {
            file_output_abandon(o);
            return false;
        }
    }
    return file_output_commit(o, e);
}

char *file_close_text(FILE *out, bool good, char *const *text)
{
    if (!out)
        return NULL;
    good = !ferror(out) && good;
    if (fclose(out) == 0 && good)
        return *text;
    free(*text);
    return NULL;
}
