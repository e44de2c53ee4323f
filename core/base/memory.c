/* SPDX-License-Identifier: MIT */
/* memory.c — reads /proc/self/status. */
#include "base/memory.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static size_t status_bytes(const char *key)
{
    char line[256];
    size_t found = 0, length = strlen(key);
    FILE *f = fopen("/proc/self/status", "re");
    while (f && !found && fgets(line, sizeof line, f))
        if (strncmp(line, key, length) == 0)
            found = (size_t)strtoull(line + length, NULL, 10) * 1024; /* it counts in kB */
    if (f)
        fclose(f);
    return found;
}

size_t memory_resident(void)
{
    return status_bytes("VmRSS:");
}

size_t memory_peak(void)
{
    return status_bytes("VmHWM:");
}
