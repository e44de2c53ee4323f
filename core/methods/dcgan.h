/* SPDX-License-Identifier: MIT */
/*
 * dcgan.h — the networks that the GAN methods share: DCGAN (Radford et al., 2016) as GANomaly's author lays it out.
 * 4×4 kernels, stride 2, no biases; `width` channels after the first convolution, doubling at each further one.
 */
#ifndef ANOMALYD_METHODS_DCGAN_H
#define ANOMALYD_METHODS_DCGAN_H

#include "nn/net.h"

/* Finds the smallest side of 16, 32, 64 or 128 that holds the image. False and *e set where there is none or the image
 * is not square. */
bool dcgan_side(shape data, int *side, error *e);

/* x (n×side×side×c) → n×1×1×out. The last features before the head go to *features, where not NULL. */
tensor *dcgan_encode(net *n, graph *g, tensor *x, int width, int out, tensor **features);
/* z (n×1×1×latent) → n×side×side×channels in (-1, 1). */
tensor *dcgan_decode(net *n, graph *g, tensor *z, int width, int side, int channels);

#endif
