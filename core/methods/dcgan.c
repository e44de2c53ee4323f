/* SPDX-License-Identifier: MIT */
/* dcgan.c — the networks that the GAN methods share. Knows layers, not losses. */
#include "methods/dcgan.h"

#include "graph/tensor.h"

enum { SIDE_MIN = 16, SIDE_MAX = 128, SIDE_LAST = 4 };
static const float leak = 0.2f;

bool dcgan_side(shape data, int *side, error *e)
{
    if (data.h != data.w)
        return error_set(e, ERROR_UNSUPPORTED, "images of %d x %d: these networks need square ones", data.w, data.h);
    *side = SIDE_MIN;
    while (*side < data.h)
        *side *= 2;
    if (*side > SIDE_MAX)
        return error_set(e, ERROR_UNSUPPORTED, "images of %d x %d: these networks take at most %d x %d", data.w, data.h,
                         SIDE_MAX, SIDE_MAX);
    return true;
}

tensor *dcgan_encode(net *n, graph *g, tensor *x, int width, int out, tensor **features)
{
    net_enter(n, g);
    int channels = width, first = tensor_shape(x).h;
    x = t_leaky(nn_conv(n, x, (struct conv){.out = channels, .kernel = 4, .stride = 2, .pad = 1}), leak);
    /* The side is computed, not read from the map: after a recorded error maps do not shrink, and the loop would not
     * end. */
    for (int side = first / 2; side > SIDE_LAST; side /= 2) {
        channels *= 2;
        x = nn_conv(n, x, (struct conv){.out = channels, .kernel = 4, .stride = 2, .pad = 1});
        x = t_leaky(nn_batch_norm(n, x), leak);
    }
    if (features)
        *features = x;
    return nn_conv(n, x, (struct conv){.out = out, .kernel = SIDE_LAST, .stride = 1});
}

tensor *dcgan_decode(net *n, graph *g, tensor *z, int width, int side, int channels)
{
    net_enter(n, g);
    int inner = width;
    for (int s = 2 * SIDE_LAST; s < side; s *= 2)
        inner *= 2;
    tensor *x = nn_deconv(n, z, (struct conv){.out = inner, .kernel = SIDE_LAST, .stride = 1});
    x = t_relu(nn_batch_norm(n, x));
    for (int s = SIDE_LAST; s < side / 2; s *= 2) {
        inner /= 2;
        x = nn_deconv(n, x, (struct conv){.out = inner, .kernel = 4, .stride = 2, .pad = 1});
        x = t_relu(nn_batch_norm(n, x));
    }
    return t_tanh(nn_deconv(n, x, (struct conv){.out = channels, .kernel = 4, .stride = 2, .pad = 1}));
}
