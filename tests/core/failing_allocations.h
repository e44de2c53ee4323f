/* SPDX-License-Identifier: MIT */
/* failing_allocations.h — lets one allocation of the core fail. For targets that anomalyd_fail_allocations has seen to:
 * there the linker puts the functions below in front of the core's calls of the allocator. */
#ifndef ANOMALYD_TESTS_CORE_FAILING_ALLOCATIONS_H
#define ANOMALYD_TESTS_CORE_FAILING_ALLOCATIONS_H

#include <stdbool.h>
#include <stdlib.h>

static long allocations_left = -1; /* until one fails; negative: none does */

static bool fails_now(void)
{
    return allocations_left >= 0 && allocations_left-- == 0;
}

void *__real_malloc(size_t size);
void *__real_calloc(size_t n, size_t size);
void *__real_realloc(void *block, size_t size);
void *__real_aligned_alloc(size_t alignment, size_t size);
void *__wrap_malloc(size_t size);
void *__wrap_calloc(size_t n, size_t size);
void *__wrap_realloc(void *block, size_t size);
void *__wrap_aligned_alloc(size_t alignment, size_t size);

void *__wrap_malloc(size_t size)
{
    return fails_now() ? NULL : __real_malloc(size);
}

void *__wrap_calloc(size_t n, size_t size)
{
    return fails_now() ? NULL : __real_calloc(n, size);
}

void *__wrap_realloc(void *block, size_t size)
{
    return fails_now() ? NULL : __real_realloc(block, size);
}

void *__wrap_aligned_alloc(size_t alignment, size_t size)
{
    return fails_now() ? NULL : __real_aligned_alloc(alignment, size);
}

#endif
