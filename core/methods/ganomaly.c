/* SPDX-License-Identifier: MIT */
/*
 * ganomaly.c — GANomaly (Akcay, Atapour-Abarghouei & Breckon, ACCV 2018), as the author's released code builds it.
 *
 * An encoder E1, a decoder and a second encoder E2: z = E1(x), x̂ = Dec(z), ẑ = E2(x̂). A normal image has the same
 * code before and after the decoder; the score is the distance between z and ẑ. The paper's generator is E1, Dec and
 * E2 together. The released code trains the generator by feature matching and the discriminator by cross-entropy; the
 * version behind the paper had them the other way round.
 */
#include "methods/dcgan.h"
#include "methods/method.h"

#include "graph/tensor.h"

enum distance { DISTANCE_SQUARED, DISTANCE_ABSOLUTE };
static const char *const distances[] = {"squared", "absolute", NULL};

typedef struct ganomaly {
    struct method_state state;
    int width, latent, distance;
    float w_adv, w_con, w_enc, rate, beta1, collapse;

    net *encoder, *decoder, *encoder_hat, *discriminator;
    optim *adam_dis;
    program *train;
    program *programs[2];
} ganomaly;

static const option options[] = {
    TRAINING_OPTIONS(ganomaly, 15, 64, 0.99),
    OPTION(OPTION_INT, ganomaly, width, 64, 4, 512, "channels", "channels after the first convolution",
           "author's code"),
    OPTION(OPTION_INT, ganomaly, latent, 100, 2, 2048, "", "length of the code z", "author's code"),
    OPTION(OPTION_REAL, ganomaly, w_adv, 1, 0, 1000, "", "weight of the feature-matching loss", "paper, eq. 4"),
    OPTION(OPTION_REAL, ganomaly, w_con, 50, 0, 1000, "", "weight of the reconstruction loss", "paper, eq. 4"),
    OPTION(OPTION_REAL, ganomaly, w_enc, 1, 0, 1000, "", "weight of the encoding loss", "paper, eq. 4"),
    OPTION(OPTION_REAL, ganomaly, rate, 2e-4, 1e-7, 1, "", "Adam's learning rate", "author's code"),
    OPTION(OPTION_REAL, ganomaly, beta1, 0.5, 0, 0.999, "", "Adam's decay of the first moment", "author's code"),
    OPTION(OPTION_REAL, ganomaly, collapse, 1e-5, 0, 1, "",
           "discriminator loss below which the discriminator starts afresh", "author's code"),
    OPTION_OF(ganomaly, distance, DISTANCE_SQUARED, distances,
              "distance between z and its re-encoding: mean squared (code) or mean absolute (paper, eq. 9)",
              "author's code; paper, eq. 9"),
    {.name = NULL},
};

static bool input(const void *self, shape data, shape *in, error *e)
{
    (void)self;
    int side;
    if (!dcgan_side(data, &side, e))
        return false;
    *in = (shape){1, side, side, data.c};
    return true;
}

static void nets(ganomaly *m, model *own)
{
    m->encoder = model_net(own, "encoder");
    m->decoder = model_net(own, "decoder");
    m->encoder_hat = model_net(own, "encoder_hat");
    m->discriminator = model_net(own, "discriminator");
}

static bool build(void *self, model *own, shape s, error *e)
{
    ganomaly *m = self;
    nets(m, own);
    array *batch = model_array(own, "x", s);
    struct adam adam = {.rate = m->rate, .beta1 = m->beta1, .beta2 = 0.999f, .epsilon = 1e-8f};
    optim *adam_gen = model_adam(own, "generator", adam);
    m->adam_dis = model_adam(own, "discriminator", adam);
    graph *g = model_graph(own, TRAIN);
    if (!batch || !m->adam_dis || !g)
        return error_memory(e, "GANomaly");

    tensor *f, *f_hat; /* the discriminator's last features of x and x̂ */
    tensor *x = t_leaf(g, batch);
    tensor *z = dcgan_encode(m->encoder, g, x, m->width, m->latent, NULL);
    tensor *x_hat = dcgan_decode(m->decoder, g, z, m->width, s.h, s.c);
    tensor *z_hat = dcgan_encode(m->encoder_hat, g, x_hat, m->width, m->latent, NULL);
    tensor *real = dcgan_encode(m->discriminator, g, x, m->width, 1, &f);
    tensor *fake = dcgan_encode(m->discriminator, g, x_hat, m->width, 1, &f_hat);

    tensor *l_adv = t_output(t_l2(f_hat, f), "loss.adversarial"); /* eq. 1 */
    tensor *l_con = t_output(t_l1(x_hat, x), "loss.contextual");  /* eq. 2 */
    tensor *l_enc = t_output(t_l2(z, z_hat), "loss.encoder");     /* eq. 3, squared as in the code */
    tensor *l_gen = T_BLEND({m->w_adv, l_adv}, {m->w_con, l_con}, {m->w_enc, l_enc}); /* eq. 4 */
    tensor *l_dis = T_BLEND({0.5f, t_bce(real, 1)}, {0.5f, t_bce(fake, 0)});

    minimise(g, t_output(l_gen, "loss.generator"), NETS(m->encoder, m->decoder, m->encoder_hat), adam_gen);
    minimise(g, t_output(l_dis, "loss.discriminator"), NETS(m->discriminator), m->adam_dis);
    t_output(t_spread(x_hat), "spread.reconstruction");
    m->train = m->programs[0] = program_compile(g, e);
    return m->train != NULL;
}

static void step(void *self, uint64_t counter)
{
    ganomaly *m = self;
    program_run(m->train, counter);
    if (*program_output(m->train, "loss.discriminator", NULL) < m->collapse) {
        net_reset(m->discriminator);
        optim_reset(m->adam_dis);
    }
}

static tensor *score(void *self, model *own, graph *g, tensor *x)
{
    ganomaly *m = self;
    nets(m, own);
    shape s = tensor_shape(x);
    tensor *z = dcgan_encode(m->encoder, g, x, m->width, m->latent, NULL);
    tensor *x_hat = t_output(dcgan_decode(m->decoder, g, z, m->width, s.h, s.c), "reconstruction");
    tensor *z_hat = dcgan_encode(m->encoder_hat, g, x_hat, m->width, m->latent, NULL);
    tensor *difference = t_sub(z, z_hat);
    tensor *all[] = {
        [DISTANCE_SQUARED] = t_output(t_row_mean(t_square(difference)), "score.latent_squared"),
        [DISTANCE_ABSOLUTE] = t_output(t_row_mean(t_abs(difference)), "score.latent_absolute"),
    };
    t_output(t_row_mean(t_abs(t_sub(x_hat, x))), "score.reconstruction"); /* eq. 2 of one image */
    return t_scale(all[m->distance], 1); /* a separate tensor, since the other has a name already */
}

static program *const *programs(const void *self)
{
    return ((const ganomaly *)self)->programs;
}

static uint64_t restarts(const void *self)
{
    return net_resets(((const ganomaly *)self)->discriminator);
}

const method method_ganomaly = {
    .id = "ganomaly",
    .title = "GANomaly",
    .paper = "S. Akcay, A. Atapour-Abarghouei, T. P. Breckon: GANomaly: Semi-Supervised Anomaly Detection via "
             "Adversarial Training. ACCV 2018",
    .summary = "An encoder-decoder-encoder: the score is how far the code of an image is from the code of its "
               "reconstruction.",
    .options = options,
    .size = sizeof(ganomaly),
    .input = input,
    .build = build,
    .step = step,
    .score = score,
    .programs = programs,
    .restarts = restarts,
};
