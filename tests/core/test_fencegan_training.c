/* SPDX-License-Identifier: MIT */
/* test_fencegan_training.c — Fence GAN trained: a fence of points in the plane, digits. */
#include "bars.h"
#include "base/blas.h"
#include "methods/fencegan.h"
#include "nn/net.h"
#include "thorough.h"

#include <math.h>
#include <stdlib.h>

static train_result train(const train_spec *plan, const dataset *d)
{
    error e;
    train_result r;
    team *t = team_new(2, &e);
    assert_non_null(t);
    if (!train_run(plan, d, t, NULL, &r, &e))
        fail_msg("%s", e.message);
    team_free(t);
    return r;
}

/* Two-dimensional data: what the paper's figures show. */
typedef struct plane {
    team *team;
    model *m;
    net *generator, *discriminator;
    program *real, *fake, *fence;
} plane;

enum { POINTS = 100, STEPS = TURNS(15000, 100) };

static tensor *layers(net *n, graph *g, tensor *x, int width, int out)
{
    net_enter(n, g);
    x = t_relu(nn_dense(n, x, (struct conv){.out = width, .bias = true}));
    x = t_relu(nn_dense(n, x, (struct conv){.out = width, .bias = true}));
    return nn_dense(n, x, (struct conv){.out = out, .bias = true});
}

/* z ~ N(0, 8²I), G(z) = z + MLP(z). */
static tensor *plane_fakes(plane *p, graph *g)
{
    tensor *z = t_scale(t_normal(g, (shape){POINTS, 1, 1, 2}), 8);
    return t_add(z, layers(p->generator, g, z, 10, 2));
}

static program *compiled(graph *g)
{
    error e;
    program *p = program_compile(g, &e);
    if (!p)
        fail_msg("%s", e.message);
    return p;
}

static plane plane_open(uint64_t seed, const fence *f)
{
    error e;
    plane p = {.team = team_new(1, &e)};
    p.m = model_new(seed, p.team, &e);
    assert_non_null(p.m);
    p.generator = model_net(p.m, "generator");
    p.discriminator = model_net(p.m, "discriminator");
    net_init(p.generator, (init_rule){.kind = INIT_GLOROT_UNIFORM});
    net_init(p.discriminator, (init_rule){.kind = INIT_GLOROT_UNIFORM});
    struct adam rule = {.rate = 1e-3f, .beta1 = 0.9f, .beta2 = 0.999f, .epsilon = 1e-7f};
    optim *of_d = model_adam(p.m, "discriminator", rule), *of_g = model_adam(p.m, "generator", rule);

    graph *g = model_graph(p.m, TRAIN);
    tensor *x = t_offset(t_scale(t_normal(g, (shape){POINTS, 1, 1, 2}), 3), 20); /* N((20, 20), 3²I) */
    minimise(g, t_bce(layers(p.discriminator, g, x, 15, 1), 1), NETS(p.discriminator), of_d);
    p.real = compiled(g);

    g = model_graph(p.m, TRAIN);
    tensor *fakes = plane_fakes(&p, g);
    tensor *loss = t_bce(layers(p.discriminator, g, fakes, 15, 1), 0);
    minimise(g, t_scale(loss, 0.1f), NETS(p.discriminator), of_d);
    p.fake = compiled(g);

    g = model_graph(p.m, TRAIN);
    fakes = t_output(plane_fakes(&p, g), "fakes");
    loss = fencegan_generator_loss(fakes, layers(p.discriminator, g, fakes, 15, 1), f);
    minimise(g, loss, NETS(p.generator), of_g);
    p.fence = compiled(g);
    return p;
}

/* How the fakes lie around the cloud's middle. */
typedef struct ring {
    double least, most; /* distance from the middle */
    int octants;        /* that have fakes in them */
} ring;

static ring ring_of(uint64_t seed, float beta)
{
    fence f = {ENCIRCLE_CROSS_ENTROPY, 0.5f, beta};
    plane p = plane_open(seed, &f);
    for (uint64_t i = 0; i < STEPS; i++) {
        program_run(p.real, i);
        program_run(p.fake, i);
        if (i >= 20)
            program_run(p.fence, i);
    }
    ring found = {.least = INFINITY};
    const float *g = program_output(p.fence, "fakes", NULL);
    bool seen[8] = {false};
    for (int i = 0; i < POINTS; i++) {
        double x = (double)g[2 * i] - 20, y = (double)g[2 * i + 1] - 20;
        found.least = fmin(found.least, hypot(x, y));
        found.most = fmax(found.most, hypot(x, y));
        seen[(x > 0) + 2 * (y > 0) + 4 * (fabs(x) > fabs(y))] = true;
    }
    for (int i = 0; i < 8; i++)
        found.octants += seen[i];
    model_free(p.m);
    team_free(p.team);
    return found;
}

/* Without the dispersion one place on the fence is as good as any, and the fakes gather there. */
static void fakes_fence_in_a_cloud_of_points(void **state)
{
    (void)state;
    ring fenced = ring_of(2, 15), undispersed = ring_of(2, 0);
    if (THOROUGH && !(fenced.octants == 8 && fenced.least > 1.5 * 3 && fenced.most < 5 * 3))
        fail_msg("%d octants, distances %g to %g", fenced.octants, fenced.least, fenced.most);
    if (THOROUGH && !(undispersed.octants <= 4))
        fail_msg("%d octants without dispersion", undispersed.octants);
}

static double auroc_of_zeros(const dataset *d, const char *path, uint64_t seed, const char *epochs)
{
    const struct train_option options[] = {
        {"width", "8"},
        {"latent", "16"},
        {"batch", "16"},
        {"epochs", epochs},
        {"pretrain", "3"},
        {"rate_generator", "0.001"},
        {"rate_discriminator", "0.001"},
    };
    train_spec plan = {.method = method_find("fencegan"),
                       .options = options,
                       .option_count = sizeof options / sizeof *options,
                       .protocol = {.protocol = PROTOCOL_ONE_CLASS, .class_index = 0},
                       .held_out = 0.1,
                       .seed = seed,
                       .model_path = path,
                       .checkpoint_s = 1e9};
    return train(&plan, d).auroc.value;
}

/* A discriminator that has seen only the untrained generator's grey images calls what has little ink normal, and zeros
 * have most: its AUROC is far below 1/2. Only fakes that come close to zeros, as the fence has them, turn that around.
 */
static void other_digits_score_higher_once_zeros_are_fenced_in(void **state)
{
    (void)state;
    error e;
    dataset_info info;
    scratch s = scratch_make();
    char source[512];
    snprintf(source, sizeof source, "%s/mnist-sample", getenv("ANOMALYD_TEST_DATA"));
    if (!dataset_import(source, scratch_at(&s, "sample").text, &info, &e))
        fail_msg("%s", e.message);
    dataset *d = dataset_open(scratch_at(&s, "sample").text, &e);
    assert_non_null(d);
    double unfenced = auroc_of_zeros(d, scratch_at(&s, "model").text, 0, "4"), fenced = 0;
    for (uint64_t seed = 0; THOROUGH && seed < 3; seed++)
        fenced += auroc_of_zeros(d, scratch_at(&s, "model").text, seed, "40") / 3;
    if (THOROUGH && !(unfenced < 0.4 && fenced > 0.7))
        fail_msg("AUROC %g before there is a fence and %g after", unfenced, fenced);
    dataset_free(d);
    scratch_remove(&s);
}

int main(int argc, char **argv)
{
    (void)argc;
    error e;
    if (!blas_start(argv, &e))
        return 1;
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(fakes_fence_in_a_cloud_of_points),
        cmocka_unit_test(other_digits_score_higher_once_zeros_are_fenced_in),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
