/* SPDX-License-Identifier: MIT */
/*
 * refine.h — combines scores into one. From each score the effect of the image's complexity is removed, each is brought
 * to the scale of held-out normal images, and the mean is taken. It is fitted to held-out normals only: it sees no
 * anomaly and no test image.
 *
 * Of a component s and an image's complexity c, with u = log s where every held-out s is above 0, else u = s:
 *
 *     refined = (u - level - slope·c) / deviation
 *
 * level and slope are those of the least-squares line through the held-out images (slope is 0 where complexity is not
 * asked for, or is the same for all), and deviation is the standard deviation about it. Reconstruction errors grow with
 * an image's detail, so that simple images look normal; the line removes that. The idea is that of Serrà et al. (ICLR
 * 2020), who relate a likelihood to the length of the compressed image.
 */
#ifndef ANOMALYD_EVAL_REFINE_H
#define ANOMALYD_EVAL_REFINE_H

#include "base/error.h"

#include <stddef.h>

enum { REFINE_COMPONENTS_MAX = 8, REFINE_VALUES = 4, REFINE_IMAGES_MIN = 30 };

typedef struct refinement {
    int count;
    struct refine_component {
        bool logarithm;
        float level, slope, deviation;
    } components[REFINE_COMPONENTS_MAX];
} refinement;

/* Fits *out to n >= REFINE_IMAGES_MIN held-out normals. scores[k][i] is component k of image i, complexity[i] its
 * complexity; with complexity NULL that is ignored. ERROR_INVALID with fewer images, or where a component is the same
 * for all of them; ERROR_DIVERGED where one is not finite. */
bool refine_fit(const float *const *scores, int count, const float *complexity, size_t n, refinement *out, error *e);

/* Returns the refined score of one image, whose component k is scores[k]. Higher is more anomalous, as it is with the
 * components. */
float refine_apply(const refinement *r, const float *scores, float complexity);

/* Convert a refinement to REFINE_VALUES numbers a component, and back. refine_unpack fails with ERROR_CORRUPT on values
 * that refine_fit cannot produce. */
void refine_pack(const refinement *r, float *values);
bool refine_unpack(const float *values, size_t count, refinement *out, error *e);

#endif
