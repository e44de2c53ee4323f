/* SPDX-License-Identifier: MIT */
/* machine.h — how many CPUs and how much memory this process may use: the machine's, or what its control group leaves.
 */
#ifndef ANOMALYD_BASE_MACHINE_H
#define ANOMALYD_BASE_MACHINE_H

#include <stdint.h>

/* CPUs that this process may run on (its affinity), but no more than the CPU time that its control group grants,
 * rounded up. At least 1. Any thread. */
int machine_cpus(void);
/* Bytes of memory that the machine has, but no more than its control group may take. 0: unknown. Any thread. */
uint64_t machine_memory(void);

/* What a control group and those above it limit. */
typedef struct machine_limits {
    double cpus;     /* of CPU time; 0: no limit */
    uint64_t memory; /* bytes; UINT64_MAX: no limit */
} machine_limits;

/* Reads the limits of the groups that the file `membership` (as /proc/self/cgroup) names, in the tree at `root` (as
 * /sys/fs/cgroup); version 1, version 2, and both at once. What cannot be read limits nothing. For tests; any thread.
 */
machine_limits machine_limits_read(const char *membership, const char *root);

#endif
