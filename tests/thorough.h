/* SPDX-License-Identifier: MIT */
/*
 * thorough.h — how far a test goes whose figures need many turns: what a training has learnt, gradients by differences.
 *
 * Sanitizers make a turn several to tens of times as dear, and a few turns show them whatever races and stray accesses
 * there are. Their presets therefore define TESTS_BRIEF, asan's for the core's tests, tsan's for all: such tests take
 * their few turns through the same code, threads and memory, and do not judge the figures. The other presets do.
 */
#ifndef ANOMALYD_TESTS_THOROUGH_H
#define ANOMALYD_TESTS_THOROUGH_H

#include <stdbool.h>

/* TURNS: the first, or under TESTS_BRIEF the second; numbers, or strings as options have them. */
#ifdef TESTS_BRIEF
#define THOROUGH false
#define TURNS(thorough_, brief_) brief_
#else
#define THOROUGH true
#define TURNS(thorough_, brief_) thorough_
#endif

#endif
