/* SPDX-License-Identifier: MIT */
/* paths.c — folders, locks and path checks. */
#include "daemon/platform/paths.h"

#include <errno.h>
#include <fcntl.h>
#include <fts.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

bool path_format(path_text *p, error *e, const char *format, ...)
{
    va_list arguments;
    va_start(arguments, format);
    int n = vsnprintf(p->text, sizeof p->text, format, arguments);
    va_end(arguments);
    if (n < 0 || (size_t)n >= sizeof p->text)
        return error_set(e, ERROR_LIMIT, "%.64s…: a path of more than %d bytes", p->text, PATH_TEXT_MAX - 1);
    return true;
}

bool path_packed(path_text *p, const char *state, const char *name, const char *digest, error *e)
{
    return path_format(p, e, "%s/datasets/%s-%s.packed", state, name, digest);
}

bool folder_make(const char *path, error *e)
{
    path_text p;
    if (!path_format(&p, e, "%s", path))
        return false;
    for (char *at = p.text + 1;; at++) {
        if (*at && *at != '/')
            continue;
        char kept = *at;
        *at = 0;
        if (mkdir(p.text, 0700) && errno != EEXIST)
            return error_system(e, "folder %s", p.text);
        *at = kept;
        if (!kept)
            break;
    }
    struct stat facts;
    if (stat(path, &facts))
        return error_system(e, "folder %s", path);
    if (!S_ISDIR(facts.st_mode))
        return error_set(e, ERROR_INVALID, "%s: expected a folder, found something else", path);
    return true;
}

bool folder_remove(const char *path, error *e)
{
    path_text p;
    if (!path_format(&p, e, "%s", path))
        return false;
    char *roots[] = {p.text, NULL};
    FTS *walk = fts_open(roots, FTS_PHYSICAL | FTS_NOCHDIR | FTS_XDEV, NULL);
    if (!walk)
        return error_system(e, "folder %s", path);
    bool good = true;
    for (FTSENT *entry; (entry = fts_read(walk));)
        if (entry->fts_info != FTS_D && entry->fts_info != FTS_NS && remove(entry->fts_accpath) && errno != ENOENT)
            good = error_system(e, "removing %s", entry->fts_accpath);
    fts_close(walk);
    return good;
}

int lock_take(const char *path, bool wait, error *e)
{
    int fd = open(path, O_RDWR | O_CREAT | O_CLOEXEC, 0600);
    if (fd < 0) {
        error_system(e, "lock %s", path);
        return -1;
    }
    int failed;
    do
        failed = flock(fd, LOCK_EX | (wait ? 0 : LOCK_NB));
    while (failed && errno == EINTR);
    if (!failed)
        return fd;
    if (errno == EWOULDBLOCK)
        error_set(e, ERROR_BUSY, "lock %s: another process holds it", path);
    else
        error_system(e, "lock %s", path);
    close(fd);
    return -1;
}

bool path_under(const char *path, const char *const *roots, size_t root_count, path_text *real, error *e)
{
    if (!realpath(path, real->text))
        return error_system(e, "%s", path);
    for (size_t i = 0; i < root_count; i++) {
        path_text root;
        if (!realpath(roots[i], root.text))
            continue;
        size_t size = strlen(root.text);
        if (!strncmp(real->text, root.text, size) && (real->text[size] == '/' || !real->text[size] || size == 1))
            return true;
    }
    return error_set(e, ERROR_INVALID, "%s: not under an import root (see --import-root)", path);
}
