/* SPDX-License-Identifier: MIT */
/* allocations.h — counts every allocation of the process between two readings, but for those that OpenBLAS makes within
 * a product: its kernels for small matrices do on some CPUs, which nobody outside can prevent. For targets that
 * anomalyd_count_allocations has seen to. */
#ifndef ANOMALYD_TESTS_ALLOCATIONS_H
#define ANOMALYD_TESTS_ALLOCATIONS_H

#include <stddef.h>

/* Allocations made so far, by any thread. */
size_t allocations_made(void);

#endif
