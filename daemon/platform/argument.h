/* SPDX-License-Identifier: MIT */
/* argument.h — arguments that more than one command takes. What is wrong with one is said on stderr, by the names
 * of the command and of the argument. */
#ifndef ANOMALYD_DAEMON_PLATFORM_ARGUMENT_H
#define ANOMALYD_DAEMON_PLATFORM_ARGUMENT_H

#include "train/train.h"

enum { SETTINGS_MAX = 64 };

/* What --set gave, one after the other. */
typedef struct settings {
    struct train_option all[SETTINGS_MAX];
    size_t count;
} settings;

/* --set NAME=VALUE, or another option of that form. Cuts the text at the sign, and borrows it for as long as the
 * settings are used. */
bool argument_setting(const char *command, const char *name, char *text, settings *s);
/* --method NAME. */
bool argument_method(const char *command, const char *text, const method **out);
/* --NAME with a number from `least` to `most`. */
bool argument_number(const char *command, const char *name, const char *text, double least, double most, double *out);
/* The same for a whole number from 1. */
bool argument_count(const char *command, const char *name, const char *text, int most, int *out);

#endif
