/* SPDX-License-Identifier: MIT */
/*
 * anogan.c — AnoGAN (Schlegl, Seeböck, Waldstein, Schmidt-Erfurth & Langs, IPMI 2017), with the networks of the AnoGAN
 * baselines in the EGBAD and ALAD authors' code, for its own authors released none.
 *
 * A GAN learns the normal images. A normal image then has a code z whose image G(z) is close to it, in pixels and in
 * the discriminator's last features f. The score is the distance that remains after a search for that code,
 *
 *     L(z) = (1-λ)·R(z) + λ·D(z),  R(z) = Σ|x - G(z)|,  D(z) = Σ|f(x) - f(G(z))|.
 *
 * The differences are absolute, as in the paper and both codes; the survey has squared ones.
 *
 * The discriminator's layers have spectral norm (Miyato, Kataoka, Koyama & Yoshida, ICLR 2018) in place of the codes'
 * batch norm, under which it learns a class of a few thousand images so fast that the generator collapses.
 *
 * An encoder E may guess the code (f-AnoGAN: Schlegl, Seeböck, Waldstein, Langs & Schmidt-Erfurth, Medical Image
 * Analysis 2019): trained after the GAN, with G and D as they are, to lower
 *
 *     A(x) = mean (x - G(E(x)))² + κ·mean (f(x) - f(G(E(x))))².
 *
 * The search starts at its guess, or there is no search and A is the score. E is ALAD's, whose code is linear. That of
 * f-AnoGAN's authors ends in a tanh, which keeps every code inside (-1, 1), whereas the generator learned from N(0, 1),
 * a third of which lies outside.
 */
#include "methods/alad_nets.h"
#include "methods/bigan_nets.h"
#include "methods/method.h"

#include "graph/tensor.h"

#include <stdio.h>

enum schedule { SCHEDULE_FALLING, SCHEDULE_CONSTANT };
static const char *const schedules[] = {"falling", "constant", NULL};
enum norm { NORM_SPECTRAL, NORM_BATCH };
static const char *const norms[] = {"spectral", "batch", NULL};
enum kept { KEPT_LOWEST, KEPT_LAST };
static const char *const kept_choices[] = {"least", "last", NULL};
enum encoder { ENCODER_NONE, ENCODER_WARM, ENCODER_SCORE };
static const char *const encoders[] = {"none", "warm", "score", NULL};

typedef struct anogan {
    struct method_state state;
    int width, latent;
    float rate, beta1;
    int discriminator_norm;
    int iterations, restarts, schedule, patience, kept;
    float lambda, search_rate, progress;
    int encoder, encoder_epochs;
    float encoder_rate, kappa;

    net *generator, *discriminator, *guesser;
    program *programs[4]; /* the discriminator's step, the generator's, and the encoder's where there is one */
} anogan;

static const option options[] = {
    TRAINING_OPTIONS_OF(anogan, 20, 100, 0.999, SELECT_LAST),
    OPTION(OPTION_INT, anogan, width, BIGAN_WIDTH, 2, 256, "channels", "scale of every layer; 64 is the authors'",
           "EGBAD's and ALAD's code"),
    OPTION(OPTION_INT, anogan, latent, 0, 0, 2048, "", "length of the code z; 0: 100, or 200 with dense layers",
           "EGBAD's and ALAD's code"),
    OPTION(OPTION_REAL, anogan, rate, 2e-4, 1e-7, 1, "", "Adam's learning rate; EGBAD's code has 1e-5 for MNIST",
           "paper; ALAD's code"),
    OPTION(OPTION_REAL, anogan, beta1, 0.5, 0, 0.999, "", "Adam's decay of the first moment",
           "paper; EGBAD's and ALAD's code"),
    OPTION_OF(
        anogan, discriminator_norm, NORM_SPECTRAL, norms,
        "what normalises the discriminator's layers: spectral norm, or batch norm as in the codes, under which the "
        "generator collapses where training images are few",
        "spectral: Miyato et al. 2018; batch: EGBAD's and ALAD's code"),
    OPTION(OPTION_REAL, anogan, lambda, 0.1, 0, 1, "",
           "weight of the discriminator's features in the score; ALAD's code has 0.9", "paper, eq. 5"),
    OPTION(OPTION_INT, anogan, iterations, 500, 1, 100000, "steps", "steps of the search for an image's code",
           "paper; EGBAD's and ALAD's code"),
    OPTION(OPTION_INT, anogan, restarts, 1, 1, 64, "", "codes from which the search starts; the best counts",
           "paper; EGBAD's and ALAD's code"),
    OPTION(OPTION_REAL, anogan, search_rate, 0.01, 1e-7, 10, "", "learning rate of the search; ALAD's code has 0.001",
           "EGBAD's code"),
    OPTION_OF(anogan, schedule, SCHEDULE_FALLING, schedules,
              "the search's rate: a tenth after 2/5 and a twentieth after 3/5 of the iterations, or constant as in "
              "ALAD's code",
              "EGBAD's code"),
    OPTION(OPTION_INT, anogan, patience, 0, 0, 100000, "steps",
           "steps without progress after which an image's search ends; 0: it makes all iterations", ""),
    OPTION(OPTION_REAL, anogan, progress, 1e-3, 0, 1, "", "relative fall of the loss that counts as progress", ""),
    OPTION_OF(anogan, kept, KEPT_LOWEST, kept_choices,
              "the score: the least loss met in the search, or the loss after its last step as in the codes", ""),
    OPTION_OF(anogan, encoder, ENCODER_NONE, encoders,
              "a network that guesses the code: none; warm: the search starts from its guess, and fewer iterations do; "
              "score: how far the guess is off is the score, and there is no search",
              "f-AnoGAN"),
    OPTION(OPTION_INT, anogan, encoder_epochs, -1, -1, 10000, "epochs",
           "the last of `epochs`, in which the encoder learns instead of the GAN; -1: a third of them", ""),
    OPTION(OPTION_REAL, anogan, encoder_rate, 2e-4, 1e-7, 1, "",
           "the encoder's learning rate, of Adam; f-AnoGAN's code has RMSProp at 5e-5", ""),
    OPTION(OPTION_REAL, anogan, kappa, 1, 0, 1000, "", "weight of the features in what the encoder lowers", "f-AnoGAN"),
    {.name = NULL},
};

static int encoder_epochs(const anogan *m)
{
    if (m->encoder == ENCODER_NONE)
        return 0;
    return m->encoder_epochs < 0 ? (m->state.epochs + 2) / 3 : m->encoder_epochs;
}

static bool input(const void *self, shape data, shape *in, error *e)
{
    const anogan *m = self;
    const int epochs = encoder_epochs(m);
    if (m->encoder != ENCODER_NONE && (epochs < 1 || epochs >= m->state.epochs))
        return error_set(e, ERROR_INVALID,
                         "encoder_epochs: %d of %d epochs; the GAN needs one at least, and the encoder", epochs,
                         m->state.epochs);
    return bigan_input(self, data, in, e);
}

static shape code_shape(const anogan *m, shape image)
{
    return (shape){image.n, 1, 1, m->latent ? m->latent : bigan_latent(image)};
}

/* What stands between two layers of a discriminator. */
static tensor *activate(const anogan *m, tensor *x, float leak)
{
    return t_leaky(m->discriminator_norm == NORM_BATCH ? nn_batch_norm(m->discriminator, x) : x, leak);
}

/* x → logit, n×1×1×1; the last features go to *f. */
static tensor *discriminate(const anogan *m, graph *g, tensor *x, tensor **f)
{
    net *n = m->discriminator;
    const shape image = tensor_shape(x);
    const bool dense = bigan_is_dense(image), spectral = m->discriminator_norm == NORM_SPECTRAL;
    const float leak = bigan_leak(image);
    struct conv c = {.out = dense ? m->width : 2 * m->width,
                     .kernel = 4,
                     .stride = 2,
                     .same = true,
                     .bias = true,
                     .spectral = spectral};
    bigan_enter(n, g, image);
    x = t_leaky(nn_conv(n, x, c), leak);
    for (int i = 1; i < bigan_halvings(image); i++) {
        c.out *= dense ? 1 : 2;
        x = activate(m, nn_conv(n, x, c), leak);
    }
    if (dense)
        x = activate(m, nn_dense(n, x, (struct conv){.out = 16 * m->width, .bias = true, .spectral = spectral}), leak);
    *f = x;
    return nn_dense(n, x, (struct conv){.out = 1, .bias = true, .spectral = spectral});
}

static void nets(anogan *m, model *own)
{
    m->generator = model_net(own, "generator");
    m->discriminator = model_net(own, "discriminator");
    m->guesser = m->encoder == ENCODER_NONE ? NULL : model_net(own, "encoder");
}

static tensor *encode(const anogan *m, graph *g, tensor *x)
{
    const alad_sizes sizes = {.image = tensor_shape(x), .width = m->width, .latent = code_shape(m, tensor_shape(x)).c};
    return alad_encode(m->guesser, g, &sizes, x);
}

/* The terms of A for the encoder's guess, before they are weighted. */
typedef struct remainder {
    tensor *x_hat, *residual, *discrimination; /* n×1×1×1, except x_hat */
} remainder;

static remainder remainder_of(const anogan *m, graph *g, tensor *x)
{
    tensor *f, *f_hat;
    tensor *x_hat = bigan_generate(m->generator, g, encode(m, g, x), m->width, tensor_shape(x));
    discriminate(m, g, x, &f);
    discriminate(m, g, x_hat, &f_hat);
    return (remainder){.x_hat = x_hat,
                       .residual = t_row_mean(t_square(t_sub(x, x_hat))),
                       .discrimination = t_row_mean(t_square(t_sub(f, f_hat)))};
}

/* Real and generated images are two batches, so batch norm does not mix them. */
static program *discriminator_step(anogan *m, model *own, array *batch, struct adam adam, error *e)
{
    graph *g = method_graph(own, TRAIN, e);
    if (!g)
        return NULL;
    shape image = array_shape(batch);
    tensor *f, *z = t_normal(g, code_shape(m, image));
    tensor *fake = bigan_generate(m->generator, g, z, m->width, image);
    tensor *l_real = t_output(t_bce(discriminate(m, g, t_leaf(g, batch), &f), 1), "loss.discriminator_real");
    tensor *l_fake = t_output(t_bce(discriminate(m, g, fake, &f), 0), "loss.discriminator_fake");
    tensor *l_dis = t_output(t_add(l_real, l_fake), "loss.discriminator");
    minimise(g, l_dis, NETS(m->discriminator), model_adam(own, "discriminator", adam));
    return program_compile(g, e);
}

/* The loss is the non-saturating one; its codes are not those of the discriminator's step. */
static program *generator_step(anogan *m, model *own, array *batch, struct adam adam, error *e)
{
    graph *g = method_graph(own, TRAIN, e);
    if (!g)
        return NULL;
    shape image = array_shape(batch);
    tensor *f, *z = t_normal(g, code_shape(m, image));
    tensor *fake = bigan_generate(m->generator, g, z, m->width, image);
    tensor *l_gen = t_output(t_bce(discriminate(m, g, fake, &f), 1), "loss.generator");
    t_output(t_spread(fake), "spread.generated");
    minimise(g, l_gen, NETS(m->generator), model_adam(own, "generator", adam));
    return program_compile(g, e);
}

/* The GAN normalises by its running statistics here, as it will in scoring. */
static program *encoder_step(anogan *m, model *own, array *batch, struct adam adam, error *e)
{
    graph *g = method_graph(own, TRAIN, e);
    if (!g)
        return NULL;
    net_freeze(m->generator, true);
    net_freeze(m->discriminator, true);
    remainder left = remainder_of(m, g, t_leaf(g, batch));
    net_freeze(m->generator, false);
    net_freeze(m->discriminator, false);
    tensor *l_image = t_output(t_mean(left.residual), "loss.encoder_residual");
    tensor *l_features = t_output(t_mean(left.discrimination), "loss.encoder_discrimination");
    tensor *l_enc = t_output(T_BLEND({1, l_image}, {m->kappa, l_features}), "loss.encoder");
    adam.rate = m->encoder_rate;
    minimise(g, l_enc, NETS(m->guesser), model_adam(own, "encoder", adam));
    return program_compile(g, e);
}

static bool build(void *self, model *own, shape s, error *e)
{
    anogan *m = self;
    nets(m, own);
    array *batch = model_array(own, "x", s);
    if (!batch)
        return error_memory(e, "AnoGAN");
    struct adam adam = {.rate = m->rate, .beta1 = m->beta1, .beta2 = 0.999f, .epsilon = 1e-8f};
    m->programs[0] = discriminator_step(m, own, batch, adam, e);
    m->programs[1] = m->programs[0] ? generator_step(m, own, batch, adam, e) : NULL;
    if (!m->programs[1] || m->encoder == ENCODER_NONE)
        return m->programs[1] != NULL;
    m->programs[2] = encoder_step(m, own, batch, adam, e);
    return m->programs[2] != NULL;
}

static void step(void *self, uint64_t counter)
{
    anogan *m = self;
    const uint64_t gan_epochs = (uint64_t)(m->state.epochs - encoder_epochs(m));
    if (m->encoder != ENCODER_NONE && counter >= gan_epochs * m->state.steps_an_epoch) {
        program_run(m->programs[2], counter);
        return;
    }
    program_run(m->programs[0], counter);
    program_run(m->programs[1], counter);
}

static bool searches(const void *self)
{
    return ((const anogan *)self)->encoder != ENCODER_SCORE;
}

/* For runs in which the encoder's guess gives the score. */
static tensor *score(void *self, model *own, graph *g, tensor *x)
{
    anogan *m = self;
    nets(m, own);
    remainder left = remainder_of(m, g, x);
    t_output(left.x_hat, "reconstruction");
    t_output(left.residual, "score.residual");
    t_output(left.discrimination, "score.discrimination");
    return t_add(left.residual, t_scale(left.discrimination, m->kappa));
}

/* Computes f(x), which is the same at every step of a search, and the encoder's guess. */
static program *features_of(anogan *m, model *own, array *images, shape *found, error *e)
{
    graph *g = method_graph(own, SCORE, e);
    if (!g)
        return NULL;
    tensor *f, *x = t_leaf(g, images);
    discriminate(m, g, x, &f);
    if (m->encoder == ENCODER_WARM)
        t_output(encode(m, g, x), "start");
    *found = tensor_shape(t_output(f, "target"));
    return program_compile(g, e);
}

static program *search_step(anogan *m, model *own, const search_setup *setup, error *e)
{
    graph *g = method_graph(own, SCORE, e);
    if (!g)
        return NULL;
    tensor *f, *x = t_leaf(g, setup->images);
    tensor *x_hat = bigan_generate(m->generator, g, t_leaf(g, setup->codes), m->width, tensor_shape(x));
    discriminate(m, g, x_hat, &f);
    tensor *r = t_output(t_row_sum(t_abs(t_sub(x, x_hat))), "score.residual");
    tensor *d = t_output(t_row_sum(t_abs(t_sub(t_leaf(g, setup->target), f))), "score.discrimination");
    tensor *l = t_output(t_add(t_scale(r, 1 - m->lambda), t_scale(d, m->lambda)), "loss");
    t_output(x_hat, "reconstruction");
    differentiate(g, t_sum(l), setup->codes);
    return program_compile(g, e);
}

static array *slots_array(model *own, const char *what, shape s)
{
    char name[32];
    snprintf(name, sizeof name, "search.%s%d", what, s.n);
    return model_array(own, name, s);
}

static search *search_for(void *self, model *own, shape s, error *e)
{
    anogan *m = self;
    nets(m, own);
    search_setup p = {.images = slots_array(own, "x", s), .codes = slots_array(own, "z", code_shape(m, s))};
    if (!p.images || !p.codes) {
        error_memory(e, "AnoGAN's search");
        return NULL;
    }
    shape features;
    if (!(p.prepare = features_of(m, own, p.images, &features, e)))
        return NULL;
    if (!(p.target = slots_array(own, "f", features))) {
        error_memory(e, "AnoGAN's search");
        return NULL;
    }
    if (!(p.step = search_step(m, own, &p, e)))
        return NULL;
    search_rule rule = {.iterations = m->iterations,
                        .restarts = m->restarts,
                        .rate = m->search_rate,
                        .anneals = m->schedule == SCHEDULE_FALLING,
                        .patience = m->patience,
                        .progress = m->progress,
                        .keeps_last = m->kept == KEPT_LAST};
    return search_new(&p, rule, e);
}

static program *const *programs(const void *self)
{
    return ((const anogan *)self)->programs;
}

const method method_anogan = {
    .id = "anogan",
    .title = "AnoGAN",
    .paper = "T. Schlegl, P. Seeböck, S. M. Waldstein, U. Schmidt-Erfurth, G. Langs: Unsupervised Anomaly Detection "
             "with Generative Adversarial Networks to Guide Marker Discovery. IPMI 2017",
    .summary = "A GAN, and for each image a search for the code whose generated image is closest to it: the score is "
               "the distance that remains. Scoring is slow.",
    .options = options,
    .size = sizeof(anogan),
    .input = input,
    .build = build,
    .step = step,
    .score = score,
    .search = search_for,
    .searches = searches,
    .programs = programs,
};
