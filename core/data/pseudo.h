/* SPDX-License-Identifier: MIT */
/*
 * pseudo.h — makes pseudo-anomalies of normal images. Selection without labels compares the two.
 */
#ifndef ANOMALYD_DATA_PSEUDO_H
#define ANOMALYD_DATA_PSEUDO_H

#include "base/random.h"
#include "base/shape.h"

enum pseudo_kind { PSEUDO_ROTATE, PSEUDO_CUT_PASTE, PSEUDO_SHUFFLE, PSEUDO_BLEND, PSEUDO_KINDS };

/* "rotate" (by 90, 180 or 270 degrees; square images only, else a flip of both axes), "cut-paste" (a patch
 * of another image), "shuffle" (a 2×2 or 3×3 grid of patches, permuted), "blend" (the mean of two images). */
const char *pseudo_name(enum pseudo_kind kind);

/* out[i] is made from images[i] (and another of the n, chosen by the key) by kind i mod PSEUDO_KINDS.
 * images, out: s.n×s.h×s.w×s.c floats, any range, not overlapping. Pure function of its arguments. */
void pseudo_make(const float *images, shape s, random_key key, float *out);

#endif
