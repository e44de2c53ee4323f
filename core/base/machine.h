/* SPDX-License-Identifier: MIT */
/* machine.h — how many CPUs and how much memory this process may use, by the machine and by its control group. */
#ifndef ANOMALYD_BASE_MACHINE_H
#define ANOMALYD_BASE_MACHINE_H

#include <stdint.h>

/* Returns the number of CPUs that this process may run on by its affinity, or the CPU time that its control group
 * grants, rounded up, where that is less. At least 1. Any thread. */
int machine_cpus(void);
/* Returns the bytes of memory of the machine, or those that its control group may use where they are fewer. 0: unknown.
 * Any thread. */
uint64_t machine_memory(void);

/* The limits of a control group and of those above it. */
typedef struct machine_limits {
    double cpus;     /* of CPU time; 0: no limit */
    uint64_t memory; /* bytes; UINT64_MAX: no limit */
} machine_limits;

/* Reads the limits of the groups that the file `membership` (as /proc/self/cgroup) names, from the tree at `root` (as
 * /sys/fs/cgroup), of version 1, version 2 or both. A file that cannot be read sets no limit. Public for tests; any
 * thread. */
machine_limits machine_limits_read(const char *membership, const char *root);

#endif
