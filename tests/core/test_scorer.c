/* SPDX-License-Identifier: MIT */
/* test_scorer.c — a model file becomes a scorer that gives the trainer's scores, the same in any company; a bad one is
 * refused with a reason. */
#include "bars.h"
#include "base/blas.h"
#include "data/heat.h"
#include "train/evaluator.h"
#include "train/scorer.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

static const char *const ids[] = {"ganomaly", "kde", "pca"};
enum { IDS = 3 };

typedef struct served {
    bars bars;
    train_result result;
    team *team;
    void *bytes;
    size_t size;
    scorer *scorer;
    const uint8_t *pixels[BARS_TEST]; /* the test images */
    uint8_t anomalous[BARS_TEST];
} served;

static void read_tests(served *s)
{
    size_t n = 0;
    for (size_t i = 0; i < BARS_TRAIN + BARS_TEST; i++)
        if (dataset_split_of(s->bars.data, i) == SPLIT_TEST) {
            s->anomalous[n] = dataset_label(s->bars.data, i) != 0;
            s->pixels[n++] = dataset_image(s->bars.data, i);
        }
    assert_int_equal(n, BARS_TEST);
}

/* Without options those of bars_plan. */
static served serve_with(const char *id, double held_out, const struct train_option *options, size_t count)
{
    error e;
    served s = {.bars = bars_open(false)};
    train_spec plan = bars_plan(&s.bars, id);
    plan.held_out = held_out;
    if (options) {
        plan.options = options;
        plan.option_count = count;
    }
    s.result = bars_train(&s.bars, &plan, 2);
    s.team = team_new(2, &e);
    assert_true(file_read(s.bars.model.text, 1 << 26, &s.bytes, &s.size, &e));
    s.scorer = scorer_open(s.bytes, s.size, s.team, &e);
    if (!s.scorer)
        fail_msg("%s: %s", id, e.message);
    read_tests(&s);
    return s;
}

static served serve(const char *id, double held_out)
{
    return serve_with(id, held_out, NULL, 0);
}

static void serve_end(served *s)
{
    scorer_free(s->scorer);
    free(s->bytes);
    team_free(s->team);
    bars_close(&s->bars);
}

static void a_saved_model_scores_as_the_trained_one_did(void **state)
{
    (void)state;
    for (int i = 0; i < IDS; i++) {
        served s = serve(ids[i], 0.2);
        float scores[BARS_TEST];
        auroc found;
        error e;
        assert_true(scorer_run_bytes(s.scorer, s.pixels, BARS_TEST, scores, &e));
        assert_true(metric_auroc(scores, s.anomalous, BARS_TEST, &found, &e));
        assert_memory_equal(&found, &s.result.auroc, sizeof found);
        /* The histogram's ends are the least and the greatest score of the trainer's own test: equal bits. */
        float low = INFINITY, high = -INFINITY;
        for (int j = 0; j < BARS_TEST; j++) {
            low = fminf(low, scores[j]);
            high = fmaxf(high, scores[j]);
        }
        assert_true((double)low == s.result.histogram_low && (double)high == s.result.histogram_high);
        const scorer_facts *facts = scorer_describe(s.scorer);
        assert_string_equal(facts->digest, s.result.model_digest);
        assert_string_equal(facts->method->id, ids[i]);
        assert_string_equal(scorer_text(s.scorer, "class"), "0");
        assert_string_equal(scorer_text(s.scorer, "dataset"), "bars");
        assert_string_equal(scorer_text(s.scorer, "seed"), "7");
        assert_true(facts->bytes > 0 && facts->data.h == BARS_SIDE);
        serve_end(&s);
    }
}

static void a_score_does_not_depend_on_its_company(void **state)
{
    (void)state;
    for (int i = 0; i < IDS; i++) {
        served s = serve(ids[i], 0.2);
        float whole[BARS_TEST], groups_scores[BARS_TEST];
        static const size_t groups[] = {1, 2, 3, 5, 7, 8, 11, 21, 33, 47, 49, 63, 64};
        error e;
        assert_true(scorer_run_bytes(s.scorer, s.pixels, BARS_TEST, whole, &e));
        for (size_t g = 0; g < sizeof groups / sizeof *groups; g++) {
            for (size_t at = 0; at < BARS_TEST; at += groups[g]) {
                size_t n = BARS_TEST - at < groups[g] ? BARS_TEST - at : groups[g];
                assert_true(scorer_run_bytes(s.scorer, s.pixels + at, n, groups_scores + at, &e));
            }
            if (memcmp(whole, groups_scores, sizeof whole) != 0)
                fail_msg("%s: other scores in groups of %zu", ids[i], groups[g]);
        }
        /* At other places of a batch, beside other images. */
        const uint8_t *turned[BARS_TEST];
        for (int j = 0; j < BARS_TEST; j++)
            turned[j] = s.pixels[BARS_TEST - 1 - j];
        assert_true(scorer_run_bytes(s.scorer, turned, BARS_TEST, groups_scores, &e));
        for (int j = 0; j < BARS_TEST; j++)
            assert_true(memcmp(&whole[j], &groups_scores[BARS_TEST - 1 - j], sizeof *whole) == 0);
        serve_end(&s);
    }
}

/* An image of the training images' size, and the same at twice the size and in colour. */
static void check_brought_to_the_model(served *s)
{
    enum { TWICE = 2 * BARS_SIDE };
    uint8_t large[TWICE * TWICE * 3], same[BARS_SIDE * BARS_SIDE];
    memcpy(same, s->pixels[0], sizeof same);
    for (int y = 0; y < TWICE; y++)
        for (int x = 0; x < TWICE; x++)
            for (int c = 0; c < 3; c++)
                large[(y * TWICE + x) * 3 + c] = same[y / 2 * BARS_SIDE + x / 2];
    const image images[] = {{BARS_SIDE, BARS_SIDE, 1, same}, {TWICE, TWICE, 3, large}};
    float scores[2], direct;
    error e;
    assert_true(scorer_run(s->scorer, images, 2, scores, &e));
    assert_true(scorer_run_bytes(s->scorer, s->pixels, 1, &direct, &e));
    assert_true(memcmp(&scores[0], &direct, sizeof direct) == 0);
    /* Halving what was doubled gives the same grey values but for the rounding of the luma. */
    assert_true(fabsf(scores[1] - scores[0]) <= 1e-3f * fabsf(scores[0]));
}

static void images_of_another_size_or_colour_are_brought_to_the_model(void **state)
{
    (void)state;
    served s = serve("ganomaly", 0.2);
    check_brought_to_the_model(&s);
    serve_end(&s);
}

static void they_are_where_networks_take_other_colours_than_the_data(void **state)
{
    (void)state;
    static const struct train_option author[] = {{"layout", "author"}, {"width", "2"},  {"width_visual", "2"},
                                                 {"latent", "4"},      {"epochs", "1"}, {"selection", "last"}};
    served s = serve_with("ocgan", 0.2, author, sizeof author / sizeof *author);
    check_brought_to_the_model(&s);
    serve_end(&s);
}

static void a_score_is_placed_among_the_held_out_normals(void **state)
{
    (void)state;
    served s = serve("kde", 0.2);
    size_t n = scorer_describe(s.scorer)->calibration_count;
    assert_int_equal(n, 35);
    double p, percentile;
    float threshold;
    assert_true(scorer_p_value(s.scorer, 1e30f, &p));
    assert_true(fabs(p - 1.0 / 36) < 1e-12);
    assert_true(scorer_p_value(s.scorer, -1e30f, &p));
    assert_true(p == 1);
    assert_true(scorer_percentile(s.scorer, 1e30f, &percentile) && percentile == 100);
    assert_true(scorer_percentile(s.scorer, -1e30f, &percentile) && percentile == 0);
    assert_true(scorer_threshold(s.scorer, 0.05, &threshold));
    assert_true(scorer_percentile(s.scorer, threshold, &percentile));
    assert_true(fabs(percentile - 100 * 34.0 / 35) < 1e-9); /* ceil(36·0.95) = the 35th smallest */
    assert_false(scorer_threshold(s.scorer, 0.01, &threshold));
    serve_end(&s);
    s = serve("kde", 0);
    p = percentile = -1;
    assert_false(scorer_p_value(s.scorer, 0, &p));
    assert_false(scorer_percentile(s.scorer, 0, &percentile));
    assert_false(scorer_threshold(s.scorer, 0.05, &threshold));
    assert_true(p == -1 && percentile == -1);
    serve_end(&s);
}

/* The test images, as images. */
static void as_images(const served *s, image *images)
{
    for (int i = 0; i < BARS_TEST; i++)
        images[i] = (image){BARS_SIDE, BARS_SIDE, 1, (uint8_t *)(uintptr_t)s->pixels[i]};
}

static void finish_all(image *pictures, size_t n)
{
    for (size_t i = 0; i < n; i++)
        image_free(&pictures[i]);
}

/* One image's picture of one kind, asked for alone. */
static void assert_explained_alone(served *s, const image *picture, float score, enum explanation kind,
                                   const image *expected)
{
    error e;
    image alone, *pictures[EXPLANATIONS] = {NULL};
    float found;
    int channels = kind == EXPLAIN_HEATMAP ? 3 : 1;
    pictures[kind] = &alone;
    assert_true(scorer_explain(s->scorer, picture, 1, &found, pictures, &e));
    assert_memory_equal(&found, &score, sizeof score);
    assert_true(expected->width == BARS_SIDE && expected->height == BARS_SIDE && expected->channels == channels);
    assert_memory_equal(alone.pixels, expected->pixels, BARS_SIDE * BARS_SIDE * (size_t)channels);
    image_free(&alone);
}

static void pictures_are_the_same_in_any_company(void **state)
{
    (void)state;
    static const char *const reconstructing[] = {"ganomaly", "pca"};
    for (int m = 0; m < 2; m++) {
        served s = serve(reconstructing[m], 0.2);
        image images[BARS_TEST], whole[EXPLANATIONS][BARS_TEST];
        image *const both[EXPLANATIONS] = {
            [EXPLAIN_RECONSTRUCTION] = whole[EXPLAIN_RECONSTRUCTION], [EXPLAIN_HEATMAP] = whole[EXPLAIN_HEATMAP]};
        float plain[BARS_TEST], scores[BARS_TEST];
        error e;
        as_images(&s, images);
        assert_true(scorer_run(s.scorer, images, BARS_TEST, plain, &e));
        assert_true(scorer_explain(s.scorer, images, BARS_TEST, scores, both, &e));
        assert_memory_equal(plain, scores, sizeof plain);
        for (int k = EXPLAIN_RECONSTRUCTION; k < EXPLANATIONS; k++) {
            assert_true(scorer_explains(s.scorer, (enum explanation)k, &e));
            for (int i = 0; i < BARS_TEST; i += 11)
                assert_explained_alone(&s, &images[i], scores[i], (enum explanation)k, &whole[k][i]);
            finish_all(whole[k], BARS_TEST);
        }
        serve_end(&s);
    }
}

static void what_explanations_take_is_counted_from_the_start(void **state)
{
    (void)state;
    size_t bytes[2];
    for (int i = 0; i < 2; i++) {
        served s = serve((const char *const[]){"kde", "pca"}[i], 0.2);
        bytes[i] = scorer_describe(s.scorer)->bytes;
        serve_end(&s);
    }
    /* KDE keeps every training image and PCA fewer vectors, but PCA also makes images of all that it scores at once. */
    assert_true(bytes[1] > bytes[0] + EVALUATE_ROWS_MAX * BARS_SIDE * BARS_SIDE * sizeof(float) / 2);
}

static void a_changed_pixel_is_hot(void **state)
{
    (void)state;
    served s = serve("pca", 0.2);
    enum { AT = 3 * BARS_SIDE + 5 };
    uint8_t changed[BARS_SIDE * BARS_SIDE], last[3];
    memcpy(changed, s.pixels[0], sizeof changed);
    changed[AT] = changed[AT] < 128 ? 255 : 0;
    image all[BARS_TEST], images[2], maps[2], *const pictures[EXPLANATIONS] = {[EXPLAIN_HEATMAP] = maps};
    float scores[2];
    error e;
    as_images(&s, all);
    images[0] = all[0];
    images[1] = (image){BARS_SIDE, BARS_SIDE, 1, changed};
    assert_true(scorer_explain(s.scorer, images, 2, scores, pictures, &e));
    heat_colour((const float[]){1}, 1, 1, last);
    assert_memory_equal(maps[1].pixels + 3 * AT, last, 3);
    assert_memory_not_equal(maps[0].pixels + 3 * AT, last, 3);
    int hot = 0;
    for (int i = 0; i < BARS_SIDE * BARS_SIDE; i++)
        hot += memcmp(maps[1].pixels + 3 * i, last, 3) == 0;
    assert_true(hot <= 8); /* of 256: those of the image it was made of, and this one */
    finish_all(maps, 2);
    serve_end(&s);
}

static void what_cannot_be_explained_says_why(void **state)
{
    (void)state;
    error e;
    served s = serve("kde", 0.2);
    for (int k = EXPLAIN_RECONSTRUCTION; k < EXPLANATIONS; k++) {
        assert_false(scorer_explains(s.scorer, (enum explanation)k, &e));
        assert_int_equal(e.code, ERROR_UNSUPPORTED);
        assert_non_null(strstr(e.message, method_find("kde")->unexplained));
    }
    assert_true(scorer_explains(s.scorer, EXPLAIN_NONE, &e));
    serve_end(&s);
    s = serve("pca", 0);
    assert_false(scorer_explains(s.scorer, EXPLAIN_HEATMAP, &e));
    assert_int_equal(e.code, ERROR_UNSUPPORTED);
    assert_non_null(strstr(e.message, "calibration images"));
    assert_true(scorer_explains(s.scorer, EXPLAIN_RECONSTRUCTION, &e));
    serve_end(&s);
}

/* The model written again with one key or tensor other than it was, under good checksums; `omitted` is left out. */
static void changed_is_refused(const served *s, const char *key, const char *value, const char *omitted,
                               const char *message)
{
    static const char *const keys[] = {"kind",    "method",  "data.h",       "data.w",        "data.c",       "input.h",
                                       "input.w", "input.c", "option.width", "option.latent", "explain.scale"};
    error e = {0};
    bundle *from = bundle_parse(s->bytes, s->size, &e), *to = bundle_new();
    scratch_path path = scratch_at(&s->bars.folder, "changed");
    for (size_t i = 0; i < sizeof keys / sizeof *keys; i++) {
        const char *text = key && strcmp(keys[i], key) == 0 ? value : bundle_get(from, keys[i]);
        if (text)
            bundle_put(to, keys[i], text);
    }
    for (size_t i = 0; i < bundle_tensor_count(from); i++) {
        shape at;
        const char *name = bundle_tensor_name(from, i);
        const float *values = bundle_tensor(from, name, &at);
        if (!omitted || strcmp(name, omitted) != 0)
            bundle_put_tensor(to, name, at, values);
    }
    assert_true(bundle_write(to, path.text, &e));
    void *bytes;
    size_t size;
    assert_true(file_read(path.text, 1 << 26, &bytes, &size, &e));
    scorer *opened = scorer_open(bytes, size, s->team, &e);
    if (opened || !strstr(e.message, message))
        fail_msg("%s: \"%s\" does not say \"%s\"", key ? key : omitted, opened ? "accepted" : e.message, message);
    free(bytes);
    bundle_free(to);
    bundle_free(from);
}

static void a_model_that_contradicts_itself_is_refused(void **state)
{
    (void)state;
    served s = serve("ganomaly", 0.2);
    changed_is_refused(&s, "kind", "checkpoint", NULL, "this is a checkpoint, not a model");
    changed_is_refused(&s, "method", "oracle", NULL, "method \"oracle\" is not known");
    changed_is_refused(&s, "method", "pca", NULL, "pca.mean and pca.basis are not there");
    changed_is_refused(&s, "data.h", NULL, NULL, "\"data.h\" is missing");
    changed_is_refused(&s, "data.h", "0", NULL, "data.h = 0 is not an extent");
    changed_is_refused(&s, "data.h", "1e9", NULL, "data.h = 1e+09 is not an extent");
    changed_is_refused(&s, "data.c", "nan", NULL, "data.c = nan is not an extent");
    changed_is_refused(&s, "data.c", "2", NULL, "data.c = 2 is neither 1 channel nor 3");
    changed_is_refused(&s, "input.c", "4", NULL, "input.c = 4 is neither 1 channel nor 3");
    changed_is_refused(&s, "input.h", "32", NULL, "input 32x16x1, but ganomaly takes 16x16x1");
    changed_is_refused(&s, "option.width", "8", NULL, "this model needs");
    changed_is_refused(&s, "option.width", "100000", NULL, "above the most");
    changed_is_refused(&s, "explain.scale", "-1", NULL, "explain.scale = -1 is not above 0");
    changed_is_refused(&s, "explain.scale", "nan", NULL, "explain.scale = nan is not above 0");
    changed_is_refused(&s, "explain.scale", "much", NULL, "\"much\" is not a number");
    changed_is_refused(&s, NULL, NULL, "net/encoder/conv0.weight", "tensor 'net/encoder/conv0.weight' is missing");
    serve_end(&s);
}

/* Every key and tensor as it was, but for weights of a net that are not numbers. */
static void weights_that_are_no_numbers_are_refused(void **state)
{
    (void)state;
    static const char *const methods[][2] = {{"ganomaly", "net/encoder/"}, {"anogan", "net/generator/"}};
    for (size_t k = 0; k < sizeof methods / sizeof *methods; k++) {
        const struct train_option few[] = {{"width", "8"}, {"epochs", "1"}, {"iterations", "5"}};
        bool searches = !strcmp(methods[k][0], "anogan");
        served s = serve_with(methods[k][0], 0.2, searches ? few : NULL, searches ? 3 : 0);
        error e = {0};
        bundle *b = bundle_parse(s.bytes, s.size, &e);
        assert_non_null(b);
        int changed = 0;
        for (size_t i = 0; i < bundle_tensor_count(b); i++) {
            shape at;
            const char *name = bundle_tensor_name(b, i);
            float *values = (float *)(uintptr_t)bundle_tensor(b, name, &at);
            if (strncmp(name, methods[k][1], strlen(methods[k][1])) != 0)
                continue;
            changed++;
            for (size_t v = 0; v < shape_size(at); v++)
                values[v] = NAN;
        }
        assert_true(changed > 0);
        scratch_path path = scratch_at(&s.bars.folder, "changed");
        assert_true(bundle_write(b, path.text, &e));
        void *bytes;
        size_t size;
        assert_true(file_read(path.text, 1 << 26, &bytes, &size, &e));
        assert_null(scorer_open(bytes, size, s.team, &e));
        if (!strstr(e.message, "not a finite number"))
            fail_msg("%s: %s", methods[k][0], e.message);
        free(bytes);
        bundle_free(b);
        serve_end(&s);
    }
}

static void a_damaged_model_is_refused(void **state)
{
    (void)state;
    served s = serve("pca", 0.2);
    uint8_t *bytes = s.bytes;
    error e = {0};
    for (size_t at = 0; at < s.size; at += 997) {
        bytes[at] ^= 0x10;
        assert_null(scorer_open(bytes, s.size, s.team, &e));
        bytes[at] ^= 0x10;
    }
    assert_null(scorer_open(bytes, s.size - 1, s.team, &e));
    assert_non_null(strstr(e.message, "truncated"));
    assert_null(scorer_open(bytes, 0, s.team, &e));
    serve_end(&s);
}

int main(int argc, char **argv)
{
    (void)argc;
    error e;
    if (!blas_start(argv, &e))
        return 1;
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_saved_model_scores_as_the_trained_one_did),
        cmocka_unit_test(a_score_does_not_depend_on_its_company),
        cmocka_unit_test(images_of_another_size_or_colour_are_brought_to_the_model),
        cmocka_unit_test(they_are_where_networks_take_other_colours_than_the_data),
        cmocka_unit_test(a_score_is_placed_among_the_held_out_normals),
        cmocka_unit_test(pictures_are_the_same_in_any_company),
        cmocka_unit_test(what_explanations_take_is_counted_from_the_start),
        cmocka_unit_test(a_changed_pixel_is_hot),
        cmocka_unit_test(what_cannot_be_explained_says_why),
        cmocka_unit_test(a_model_that_contradicts_itself_is_refused),
        cmocka_unit_test(weights_that_are_no_numbers_are_refused),
        cmocka_unit_test(a_damaged_model_is_refused),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
