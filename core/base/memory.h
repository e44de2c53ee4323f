/* SPDX-License-Identifier: MIT */
/* memory.h — how much memory this process occupies, as the kernel counts it. */
#ifndef ANOMALYD_BASE_MEMORY_H
#define ANOMALYD_BASE_MEMORY_H

#include <stddef.h>

/* Return the bytes of physical memory that the process has now, including pages of mapped files, and the largest number
 * since it was started (VmRSS and VmHWM of Linux). 0 where /proc does not tell. Any thread. */
size_t memory_resident(void);
size_t memory_peak(void);

#endif
