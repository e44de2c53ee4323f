/* SPDX-License-Identifier: MIT */
/* values.h — values of flags that the core gives their meaning: methods, protocols, a method's options. */
#ifndef ANOMALYD_DAEMON_CLI_VALUES_H
#define ANOMALYD_DAEMON_CLI_VALUES_H

#include "daemon/platform/flag.h"
#include "train/train.h"

/* For FLAG_PARSED: a const method *, an enum protocol. */
bool parse_method(void *at, char *text, error *e);
bool parse_protocol(void *at, char *text, error *e);
/* Copies pairs as options, which borrow their text; returns how many. */
size_t copy_pairs(const flag_pairs *pairs, struct train_option out[FLAG_PAIRS_MAX]);

#endif
