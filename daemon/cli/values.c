/* SPDX-License-Identifier: MIT */
/* values.c — see values.h. */
#include "daemon/cli/values.h"

#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

bool parse_method(void *at, char *text, error *e)
{
    const method *found = method_find(text);
    if (!found)
        return error_set(e, ERROR_INVALID, "there is no method \"%s\"", text);
    *(const method **)at = found;
    return true;
}

bool parse_protocol(void *at, char *text, error *e)
{
    return protocol_parse(text, at, e);
}

size_t copy_pairs(const flag_pairs *pairs, struct train_option out[FLAG_PAIRS_MAX])
{
    for (size_t i = 0; i < pairs->count; i++)
        out[i] = (struct train_option){pairs->all[i].name, pairs->all[i].value};
    return pairs->count;
}

dataset *source_open(const char *source, error *e)
{
    const char *base = getenv("TMPDIR");
    char folder[4096], packed[4096 + 16];
    if (snprintf(folder, sizeof folder, "%s/anomalyd-XXXXXX", base && *base ? base : "/tmp") >= (int)sizeof folder) {
        error_set(e, ERROR_INVALID, "TMPDIR is too long");
        return NULL;
    }
    if (!mkdtemp(folder)) {
        error_system(e, "%s", folder);
        return NULL;
    }
    snprintf(packed, sizeof packed, "%s/images", folder);
    dataset_info *info = malloc(sizeof *info);
    dataset *d = NULL;
    if (!info)
        error_memory(e, "the data set's facts");
    else if (dataset_import(source, packed, info, e))
        d = dataset_open(packed, e);
    free(info);
    unlink(packed);
    rmdir(folder);
    return d;
}

void print_result_line(json_t *o, size_t digits)
{
    char *text = o ? json_dumps(o, JSON_REAL_PRECISION(digits)) : NULL;
    puts(text ? text : "{}");
    free(text);
    json_decref(o);
}

int end_command(const char *name, bool done, error *e)
{
    if (done && (fflush(stdout) != 0 || ferror(stdout)))
        done = error_system(e, "standard output");
    if (!done)
        fprintf(stderr, "anomalyd %s: %s\n", name, e->message);
    return done ? 0 : 1;
}
