/* SPDX-License-Identifier: MIT */
/*
 * refine.h — a score made of scores: each is freed of what the image's complexity explains, brought to the scale of
 * held-out normal images, and their mean is taken. Fitted on held-out normals alone: no anomaly, no test image.
 *
 * Of a component s and an image's complexity c, with u = log s where every held-out s is above 0, else u = s:
 *
 *     refined = (u - level - slope·c) / deviation
 *
 * level and slope are the least-squares line through the held-out images (slope 0 where complexity is not asked for, or
 * is the same for all), deviation the standard deviation about it. Reconstruction errors grow with what there is to
 * reconstruct, which is why simple images pass for normal; a line fitted to normals takes that out (the idea of
 * Serrà et al., ICLR 2020, who divide a likelihood by a compressor's length of the image).
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

/* Fits to n >= REFINE_IMAGES_MIN held-out normals: scores[k][i] is component k of image i, complexity[i] the image's
 * (NULL: not to be taken into account). ERROR_INVALID with fewer, or where a component is the same for all of them;
 * ERROR_DIVERGED where one is not finite. */
bool refine_fit(const float *const *scores, int count, const float *complexity, size_t n, refinement *out, error *e);

/* The refined score of one image; scores[k] is its component k. Higher is more anomalous, as the components are. */
float refine_apply(const refinement *r, const float *scores, float complexity);

/* As REFINE_VALUES numbers a component, and back. Reading fails with ERROR_CORRUPT on what refine_fit cannot make. */
void refine_pack(const refinement *r, float *values);
bool refine_unpack(const float *values, size_t count, refinement *out, error *e);

#endif
