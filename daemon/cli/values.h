/* SPDX-License-Identifier: MIT */
/* values.h — what commands share: values of flags that the core gives their meaning, data sets, results. */
#ifndef ANOMALYD_DAEMON_CLI_VALUES_H
#define ANOMALYD_DAEMON_CLI_VALUES_H

#include "daemon/platform/flag.h"
#include "data/dataset.h"
#include "train/train.h"

#include <jansson.h>

/* For FLAG_PARSED: a const method *, an enum protocol. */
bool parse_method(void *at, char *text, error *e);
bool parse_protocol(void *at, char *text, error *e);
/* Copies pairs as options, which borrow their text; returns how many. */
size_t copy_pairs(const flag_pairs *pairs, struct train_option out[FLAG_PAIRS_MAX]);
/* Imports `source` (as POST /datasets takes it) into a file under TMPDIR that is gone once this returns. Returns new;
 * dataset_free ends it. NULL and *e on failure. */
dataset *source_open(const char *source, error *e);
/* Takes the object and prints it as one line; reals have so many digits. NULL: out of memory, and {} is printed. */
void print_result_line(json_t *o, size_t digits);
/* Ends a command that has done its work or failed with *e: what it printed is written, or stderr says why not. Returns
 * the exit status. */
int end_command(const char *name, bool done, error *e);

#endif
