/* SPDX-License-Identifier: MIT */
/* allocations.h — counts every allocation of the process, OpenBLAS's included, between two readings. */
#ifndef ANOMALYD_TESTS_ALLOCATIONS_H
#define ANOMALYD_TESTS_ALLOCATIONS_H

#include <stddef.h>

/* Allocations made so far, by any thread. */
size_t allocations_made(void);

#endif
