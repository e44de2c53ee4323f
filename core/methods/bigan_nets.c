/* SPDX-License-Identifier: MIT */
/* bigan_nets.c — the generators and rules of the bidirectional GANs' authors. Knows layers, not losses. */
#include "methods/bigan_nets.h"

#include "graph/tensor.h"

enum { SIDE_MIN = 16, SIDE_MAX = 128, BASE_MIN = 4, BASE_MAX = 7, KERNEL = 4 };

/* Returns the side of the smallest maps; *halvings is how often the image's side is halved to reach it. */
static int base_of(int side, int *halvings)
{
    *halvings = 0;
    while (side > BASE_MAX && side % 2 == 0) {
        side /= 2;
        ++*halvings;
    }
    return side;
}

bool bigan_input(const void *self, shape data, shape *in, error *e)
{
    (void)self;
    if (data.h != data.w)
        return error_set(e, ERROR_UNSUPPORTED, "images of %d x %d: these networks need square ones", data.w, data.h);
    int halvings, side = data.h > SIDE_MIN ? data.h : SIDE_MIN;
    while (base_of(side, &halvings) > BASE_MAX)
        side++;
    if (side > SIDE_MAX)
        return error_set(e, ERROR_UNSUPPORTED, "images of %d x %d: these networks take at most %d x %d", data.w, data.h,
                         SIDE_MAX, SIDE_MAX);
    *in = (shape){1, side, side, data.c};
    return true;
}

bool bigan_is_dense(shape image)
{
    int halvings;
    return base_of(image.h, &halvings) > BASE_MIN;
}

int bigan_halvings(shape image)
{
    int halvings;
    base_of(image.h, &halvings);
    return halvings;
}

int bigan_latent(shape image)
{
    return bigan_is_dense(image) ? 200 : 100;
}

float bigan_leak(shape image)
{
    return bigan_is_dense(image) ? 0.1f : 0.2f;
}

void bigan_enter(net *n, graph *g, shape image)
{
    net_init(n, (init_rule){.kind = INIT_NORMAL, .deviation = bigan_is_dense(image) ? 0.02f : 0.01f});
    net_norm(n, (norm_rule){.momentum = 0.01f, .epsilon = 1e-3f, .biased_variance = true});
    net_enter(n, g);
}

/* Makes the smallest maps of a code, by two dense layers or by a transposed convolution. */
static tensor *smallest_maps(net *n, tensor *z, int channels, int width, shape image)
{
    int halvings, base = base_of(image.h, &halvings);
    if (!bigan_is_dense(image)) {
        tensor *x = nn_deconv(n, z, (struct conv){.out = channels, .kernel = KERNEL, .stride = 1, .bias = true});
        return t_relu(nn_batch_norm(n, x));
    }
    tensor *x = nn_dense(n, z, (struct conv){.out = 16 * width, .bias = true});
    x = t_relu(nn_batch_norm(n, x));
    x = nn_dense(n, x, (struct conv){.out = base * base * channels, .bias = true});
    x = t_relu(nn_batch_norm(n, x)); /* normalises units, since the maps are formed behind it */
    return t_reshape(x, (shape){tensor_shape(x).n, base, base, channels});
}

tensor *bigan_generate(net *n, graph *g, tensor *z, int width, shape image)
{
    bigan_enter(n, g, image);
    int halvings = bigan_halvings(image), last = bigan_is_dense(image) ? width : 2 * width;
    int channels = last << (halvings - 1);
    tensor *x = smallest_maps(n, z, channels, width, image);
    for (; channels > last; channels /= 2) {
        x = nn_deconv(n, x,
                      (struct conv){.out = channels / 2, .kernel = KERNEL, .stride = 2, .same = true, .bias = true});
        x = t_relu(nn_batch_norm(n, x));
    }
    return t_tanh(
        nn_deconv(n, x, (struct conv){.out = image.c, .kernel = KERNEL, .stride = 2, .same = true, .bias = true}));
}
