/* SPDX-License-Identifier: MIT */
/* test_scored.c — what a scoring pass gives beside scores: of every method that reconstructs, and the same bits in any
 * company. */
#include "base/blas.h"
#include "train/joint.h"
#include "trial.h"

enum { IMAGES = 21, SIDE = 16, ROW = SIDE * SIDE, VARIANTS_MAX = 4 };

static const int batches[] = {1, 8, 0};

enum { LEAN = false, FULL = true };

/* A method with fresh weights, or fitted on its own images, and images to score. */
typedef struct pass {
    team *team;
    model *model;
    void *self;
    evaluator *evaluator;
    float *images;
    size_t count;
} pass;

static pass pass_make(const char *id, int threads, const char *const *options, bool variants)
{
    error e;
    const method *m = method_find(id);
    shape input = {1, SIDE, SIDE, 1};
    pass p = {.team = team_new(threads, &e), .self = method_state_new(m, &e), .images = malloc(IMAGES * ROW * 4)};
    p.model = model_new(3, p.team, &e);
    assert_true(p.team && p.self && p.images && p.model);
    for (int i = 0; options[i]; i += 2)
        assert_true(options_set(m->options, p.self, options[i], options[i + 1], &e));
    random_uniform(random_stream(6, "images"), 0, m->unit_range ? 0 : -1, 1, p.images, IMAGES * ROW);
    assert_true(!m->closed_form || m->fit(p.self, p.model, p.images, IMAGES, input, &e));
    evaluator_setup setup = {m, p.self, p.model, input, batches, variants, NULL};
    p.evaluator = evaluator_new(&setup, &e);
    if (!p.evaluator)
        fail_msg("%s", e.message);
    p.count = evaluator_variant_count(p.evaluator);
    assert_true(p.count <= VARIANTS_MAX);
    return p;
}

static pass pass_open(const char *id, int threads, const char *const *options)
{
    return pass_make(id, threads, options, FULL);
}

static void pass_close(pass *p, const char *id)
{
    evaluator_free(p->evaluator);
    method_state_free(method_find(id), p->self);
    model_free(p->model);
    team_free(p->team);
    free(p->images);
}

/* All that a pass gives of all images. */
typedef struct found {
    float score[IMAGES], variants[VARIANTS_MAX][IMAGES], reconstruction[IMAGES * ROW];
} found;

/* Scores `count` images from `first` on into their places. */
static void score_some(pass *p, size_t first, size_t count, found *f)
{
    error e;
    float *variants[VARIANTS_MAX];
    for (size_t i = 0; i < VARIANTS_MAX; i++)
        variants[i] = f->variants[i];
    scored_rows out = {.score = f->score, .variants = variants, .at = first};
    out.reconstruction = evaluator_reconstructs(p->evaluator) ? f->reconstruction : NULL;
    if (!evaluator_run(p->evaluator, p->images + first * ROW, count, &out, &e))
        fail_msg("%s", e.message);
}

static size_t variant_named(const pass *p, const char *name)
{
    for (size_t i = 0; i < p->count; i++)
        if (strcmp(evaluator_variant_name(p->evaluator, i), name) == 0)
            return i;
    fail_msg("there is no variant %s", name);
    return 0;
}

static const struct subject {
    const char *id, *options[15];
    size_t variants;
    bool reconstructs;
} subjects[] = {
    {"ganomaly", {"width", "4", "latent", "6"}, 3, true},
    {"alad", {"width", "4", "latent", "6"}, 4, true},
    {"ocgan", {"width", "4", "latent", "6"}, 2, true},
    {"fencegan", {"width", "4"}, 0, false},
    {"anogan",
     {"width", "4", "latent", "6", "iterations", "25", "search_rate", "0.3", "patience", "3", "restarts", "3"},
     2,
     true},
    {"pca", {"components", "3"}, 0, true},
    {"kde", {NULL}, 0, false},
};
enum { SUBJECTS = sizeof subjects / sizeof *subjects };

static void every_method_says_what_it_gives(void **state)
{
    (void)state;
    size_t count = 0;
    for (const method *const *m = method_all(); *m; m++)
        count++;
    assert_int_equal(count, SUBJECTS);
    for (int i = 0; i < SUBJECTS; i++) {
        const struct subject *s = &subjects[i];
        pass p = pass_open(s->id, 1, s->options);
        assert_int_equal(p.count, s->variants);
        assert_int_equal(evaluator_reconstructs(p.evaluator), s->reconstructs);
        if ((method_find(s->id)->unexplained == NULL) != s->reconstructs)
            fail_msg("%s: a reason is there when, and only when, it does not reconstruct", s->id);
        pass_close(&p, s->id);
    }
}

static void all_of_it_is_the_same_bits_in_any_company(void **state)
{
    (void)state;
    static found whole, parts;
    for (int i = 0; i < SUBJECTS; i++) {
        const struct subject *s = &subjects[i];
        memset(&whole, 0, sizeof whole);
        memset(&parts, 0, sizeof parts);
        pass one = pass_open(s->id, 1, s->options), three = pass_open(s->id, 3, s->options);
        score_some(&one, 0, IMAGES, &whole);
        score_some(&three, 0, IMAGES, &parts);
        assert_memory_equal(&whole, &parts, sizeof whole);
        memset(&parts, 0, sizeof parts);
        for (size_t first = 0; first < IMAGES; first++)
            score_some(&one, first, 1, &parts);
        assert_memory_equal(&whole, &parts, sizeof whole);
        memset(&parts, 0, sizeof parts);
        for (size_t first = 0; first < IMAGES; first += 5)
            score_some(&three, first, IMAGES - first < 5 ? IMAGES - first : 5, &parts);
        assert_memory_equal(&whole, &parts, sizeof whole);
        pass_close(&one, s->id);
        pass_close(&three, s->id);
    }
}

static void a_score_has_the_same_bits_when_nothing_else_is_wanted(void **state)
{
    (void)state;
    static found all;
    for (int i = 0; i < SUBJECTS; i++) {
        error e;
        float alone[IMAGES];
        pass p = pass_open(subjects[i].id, 2, subjects[i].options);
        score_some(&p, 0, IMAGES, &all);
        assert_true(evaluator_run(p.evaluator, p.images, IMAGES, &(scored_rows){.score = alone}, &e));
        assert_memory_equal(alone, all.score, sizeof alone);
        pass_close(&p, subjects[i].id);
    }
}

static void variants_that_nobody_wants_cost_nothing(void **state)
{
    (void)state;
    static const struct {
        const char *id, *options[7];
        size_t variants;
    } lean[] = {
        {"ganomaly", {"width", "4", "latent", "6"}, 0},
        {"alad", {"width", "4", "latent", "6", "score", "l1"}, 0},
        {"ocgan", {"width", "4", "latent", "6"}, 0},
        {"anogan", {"width", "4", "latent", "6", "iterations", "3"}, 2}, /* its loss is made of them */
    };
    static found all, alone;
    for (size_t i = 0; i < sizeof lean / sizeof *lean; i++) {
        pass full = pass_make(lean[i].id, 2, lean[i].options, FULL);
        pass p = pass_make(lean[i].id, 2, lean[i].options, LEAN);
        assert_int_equal(p.count, lean[i].variants);
        score_some(&full, 0, IMAGES, &all);
        score_some(&p, 0, IMAGES, &alone);
        assert_memory_equal(alone.score, all.score, sizeof all.score);
        assert_memory_equal(alone.reconstruction, all.reconstruction, sizeof all.reconstruction);
        const program *more = evaluator_program(full.evaluator, 0, NULL),
                      *less = evaluator_program(p.evaluator, 0, NULL);
        assert_int_equal(program_bytes_unshared(less) < program_bytes_unshared(more), lean[i].variants == 0);
        pass_close(&full, lean[i].id);
        pass_close(&p, lean[i].id);
    }
}

static double difference(const float *a, const float *b, int power)
{
    double sum = 0;
    for (int j = 0; j < ROW; j++)
        sum += pow(fabs((double)a[j] - (double)b[j]), power);
    return sum;
}

/* An option's value that chooses the score, and the variant that the score then is. */
static const struct choice {
    const char *id, *option, *value, *variant;
} choices[] = {
    {"alad", "score", "features", "features"},
    {"alad", "score", "l1", "l1"},
    {"alad", "score", "l2", "l2"},
    {"alad", "score", "logits", "logits"},
    {"ganomaly", "distance", "squared", "latent_squared"},
    {"ganomaly", "distance", "absolute", "latent_absolute"},
    {"ocgan", "score", "reconstruction", "reconstruction"},
    {"ocgan", "score", "visual", "visual"},
};

static void a_score_is_the_variant_of_its_option(void **state)
{
    (void)state;
    static found f;
    for (size_t k = 0; k < sizeof choices / sizeof *choices; k++) {
        const struct choice *c = &choices[k];
        pass p = pass_open(c->id, 1, (const char *const[]){"width", "4", "latent", "6", c->option, c->value, NULL});
        score_some(&p, 0, IMAGES, &f);
        for (size_t i = 0; i < p.count; i++) {
            bool same = memcmp(f.score, f.variants[i], sizeof f.score) == 0;
            if (same != (i == variant_named(&p, c->variant)))
                fail_msg("%s's score with %s %s: %s", c->id, c->option, c->value,
                         evaluator_variant_name(p.evaluator, i));
        }
        pass_close(&p, c->id);
    }
}

/* Variants that measure the reconstruction: by the difference to what power, and whether its mean. */
static void variants_of_pixels_measure_the_reconstruction(void **state)
{
    (void)state;
    static const struct {
        const char *id, *variant;
        int power;
        double elements;
    } pixels[] = {{"alad", "l1", 1, 1}, {"ganomaly", "reconstruction", 1, ROW}, {"ocgan", "reconstruction", 2, ROW}};
    static found f;
    for (size_t k = 0; k < sizeof pixels / sizeof *pixels; k++) {
        pass p = pass_open(pixels[k].id, 1, (const char *const[]){"width", "4", "latent", "6", NULL});
        score_some(&p, 0, IMAGES, &f);
        const float *given = f.variants[variant_named(&p, pixels[k].variant)];
        for (int i = 0; i < IMAGES; i++) {
            double sum = difference(p.images + i * ROW, f.reconstruction + i * ROW, pixels[k].power);
            sum /= pixels[k].elements;
            assert_true(fabs(sum - (double)given[i]) < 1e-4 * sum);
        }
        pass_close(&p, pixels[k].id);
    }
}

/* The score names the code that counts: what else is given must be of the same one. */
static void what_a_search_gives_is_of_the_code_that_counts(void **state)
{
    (void)state;
    static const char *const kept[] = {"least", "last"}, *const restarts[] = {"1", "4"};
    static found f;
    for (int k = 0; k < 4; k++) {
        /* A rate at which the loss goes up and down, so that the last code is not the best. */
        pass p = pass_open("anogan", 1,
                           (const char *const[]){"width", "4", "latent", "6", "lambda", "0.25", "iterations", "20",
                                                 "search_rate", "1", "kept", kept[k / 2], "restarts", restarts[k % 2],
                                                 NULL});
        score_some(&p, 0, IMAGES, &f);
        const float *r = f.variants[variant_named(&p, "residual")];
        const float *d = f.variants[variant_named(&p, "discrimination")];
        for (int i = 0; i < IMAGES; i++) {
            double sum = difference(p.images + i * ROW, f.reconstruction + i * ROW, 1), score = (double)f.score[i];
            assert_true(fabs(sum - (double)r[i]) < 1e-5 * sum);
            assert_true(fabs(0.75 * (double)r[i] + 0.25 * (double)d[i] - score) < 1e-5 * score);
        }
        pass_close(&p, "anogan");
    }
}

static void pcas_reconstruction_is_what_its_score_measures(void **state)
{
    (void)state;
    static found f;
    pass p = pass_open("pca", 1, (const char *const[]){"components", "3", NULL});
    score_some(&p, 0, IMAGES, &f);
    for (int i = 0; i < IMAGES; i++) {
        double sum = difference(p.images + i * ROW, f.reconstruction + i * ROW, 2);
        assert_true(sum > 1 && fabs(sum - (double)f.score[i]) < 1e-4 * sum);
    }
    pass_close(&p, "pca");
}

/* Scales of made-up numbers; the last variant has none. */
static joint_scales scales_of(size_t variants)
{
    joint_scales s = {0};
    for (size_t k = 0; k < variants; k++) {
        s.of[k].count = 2;
        s.of[k].components[0] = (struct refine_component){.logarithm = true, .level = -1.5F, .deviation = 0.25F};
        s.of[k].components[1] = (struct refine_component){.level = 0.5F + (float)k, .deviation = 4};
    }
    return s;
}

static double mean_on_scales(float first, float second, size_t k)
{
    return ((log((double)first) + 1.5) / 0.25 + ((double)second - 0.5 - (double)k) / 4) / 2;
}

static void assert_near(float value, double expected)
{
    if (fabs((double)value - expected) > 1e-5 * fmax(1, fabs(expected)))
        fail_msg("%.9g instead of %.9g", (double)value, expected);
}

/* Two networks of one method, joined: by hand, one image at a time and all at once. */
static void a_joint_score_is_the_mean_on_the_scales_of_its_members(void **state)
{
    (void)state;
    static found of[2], whole, alone;
    const struct subject *s = &subjects[0]; /* GANomaly */
    pass p[2] = {pass_open(s->id, 1, s->options), pass_open(s->id, 1, s->options)};
    net_reset(model_net(p[1].model, "decoder"));
    for (int m = 0; m < 2; m++)
        score_some(&p[m], 0, IMAGES, &of[m]);
    const joint_scales scales = scales_of(s->variants);
    evaluator *members[] = {p[0].evaluator, p[1].evaluator}, *joined;
    error e;
    assert_non_null(joined = evaluator_join(members, 2, &scales, &e));
    assert_int_equal(evaluator_variant_count(joined), s->variants);
    assert_string_equal(evaluator_variant_name(joined, 1), evaluator_variant_name(members[0], 1));
    assert_true(evaluator_bytes(joined) > evaluator_bytes(members[0]) + evaluator_bytes(members[1]));
    pass both = p[0];
    both.evaluator = joined;
    score_some(&both, 0, IMAGES, &whole);
    for (size_t i = 0; i < IMAGES; i++)
        score_some(&both, i, 1, &alone);
    for (size_t k = 0; k < s->variants; k++)
        for (size_t i = 0; i < IMAGES; i++)
            if (k + 1 == s->variants)
                assert_true(isnan(whole.variants[k][i]));
            else
                assert_near(whole.variants[k][i], mean_on_scales(of[0].variants[k][i], of[1].variants[k][i], k + 1));
    for (size_t i = 0; i < IMAGES; i++)
        assert_near(whole.score[i], mean_on_scales(of[0].score[i], of[1].score[i], 0));
    for (size_t i = 0; i < IMAGES * ROW; i++)
        assert_near(whole.reconstruction[i], ((double)of[0].reconstruction[i] + (double)of[1].reconstruction[i]) / 2);
    assert_memory_equal(whole.score, alone.score, sizeof whole.score);
    assert_memory_equal(whole.reconstruction, alone.reconstruction, sizeof whole.reconstruction);
    evaluator_free(joined);
    for (int m = 0; m < 2; m++)
        pass_close(&p[m], s->id);
}

int main(int argc, char **argv)
{
    (void)argc;
    error e;
    if (!blas_start(argv, &e))
        return 1;
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(every_method_says_what_it_gives),
        cmocka_unit_test(all_of_it_is_the_same_bits_in_any_company),
        cmocka_unit_test(a_score_has_the_same_bits_when_nothing_else_is_wanted),
        cmocka_unit_test(variants_that_nobody_wants_cost_nothing),
        cmocka_unit_test(a_score_is_the_variant_of_its_option),
        cmocka_unit_test(variants_of_pixels_measure_the_reconstruction),
        cmocka_unit_test(what_a_search_gives_is_of_the_code_that_counts),
        cmocka_unit_test(pcas_reconstruction_is_what_its_score_measures),
        cmocka_unit_test(a_joint_score_is_the_mean_on_the_scales_of_its_members),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
