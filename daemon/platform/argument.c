/* SPDX-License-Identifier: MIT */
/* argument.c — reads arguments of commands. */
#include "daemon/platform/argument.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

bool argument_setting(const char *command, const char *name, char *text, settings *s)
{
    char *equals = strchr(text, '=');
    if (!equals || equals == text) {
        fprintf(stderr, "anomalyd %s: --%s: \"%s\" is not NAME=VALUE\n", command, name, text);
        return false;
    }
    if (s->count == SETTINGS_MAX) {
        fprintf(stderr, "anomalyd %s: --%s: there may be %d; \"%s\" is one more\n", command, name, SETTINGS_MAX, text);
        return false;
    }
    *equals = 0;
    s->all[s->count++] = (struct train_option){text, equals + 1};
    return true;
}

bool argument_method(const char *command, const char *text, const method **out)
{
    *out = method_find(text);
    if (!*out)
        fprintf(stderr, "anomalyd %s: --method: there is no method \"%s\"\n", command, text);
    return *out != NULL;
}

bool argument_number(const char *command, const char *name, const char *text, double least, double most, double *out)
{
    char *end;
    *out = strtod(text, &end);
    if (end != text && !*end && *out >= least && *out <= most)
        return true;
    fprintf(stderr, "anomalyd %s: --%s: \"%s\" is not a number from %g to %g\n", command, name, text, least, most);
    return false;
}

bool argument_count(const char *command, const char *name, const char *text, int most, int *out)
{
    char *end;
    long value = strtol(text, &end, 10);
    if (end == text || *end || value < 1 || value > most) {
        fprintf(stderr, "anomalyd %s: --%s: \"%s\" is not a whole number from 1 to %d\n", command, name, text, most);
        return false;
    }
    *out = (int)value;
    return true;
}
