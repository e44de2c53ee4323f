/* SPDX-License-Identifier: MIT */
/* source.c — imports into a file that has no name once it is open. */
#include "daemon/cli/source.h"

#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

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
