/* SPDX-License-Identifier: MIT */
/* test_protocol.c — the subsets of a split are disjoint, complete, free of anomalies before the test, and repeatable.
 */
#include "data/protocol.h"

#include "base/digest.h"

#include <setjmp.h>
#include <stdarg.h>

#include <cmocka.h>

#include "scratch.h"

#include <math.h>

typedef struct fixture {
    scratch folder;
    dataset *data;
} fixture;

/* The bundled MNIST sample: 400 training and 100 test images of each of ten digits. */
static int open_sample(void **state)
{
    static fixture f;
    static dataset_info info;
    f.folder = scratch_make();
    char source[512];
    snprintf(source, sizeof source, "%s/mnist-sample", getenv("ANOMALYD_TEST_DATA"));
    scratch_path packed = scratch_at(&f.folder, "mnist.data");
    error e = {0};
    if (!dataset_import(source, packed.text, &info, &e) || !(f.data = dataset_open(packed.text, &e))) {
        print_error("%s\n", e.message);
        return -1;
    }
    *state = &f;
    return 0;
}

static int close_sample(void **state)
{
    fixture *f = *state;
    dataset_free(f->data);
    scratch_remove(&f->folder);
    return 0;
}

static struct split make(const dataset *d, protocol_spec spec)
{
    struct split p;
    error e = {0};
    if (!split_make(d, &spec, &p, &e))
        fail_msg("%s", e.message);
    return p;
}

/* Each image at most once in all subsets together, ascending in each. */
static void assert_disjoint_and_ordered(const struct split *p, size_t images)
{
    const struct {
        const uint32_t *indices;
        size_t count;
    } all[] = {
        {p->train, p->train_count},
        {p->validation, p->validation_count},
        {p->calibration, p->calibration_count},
        {p->test, p->test_count},
    };
    uint8_t *seen = calloc(images, 1);
    for (int k = 0; k < 4; k++) {
        for (size_t i = 0; i < all[k].count; i++) {
            assert_true(all[k].indices[i] < images);
            assert_int_equal(seen[all[k].indices[i]]++, 0);
            assert_true(!i || all[k].indices[i] > all[k].indices[i - 1]);
        }
    }
    free(seen);
}

static void assert_training_part(const dataset *d, const uint32_t *part, size_t n, int class_index, bool of_class)
{
    for (size_t i = 0; i < n; i++) {
        assert_int_equal(dataset_split_of(d, part[i]), SPLIT_TRAIN);
        assert_true((dataset_label(d, part[i]) == class_index) == of_class);
    }
}

static void one_class_trains_on_the_class_and_tests_on_all(void **state)
{
    const dataset *d = ((fixture *)*state)->data;
    struct split p = make(d, (protocol_spec){PROTOCOL_ONE_CLASS, 3, 0.1, 0.2, 7, 0});
    assert_int_equal(p.train_count, 280);
    assert_int_equal(p.validation_count, 40);
    assert_int_equal(p.calibration_count, 80);
    assert_int_equal(p.test_count, 1000);
    assert_disjoint_and_ordered(&p, 5000);
    assert_training_part(d, p.train, p.train_count, 3, true);
    assert_training_part(d, p.validation, p.validation_count, 3, true);
    assert_training_part(d, p.calibration, p.calibration_count, 3, true);
    for (size_t i = 0; i < p.test_count; i++) {
        assert_int_equal(dataset_split_of(d, p.test[i]), SPLIT_TEST);
        assert_int_equal(p.anomalous[i], dataset_label(d, p.test[i]) != 3);
    }
    split_free(&p);
}

static void one_vs_rest_trains_on_all_but_the_class(void **state)
{
    const dataset *d = ((fixture *)*state)->data;
    struct split p = make(d, (protocol_spec){PROTOCOL_ONE_VS_REST, 9, 0.25, 0, 7, 0});
    assert_int_equal(p.train_count, 2700);
    assert_int_equal(p.validation_count, 900);
    assert_int_equal(p.calibration_count, 0);
    assert_disjoint_and_ordered(&p, 5000);
    assert_training_part(d, p.train, p.train_count, 9, false);
    assert_training_part(d, p.validation, p.validation_count, 9, false);
    size_t anomalies = 0;
    for (size_t i = 0; i < p.test_count; i++)
        anomalies += p.anomalous[i];
    assert_int_equal(anomalies, 100);
    split_free(&p);
}

static void unlabelled_uses_every_training_image_and_tests_none(void **state)
{
    const dataset *d = ((fixture *)*state)->data;
    struct split p = make(d, (protocol_spec){PROTOCOL_UNLABELLED, -1, 0.1, 0.1, 7, 0});
    assert_int_equal(p.train_count, 3200);
    assert_int_equal(p.test_count, 0);
    assert_disjoint_and_ordered(&p, 5000);
    split_free(&p);
}

static void split_depends_on_the_seed_alone(void **state)
{
    const dataset *d = ((fixture *)*state)->data;
    protocol_spec spec = {PROTOCOL_ONE_CLASS, 3, 0.1, 0.1, 7, 0}, other = spec;
    other.seed = 8;
    struct split a = make(d, spec), b = make(d, spec), c = make(d, other);
    assert_memory_equal(a.validation, b.validation, a.validation_count * sizeof *a.validation);
    assert_memory_equal(a.calibration, b.calibration, a.calibration_count * sizeof *a.calibration);
    assert_memory_not_equal(a.validation, c.validation, a.validation_count * sizeof *a.validation);
    /* The validation images stay when only the calibration share changes. */
    spec.calibration_share = 0.3;
    struct split wider = make(d, spec);
    assert_memory_equal(a.validation, wider.validation, a.validation_count * sizeof *a.validation);
    split_free(&a);
    split_free(&b);
    split_free(&c);
    split_free(&wider);
}

static void the_cut_test_depends_on_the_seed_alone(void **state)
{
    const dataset *d = ((fixture *)*state)->data;
    protocol_spec spec = {PROTOCOL_ONE_CLASS, 3, 0.1, 0.1, 7, 200};
    struct split first = make(d, spec);
    assert_int_equal(first.test_count, 200);
    assert_disjoint_and_ordered(&first, 5000);
    for (size_t i = 0; i < first.test_count; i++) {
        assert_int_equal(dataset_split_of(d, first.test[i]), SPLIT_TEST);
        assert_int_equal(first.anomalous[i], dataset_label(d, first.test[i]) != 3);
    }
    const protocol_spec same[] = {
        spec,
        {PROTOCOL_ONE_CLASS, 8, 0.1, 0.1, 7, 200},
        {PROTOCOL_ONE_VS_REST, 3, 0.1, 0.1, 7, 200},
        {PROTOCOL_ONE_CLASS, 3, 0, 0.3, 7, 200},
    };
    for (size_t i = 0; i < sizeof same / sizeof *same; i++) {
        struct split p = make(d, same[i]);
        assert_int_equal(p.test_count, 200);
        assert_memory_equal(p.test, first.test, 200 * sizeof *p.test);
        split_free(&p);
    }
    spec.seed = 8;
    struct split other = make(d, spec);
    assert_memory_not_equal(other.test, first.test, 200 * sizeof *other.test);
    split_free(&other);
    split_free(&first);
}

static void a_cut_test_leaves_the_training_as_it_is(void **state)
{
    const dataset *d = ((fixture *)*state)->data;
    protocol_spec spec = {PROTOCOL_ONE_CLASS, 3, 0.1, 0.1, 7, 0};
    struct split all = make(d, spec);
    spec.test_images = PROTOCOL_TEST_MIN;
    struct split cut = make(d, spec);
    assert_int_equal(cut.test_count, PROTOCOL_TEST_MIN);
    assert_int_equal(cut.train_count, all.train_count);
    assert_memory_equal(cut.train, all.train, all.train_count * sizeof *all.train);
    assert_memory_equal(cut.validation, all.validation, all.validation_count * sizeof *all.validation);
    spec.test_images = 1000;
    struct split whole = make(d, spec);
    assert_int_equal(whole.test_count, 1000);
    assert_memory_equal(whole.test, all.test, 1000 * sizeof *all.test);
    split_free(&all);
    split_free(&cut);
    split_free(&whole);
}

static void digest_of(const dataset *d, protocol_spec spec, char out[DATASET_DIGEST_TEXT])
{
    struct split p = make(d, spec);
    split_test_digest(&p, dataset_facts(d), out);
    split_free(&p);
}

static void the_test_has_a_digest_of_images_and_labels(void **state)
{
    const dataset *d = ((fixture *)*state)->data;
    char whole[DATASET_DIGEST_TEXT], cut[DATASET_DIGEST_TEXT], other[DATASET_DIGEST_TEXT];
    digest_of(d, (protocol_spec){PROTOCOL_ONE_CLASS, 3, 0.1, 0.1, 7, 0}, whole);
    assert_int_equal(strlen(whole), 64);
    digest_of(d, (protocol_spec){PROTOCOL_ONE_CLASS, 3, 0, 0.3, 8, 1000}, other);
    assert_string_equal(other, whole);
    digest_of(d, (protocol_spec){PROTOCOL_ONE_CLASS, 3, 0.1, 0.1, 7, 200}, cut);
    digest_of(d, (protocol_spec){PROTOCOL_ONE_CLASS, 3, 0.2, 0, 7, 200}, other);
    assert_string_equal(other, cut);
    const protocol_spec different[] = {
        {PROTOCOL_ONE_CLASS, 3, 0.1, 0.1, 7, 0},     {PROTOCOL_ONE_CLASS, 3, 0.1, 0.1, 8, 200},
        {PROTOCOL_ONE_CLASS, 3, 0.1, 0.1, 7, 201},   {PROTOCOL_ONE_CLASS, 8, 0.1, 0.1, 7, 200},
        {PROTOCOL_ONE_VS_REST, 3, 0.1, 0.1, 7, 200},
    };
    for (size_t i = 0; i < sizeof different / sizeof *different; i++) {
        digest_of(d, different[i], other);
        assert_string_not_equal(other, cut);
    }
}

/* Results stay reproducible: a data set without copies is dealt out as in every program before. */
static void the_deal_is_that_of_every_program_before(void **state)
{
    const dataset *d = ((fixture *)*state)->data;
    static const protocol_spec specs[] = {
        {PROTOCOL_ONE_CLASS, 3, 0.1, 0.2, 7, 0},
        {PROTOCOL_ONE_VS_REST, 8, 0.05, 0.05, 1, 200},
        {PROTOCOL_UNLABELLED, 0, 0, 0.1, 2, 0},
    };
    static const char *const expected[] = {
        "1a786be3dd509466e318ac51db2ac89afd8e90110f4bfb0d53760a68cc07956f",
        "73114ddf11c2665d6aa7bddfff95a2891018f31dcbf7aa0ca0c8d02376edb694",
        "60ae8a01cdba24e11c5213b7f2be4dcdbc71e0582db260f04238f30c297e8aaf",
    };
    for (size_t i = 0; i < sizeof specs / sizeof *specs; i++) {
        struct split p = make(d, specs[i]);
        digest all;
        char text[DIGEST_TEXT];
        digest_begin(&all);
        digest_update(&all, p.train, p.train_count * sizeof *p.train);
        digest_update(&all, p.validation, p.validation_count * sizeof *p.validation);
        digest_update(&all, p.calibration, p.calibration_count * sizeof *p.calibration);
        digest_update(&all, p.test, p.test_count * sizeof *p.test);
        digest_end_hex(&all, text);
        assert_string_equal(text, expected[i]);
        assert_int_equal(p.left_out_count, 0);
        split_free(&p);
    }
}

static void training_digest_of(const dataset *d, protocol_spec spec, char out[DATASET_DIGEST_TEXT])
{
    struct split p = make(d, spec);
    split_training_digest(&p, dataset_facts(d), out);
    split_free(&p);
}

static void what_is_learned_from_has_a_digest(void **state)
{
    const dataset *d = ((fixture *)*state)->data;
    char first[DATASET_DIGEST_TEXT], other[DATASET_DIGEST_TEXT];
    training_digest_of(d, (protocol_spec){PROTOCOL_ONE_CLASS, 3, 0.1, 0.2, 7, 0}, first);
    /* By Python's hashlib, of what the header says. */
    assert_string_equal(first, "891fe01b7962554abe34db9c7fef34dee0032e86a11380e5d9f0d339fef1eb06");
    training_digest_of(d, (protocol_spec){PROTOCOL_ONE_CLASS, 3, 0.1, 0.2, 7, 200}, other);
    assert_string_equal(other, first);
    const protocol_spec different[] = {
        {PROTOCOL_ONE_CLASS, 3, 0.1, 0.2, 8, 0},
        {PROTOCOL_ONE_CLASS, 3, 0.2, 0.1, 7, 0},
        {PROTOCOL_ONE_CLASS, 8, 0.1, 0.2, 7, 0},
        {PROTOCOL_ONE_VS_REST, 3, 0.1, 0.2, 7, 0},
    };
    for (size_t i = 0; i < sizeof different / sizeof *different; i++) {
        training_digest_of(d, different[i], other);
        assert_string_not_equal(other, first);
    }
}

static void assert_refused(const dataset *d, protocol_spec spec, const char *message)
{
    struct split p;
    error e = {0};
    assert_false(split_make(d, &spec, &p, &e));
    assert_int_equal(e.code, ERROR_INVALID);
    if (!strstr(e.message, message))
        fail_msg("\"%s\" does not say \"%s\"", e.message, message);
    assert_null(p.train);
    split_free(&p);
}

static void impossible_specs_are_refused_by_name(void **state)
{
    const dataset *d = ((fixture *)*state)->data;
    assert_refused(d, (protocol_spec){PROTOCOL_ONE_CLASS, 10, 0.1, 0.1, 7, 0},
                   "class 10: the data set has classes 0 to 9");
    assert_refused(d, (protocol_spec){PROTOCOL_ONE_CLASS, -1, 0.1, 0.1, 7, 0}, "class -1");
    assert_refused(d, (protocol_spec){PROTOCOL_ONE_CLASS, 1, 0.5, 0.1, 7, 0}, "validation share: 0.5");
    assert_refused(d, (protocol_spec){PROTOCOL_ONE_CLASS, 1, -0.1, 0.1, 7, 0}, "validation share: -0.1");
    assert_refused(d, (protocol_spec){PROTOCOL_ONE_CLASS, 1, 0.1, NAN, 7, 0}, "calibration share: nan");
    assert_refused(d, (protocol_spec){PROTOCOL_ONE_CLASS, 1, 0.1, 0.1, 7, 19},
                   "test_images: 19 is neither 0, for all, nor at least 20");
    assert_refused(d, (protocol_spec){PROTOCOL_ONE_CLASS, 1, 0.1, 0.1, 7, 1001},
                   "test_images: 1001 are more than the data set's 1000 test images");
    assert_refused(d, (protocol_spec){PROTOCOL_UNLABELLED, -1, 0.1, 0.1, 7, 20}, "test_images: protocol unlabelled");
}

/* Writes an uncompressed IDX pair: one pixel an image, no two the same. */
static void write_pair(const scratch *s, const char *split, const uint8_t *labels, uint8_t n)
{
    uint8_t images[64] = {0, 0, 8, 3, 0, 0, 0, n, 0, 0, 0, 1, 0, 0, 0, 1}, list[64] = {0, 0, 8, 1, 0, 0, 0, n};
    for (uint8_t i = 0; i < n; i++) {
        images[16 + i] = (uint8_t)(i + (strcmp(split, "train") ? 100 : 0));
        list[8 + i] = labels[i];
    }
    char name[64];
    snprintf(name, sizeof name, "in/%s-images-idx3-ubyte", split);
    scratch_write(s, name, images, 16 + (size_t)n);
    snprintf(name, sizeof name, "in/%s-labels-idx1-ubyte", split);
    scratch_write(s, name, list, 8 + (size_t)n);
}

static void data_that_cannot_serve_a_protocol_are_refused(void **state)
{
    (void)state;
    scratch s = scratch_make();
    write_pair(&s, "train", (const uint8_t[]){0, 0, 2, 2, 2}, 5);
    write_pair(&s, "t10k", (const uint8_t[]){0, 0}, 2);
    static dataset_info info;
    error e = {0};
    assert_true(dataset_import(scratch_at(&s, "in").text, scratch_at(&s, "out").text, &info, &e));
    dataset *d = dataset_open(scratch_at(&s, "out").text, &e);
    assert_non_null(d);
    assert_refused(d, (protocol_spec){PROTOCOL_ONE_CLASS, 1, 0, 0, 7, 0}, "class \"1\": there is no normal image");
    assert_refused(d, (protocol_spec){PROTOCOL_ONE_CLASS, 0, 0, 0, 7, 0}, "all 2 test images are normal");
    assert_refused(d, (protocol_spec){PROTOCOL_ONE_CLASS, 2, 0, 0, 7, 0}, "all 2 test images are anomalous");
    assert_refused(d, (protocol_spec){PROTOCOL_ONE_VS_REST, 2, 0.3, 0.3, 7, 0}, "all 2 test images are normal");
    assert_refused(d, (protocol_spec){PROTOCOL_ONE_VS_REST, 0, 0, 0.4, 7, 0}, "all 2 test images are anomalous");
    dataset_free(d);
    scratch_remove(&s);
}

/* Of 30 test images one is anomalous; a third of all seeds leave it out of 20. */
static void a_drawn_test_of_one_kind_is_refused(void **state)
{
    (void)state;
    scratch s = scratch_make();
    uint8_t labels[30] = {[17] = 1};
    write_pair(&s, "train", labels, 30);
    write_pair(&s, "t10k", labels, 30);
    static dataset_info info;
    error e = {0};
    assert_true(dataset_import(scratch_at(&s, "in").text, scratch_at(&s, "out").text, &info, &e));
    dataset *d = dataset_open(scratch_at(&s, "out").text, &e);
    assert_non_null(d);
    int refused = 0;
    for (uint64_t seed = 0; seed < 64; seed++) {
        struct split p;
        protocol_spec spec = {PROTOCOL_ONE_CLASS, 0, 0, 0, seed, 20};
        if (!split_make(d, &spec, &p, &e)) {
            assert_refused(d, spec, "draws are all normal, so nothing can be measured");
            refused++;
            continue;
        }
        size_t anomalies = 0;
        for (size_t i = 0; i < p.test_count; i++)
            anomalies += p.anomalous[i];
        assert_int_equal(anomalies, 1);
        split_free(&p);
    }
    assert_true(refused > 0 && refused < 64);
    dataset_free(d);
    scratch_remove(&s);
}

static void shares_that_leave_nothing_to_train_on_are_refused(void **state)
{
    (void)state;
    scratch s = scratch_make();
    write_pair(&s, "train", (const uint8_t[]){0, 0, 1, 1, 1}, 5);
    write_pair(&s, "t10k", (const uint8_t[]){0, 1}, 2);
    static dataset_info info;
    error e = {0};
    assert_true(dataset_import(scratch_at(&s, "in").text, scratch_at(&s, "out").text, &info, &e));
    dataset *d = dataset_open(scratch_at(&s, "out").text, &e);
    assert_non_null(d);
    assert_refused(d, (protocol_spec){PROTOCOL_ONE_CLASS, 0, 0.3, 0.3, 7, 0}, "of 2 normal images none is left");
    dataset_free(d);
    scratch_remove(&s);
}

static void names_parse_back_and_others_are_refused(void **state)
{
    (void)state;
    for (int k = PROTOCOL_ONE_CLASS; k <= PROTOCOL_UNLABELLED; k++) {
        enum protocol p;
        assert_true(protocol_parse(protocol_name((enum protocol)k), &p, NULL));
        assert_int_equal(p, k);
    }
    enum protocol p;
    error e = {0};
    assert_false(protocol_parse("One-Class", &p, &e));
    assert_non_null(strstr(e.message, "\"One-Class\""));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(one_class_trains_on_the_class_and_tests_on_all),
        cmocka_unit_test(one_vs_rest_trains_on_all_but_the_class),
        cmocka_unit_test(unlabelled_uses_every_training_image_and_tests_none),
        cmocka_unit_test(split_depends_on_the_seed_alone),
        cmocka_unit_test(the_cut_test_depends_on_the_seed_alone),
        cmocka_unit_test(a_cut_test_leaves_the_training_as_it_is),
        cmocka_unit_test(the_test_has_a_digest_of_images_and_labels),
        cmocka_unit_test(the_deal_is_that_of_every_program_before),
        cmocka_unit_test(what_is_learned_from_has_a_digest),
        cmocka_unit_test(impossible_specs_are_refused_by_name),
        cmocka_unit_test(data_that_cannot_serve_a_protocol_are_refused),
        cmocka_unit_test(a_drawn_test_of_one_kind_is_refused),
        cmocka_unit_test(shares_that_leave_nothing_to_train_on_are_refused),
        cmocka_unit_test(names_parse_back_and_others_are_refused),
    };
    return cmocka_run_group_tests(tests, open_sample, close_sample);
}
