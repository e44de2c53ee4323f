/* SPDX-License-Identifier: MIT */
/*
 * alad_nets.h — ALAD's encoder and its three discriminators. The generator is bigan_nets.h's.
 *
 * For 32×32 (and 16, 64, 128) as the author's code has them; the author has none for MNIST, so for 28×28 (and the
 * other sides with dense layers) the encoder and D_xz are those of the same author's BiGAN, with the rest as for 32×32.
 */
#ifndef ANOMALYD_METHODS_ALAD_NETS_H
#define ANOMALYD_METHODS_ALAD_NETS_H

#include "nn/net.h"

enum alad_pairs { PAIRS_CHANNELS, PAIRS_ROWS };

/* What all of a model's networks are built by. */
typedef struct alad_sizes {
    shape image; /* n is not read */
    int width, latent;
    bool spectral; /* spectral norm in E and the discriminators */
    float dropout; /* of the discriminators */
    int pairs;     /* enum alad_pairs: how D_xx is shown two images */
} alad_sizes;

/* E: x (n×side×side×c) → n×1×1×latent. */
tensor *alad_encode(net *n, graph *g, const alad_sizes *s, tensor *x);

/* The discriminators' logits, n×1×1×1. */
tensor *alad_judge_xz(net *n, graph *g, const alad_sizes *s, tensor *x, tensor *z);
/* The last features go to *features (n×1×1×f), where not NULL. */
tensor *alad_judge_xx(net *n, graph *g, const alad_sizes *s, tensor *x, tensor *y, tensor **features);
tensor *alad_judge_zz(net *n, graph *g, const alad_sizes *s, tensor *z, tensor *y);

#endif
