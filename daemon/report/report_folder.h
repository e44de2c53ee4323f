/* SPDX-License-Identifier: MIT */
/*
 * report_folder.h — the folder that a report is written to. A marker file in it lists what reports have written there,
 * so that a later one may replace that, and removes what it does not replace; nothing else there is ever touched.
 */
#ifndef ANOMALYD_DAEMON_REPORT_REPORT_FOLDER_H
#define ANOMALYD_DAEMON_REPORT_REPORT_FOLDER_H

#include "daemon/platform/paths.h"

#include <stddef.h>

#define REPORT_MARKER ".anomalyd-report"

typedef struct report_folder report_folder;

/* Makes the folder, or opens an empty one or one with a marker. Another is ERROR_CONFLICT unless `force`. Returns new.
 */
report_folder *report_folder_open(const char *path, bool force, error *e);
/* NULL is fine. */
void report_folder_free(report_folder *f);

/* Where the file "NAME" or "FOLDER/NAME" is to be: makes FOLDER, and lists the name before there is a file. */
bool report_folder_place(report_folder *f, const char *name, path_text *path, error *e);
/* Writes it whole or not at all. */
bool report_folder_write(report_folder *f, const char *name, const void *bytes, size_t size, error *e);
/* Writes the text and frees it. NULL: *e says why there is none. The size is passed by its address, because the same
 * argument list also calls the function that sets it. */
bool report_folder_put(report_folder *f, const char *name, char *text, const size_t *size, error *e);
/* Removes what an earlier report wrote and this one did not. */
bool report_folder_commit(report_folder *f, error *e);

#endif
