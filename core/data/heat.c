/* SPDX-License-Identifier: MIT */
/* heat.c — interpolates between the two nearest colours of a short list. */
#include "data/heat.h"

/* At equal steps; after "inferno" of matplotlib, which is in the public domain (CC0). */
static const uint8_t colours[][3] = {{0, 0, 4},     {31, 12, 72},   {85, 15, 109},  {136, 34, 106}, {186, 54, 85},
                                     {227, 89, 51}, {249, 140, 10}, {249, 201, 50}, {252, 255, 164}};
enum { LAST = sizeof colours / sizeof *colours - 1 };

void heat_colour(const float *values, size_t n, float max, uint8_t *rgb)
{
    for (size_t i = 0; i < n; i++) {
        float share = values[i] / max;
        share = share > 0 ? share < 1 ? share : 1 : 0;
        int below = (int)(share * LAST), above = below < LAST ? below + 1 : LAST;
        float rest = share * LAST - (float)below;
        for (int c = 0; c < 3; c++)
            rgb[3 * i + (size_t)c] =
                (uint8_t)((1 - rest) * (float)colours[below][c] + rest * (float)colours[above][c] + 0.5f);
    }
}
