/* SPDX-License-Identifier: MIT */
/* source.h — the data set that a command is given by the path of its files. */
#ifndef ANOMALYD_DAEMON_CLI_SOURCE_H
#define ANOMALYD_DAEMON_CLI_SOURCE_H

#include "data/dataset.h"

/* Imports `source` (as POST /datasets takes it) into a file under TMPDIR that is gone once this returns. Returns new;
 * dataset_free ends it. NULL and *e on failure. */
dataset *source_open(const char *source, error *e);

#endif
