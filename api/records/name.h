/* SPDX-License-Identifier: MIT */
/* name.h — the rule of names that data sets, models and experiments have, and references to a version of a model. */
#ifndef ANOMALYD_API_RECORDS_NAME_H
#define ANOMALYD_API_RECORDS_NAME_H

#include <stdbool.h>

enum { NAME_SIZE = 64 }; /* bytes of a name, with its NUL */

/* What a complaint about a name says that it should be. */
#define NAME_RULE "1 to 63 of a-z 0-9 . _ -, starting with a letter or digit"

/* True for ^[a-z0-9][a-z0-9._-]{0,62}$. */
bool name_valid(const char *name);

/* The version that `text` writes: 1 to 9 digits without leading zeros. 0 when it is no version. */
int version_parse(const char *text);

/* Reads "NAME" (version 0: the newest) or "NAME:VERSION". False, and nothing is written, when it is neither. */
bool model_reference_parse(const char *text, char name[NAME_SIZE], int *version);

#endif
