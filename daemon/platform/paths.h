/* SPDX-License-Identifier: MIT */
/*
 * paths.h — where things lie in the state folder, and the few folder operations the daemon needs. No string of a
 * client's becomes part of a path unless name_valid or id_valid accepted it.
 *
 *   anomalyd.db            the registry
 *   lock                   held by the daemon that owns this folder
 *   datasets/NAME-DIGEST.packed
 *   jobs/ID/               lock, checkpoint, model, result.json of a job that has not been registered yet; of one that
 *                          failed in training, kept: its last checkpoint from before that
 *   uploads/ID             spooled request bodies
 */
#ifndef ANOMALYD_DAEMON_PLATFORM_PATHS_H
#define ANOMALYD_DAEMON_PLATFORM_PATHS_H

#include "base/error.h"

#include <stddef.h>

enum { PATH_TEXT_MAX = 4096 };
#define PATH_KEPT "kept"

typedef struct path_text {
    char text[PATH_TEXT_MAX];
} path_text;

/* printf into a path; ERROR_LIMIT where it does not fit. */
bool path_format(path_text *p, error *e, const char *format, ...) __attribute__((format(printf, 3, 4)));

/* Of a data set's images in the state folder. */
bool path_packed(path_text *p, const char *state, const char *name, const char *digest, error *e);

/* Makes a folder and its parents, mode 0700. One that is there is fine. */
bool folder_make(const char *path, error *e);
/* Removes a folder and all in it; one that is not there is fine. */
bool folder_remove(const char *path, error *e);

/* Opens PATH, which is made, and takes an exclusive lock on it: at once or ERROR_BUSY, or with `wait` whenever it comes
 * free. Returns a descriptor that holds the lock until it is closed or the process ends; -1 on failure. */
int lock_take(const char *path, bool wait, error *e);

/* The real path of `path` when it lies in one of the roots, else ERROR_INVALID (outside) or ERROR_NOT_FOUND. */
bool path_under(const char *path, const char *const *roots, size_t root_count, path_text *real, error *e);

#endif
