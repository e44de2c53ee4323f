/* SPDX-License-Identifier: MIT */
/*
 * simd.h — asks the compiler for one copy of a loop for each vector width, chosen once when the program starts.
 * Every copy computes the same formula; only the last bits may differ between CPUs, never between runs on one.
 */
#ifndef ANOMALYD_BASE_SIMD_H
#define ANOMALYD_BASE_SIMD_H

/* The choice runs before a sanitizer's runtime is ready, so instrumented builds have only the plain copy. */
#if defined(__x86_64__) && defined(__GNUC__) && !defined(__SANITIZE_ADDRESS__) && !defined(__SANITIZE_THREAD__) && \
    !defined(__clang__)
#define SIMD_CLONES __attribute__((target_clones("arch=x86-64-v4", "arch=x86-64-v3", "default")))
#else
#define SIMD_CLONES
#endif

#endif
