/* SPDX-License-Identifier: MIT */
/* run_import.h — takes up a run of another registry: the checks that need this one's data sets, and the write. */
#ifndef ANOMALYD_DAEMON_EXPERIMENTS_RUN_IMPORT_H
#define ANOMALYD_DAEMON_EXPERIMENTS_RUN_IMPORT_H

#include "api/service.h"
#include "daemon/store/store.h"

typedef struct run_importer {
    store *store;
    store_reader *reader;
} run_importer;

/* As run_import in service.h. */
bool run_import(const run_importer *by, const run_row *row, run_done *done, void *context, error *e);

#endif
