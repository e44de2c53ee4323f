/* SPDX-License-Identifier: MIT */
/* report_folder.c — see report_folder.h. */
#include "daemon/report/report_folder.h"

#include "base/file.h"

#include <dirent.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#define MARKER_HEAD "Written by `anomalyd report`, which may replace these files:\n"
enum { MARKER_BYTES_MAX = 8 << 20, NAMES_MAX = 200000 };

typedef struct names {
    char **all;
    size_t count;
} names;

struct report_folder {
    char path[PATH_TEXT_MAX];
    path_text marker;
    names earlier, own; /* what the marker listed; what this report has written */
};

/* ---- lists of names */

static bool names_have(const names *n, const char *name)
{
    for (size_t i = 0; i < n->count; i++)
        if (!strcmp(n->all[i], name))
            return true;
    return false;
}

static bool names_add(names *n, const char *name, error *e)
{
    if (n->count == NAMES_MAX)
        return error_set(e, ERROR_LIMIT, "a report of more than %d files", NAMES_MAX);
    char **more = reallocarray(n->all, n->count + 1, sizeof *more);
    if (more)
        n->all = more;
    if (!more || !(more[n->count] = strdup(name)))
        return error_memory(e, "the names of a report's files");
    n->count++;
    return true;
}

static void names_free(names *n)
{
    while (n->count)
        free(n->all[--n->count]);
    free(n->all);
}

/* ---- the marker */

/* A marker may have been edited: only NAME and FOLDER/NAME within the report are believed. */
static bool name_is_inside(const char *name)
{
    const char *slash = strchr(name, '/');
    return *name && *name != '/' && *name != '.' &&
           (!slash || (slash[1] && slash[1] != '.' && !strchr(slash + 1, '/')));
}

/* Nothing listed where there is no marker: then *found is false. */
static bool read_marker(report_folder *f, bool *found, error *e)
{
    void *bytes;
    size_t size;
    error reason = {0};
    *found = false;
    if (!file_read(f->marker.text, MARKER_BYTES_MAX, &bytes, &size, &reason)) {
        if (reason.code == ERROR_NOT_FOUND)
            return true;
        *e = reason;
        return false;
    }
    bool good = true;
    *found = !strncmp(bytes, MARKER_HEAD, sizeof MARKER_HEAD - 1);
    char *rest = *found ? (char *)bytes + sizeof MARKER_HEAD - 1 : NULL;
    for (char *line; good && (line = strsep(&rest, "\n"));)
        if (name_is_inside(line) && !names_have(&f->earlier, line))
            good = names_add(&f->earlier, line, e);
    free(bytes);
    return good;
}

static bool write_marker(const report_folder *f, error *e)
{
    file_output *o = file_output_new(f->marker.text, e);
    bool good = o && file_output_append(o, MARKER_HEAD, sizeof MARKER_HEAD - 1, e);
    for (int list = 0; list < 2; list++) {
        const names *n = list ? &f->own : &f->earlier;
        for (size_t i = 0; good && i < n->count; i++)
            good = file_output_append(o, n->all[i], strlen(n->all[i]), e) && file_output_append(o, "\n", 1, e);
    }
    if (good)
        return file_output_commit(o, e);
    file_output_abandon(o);
    return false;
}

/* Before the file is there: a report that is killed leaves no file that the marker does not list. */
static bool append_marker(const report_folder *f, const char *name, error *e)
{
    FILE *out = fopen(f->marker.text, "a");
    if (!out)
        return error_system(e, "%s", f->marker.text);
    fprintf(out, "%s\n", name);
    bool good = !ferror(out);
    if (fclose(out) != 0 || !good)
        return error_system(e, "%s", f->marker.text);
    return true;
}

/* ---- the folder */

static bool is_empty(const char *path, bool *empty, error *e)
{
    DIR *all = opendir(path);
    if (!all)
        return error_system(e, "%s", path);
    *empty = true;
    for (const struct dirent *at; (at = readdir(all));)
        if (strcmp(at->d_name, ".") != 0 && strcmp(at->d_name, "..") != 0)
            *empty = false;
    closedir(all);
    return true;
}

static bool enter(report_folder *f, bool force, error *e)
{
    bool empty = false, found = false;
    if (mkdir(f->path, 0777) && errno != EEXIST)
        return error_system(e, "%s", f->path);
    if (!is_empty(f->path, &empty, e) || !read_marker(f, &found, e))
        return false;
    if (!empty && !found && !force)
        return error_set(e, ERROR_CONFLICT,
                         "%s: is not empty and holds no earlier report: name another folder, or give --force", f->path);
    return found || write_marker(f, e);
}

report_folder *report_folder_open(const char *path, bool force, error *e)
{
    report_folder *f = calloc(1, sizeof *f);
    if (!f) {
        error_memory(e, "a report's folder");
        return NULL;
    }
    if (snprintf(f->path, sizeof f->path, "%s", path) >= (int)sizeof f->path)
        error_set(e, ERROR_LIMIT, "%.64s…: a path of more than %d bytes", path, PATH_TEXT_MAX - 1);
    else if (path_format(&f->marker, e, "%s/%s", path, REPORT_MARKER) && enter(f, force, e))
        return f;
    report_folder_free(f);
    return NULL;
}

void report_folder_free(report_folder *f)
{
    if (!f)
        return;
    names_free(&f->earlier);
    names_free(&f->own);
    free(f);
}

bool report_folder_place(report_folder *f, const char *name, path_text *path, error *e)
{
    const char *slash = strchr(name, '/');
    if (slash) {
        if (!path_format(path, e, "%s/%.*s", f->path, (int)(slash - name), name))
            return false;
        if (mkdir(path->text, 0777) && errno != EEXIST)
            return error_system(e, "%s", path->text);
    }
    return path_format(path, e, "%s/%s", f->path, name) &&
           (names_have(&f->earlier, name) || append_marker(f, name, e)) && names_add(&f->own, name, e);
}

bool report_folder_write(report_folder *f, const char *name, const void *bytes, size_t size, error *e)
{
    path_text path;
    return report_folder_place(f, name, &path, e) && file_write_atomic(path.text, &(file_part){bytes, size}, 1, e);
}

bool report_folder_put(report_folder *f, const char *name, char *text, const size_t *size, error *e)
{
    bool good = text && report_folder_write(f, name, text, *size, e);
    free(text);
    return good;
}

bool report_folder_commit(report_folder *f, error *e)
{
    path_text path;
    for (size_t i = 0; i < f->earlier.count; i++) {
        if (names_have(&f->own, f->earlier.all[i]))
            continue;
        if (!path_format(&path, e, "%s/%s", f->path, f->earlier.all[i]))
            return false;
        if (unlink(path.text) && errno != ENOENT && errno != ENOTDIR)
            return error_system(e, "%s", path.text);
        char *slash = strchr(f->earlier.all[i], '/');
        if (slash && path_format(&path, e, "%s/%.*s", f->path, (int)(slash - f->earlier.all[i]), f->earlier.all[i]))
            rmdir(path.text); /* which only takes an empty one */
    }
    names_free(&f->earlier);
    f->earlier = (names){0};
    return write_marker(f, e);
}
