/* SPDX-License-Identifier: MIT */
/*
 * fencegan.c — Fence GAN (Ngo, Winarto, Kou, Park, Akram & Lee, ICTAI 2019), as the authors' released code builds it.
 *
 * The generator does not imitate the data but encloses them: its fakes g_i = G(z_i) shall lie where the discriminator
 * gives α, and far from each other. The score of an image is the discriminator's output.
 *
 *     L_encirclement  = mean BCE(D(g_i), α)                       the code; the paper has mean log|α - D(g_i)|
 *     L_dispersion    = 1/m,  m = mean d_i,  d_i = |g_i - μ|₂     μ = mean g_i, through which gradients flow
 *     L_generator     = L_encirclement + β·L_dispersion
 *     L_discriminator = mean -log D(x) + γ·mean -log(1 - D(g))
 *
 * Surveys that number these (5) to (8) follow the paper in the encirclement, (6), and call the last, (8), the
 * generator's. The slope of the paper's encirclement by the logit is D(1-D)/(D-α): unbounded where the fakes should be,
 * and 0 where D is sure. That of the code's is D-α.
 */
#include "methods/fencegan.h"

#include "methods/method.h"
#include "nn/net.h"

#include <math.h>
#include <string.h>

enum network { NETWORK_DENSE, NETWORK_CONV, NETWORK_AUTO };
static const char *const network_choices[] = {"dense", "conv", "auto", NULL};
static const char *const encirclements[] = {"cross_entropy", "logarithm", NULL};
enum fakes { FAKES_BY_BATCH, FAKES_BY_RUNNING };
static const char *const fakes_choices[] = {"batch", "running", NULL};

/* The settings that depend on the network: the authors' for MNIST and for CIFAR-10. */
typedef struct settings {
    int width, latent;
    float alpha, beta, gamma, rate_generator, rate_discriminator, rate_decay;
    float pixels; /* number of values of the image for which β was chosen */
    int map_min;  /* halvings end at a map of at least this side, and less than twice of it */
} settings;

static const settings of_network[] = {
    [NETWORK_DENSE] = {64, 200, 0.1f, 30, 0.1f, 2e-5f, 1e-5f, 0, 28 * 28, 4},
    [NETWORK_CONV] = {32, 256, 0.5f, 10, 0.5f, 1e-3f, 1e-4f, 1e-5f, 32 * 32 * 3, 2},
};

typedef struct fencegan {
    struct method_state state;
    int network, encirclement, fakes, pretrain;
    float clip;
    settings set; /* the user's; 0 or a negative value stands for the network's */

    net *generator, *discriminator;
    array *batch_fakes;
    program *draw, *train_real, *train_fake, *train_generator;
    program *programs[5];
} fencegan;

#define SETTING(type_, field_, preset_, min_, max_, unit_, help_, source_)                                        \
    {                                                                                                             \
        .name = #field_, .type = type_, .offset = offsetof(fencegan, set.field_), .preset = preset_, .min = min_, \
        .max = max_, .unit = unit_, .help = help_, .source = source_                                              \
    }

static const option options[] = {
    TRAINING_OPTIONS(fencegan, 115, 200, 0.99),
    OPTION_OF(fencegan, network, NETWORK_AUTO, network_choices,
              "the authors' network for MNIST (dense) or CIFAR-10 (conv); auto: dense for grey images",
              "authors' code"),
    OPTION(OPTION_INT, fencegan, pretrain, -1, -1, 10000, "epochs",
           "first of the epochs, in which only the discriminator learns; -1: 15 in 115 of them", "authors' code"),
    SETTING(OPTION_INT, width, 0, 0, 512, "channels", "channels after the first convolution; 0: 64 dense, 32 conv",
            "authors' code"),
    SETTING(OPTION_INT, latent, 0, 0, 2048, "", "length of z; 0: 200 dense, 256 conv", "authors' code"),
    SETTING(OPTION_REAL, alpha, -1, -1, 1, "", "where the fence is: D(G(z)); -1: 0.1 dense, 0.5 conv", "paper"),
    SETTING(
        OPTION_REAL, beta, -1, -1, 10000, "",
        "weight of the dispersion; -1: 30 at 28x28x1 (dense) or 10 at 32x32x3 (conv), by the root of the image's size",
        "paper"),
    SETTING(OPTION_REAL, gamma, -1, -1, 1000, "",
            "weight of the discriminator's loss on fakes; -1: 0.1 dense, 0.5 conv", "paper"),
    SETTING(OPTION_REAL, rate_generator, 0, 0, 1, "", "Adam's learning rate; 0: 2e-5 dense, 1e-3 conv",
            "authors' code"),
    SETTING(OPTION_REAL, rate_discriminator, 0, 0, 1, "", "Adam's learning rate; 0: 1e-5 dense, 1e-4 conv",
            "authors' code"),
    SETTING(OPTION_REAL, rate_decay, -1, -1, 1, "",
            "decay of the discriminator's rate, rate/(1 + decay·step); -1: 0 dense, 1e-5 conv", "authors' code"),
    OPTION_OF(fencegan, encirclement, ENCIRCLE_CROSS_ENTROPY, encirclements,
              "pull to the fence: cross-entropy with alpha (code) or log|alpha - D| (paper)", "authors' code; paper"),
    OPTION(OPTION_REAL, fencegan, clip, -1, -1, 1e6, "",
           "most norm of the generator's whole gradient, to which a larger one is scaled down; 0: any; -1: 1 with "
           "encirclement logarithm, any with cross_entropy",
           "Pascanu et al., ICML 2013"),
    OPTION_OF(
        fencegan, fakes, FAKES_BY_BATCH, fakes_choices,
        "batch norm of the fakes that the discriminator learns from: by the batch, as when the generator learns, or "
        "by running statistics (authors' code)",
        ""),
    {.name = NULL},
};

static int network_for(const fencegan *m, int channels)
{
    if (m->network != NETWORK_AUTO)
        return m->network;
    return channels == 1 ? NETWORK_DENSE : NETWORK_CONV;
}

/* How often a side is halved before it is below twice `side_min`. */
static int halvings(int side, int side_min)
{
    int count = 0;
    for (; side / 2 >= side_min; side /= 2)
        count++;
    return count;
}

/* Returns the settings for images of that shape; each is the user's, or else the network's. */
static settings settings_for(const fencegan *m, shape s)
{
    const settings *of = &of_network[network_for(m, s.c)], *set = &m->set;
    float size = sqrtf((float)shape_row(s) / of->pixels);
    return (settings){
        .width = set->width ? set->width : of->width,
        .latent = set->latent ? set->latent : of->latent,
        .alpha = set->alpha < 0 ? of->alpha : set->alpha,
        .beta = set->beta < 0 ? of->beta * size : set->beta,
        .gamma = set->gamma < 0 ? of->gamma : set->gamma,
        .rate_generator = set->rate_generator > 0 ? set->rate_generator : of->rate_generator,
        .rate_discriminator = set->rate_discriminator > 0 ? set->rate_discriminator : of->rate_discriminator,
        .rate_decay = set->rate_decay < 0 ? of->rate_decay : set->rate_decay,
        .map_min = of->map_min,
    };
}

static int pretrain_epochs(const fencegan *m)
{
    return m->pretrain < 0 ? m->state.epochs * 15 / 115 : m->pretrain;
}

/* Finds the smallest side that holds the image and can be halved down to the network's last map. */
static bool input(const void *self, shape data, shape *in, error *e)
{
    enum { SIDE_MIN = 16, SIDE_MAX = 128 };
    const fencegan *m = self;
    if (pretrain_epochs(m) >= m->state.epochs)
        return error_set(e, ERROR_INVALID, "pretrain: %d of %d epochs leave none in which the generator learns",
                         m->pretrain, m->state.epochs);
    if (data.h != data.w || data.h > SIDE_MAX)
        return error_set(e, ERROR_UNSUPPORTED, "images of %d x %d: these networks take square ones of at most %d x %d",
                         data.w, data.h, SIDE_MAX, SIDE_MAX);
    int side = data.h > SIDE_MIN ? data.h : SIDE_MIN, map_min = of_network[network_for(m, data.c)].map_min;
    while (side % (1 << halvings(side, map_min)))
        side++;
    *in = (shape){1, side, side, data.c};
    return true;
}

/* --- networks: dense for MNIST, conv for CIFAR-10 --- */

static void rules(net *n, int network)
{
    init_rule init = {.kind = network == NETWORK_DENSE ? INIT_NORMAL : INIT_GLOROT_NORMAL, .deviation = 0.02f};
    net_init(n, init);
    net_norm(n, (norm_rule){.momentum = 0.01f, .epsilon = 1e-3f, .biased_variance = true});
}

static tensor *relu_norm(net *n, tensor *x)
{
    return nn_batch_norm(n, t_relu(x));
}

static tensor *norm_leaky(net *n, tensor *x)
{
    return t_leaky(nn_batch_norm(n, x), 0.2f);
}

static struct conv halve(int kernel, int out)
{
    return (struct conv){.out = out, .kernel = kernel, .stride = 2, .same = true, .bias = true};
}

static tensor *generate_dense(net *n, tensor *z, const settings *c, shape s)
{
    int steps = halvings(s.h, c->map_min), side = s.h >> steps;
    tensor *x = relu_norm(n, nn_dense(n, z, (struct conv){.out = 16 * c->width, .bias = true}));
    x = relu_norm(n, nn_dense(n, x, (struct conv){.out = side * side * 2 * c->width, .bias = true}));
    x = t_reshape(x, (shape){s.n, side, side, 2 * c->width});
    for (int i = 1; i < steps; i++)
        x = relu_norm(n, nn_deconv(n, x, halve(4, c->width)));
    return t_tanh(nn_deconv(n, x, halve(4, s.c)));
}

static tensor *discriminate_dense(net *n, tensor *x, const settings *c)
{
    int steps = halvings(tensor_shape(x).h, c->map_min);
    for (int i = 0; i < steps; i++)
        x = t_leaky(nn_conv(n, x, halve(4, c->width)), 0.1f);
    x = t_leaky(nn_dense(n, x, (struct conv){.out = 16 * c->width, .bias = true}), 0.1f);
    return nn_dense(n, x, (struct conv){.out = 1, .bias = true});
}

static tensor *generate_conv(net *n, tensor *z, const settings *c, shape s)
{
    int steps = halvings(s.h, c->map_min), side = s.h >> steps, channels = c->width << (steps - 1);
    tensor *x = nn_dense(n, z, (struct conv){.out = side * side * channels, .bias = true});
    x = norm_leaky(n, t_reshape(x, (shape){s.n, side, side, channels}));
    for (int i = 1; i < steps; i++)
        x = norm_leaky(n, nn_deconv(n, x, halve(5, channels >>= 1)));
    return t_tanh(nn_deconv(n, x, halve(5, s.c)));
}

static tensor *discriminate_conv(net *n, tensor *x, const settings *c)
{
    int steps = halvings(tensor_shape(x).h, c->map_min), channels = c->width;
    for (int i = 1; i < steps; i++, channels *= 2)
        x = norm_leaky(n, nn_conv(n, x, halve(5, channels)));
    x = t_leaky(nn_conv(n, x, halve(5, channels)), 0.2f);
    return nn_dense(n, t_dropout(t_flat(x), 0.2f), (struct conv){.out = 1, .bias = true});
}

/* Returns G(z) of newly drawn z ~ N(0, I). */
static tensor *generate(fencegan *m, graph *g, const settings *c, shape s)
{
    tensor *z = t_normal(g, (shape){s.n, 1, 1, c->latent});
    net_enter(m->generator, g);
    return network_for(m, s.c) == NETWORK_DENSE ? generate_dense(m->generator, z, c, s)
                                                : generate_conv(m->generator, z, c, s);
}

/* Returns D's logit: n×1×1×1. */
static tensor *discriminate(fencegan *m, graph *g, tensor *x, const settings *c)
{
    net_enter(m->discriminator, g);
    return network_for(m, tensor_shape(x).c) == NETWORK_DENSE ? discriminate_dense(m->discriminator, x, c)
                                                              : discriminate_conv(m->discriminator, x, c);
}

/* --- losses --- */

/* Returns max(a, bound), which has no gradient below the bound. */
static tensor *clamp_below(tensor *a, float bound)
{
    return t_offset(t_relu(t_offset(a, -bound)), bound);
}

tensor *fencegan_generator_loss(tensor *fakes, tensor *logits, const fence *f)
{
    tensor *from_fence = t_abs(t_offset(t_sigmoid(logits), -f->alpha));
    tensor *encirclement = f->encirclement == ENCIRCLE_CROSS_ENTROPY ? t_bce(logits, f->alpha)
                                                                     : t_mean(t_log(clamp_below(from_fence, 1e-6f)));
    /* Fakes that have collapsed to a point must not make 1/m and its gradient infinite. */
    float bound = 1e-3f * sqrtf((float)shape_row(tensor_shape(fakes)));
    tensor *spread = t_spread(fakes);
    tensor *dispersion = t_inverse(clamp_below(spread, bound));
    t_output(encirclement, "loss.encirclement");
    t_output(dispersion, "loss.dispersion");
    t_output(spread, "spread.generated");
    return t_output(T_BLEND({1, encirclement}, {f->beta, dispersion}), "loss.generator");
}

/* One Adam step of D on the images of an array, as `label`, by `weight`. */
static program *train_discriminator(fencegan *m, model *own, array *images, float label, float weight, error *e)
{
    graph *g = method_graph(own, TRAIN, e);
    if (!g)
        return NULL;
    settings c = settings_for(m, array_shape(images));
    struct adam rule = {c.rate_discriminator, .beta1 = 0.5f, .beta2 = 0.999f, .epsilon = 1e-7f, .decay = c.rate_decay};
    tensor *loss = t_bce(discriminate(m, g, t_leaf(g, images), &c), label);
    t_output(loss, label > 0 ? "loss.discriminator_real" : "loss.discriminator_fake");
    minimise(g, t_scale(loss, weight), NETS(m->discriminator), model_adam(own, "discriminator", rule));
    return program_compile(g, e);
}

/* The logarithm is so steep near the fence that one fake there would dominate Adam's second moment. */
static float clip_of_generator(const fencegan *m)
{
    if (m->clip >= 0)
        return m->clip;
    return m->encirclement == ENCIRCLE_LOGARITHM ? 1 : 0;
}

static program *train_generator(fencegan *m, model *own, shape s, error *e)
{
    graph *g = method_graph(own, TRAIN, e);
    if (!g)
        return NULL;
    settings c = settings_for(m, s);
    struct adam rule = {c.rate_generator, .beta1 = 0.5f, .beta2 = 0.999f, .epsilon = 1e-7f,
                        .clip = clip_of_generator(m)};
    fence f = {m->encirclement, c.alpha, c.beta};
    tensor *fakes = generate(m, g, &c, s);
    tensor *loss = fencegan_generator_loss(fakes, discriminate(m, g, fakes, &c), &f);
    minimise(g, loss, NETS(m->generator), model_adam(own, "generator", rule));
    return program_compile(g, e);
}

/* Makes the fakes that D learns from; it moves no weights. */
static program *draw_fakes(fencegan *m, model *own, shape s, error *e)
{
    graph *g = method_graph(own, m->fakes == FAKES_BY_BATCH ? TRAIN : SCORE, e);
    if (!g)
        return NULL;
    settings c = settings_for(m, s);
    t_output(generate(m, g, &c, s), "fakes");
    return program_compile(g, e);
}

static void nets(fencegan *m, model *own, int channels)
{
    m->discriminator = model_net(own, "discriminator");
    rules(m->discriminator, network_for(m, channels));
}

static bool build(void *self, model *own, shape s, error *e)
{
    fencegan *m = self;
    array *batch = model_array(own, "x", s);
    m->batch_fakes = model_array(own, "fakes", s);
    m->generator = model_net(own, "generator");
    if (!batch || !m->batch_fakes)
        return error_memory(e, "Fence GAN");
    nets(m, own, s.c);
    rules(m->generator, network_for(m, s.c));
    float gamma = settings_for(m, s).gamma;
    m->programs[0] = m->train_real = train_discriminator(m, own, batch, 1, 1, e);
    m->programs[1] = m->train_fake = m->train_real ? train_discriminator(m, own, m->batch_fakes, 0, gamma, e) : NULL;
    m->programs[2] = m->train_generator = m->train_fake ? train_generator(m, own, s, e) : NULL;
    m->programs[3] = m->draw = m->train_generator ? draw_fakes(m, own, s, e) : NULL;
    return m->draw != NULL;
}

/* Returns the steps in which D learns alone. In these the images of the untrained G are no sign of a collapse. */
static uint64_t pretraining(const void *self)
{
    const fencegan *m = self;
    return (uint64_t)pretrain_epochs(m) * m->state.steps_an_epoch;
}

/* Makes two steps of D, one on real images and one on fakes, then one of G; in pretraining only those of D. */
static void step(void *self, uint64_t counter)
{
    fencegan *m = self;
    program_run(m->train_real, counter);
    program_run(m->draw, counter);
    memcpy(array_values(m->batch_fakes), program_output(m->draw, "fakes", NULL),
           shape_size(array_shape(m->batch_fakes)) * sizeof(float));
    program_run(m->train_fake, counter);
    if (counter >= pretraining(m))
        program_run(m->train_generator, counter);
}

/* The score is the negative logit: 1 - D(x) ranks images alike, but has ties where D is sure. */
static tensor *score(void *self, model *own, graph *g, tensor *x)
{
    fencegan *m = self;
    settings c = settings_for(m, tensor_shape(x));
    nets(m, own, tensor_shape(x).c);
    return t_scale(discriminate(m, g, x, &c), -1);
}

static program *const *programs(const void *self)
{
    return ((const fencegan *)self)->programs;
}

const method method_fencegan = {
    .id = "fencegan",
    .title = "Fence GAN",
    .paper = "P. C. Ngo, A. A. Winarto, C. K. L. Kou, S. Park, F. Akram, H. K. Lee: Fence GAN: Towards Better Anomaly "
             "Detection. ICTAI 2019",
    .summary = "A generator that surrounds the normal images instead of imitating them; the score is the "
               "discriminator's.",
    .unexplained = "the score is the discriminator's judgement; it does not reconstruct",
    .options = options,
    .size = sizeof(fencegan),
    .input = input,
    .build = build,
    .step = step,
    .score = score,
    .programs = programs,
    .pretraining = pretraining,
};
