/* SPDX-License-Identifier: MIT */
/* fencegan.h — the generator's loss of Fence GAN, over whatever networks made its fakes and their logits. */
#ifndef ANOMALYD_METHODS_FENCEGAN_H
#define ANOMALYD_METHODS_FENCEGAN_H

#include "graph/tensor.h"

enum encirclement { ENCIRCLE_CROSS_ENTROPY, ENCIRCLE_LOGARITHM };

/* Where the fakes shall lie, by the discriminator's output, and how strongly they are driven apart. */
typedef struct fence {
    int encirclement; /* enum encirclement */
    float alpha;      /* D(G(z)) on the fence */
    float beta;       /* weight of the dispersion */
} fence;

/* Returns the generator's loss (1×1×1×1) for a batch of fakes and D's logits for them. Names the outputs
 * "loss.encirclement", "loss.dispersion", "loss.generator" and "spread.generated". */
tensor *fencegan_generator_loss(tensor *fakes, tensor *logits, const fence *f);

#endif
