/* SPDX-License-Identifier: MIT */
/* heat.h — numbers as colours: black by way of violet, red and orange to pale yellow, evenly rising in lightness, so
 * that twice the number looks about twice as bright, in print without colour too. Knows no images. */
#ifndef ANOMALYD_DATA_HEAT_H
#define ANOMALYD_DATA_HEAT_H

#include <stddef.h>
#include <stdint.h>

/* Writes n colours of three bytes: red, green, blue. 0, negative values and NaN get the first colour; `max` (above 0)
 * and larger values get the last. */
void heat_colour(const float *values, size_t n, float max, uint8_t *rgb);

#endif
