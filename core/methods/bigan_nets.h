/* SPDX-License-Identifier: MIT */
/*
 * bigan_nets.h — the generators of the bidirectional GANs' authors, and the sizes and rules that their other networks
 * share (Zenati et al.: EGBAD, 2018, for 28×28; ALAD, 2018, for 32×32). AnoGAN's baselines there use them as well.
 *
 * There are two families, by the side at which halving ends. Where it ends at 4 (sides 16, 32, 64, 128) the networks
 * have only convolutions; where it ends at 5, 6 or 7 (20, 24, 28, 40, 48, 56, 80, 96, 112) dense layers lie between the
 * maps and the codes. `width` scales every layer; at BIGAN_WIDTH the layers for 28×28×1 and 32×32×3 are the authors'.
 */
#ifndef ANOMALYD_METHODS_BIGAN_NETS_H
#define ANOMALYD_METHODS_BIGAN_NETS_H

#include "nn/net.h"

enum { BIGAN_WIDTH = 64 };

/* A method's `input`: sets *in to the smallest side listed above that holds the image. False and *e set where there is
 * none or the image is not square. Does not read self. */
bool bigan_input(const void *self, shape data, shape *in, error *e);
/* True where an image of this side is for the family with dense layers. */
bool bigan_is_dense(shape image);
/* Returns how often the image's side is halved on its way to a code. */
int bigan_halvings(shape image);
/* Returns the length of the authors' codes. */
int bigan_latent(shape image);
/* Returns the slope of the leaky units. */
float bigan_leak(shape image);

/* Calls net_enter and sets the authors' rules: weights N(0, 0.02²) or, without dense layers, N(0, 0.01²); TensorFlow's
 * batch norm. */
void bigan_enter(net *n, graph *g, shape image);

/* z (n×1×1×latent) → n×side×side×channels in (-1, 1); image.n is not read. */
tensor *bigan_generate(net *n, graph *g, tensor *z, int width, shape image);

#endif
