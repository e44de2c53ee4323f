/* SPDX-License-Identifier: MIT */
/*
 * alad.c — Adversarially Learned Anomaly Detection (Zenati, Romain, Foo, Lecouat & Chandrasekhar, ICDM 2018).
 *
 * A bidirectional GAN with an encoder E and a generator G, held to be inverses by two more discriminators: D_xz tells
 * (x, E(x)) from (G(z), z), D_xx tells (x, x) from (x, G(E(x))), and D_zz tells (z, z) from (z, E(G(z))). The score is
 * how far D_xx's features of (x, x) are from those of (x, G(E(x))).
 */
#include "methods/alad_nets.h"
#include "methods/bigan_nets.h"
#include "methods/method.h"

#include "graph/tensor.h"

enum score { SCORE_FEATURES, SCORE_L1, SCORE_L2, SCORE_LOGITS };
static const char *const scores[] = {"features", "l1", "l2", "logits", NULL};
static const char *const pairs[] = {"channels", "rows", NULL};

typedef struct alad {
    struct method_state state;
    int width, latent, pairs, score;
    bool spectral, dzz;
    float dropout, rate, beta1;

    alad_sizes sizes;
    net *encoder, *generator, *d_xz, *d_xx, *d_zz;
    program *train_discriminators, *train_generator;
    program *programs[3];
} alad;

static const option options[] = {
    TRAINING_OPTIONS(alad, 25, 32, 0.999),
    OPTION(OPTION_INT, alad, width, BIGAN_WIDTH, 4, 256, "channels", "scale of every layer; 64 is the author's",
           "author's code"),
    OPTION(OPTION_INT, alad, latent, 0, 0, 2048, "", "length of the code z; 0: 100, or 200 with dense layers",
           "author's code"),
    OPTION(OPTION_FLAG, alad, spectral, 1, 0, 1, "", "spectral norm in the encoder and the discriminators",
           "paper, section III.C"),
    OPTION(OPTION_FLAG, alad, dzz, 1, 0, 1, "", "the discriminator of pairs of codes, D_zz", "paper, section III.B"),
    OPTION_OF(alad, pairs, PAIRS_CHANNELS, pairs,
              "how D_xx is shown two images: as channels of one, or one above the other (released code)",
              "ours; author's code"),
    OPTION(OPTION_REAL, alad, dropout, 0.2, 0, 0.9, "", "dropout in the discriminators", "author's code"),
    OPTION(OPTION_REAL, alad, rate, 2e-4, 1e-7, 1, "", "Adam's learning rate", "author's code"),
    OPTION(OPTION_REAL, alad, beta1, 0.5, 0, 0.999, "", "Adam's decay of the first moment", "author's code"),
    OPTION_OF(alad, score, SCORE_FEATURES, scores,
              "distance of D_xx's features, of the pixels by L1 or L2, or D_xx's logit", "paper, section III.D"),
    {.name = NULL},
};

static void nets(alad *m, model *own, shape image)
{
    m->encoder = model_net(own, "encoder");
    m->generator = model_net(own, "generator");
    m->d_xz = model_net(own, "d_xz");
    m->d_xx = model_net(own, "d_xx");
    m->d_zz = m->dzz ? model_net(own, "d_zz") : NULL;
    m->sizes = (alad_sizes){.image = image,
                            .width = m->width,
                            .latent = m->latent ? m->latent : bigan_latent(image),
                            .spectral = m->spectral,
                            .dropout = m->dropout,
                            .pairs = m->pairs};
}

/* The tensors of one step: data, samples, and their images under E and G. */
typedef struct cycle {
    tensor *x, *z;         /* data and a sample of the prior */
    tensor *x_new, *z_new; /* x̃ = G(z), ẑ = E(x) */
    tensor *x_hat, *z_hat; /* x̂ = G(E(x)), z̃ = E(G(z)) */
} cycle;

static cycle cycle_of(const alad *m, graph *g, array *batch)
{
    const alad_sizes *s = &m->sizes;
    cycle c = {.x = t_leaf(g, batch)};
    c.z = t_normal(g, (shape){tensor_shape(c.x).n, 1, 1, s->latent});
    c.x_new = bigan_generate(m->generator, g, c.z, s->width, s->image);
    c.z_new = alad_encode(m->encoder, g, s, c.x);
    c.x_hat = bigan_generate(m->generator, g, c.z_new, s->width, s->image);
    c.z_hat = m->dzz ? alad_encode(m->encoder, g, s, c.x_new) : NULL;
    return c;
}

/* Each discriminator learns from its own loss, in which real pairs are labelled 1 and made ones 0. */
static program *discriminators(alad *m, model *own, array *batch, struct adam rule, error *e)
{
    const alad_sizes *s = &m->sizes;
    graph *g = model_graph(own, TRAIN);
    optim *adam_xz = model_adam(own, "d_xz", rule), *adam_xx = model_adam(own, "d_xx", rule);
    optim *adam_zz = model_adam(own, "d_zz", rule);
    if (!g || !adam_zz) {
        error_memory(e, "ALAD's discriminators");
        return NULL;
    }
    cycle c = cycle_of(m, g, batch);

    tensor *l_xz = T_BLEND({1, t_bce(alad_judge_xz(m->d_xz, g, s, c.x, c.z_new), 1)},
                           {1, t_bce(alad_judge_xz(m->d_xz, g, s, c.x_new, c.z), 0)});
    minimise(g, t_output(l_xz, "loss.discriminator_xz"), NETS(m->d_xz), adam_xz);

    tensor *l_xx = T_BLEND({1, t_bce(alad_judge_xx(m->d_xx, g, s, c.x, c.x, NULL), 1)},
                           {1, t_bce(alad_judge_xx(m->d_xx, g, s, c.x, c.x_hat, NULL), 0)});
    minimise(g, t_output(l_xx, "loss.discriminator_xx"), NETS(m->d_xx), adam_xx);

    if (m->dzz) {
        tensor *l_zz = T_BLEND({1, t_bce(alad_judge_zz(m->d_zz, g, s, c.z, c.z), 1)},
                               {1, t_bce(alad_judge_zz(m->d_zz, g, s, c.z, c.z_hat), 0)});
        minimise(g, t_output(l_zz, "loss.discriminator_zz"), NETS(m->d_zz), adam_zz);
    }
    return program_compile(g, e);
}

/* E and G learn with the labels exchanged. The terms of (x, x) and (z, z) do not depend on them and are left out. */
static program *generators(alad *m, model *own, array *batch, struct adam rule, error *e)
{
    const alad_sizes *s = &m->sizes;
    graph *g = model_graph(own, TRAIN);
    optim *adam = model_adam(own, "generator", rule);
    if (!g || !adam) {
        error_memory(e, "ALAD's generator");
        return NULL;
    }
    cycle c = cycle_of(m, g, batch);

    tensor *l_cycle = t_bce(alad_judge_xx(m->d_xx, g, s, c.x, c.x_hat, NULL), 1);
    if (m->dzz)
        l_cycle = T_BLEND({1, l_cycle}, {1, t_bce(alad_judge_zz(m->d_zz, g, s, c.z, c.z_hat), 1)});
    tensor *l_x = t_bce(alad_judge_xz(m->d_xz, g, s, c.x_new, c.z), 1);
    tensor *l_z = t_bce(alad_judge_xz(m->d_xz, g, s, c.x, c.z_new), 0);
    t_output(T_BLEND({1, l_x}, {1, l_cycle}), "loss.generator");
    t_output(T_BLEND({1, l_z}, {1, l_cycle}), "loss.encoder");

    /* l_x does not depend on E, nor l_z on G: the sum's gradient is, for each, that of its own loss. */
    minimise(g, T_BLEND({1, l_x}, {1, l_z}, {1, l_cycle}), NETS(m->encoder, m->generator), adam);
    t_output(t_spread(c.x_new), "spread.generated");
    t_output(t_spread(c.x_hat), "spread.reconstruction");
    return program_compile(g, e);
}

static bool build(void *self, model *own, shape image, error *e)
{
    alad *m = self;
    nets(m, own, image);
    array *batch = model_array(own, "x", image);
    if (!batch)
        return error_memory(e, "ALAD");
    struct adam rule = {.rate = m->rate, .beta1 = m->beta1, .beta2 = 0.999f, .epsilon = 1e-8f};
    m->train_discriminators = m->programs[0] = discriminators(m, own, batch, rule, e);
    if (!m->train_discriminators)
        return false;
    m->train_generator = m->programs[1] = generators(m, own, batch, rule, e);
    return m->train_generator != NULL;
}

static void step(void *self, uint64_t counter)
{
    alad *m = self;
    program_run(m->train_discriminators, counter);
    program_run(m->train_generator, counter);
}

static tensor *score(void *self, model *own, graph *g, tensor *x)
{
    alad *m = self;
    nets(m, own, tensor_shape(x));
    const alad_sizes *s = &m->sizes;
    tensor *z = alad_encode(m->encoder, g, s, x);
    tensor *x_hat = t_output(bigan_generate(m->generator, g, z, s->width, s->image), "reconstruction");
    tensor *difference = t_sub(x, x_hat);
    tensor *f, *f_hat; /* D_xx's last features of (x, x) and (x, x̂) */
    alad_judge_xx(m->d_xx, g, s, x, x, &f);
    tensor *logit = alad_judge_xx(m->d_xx, g, s, x, x_hat, &f_hat);

    tensor *all[] = {
        [SCORE_FEATURES] = t_output(t_row_sum(t_abs(t_sub(f, f_hat))), "score.features"),
        [SCORE_L1] = t_output(t_row_sum(t_abs(difference)), "score.l1"),
        [SCORE_L2] = t_output(t_row_norm(difference), "score.l2"),
        /* The paper's -log σ(l) falls with l, so -l ranks images alike. */
        [SCORE_LOGITS] = t_output(t_scale(logit, -1), "score.logits"),
    };
    return t_scale(all[m->score], 1); /* a separate tensor, since the other has a name already */
}

static program *const *programs(const void *self)
{
    return ((const alad *)self)->programs;
}

extern const method method_alad;
const method method_alad = {
    .id = "alad",
    .title = "ALAD",
    .paper = "H. Zenati, M. Romain, C.-S. Foo, B. Lecouat, V. Chandrasekhar: Adversarially Learned Anomaly Detection. "
             "ICDM 2018",
    .summary =
        "A bidirectional GAN with cycle consistency: the score is how far a discriminator's features of an image "
        "and its reconstruction are from those of the image and itself.",
    .options = options,
    .size = sizeof(alad),
    .input = bigan_input,
    .build = build,
    .step = step,
    .score = score,
    .programs = programs,
};
