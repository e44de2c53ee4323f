/* SPDX-License-Identifier: MIT */
/* memory.h — how much memory this process occupies, as the kernel counts it. */
#ifndef ANOMALYD_BASE_MEMORY_H
#define ANOMALYD_BASE_MEMORY_H

#include <stddef.h>

/* Bytes of physical memory that the process has at this moment, pages of mapped files among them, and the most that it
 * has had since it was started (Linux: VmRSS and VmHWM). 0 where /proc does not tell. Any thread. */
size_t memory_resident(void);
size_t memory_peak(void);

#endif
