/* SPDX-License-Identifier: MIT */
/* machine.c — asks the kernel for affinity and memory, and reads the limits of control groups. */
#include "base/machine.h"

#include <limits.h>
#include <math.h>
#include <sched.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/sysinfo.h>
#include <unistd.h>

/* Reads the first line of ROOT/CONTROLLER/GROUP/NAME; false where there is none. */
static bool read_limit(const char *folder, const char *group, const char *name, char *line, int size)
{
    char path[PATH_MAX];
    int n = snprintf(path, sizeof path, "%s%s/%s", folder, group, name);
    FILE *f = n > 0 && n < (int)sizeof path ? fopen(path, "re") : NULL;
    bool found = f && fgets(line, size, f);
    if (f)
        fclose(f);
    return found;
}

static void limit_memory(machine_limits *l, const char *line)
{
    char *end;
    unsigned long long bytes = strtoull(line, &end, 10);
    if (end > line && *line != '-' && bytes < l->memory) /* no limit is "max", or "-1" in version 1 */
        l->memory = bytes;
}

static void limit_cpus(machine_limits *l, double quota, double period)
{
    double cpus = quota > 0 && period > 0 ? quota / period : 0;
    if (cpus > 0 && (l->cpus == 0 || cpus < l->cpus))
        l->cpus = cpus;
}

static void read_group(machine_limits *l, const char *folder, const char *group)
{
    char line[64], period[64];
    if (read_limit(folder, group, "memory.max", line, sizeof line) ||
        read_limit(folder, group, "memory.limit_in_bytes", line, sizeof line))
        limit_memory(l, line);
    if (read_limit(folder, group, "cpu.max", line, sizeof line)) {
        char *rest;
        double quota = strtod(line, &rest); /* without a limit the line is "max 100000" */
        limit_cpus(l, quota, strtod(rest, NULL));
    } else if (read_limit(folder, group, "cpu.cfs_quota_us", line, sizeof line) &&
               read_limit(folder, group, "cpu.cfs_period_us", period, sizeof period)) {
        limit_cpus(l, strtod(line, NULL), strtod(period, NULL));
    }
}

/* Reads the limits of the group and of all above it. In a container the upper folders of the path may not exist. */
static void read_groups(machine_limits *l, const char *folder, char *group)
{
    for (;;) {
        read_group(l, folder, strcmp(group, "/") != 0 ? group : "");
        char *slash = strrchr(group, '/');
        if (!slash || !*group)
            return;
        *slash = 0;
    }
}

/* Reads one line of the membership: "0::/GROUP" of version 2, "4:memory:/GROUP" or "5:cpu,cpuacct:/GROUP" of version 1.
 */
static void read_membership(machine_limits *l, const char *root, char *line)
{
    line[strcspn(line, "\n")] = 0;
    char *controllers = strchr(line, ':'), *group = controllers ? strchr(controllers + 1, ':') : NULL;
    if (!group)
        return;
    controllers++;
    *group++ = 0;
    char folder[PATH_MAX];
    int n = snprintf(folder, sizeof folder, "%s%s%s", root, *controllers ? "/" : "", controllers);
    if (n > 0 && n < (int)sizeof folder)
        read_groups(l, folder, group);
}

machine_limits machine_limits_read(const char *membership, const char *root)
{
    machine_limits l = {.memory = UINT64_MAX};
    char line[PATH_MAX + 256];
    FILE *f = fopen(membership, "re");
    while (f && fgets(line, sizeof line, f))
        read_membership(&l, root, line);
    if (f)
        fclose(f);
    return l;
}

static machine_limits own_limits(void)
{
    return machine_limits_read("/proc/self/cgroup", "/sys/fs/cgroup");
}

int machine_cpus(void)
{
    cpu_set_t allowed;
    long count;
    if (sched_getaffinity(0, sizeof allowed, &allowed) == 0)
        count = CPU_COUNT(&allowed);
    else /* more CPUs than a cpu_set_t holds */
        count = sysconf(_SC_NPROCESSORS_ONLN);
    double granted = own_limits().cpus;
    if (granted > 0 && granted < (double)count)
        count = (long)ceil(granted);
    return count < 1 ? 1 : count > INT_MAX ? INT_MAX : (int)count;
}

uint64_t machine_memory(void)
{
    struct sysinfo facts;
    uint64_t there = sysinfo(&facts) ? 0 : (uint64_t)facts.totalram * facts.mem_unit;
    uint64_t granted = own_limits().memory;
    if (!there)
        return granted == UINT64_MAX ? 0 : granted;
    return granted < there ? granted : there;
}
