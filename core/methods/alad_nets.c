/* SPDX-License-Identifier: MIT */
/* alad_nets.c — ALAD's encoder and its three discriminators. Knows layers, not losses. */
#include "methods/alad_nets.h"

#include "graph/tensor.h"
#include "methods/bigan_nets.h"

enum { PAIRS_SIDE_LAST = 8, PAIRS_HALVINGS_MIN = 2 };
static const float pairs_leak = 0.2f; /* of D_xx and D_zz, at every size */

/* A convolution, TensorFlow's SAME, with bias. */
static struct conv layer(const alad_sizes *s, int out, int kernel, int stride)
{
    return (struct conv){
        .out = out, .kernel = kernel, .stride = stride, .same = true, .bias = true, .spectral = s->spectral};
}

static struct conv dense(const alad_sizes *s, int out)
{
    return (struct conv){.out = out, .bias = true, .spectral = s->spectral};
}

/* The last layer, which gives codes or logits, has no spectral norm. */
static tensor *head(net *n, tensor *x, int out)
{
    return nn_dense(n, x, (struct conv){.out = out, .bias = true});
}

tensor *alad_encode(net *n, graph *g, const alad_sizes *s, tensor *x)
{
    bigan_enter(n, g, s->image);
    bool has_dense = bigan_is_dense(s->image);
    int channels = has_dense ? s->width : 2 * s->width, kernel = has_dense ? 3 : 4;
    float leak = bigan_leak(s->image);
    if (has_dense)
        x = nn_conv(n, x, layer(s, s->width / 2, kernel, 1)); /* linear, as in the BiGAN */
    for (int i = bigan_halvings(s->image); i > 0; i--, channels *= 2) {
        x = nn_conv(n, x, layer(s, channels, kernel, 2));
        x = t_leaky(nn_batch_norm(n, x), leak);
    }
    return head(n, x, s->latent);
}

/* Returns the feature maps of an image, flat. */
static tensor *features_of_image(net *n, const alad_sizes *s, tensor *x)
{
    bool has_dense = bigan_is_dense(s->image);
    int channels = has_dense ? s->width : 2 * s->width;
    float leak = bigan_leak(s->image);
    x = t_leaky(nn_conv(n, x, layer(s, channels, 4, 2)), leak);
    x = has_dense ? t_dropout(x, s->dropout) : x;
    for (int i = bigan_halvings(s->image) - 1; i > 0; i--) {
        channels *= has_dense ? 1 : 2;
        x = nn_conv(n, x, layer(s, channels, 4, 2));
        x = t_leaky(nn_batch_norm(n, x), leak);
        x = has_dense ? t_dropout(x, s->dropout) : x;
    }
    return t_flat(x);
}

static tensor *dense_leaky(net *n, const alad_sizes *s, tensor *x, int out, float leak)
{
    return t_dropout(t_leaky(nn_dense(n, x, dense(s, out)), leak), s->dropout);
}

tensor *alad_judge_xz(net *n, graph *g, const alad_sizes *s, tensor *x, tensor *z)
{
    bigan_enter(n, g, s->image);
    float leak = bigan_leak(s->image);
    tensor *of_x = features_of_image(n, s, x);
    tensor *of_z = dense_leaky(n, s, z, 8 * s->width, leak);
    if (!bigan_is_dense(s->image))
        of_z = dense_leaky(n, s, of_z, 8 * s->width, leak);
    return head(n, dense_leaky(n, s, t_concat(of_x, of_z), 16 * s->width, leak), 1);
}

/* Two images as one: beside each other in the channels, or one above the other. */
static tensor *pair(const alad_sizes *s, tensor *x, tensor *y)
{
    if (s->pairs == PAIRS_CHANNELS)
        return t_concat(x, y);
    shape one = tensor_shape(x);
    return t_reshape(t_concat(t_flat(x), t_flat(y)), (shape){one.n, 2 * one.h, one.w, one.c});
}

tensor *alad_judge_xx(net *n, graph *g, const alad_sizes *s, tensor *x, tensor *y, tensor **features)
{
    bigan_enter(n, g, s->image);
    tensor *both = pair(s, x, y);
    int channels = s->width, side = s->image.w;
    /* The side is computed, not read from the map: after a recorded error maps do not shrink, and the loop would not
     * end. */
    for (int i = 0; i < PAIRS_HALVINGS_MIN || side > PAIRS_SIDE_LAST; i++, side = (side + 1) / 2, channels *= 2) {
        both = t_leaky(nn_conv(n, both, layer(s, channels, 5, 2)), pairs_leak);
        both = t_dropout(both, s->dropout);
    }
    both = t_flat(both);
    if (features)
        *features = both;
    return head(n, both, 1);
}

tensor *alad_judge_zz(net *n, graph *g, const alad_sizes *s, tensor *z, tensor *y)
{
    bigan_enter(n, g, s->image);
    tensor *both = dense_leaky(n, s, t_concat(z, y), s->width, pairs_leak);
    both = dense_leaky(n, s, both, s->width / 2, pairs_leak);
    return head(n, both, 1);
}
