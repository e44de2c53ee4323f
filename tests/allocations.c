/* SPDX-License-Identifier: MIT */
/* allocations.c — counts allocations by standing in front of the allocator, or by a sanitizer's hook. */
#include "allocations.h"

#include <cblas.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stdlib.h>

/* Relaxed: a reading is taken only while the other threads wait. */
static atomic_size_t made;

size_t allocations_made(void)
{
    return atomic_load_explicit(&made, memory_order_relaxed);
}

static _Thread_local bool within_product;

static void count(void)
{
    if (!within_product)
        atomic_fetch_add_explicit(&made, 1, memory_order_relaxed);
}

#define PRODUCT(name_)                                                                                                 \
    void name_(enum CBLAS_ORDER order, enum CBLAS_TRANSPOSE ta, enum CBLAS_TRANSPOSE tb, blasint m, blasint n,         \
               blasint k, float alpha, const float *a, blasint lda, const float *b, blasint ldb, float beta, float *c, \
               blasint ldc)

/* The linker's --wrap sends every product through here. */
PRODUCT(__real_cblas_sgemm);
PRODUCT(__wrap_cblas_sgemm);
PRODUCT(__wrap_cblas_sgemm)
{
    within_product = true;
    __real_cblas_sgemm(order, ta, tb, m, n, k, alpha, a, lda, b, ldb, beta, c, ldc);
    within_product = false;
}

#if defined(__SANITIZE_ADDRESS__) || defined(__SANITIZE_THREAD__)

int __sanitizer_install_malloc_and_free_hooks(void (*allocated)(const volatile void *, size_t),
                                              void (*freed)(const volatile void *));

static void allocated(const volatile void *block, size_t size)
{
    (void)block;
    (void)size;
    count();
}

static void freed(const volatile void *block)
{
    (void)block;
}

__attribute__((constructor)) static void install(void)
{
    __sanitizer_install_malloc_and_free_hooks(allocated, freed);
}

#else

void *__libc_malloc(size_t size);
void *__libc_calloc(size_t count, size_t size);
void *__libc_realloc(void *block, size_t size);
void *__libc_memalign(size_t alignment, size_t size);

void *malloc(size_t size)
{
    count();
    return __libc_malloc(size);
}

void *calloc(size_t items, size_t size)
{
    count();
    return __libc_calloc(items, size);
}

void *realloc(void *block, size_t size)
{
    count();
    return __libc_realloc(block, size);
}

void *aligned_alloc(size_t alignment, size_t size)
{
    count();
    return __libc_memalign(alignment, size);
}

#endif
