/* SPDX-License-Identifier: MIT */
/* winograd.c — see winograd.h. Every loop is over channels, so that it is vector code of any width. */
#include "compute/winograd.h"

#include "base/simd.h"

/* What a loop reads and what it writes never overlap, which no compiler can see through tables of pointers. */
#define CHANNELS(i_, n_) _Pragma("GCC ivdep") for (size_t i_ = 0; (i_) < (n_); (i_)++)

SIMD_CLONES void winograd_input(const float *const d[WINOGRAD_INPUTS], size_t n, float *nine, size_t step)
{
    const float *d00 = d[0], *d01 = d[1], *d02 = d[2], *d10 = d[3], *d11 = d[4], *d12 = d[5], *d20 = d[6], *d21 = d[7],
                *d22 = d[8];
    float *row0 = nine, *row1 = nine + 3 * step, *row2 = nine + 6 * step;
    CHANNELS(i, n)
    {
        float a = d00[i] - d10[i], b = d01[i] - d11[i], c = d02[i] - d12[i];
        row0[i] = a - b;
        row0[step + i] = b;
        row0[2 * step + i] = b - c;
        row1[i] = d10[i] - d11[i];
        row1[step + i] = d11[i];
        row1[2 * step + i] = d11[i] - d12[i];
        a = d10[i] - d20[i], b = d11[i] - d21[i], c = d12[i] - d22[i];
        row2[i] = a - b;
        row2[step + i] = b;
        row2[2 * step + i] = b - c;
    }
}

SIMD_CLONES void winograd_input_adjoint(const float *nine, size_t step, size_t n, float *const d[WINOGRAD_INPUTS])
{
    float *d00 = d[0], *d01 = d[1], *d02 = d[2], *d10 = d[3], *d11 = d[4], *d12 = d[5], *d20 = d[6], *d21 = d[7],
          *d22 = d[8];
    const float *row0 = nine, *row1 = nine + 3 * step, *row2 = nine + 6 * step;
    CHANNELS(i, n)
    {
        float a = row0[i], b = row0[step + i] + row0[2 * step + i] - a, c = row0[2 * step + i];
        d00[i] += a;
        d01[i] += b;
        d02[i] -= c;
        float e = row2[i], f = row2[step + i] + row2[2 * step + i] - e, h = row2[2 * step + i];
        d20[i] -= e;
        d21[i] -= f;
        d22[i] += h;
        float left = row1[i], right = row1[2 * step + i];
        d10[i] += left + e - a;
        d11[i] += row1[step + i] + right - left + f - b;
        d12[i] += c - h - right;
    }
}

SIMD_CLONES void winograd_output(const float *nine, size_t step, const float *bias, size_t n,
                                 float *const y[WINOGRAD_OUTPUTS])
{
    const float *row0 = nine, *row1 = nine + 3 * step, *row2 = nine + 6 * step;
    float *y00 = y[0], *y01 = y[1], *y10 = y[2], *y11 = y[3];
    CHANNELS(i, n)
    {
        float add = bias ? bias[i] : 0;
        float a = row0[i] + row1[i], b = row0[step + i] + row1[step + i], c = row0[2 * step + i] + row1[2 * step + i];
        y00[i] = a + b + add;
        y01[i] = b - c + add;
        a = row1[i] - row2[i], b = row1[step + i] - row2[step + i], c = row1[2 * step + i] - row2[2 * step + i];
        y10[i] = a + b + add;
        y11[i] = b - c + add;
    }
}

SIMD_CLONES void winograd_output_adjoint(const float *const y[WINOGRAD_OUTPUTS], size_t n, float *nine, size_t step)
{
    const float *y00 = y[0], *y01 = y[1], *y10 = y[2], *y11 = y[3];
    float *row0 = nine, *row1 = nine + 3 * step, *row2 = nine + 6 * step;
    CHANNELS(i, n)
    {
        row0[i] = y00[i];
        row0[step + i] = y00[i] + y01[i];
        row0[2 * step + i] = -y01[i];
        float a = y00[i] + y10[i], b = y01[i] + y11[i];
        row1[i] = a;
        row1[step + i] = a + b;
        row1[2 * step + i] = -b;
        row2[i] = -y10[i];
        row2[step + i] = -y10[i] - y11[i];
        row2[2 * step + i] = y11[i];
    }
}

SIMD_CLONES void winograd_taps(const float *const g[WINOGRAD_TAPS], size_t n, float *nine, size_t step)
{
    const float *g00 = g[0], *g01 = g[1], *g10 = g[2], *g11 = g[3];
    float *row0 = nine, *row1 = nine + 3 * step, *row2 = nine + 6 * step;
    CHANNELS(i, n)
    {
        row0[i] = g00[i];
        row0[step + i] = g00[i] + g01[i];
        row0[2 * step + i] = g01[i];
        float a = g00[i] + g10[i], b = g01[i] + g11[i];
        row1[i] = a;
        row1[step + i] = a + b;
        row1[2 * step + i] = b;
        row2[i] = g10[i];
        row2[step + i] = g10[i] + g11[i];
        row2[2 * step + i] = g11[i];
    }
}

SIMD_CLONES void winograd_taps_adjoint(const float *nine, size_t step, size_t n, bool add,
                                       float *const g[WINOGRAD_TAPS])
{
    const float *row0 = nine, *row1 = nine + 3 * step, *row2 = nine + 6 * step;
    float *g00 = g[0], *g01 = g[1], *g10 = g[2], *g11 = g[3];
    CHANNELS(i, n)
    {
        float a = row0[i] + row1[i], b = row0[step + i] + row1[step + i], c = row0[2 * step + i] + row1[2 * step + i];
        g00[i] = (add ? g00[i] : 0) + (a + b);
        g01[i] = (add ? g01[i] : 0) + (b + c);
        a = row1[i] + row2[i], b = row1[step + i] + row2[step + i], c = row1[2 * step + i] + row2[2 * step + i];
        g10[i] = (add ? g10[i] : 0) + (a + b);
        g11[i] = (add ? g11[i] : 0) + (b + c);
    }
}
