/* SPDX-License-Identifier: MIT */
/* exponential.h — e^x for use in loops. The library's expf is a function call, with which the compiler cannot vectorise
 * a loop. */
#ifndef ANOMALYD_BASE_EXPONENTIAL_H
#define ANOMALYD_BASE_EXPONENTIAL_H

#include <stdint.h>
#include <string.h>

/* Returns e^x for x <= 0, to 2 ulp. Below -87 it returns e^-87, which is lost beside a term of 1. It has no branch, so
 * that the compiler can vectorise a loop around it. */
static inline float exp_negative(float x)
{
    const float round = 12582912.0f; /* 1.5·2²³: adding it leaves the nearest integer in the low bits */
    x = x < -87.0f ? -87.0f : x;
    float shifted = x * 1.44269504f + round;
    float power = shifted - round;
    float r = x - power * 0.693359375f;
    r = r + power * 2.12194440e-4f;
    float p = 1.9875691500e-4f;
    p = p * r + 1.3981999507e-3f;
    p = p * r + 8.3334519073e-3f;
    p = p * r + 4.1665795894e-2f;
    p = p * r + 1.6666665459e-1f;
    p = p * r + 5.0000001201e-1f;
    p = p * r * r + r + 1.0f;
    uint32_t bits;
    memcpy(&bits, &shifted, sizeof bits);
    bits = (bits << 23) + 0x3f800000u; /* the integer part of `shifted` becomes an exponent */
    float scale;
    memcpy(&scale, &bits, sizeof scale);
    return p * scale;
}

#endif
