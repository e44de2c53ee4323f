/* SPDX-License-Identifier: MIT */
/* fencegan.h — the generator's loss of Fence GAN, over whatever networks made its fakes and their logits. */
#ifndef ANOMALYD_METHODS_FENCEGAN_H
#define ANOMALYD_METHODS_FENCEGAN_H

#include "graph/tensor.h"

enum encirclement { ENCIRCLE_CROSS_ENTROPY, ENCIRCLE_LOGARITHM };

/* The fence: where the discriminator is to put the fakes, and how far apart they are to be. */
typedef struct fence {
    int encirclement; /* enum encirclement */
    float alpha;      /* of the fence: D(G(z)) there */
    float beta;       /* weight of the dispersion */
} fence;

/* Of a batch of fakes and D's logits for them. Marks "loss.encirclement", "loss.dispersion",
 * "loss.generator" and "spread.generated". */
tensor *fencegan_generator_loss(tensor *fakes, tensor *logits, const fence *f);

#endif
