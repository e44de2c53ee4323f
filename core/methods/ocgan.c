/* SPDX-License-Identifier: MIT */
/*
 * ocgan.c — OCGAN (Perera, Nallapati & Xiang, CVPR 2019): one-class novelty detection with constrained latent
 * representations.
 *
 * A denoising autoencoder whose codes are held in (-1, 1)^d. The latent discriminator D_l makes the codes of normal
 * images fill that cube; the visual discriminator D_v makes every point of the cube decode to an image of the class;
 * and the classifier C finds points that do not yet ("informative negatives"), from which the decoder is then
 * taught. An image of another class then has no code that decodes to it: the score is the reconstruction error. The
 * five networks keep the paper's names.
 */
#include "methods/method.h"

#include "graph/tensor.h"
#include "nn/net.h"

enum layout { LAYOUT_NATIVE, LAYOUT_AUTHOR };
static const char *const layouts[] = {"native", "author", NULL};
enum variant { SCORE_RECONSTRUCTION, SCORE_VISUAL };
static const char *const variants[] = {"reconstruction", "visual", NULL};

typedef struct ocgan {
    struct method_state state;
    int layout, width, width_visual, latent, mining_steps, mining_from, variant;
    float w_mse, w_visual, w_latent, noise, dropout, mining_rate, rate, beta1;

    model *own;
    net *en, *de, *d_v, *d_l, *c;
    array *v; /* the point that mining moves; its tanh is the code l2' */
    random_key starts;
    program *mine, *judge, *autoencode;
    program *programs[4];
} ocgan;

static const option options[] = {
    TRAINING_OPTIONS(ocgan, 25, 64, 0.99),
    OPTION_OF(ocgan, layout, LAYOUT_NATIVE, layouts,
              "native: padded convolutions at the images' own size; author: 61x61 in three colours without padding",
              "author's code"),
    OPTION(OPTION_INT, ocgan, width, 64, 2, 512, "channels", "channels after the first convolution of En and C",
           "paper"),
    OPTION(OPTION_INT, ocgan, width_visual, 12, 2, 512, "channels", "channels after the first convolution of D_v",
           "paper"),
    OPTION(OPTION_INT, ocgan, latent, 16, 2, 4096, "", "length d of the code", "author's code"),
    OPTION(OPTION_REAL, ocgan, w_mse, 10, 0, 1000, "",
           "weight of the reconstruction error (the author's code: 5, with w_latent 10)", "paper"),
    OPTION(OPTION_REAL, ocgan, w_visual, 1, 0, 1000, "", "weight of D_v's judgement of mined images", "paper"),
    OPTION(OPTION_REAL, ocgan, w_latent, 1, 0, 1000, "", "weight of D_l's judgement of codes", "paper"),
    OPTION(OPTION_REAL, ocgan, noise, 0.2, 0, 2, "", "standard deviation of the noise on En's input, redrawn each step",
           "paper"),
    OPTION(OPTION_REAL, ocgan, dropout, 0, 0, 0.9, "",
           "rate of the dropout before De's last layer (author's code: 0.5)", "paper"),
    OPTION(OPTION_INT, ocgan, mining_steps, 5, 0, 100, "steps",
           "gradient steps that look for an informative negative (the author's code: 1)", "paper"),
    OPTION(OPTION_REAL, ocgan, mining_rate, 2, 0, 1000, "", "length of these steps", "author's code"),
    OPTION(OPTION_INT, ocgan, mining_from, 1500, 0, 100000000, "steps",
           "training steps before mining begins (the author's 150 epochs of 10 or 11)", "author's code"),
    OPTION(OPTION_REAL, ocgan, rate, 2e-4, 1e-7, 1, "", "Adam's learning rate", "author's code"),
    OPTION(OPTION_REAL, ocgan, beta1, 0.5, 0, 0.999, "", "Adam's decay of the first moment", "author's code"),
    {.name = "score",
     .type = OPTION_CHOICE,
     .offset = offsetof(ocgan, variant),
     .preset = SCORE_RECONSTRUCTION,
     .choices = variants,
     .unit = "",
     .help = "the reconstruction's mean squared error, or minus D_v's logit of the reconstruction",
     .source = "paper; author's code"},
    {.name = NULL},
};

/* --- the networks --- */

enum { KERNEL = 5, SIDE_MIN = 16, SIDE_MAX = 128, SIDE_LAST = 5, LEVELS_MAX = 5, AUTHOR_SIDE = 61 };
static const float leak = 0.2f;

static bool input(const void *self, shape data, shape *in, error *e)
{
    const ocgan *m = self;
    *in = data;
    if (m->layout == LAYOUT_AUTHOR)
        *in = (shape){1, AUTHOR_SIDE, AUTHOR_SIDE, 3};
    if (in->h != in->w)
        return error_set(e, ERROR_UNSUPPORTED, "images of %d x %d: these networks need square ones", data.w, data.h);
    if (in->h < SIDE_MIN || in->h > SIDE_MAX)
        return error_set(e, ERROR_UNSUPPORTED, "images of %d x %d: these networks take %d x %d to %d x %d", data.w,
                         data.h, SIDE_MIN, SIDE_MIN, SIDE_MAX, SIDE_MAX);
    return true;
}

/* Fills sides[] with the sides of the maps from the image's, sides[0], to the first that is at most SIDE_LAST. Returns
 * the number of convolutions between them. */
static int sides_of(const ocgan *m, int side, int sides[LEVELS_MAX + 1])
{
    int levels = 0;
    for (sides[0] = side; sides[levels] > SIDE_LAST; levels++)
        sides[levels + 1] = m->layout == LAYOUT_AUTHOR ? (sides[levels] - KERNEL) / 2 + 1 : (sides[levels] + 1) / 2;
    return levels;
}

static int channels(int width, int level)
{
    return level < 2 ? width << level : 4 * width;
}

/* Returns the layer between maps of sides `large` and `small`, in either direction. It pads as TensorFlow's SAME where
 * the sides differ by a factor of two, and not at all for the author's sides. */
static struct conv layer(int large, int small, int out, bool bias)
{
    int total = (small - 1) * 2 + KERNEL - large;
    return (struct conv){
        .out = out, .kernel = KERNEL, .stride = 2, .pad = total / 2, .pad_end = total % 2, .bias = bias};
}

/* x → n×1×1×out: En, D_v and C. */
static tensor *contract(const ocgan *m, net *n, tensor *x, int width, struct conv head)
{
    int sides[LEVELS_MAX + 1], levels = sides_of(m, tensor_shape(x).h, sides);
    for (int i = 0; i < levels; i++) {
        x = nn_conv(n, x, layer(sides[i], sides[i + 1], channels(width, i), i == 0));
        x = t_leaky(i ? nn_batch_norm(n, x) : x, leak);
    }
    return nn_dense(n, x, head);
}

static tensor *encode(const ocgan *m, graph *g, tensor *x)
{
    net_enter(m->en, g);
    struct conv code = {.out = m->latent, .bias = m->layout == LAYOUT_NATIVE};
    return t_tanh(contract(m, m->en, x, m->width, code));
}

/* The caller must have entered De: it knows whether this application may move the running statistics. */
static tensor *expand(const ocgan *m, tensor *l, shape image)
{
    int sides[LEVELS_MAX + 1] = {0}, levels = sides_of(m, image.h, sides), last = sides[levels];
    int inner = channels(m->width, levels - 1);
    tensor *x = nn_dense(m->de, l, (struct conv){.out = last * last * inner, .bias = m->layout == LAYOUT_NATIVE});
    x = t_reshape(x, (shape){tensor_shape(l).n, last, last, inner});
    x = t_relu(nn_batch_norm(m->de, x));
    for (int i = levels - 1; i > 0; i--) {
        x = nn_deconv(m->de, x, layer(sides[i], sides[i + 1], channels(m->width, i - 1), false));
        x = nn_batch_norm(m->de, x);
        x = t_relu(i == 1 ? t_dropout(x, m->dropout) : x);
    }
    return t_tanh(nn_deconv(m->de, x, layer(sides[0], sides[1], image.c, true)));
}

static tensor *decode(const ocgan *m, graph *g, tensor *l, shape image)
{
    net_enter(m->de, g);
    return expand(m, l, image);
}

/* Returns D_v's logit: that x is an image of the class. */
static tensor *judge_image(const ocgan *m, graph *g, tensor *x)
{
    net_enter(m->d_v, g);
    return contract(m, m->d_v, x, m->width_visual, (struct conv){.out = 1, .bias = true});
}

/* Returns C's logit: that x was decoded from the code of an image, not from a point of the cube. */
static tensor *classify(const ocgan *m, graph *g, tensor *x)
{
    net_enter(m->c, g);
    return contract(m, m->c, x, m->width, (struct conv){.out = 1, .bias = true});
}

/* Returns D_l's logit: that l was drawn uniformly. The author's code applies two sigmoids in a row; this has one. */
static tensor *judge_code(const ocgan *m, graph *g, tensor *l)
{
    static const int units[] = {128, 64, 32, 16};
    net_enter(m->d_l, g);
    for (int i = 0; i < 4; i++)
        l = t_relu(nn_dense(m->d_l, l, (struct conv){.out = units[i], .bias = true}));
    return nn_dense(m->d_l, l, (struct conv){.out = 1, .bias = true});
}

static void nets(ocgan *m, model *own)
{
    m->own = own;
    m->en = model_net(own, "encoder");
    m->de = model_net(own, "decoder");
    m->d_v = model_net(own, "visual_discriminator");
    m->d_l = model_net(own, "latent_discriminator");
    m->c = model_net(own, "classifier");
}

/* --- one iteration --- */

static optim *adam(const ocgan *m, const char *name)
{
    return model_adam(m->own, name,
                      (struct adam){.rate = m->rate, .beta1 = m->beta1, .beta2 = 0.999f, .epsilon = 1e-8f});
}

static tensor *noisy(const ocgan *m, graph *g, tensor *x)
{
    return t_add(x, t_scale(t_normal(g, tensor_shape(x)), m->noise));
}

/* Builds the program that moves v to where C is surest that De(tanh v) is not of the class. The loss is the batch's
 * sum, so that every row has its own gradient. */
static bool build_mining(ocgan *m, shape s, error *e)
{
    optim *sgd = model_sgd(m->own, "mining", m->mining_rate);
    graph *g = model_graph(m->own, TRAIN);
    if (!sgd || !g)
        return error_memory(e, "OCGAN");
    tensor *l2 = t_tanh(t_leaf(g, m->v));
    tensor *l_mining = t_output(t_bce(classify(m, g, decode(m, g, l2, s)), 0), "loss.mining");
    minimise_at(g, T_BLEND({(float)s.n, l_mining}), m->v, sgd);
    m->mine = m->programs[0] = program_compile(g, e);
    return m->mine != NULL;
}

/* Builds the step of D_v, D_l and C. They do not depend on each other, so they share one forward pass of En and De. */
static bool build_judges(ocgan *m, array *batch, shape s, error *e)
{
    optim *of_visual = adam(m, "visual"), *of_latent = adam(m, "latent"), *of_classifier = adam(m, "classifier");
    graph *g = model_graph(m->own, TRAIN);
    if (!of_visual || !of_latent || !of_classifier || !g)
        return error_memory(e, "OCGAN");
    shape codes = {s.n, 1, 1, m->latent};
    tensor *x = t_leaf(g, batch);
    tensor *l1 = encode(m, g, noisy(m, g, x));
    tensor *l2 = t_uniform(g, codes, -1, 1), *l2_star = t_uniform(g, codes, -1, 1);
    tensor *of_l1 = decode(m, g, l1, s), *of_l2 = decode(m, g, l2, s);

    tensor *l_visual = T_BLEND({0.5f, t_bce(judge_image(m, g, x), 1)}, {0.5f, t_bce(judge_image(m, g, of_l2), 0)});
    tensor *l_latent = T_BLEND({0.5f, t_bce(judge_code(m, g, l2_star), 1)}, {0.5f, t_bce(judge_code(m, g, l1), 0)});
    tensor *l_class = T_BLEND({0.5f, t_bce(classify(m, g, of_l2), 0)}, {0.5f, t_bce(classify(m, g, of_l1), 1)});

    minimise(g, t_output(l_visual, "loss.visual_discriminator"), NETS(m->d_v), of_visual);
    minimise(g, t_output(l_latent, "loss.latent_discriminator"), NETS(m->d_l), of_latent);
    minimise(g, t_output(l_class, "loss.classifier"), NETS(m->c), of_classifier);
    m->judge = m->programs[1] = program_compile(g, e);
    return m->judge != NULL;
}

/* Builds the step of En and De. The loss of D_l for l1 moves En alone, that of D_v for De(tanh v) moves De alone, since
 * v is constant here; the reconstruction error moves both. Only reconstructions move De's running statistics, since
 * these are what is scored. */
static bool build_autoencoder(ocgan *m, array *batch, shape s, error *e)
{
    optim *of_both = adam(m, "autoencoder");
    graph *g = model_graph(m->own, TRAIN);
    if (!of_both || !g)
        return error_memory(e, "OCGAN");
    tensor *x = t_leaf(g, batch);
    tensor *l1 = encode(m, g, noisy(m, g, x));
    tensor *x_hat = decode(m, g, l1, s);
    net_enter_keep_stats(m->de, g);
    tensor *mined = expand(m, t_tanh(t_leaf(g, m->v)), s);

    tensor *l_mse = t_output(t_l2(x_hat, x), "loss.mse");
    tensor *l_visual = t_output(t_bce(judge_image(m, g, mined), 1), "loss.visual");
    tensor *l_latent = t_output(t_bce(judge_code(m, g, l1), 1), "loss.latent");
    tensor *l_both = T_BLEND({m->w_mse, l_mse}, {m->w_visual, l_visual}, {m->w_latent, l_latent});

    minimise(g, t_output(l_both, "loss.autoencoder"), NETS(m->en, m->de), of_both);
    t_output(t_spread(x_hat), "spread.reconstruction");
    m->autoencode = m->programs[2] = program_compile(g, e);
    return m->autoencode != NULL;
}

static bool build(void *self, model *own, shape s, error *e)
{
    ocgan *m = self;
    nets(m, own);
    array *batch = model_array(own, "x", s);
    m->v = model_array(own, "v", (shape){s.n, 1, 1, m->latent});
    m->starts = random_stream(model_seed(own), "ocgan/starts");
    if (!batch || !m->v)
        return error_memory(e, "OCGAN");
    return build_mining(m, s, e) && build_judges(m, batch, s, e) && build_autoencoder(m, batch, s, e);
}

/* Whether a step mines depends on its number alone, so that a resumed run has the same bits. */
static void step(void *self, uint64_t counter)
{
    ocgan *m = self;
    random_uniform(m->starts, counter, -1, 1, array_values(m->v), shape_size(array_shape(m->v)));
    uint64_t mining = counter >= (uint64_t)m->mining_from ? (uint64_t)m->mining_steps : 0;
    for (uint64_t k = 0; k < mining; k++)
        program_run(m->mine, counter * mining + k);
    program_run(m->judge, counter);
    program_run(m->autoencode, counter);
}

static tensor *score(void *self, model *own, graph *g, tensor *x)
{
    ocgan *m = self;
    nets(m, own);
    tensor *x_hat = t_output(decode(m, g, encode(m, g, x), tensor_shape(x)), "reconstruction");
    tensor *all[] = {
        [SCORE_RECONSTRUCTION] = t_output(t_row_mean(t_square(t_sub(x_hat, x))), "score.reconstruction"),
        [SCORE_VISUAL] = t_output(t_scale(judge_image(m, g, x_hat), -1), "score.visual"),
    };
    return t_scale(all[m->variant], 1); /* a separate tensor, since the other has a name already */
}

static program *const *programs(const void *self)
{
    return ((const ocgan *)self)->programs;
}

const method method_ocgan = {
    .id = "ocgan",
    .title = "OCGAN",
    .paper = "P. Perera, R. Nallapati, B. Xiang: OCGAN: One-class Novelty Detection Using GANs with Constrained Latent "
             "Representations. CVPR 2019",
    .summary = "A denoising autoencoder all of whose codes must decode to images of the class: the score is the error "
               "of the reconstruction.",
    .options = options,
    .size = sizeof(ocgan),
    .input = input,
    .build = build,
    .step = step,
    .score = score,
    .programs = programs,
};
