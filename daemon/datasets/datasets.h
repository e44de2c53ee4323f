/* SPDX-License-Identifier: MIT */
/* datasets.h — imports data sets, one at a time, on a pool thread: first the packed file, then the row. Loop thread
 * only. */
#ifndef ANOMALYD_DAEMON_DATASETS_DATASETS_H
#define ANOMALYD_DAEMON_DATASETS_DATASETS_H

#include "api/service.h"
#include "daemon/platform/id.h"
#include "daemon/platform/loop.h"
#include "daemon/store/store.h"

enum { DATASETS_WAITING_MAX = 16 };

typedef struct datasets datasets;

typedef struct datasets_config {
    loop *loop;
    store *store;
    store_reader *reader;
    id_source *ids;
    const char *state; /* folder */
    const char *const *import_roots;
    size_t import_root_count;
} datasets_config;

/* Copies c; borrows what it points to. Removes the files of imports that were cut off. Returns new; NULL and *e. */
datasets *datasets_new(const datasets_config *c, error *e);
/* No import may be under way. d may be NULL. */
void datasets_free(datasets *d);
/* As dataset_import in service.h. */
bool datasets_import(datasets *d, const dataset_request *r, dataset_done *done, void *context, error *e);
/* From now on new imports are refused and waiting ones fail; the one under way goes on. */
void datasets_stop(datasets *d);
/* The number of imports that are not answered yet. */
size_t datasets_active(const datasets *d);

#endif
