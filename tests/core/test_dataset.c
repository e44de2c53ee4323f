/* SPDX-License-Identifier: MIT */
/* test_dataset.c — whole data sets of every format and container arrive with the right pixels, labels and splits. */
#include "data/dataset.h"

#include <setjmp.h>
#include <stdarg.h>

#include <cmocka.h>

#include "dataset_files.h"

static dataset_info last; /* too large for the stack of a test */

static dataset *import(const scratch *s, const char *name)
{
    return import_and_open(s, scratch_at(s, name).text, &last);
}

static void assert_shape(int n, int h, int w, int c)
{
    assert_int_equal(last.image.n, n);
    assert_int_equal(last.image.h, h);
    assert_int_equal(last.image.w, w);
    assert_int_equal(last.image.c, c);
}

/* Reads a gzip file by zlib's own means. */
static uint8_t *gunzip(const char *path, size_t size)
{
    gzFile f = gzopen(path, "rb");
    assert_non_null(f);
    uint8_t *bytes = malloc(size + 1);
    assert_int_equal(gzread(f, bytes, (unsigned)size + 1), size);
    gzclose(f);
    return bytes;
}

static void mnist_sample_arrives_byte_for_byte(void **state)
{
    (void)state;
    scratch s = scratch_make();
    char folder[512], path[600];
    snprintf(folder, sizeof folder, "%s/mnist-sample", getenv("ANOMALYD_TEST_DATA"));
    dataset *d = import_and_open(&s, folder, &last);
    assert_string_equal(last.format, "idx");
    assert_shape(5000, 28, 28, 1);
    assert_int_equal(last.classes, 10);
    assert_int_equal(last.duplicates, 0);
    for (int k = 0; k < 10; k++) {
        assert_int_equal(last.counts[SPLIT_TRAIN][k], 400);
        assert_int_equal(last.counts[SPLIT_TEST][k], 100);
        assert_int_equal(last.class_names[k][0], '0' + k);
    }
    static const char *const splits[] = {"train", "t10k"};
    for (size_t k = 0; k < 2; k++) {
        size_t n = k ? 1000 : 4000, first = k ? 4000 : 0;
        snprintf(path, sizeof path, "%s/%s-images-idx3-ubyte.gz", folder, splits[k]);
        uint8_t *images = gunzip(path, 16 + n * 784);
        snprintf(path, sizeof path, "%s/%s-labels-idx1-ubyte.gz", folder, splits[k]);
        uint8_t *labels = gunzip(path, 8 + n);
        for (size_t i = 0; i < n; i++) {
            assert_memory_equal(dataset_image(d, first + i), images + 16 + 784 * i, 784);
            assert_int_equal(dataset_label(d, first + i), labels[8 + i]);
            assert_int_equal(dataset_split_of(d, first + i), k);
        }
        free(images);
        free(labels);
    }
    assert_int_equal(dataset_class(&last, "7"), 7);
    assert_int_equal(dataset_class(&last, "10"), -1);
    dataset_free(d);
    scratch_remove(&s);
}

static void idx_is_the_same_plain_gzipped_and_in_any_archive(void **state)
{
    (void)state;
    scratch s = scratch_make();
    write_idx(&s, "plain");
    dataset_free(import(&s, "plain"));
    assert_shape(15, 4, 3, 1);
    assert_int_equal(last.classes, 3);
    char expected[DATASET_DIGEST_TEXT];
    memcpy(expected, last.digest, sizeof expected);
    static const char *const archives[] = {"a.tar", "a.tar.gz", "a.zip"};
    blob parts[4] = {idx_images(9, 0), idx_labels(9), idx_images(6, 9), idx_labels(6)};
    for (int k = 0; k < 3; k++) {
        packer p = packer_open(&s, archives[k], (enum container)k);
        packer_put(&p, "./mnist/t10k-labels-idx1-ubyte", parts[3].bytes, parts[3].size);
        packer_put(&p, "./mnist/t10k-images-idx3-ubyte", parts[2].bytes, parts[2].size);
        packer_put(&p, "./mnist/README", "text", 4);
        packer_put(&p, "./mnist/._train-images-idx3-ubyte", "resource fork", 13);
        blob compressed = gzipped(parts[0].bytes, parts[0].size);
        packer_put(&p, "./mnist/train-images-idx3-ubyte.gz", compressed.bytes, compressed.size);
        packer_put(&p, "./mnist/train-labels-idx1-ubyte", parts[1].bytes, parts[1].size);
        packer_close(&p);
        dataset_free(import(&s, archives[k]));
        assert_string_equal(last.digest, expected);
    }
    scratch_remove(&s);
}

static void digest_is_that_of_its_definition(void **state)
{
    (void)state;
    scratch s = scratch_make();
    write_idx(&s, "plain");
    dataset_free(import(&s, "plain"));
    /* sha256 of u32 n, h, w, c; pixels; labels; splits, by Python's hashlib. */
    assert_string_equal(last.digest, "f2692bb7ce6a3231f3cf57c4788fa3327d13104f890f0e5780275f5bbd5a356c");
    scratch_remove(&s);
}

static void concatenated_gzip_members_are_one_file(void **state)
{
    (void)state;
    scratch s = scratch_make();
    write_idx(&s, "in");
    dataset_free(import(&s, "in"));
    char expected[DATASET_DIGEST_TEXT];
    memcpy(expected, last.digest, sizeof expected);
    blob images = idx_images(9, 0);
    blob joined = gzipped(images.bytes, 50), tail = gzipped(images.bytes + 50, images.size - 50);
    blob_put(&joined, tail.bytes, tail.size);
    write_blob(&s, "in/train-images-idx3-ubyte", joined);
    dataset_free(import(&s, "in"));
    assert_string_equal(last.digest, expected);
    scratch_remove(&s);
}

static void without_a_test_part_a_fifth_of_each_class_becomes_it(void **state)
{
    (void)state;
    scratch s = scratch_make();
    write_blob(&s, "in/train-images-idx3-ubyte", idx_images(150, 0));
    write_blob(&s, "in/train-labels-idx1-ubyte", idx_labels(150));
    dataset *d = import(&s, "in");
    for (int k = 0; k < 3; k++) {
        assert_int_equal(last.counts[SPLIT_TRAIN][k], 40);
        assert_int_equal(last.counts[SPLIT_TEST][k], 10);
    }
    /* Drawn, not cut off the end. */
    int first_half = 0;
    for (size_t i = 0; i < 75; i++)
        first_half += dataset_split_of(d, i) == SPLIT_TEST;
    assert_in_range(first_half, 5, 25);
    /* Drawn as by every program before. */
    assert_string_equal(last.digest, "2a035e4cf39fede578ffacce3d629c704a304447711353d2a0e9db38b83defb8");
    char digest[DATASET_DIGEST_TEXT];
    memcpy(digest, last.digest, sizeof digest);
    dataset_free(d);
    dataset_free(import(&s, "in"));
    assert_string_equal(last.digest, digest);
    scratch_remove(&s);
}

static void test_images_that_are_training_images_too_are_counted(void **state)
{
    (void)state;
    scratch s = scratch_make();
    write_idx(&s, "in");
    write_blob(&s, "in/t10k-images-idx3-ubyte", idx_images(6, 5)); /* 4 of them are training images 5 … 8 */
    dataset_free(import(&s, "in"));
    assert_int_equal(last.duplicates, 4);
    scratch_remove(&s);
}

static void assert_cifar(const dataset *d)
{
    assert_string_equal(last.format, "cifar10");
    assert_shape(18, 32, 32, 3);
    assert_int_equal(last.classes, 10);
    assert_int_equal(dataset_class(&last, "airplane"), 0);
    assert_int_equal(dataset_class(&last, "truck"), 9);
    for (size_t i = 0; i < 18; i++) {
        assert_int_equal(dataset_label(d, i), i % 10);
        assert_int_equal(dataset_split_of(d, i), i < 15 ? SPLIT_TRAIN : SPLIT_TEST);
        const uint8_t *pixels = dataset_image(d, i);
        for (size_t k = 0; k < 3072; k++)
            assert_int_equal(pixels[k], pixel_value(i, k % 3 * 1024 + k / 3));
    }
}

static void cifar_planes_become_pixels_from_folder_and_archive(void **state)
{
    (void)state;
    scratch s = scratch_make();
    write_cifar(&s, "cifar-10-batches-bin", 3);
    packer p = packer_open(&s, "cifar.tar.gz", CONTAINER_TAR_GZ);
    packer_put_cifar(&p, "cifar-10-batches-bin", 3);
    packer_put(&p, "cifar-10-batches-bin/batches.meta.txt", "airplane\n", 9);
    packer_close(&p);
    dataset *d = import(&s, "cifar-10-batches-bin");
    assert_cifar(d);
    dataset_free(d);
    d = import(&s, "cifar.tar.gz");
    assert_cifar(d);
    dataset_free(d);
    scratch_remove(&s);
}

static const char *const png_names[] = {
    "train/10/a.png", "train/2/a10.png", "train/2/a9.png", "test/2/x.png", "test/10/x.png", "test/defect/x.png",
};
enum { PNGS = sizeof png_names / sizeof *png_names };

static void assert_png_set(const dataset *d)
{
    assert_string_equal(last.format, "folder");
    assert_shape(PNGS, 5, 6, 1);
    assert_int_equal(last.classes, 3);
    assert_string_equal(last.class_names[0], "2");
    assert_string_equal(last.class_names[1], "10");
    assert_string_equal(last.class_names[2], "defect");
    static const size_t order[PNGS] = {2, 1, 0, 3, 4, 5};
    static const int labels[PNGS] = {0, 0, 1, 0, 1, 2};
    for (size_t i = 0; i < PNGS; i++) {
        assert_int_equal(dataset_label(d, i), labels[i]);
        assert_int_equal(dataset_split_of(d, i), i < 3 ? SPLIT_TRAIN : SPLIT_TEST);
        for (size_t k = 0; k < 30; k++)
            assert_int_equal(dataset_image(d, i)[k], pixel_value(order[i], k));
    }
}

static void png_folders_and_archives_give_classes_in_natural_order(void **state)
{
    (void)state;
    scratch s = scratch_make();
    for (int k = CONTAINER_TAR; k <= CONTAINER_ZIP; k++) {
        packer p = packer_open(&s, "archive", (enum container)k);
        for (size_t i = 0; i < PNGS; i++) {
            char name[64];
            snprintf(name, sizeof name, "set/inner/%s", png_names[i]);
            blob png = png_file(5, 6, 1, i);
            packer_put(&p, name, png.bytes, png.size);
            write_blob(&s, name, png);
        }
        packer_put(&p, "set/inner/notes.txt", "text", 4);
        packer_put(&p, "__MACOSX/set/._a.png", "resource fork", 13);
        packer_close(&p);
        dataset *d = import(&s, "archive");
        assert_png_set(d);
        dataset_free(d);
    }
    scratch_write(&s, "set/inner/.hidden.png", "not a PNG", 9);
    scratch_write(&s, "set/inner/.git/x.png", "not a PNG", 9);
    scratch_write(&s, "set/inner/ground_truth/defect/mask.png", png_file(9, 9, 3, 1).bytes, png_file(9, 9, 3, 1).size);
    dataset *d = import(&s, "set");
    assert_png_set(d);
    dataset_free(d);
    scratch_remove(&s);
}

static void images_take_the_size_of_the_first_and_colour_when_any_has_it(void **state)
{
    (void)state;
    scratch s = scratch_make();
    write_blob(&s, "in/a/1.png", png_file(4, 4, 1, 1));
    write_blob(&s, "in/a/2.png", png_file(8, 8, 1, 2));
    write_blob(&s, "in/b/1.png", png_file(4, 4, 3, 3));
    dataset *d = import(&s, "in");
    assert_shape(3, 4, 4, 3);
    for (size_t k = 0; k < 48; k++) {
        assert_int_equal(dataset_image(d, 0)[k], pixel_value(1, k / 3));
        assert_int_equal(dataset_image(d, 2)[k], pixel_value(3, k));
    }
    /* The mean of four pixels. */
    int sum = pixel_value(2, 0) + pixel_value(2, 1) + pixel_value(2, 8) + pixel_value(2, 9);
    assert_in_range(dataset_image(d, 1)[0] * 4, sum - 2, sum + 2);
    dataset_free(d);
    scratch_remove(&s);
}

static void images_in_no_folder_are_one_class(void **state)
{
    (void)state;
    scratch s = scratch_make();
    for (size_t i = 0; i < 10; i++) {
        char name[32];
        snprintf(name, sizeof name, "in/%zu.png", i);
        write_blob(&s, name, png_file(3, 3, 1, i));
    }
    dataset_free(import(&s, "in"));
    assert_int_equal(last.classes, 1);
    assert_string_equal(last.class_names[0], "all");
    assert_int_equal(last.counts[SPLIT_TRAIN][0], 8);
    assert_int_equal(last.counts[SPLIT_TEST][0], 2);
    scratch_remove(&s);
}

static void an_only_class_folder_keeps_its_name(void **state)
{
    (void)state;
    scratch s = scratch_make();
    write_blob(&s, "in/outer/good/1.png", png_file(3, 3, 1, 1));
    write_blob(&s, "in/outer/good/2.png", png_file(3, 3, 1, 2));
    dataset_free(import(&s, "in"));
    assert_int_equal(last.classes, 1);
    assert_string_equal(last.class_names[0], "good");
    scratch_remove(&s);
}

static void importing_leaves_the_source_as_it_was_and_one_file(void **state)
{
    (void)state;
    scratch s = scratch_make();
    write_idx(&s, "in");
    dataset_free(import(&s, "in"));
    dataset_free(import(&s, "in")); /* replaces the first */
    assert_int_equal(scratch_count(&s), 2);
    scratch in;
    snprintf(in.folder, sizeof in.folder, "%.200s/in", s.folder);
    assert_int_equal(scratch_count(&in), 4);
    scratch_remove(&s);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(mnist_sample_arrives_byte_for_byte),
        cmocka_unit_test(idx_is_the_same_plain_gzipped_and_in_any_archive),
        cmocka_unit_test(digest_is_that_of_its_definition),
        cmocka_unit_test(concatenated_gzip_members_are_one_file),
        cmocka_unit_test(without_a_test_part_a_fifth_of_each_class_becomes_it),
        cmocka_unit_test(test_images_that_are_training_images_too_are_counted),
        cmocka_unit_test(cifar_planes_become_pixels_from_folder_and_archive),
        cmocka_unit_test(png_folders_and_archives_give_classes_in_natural_order),
        cmocka_unit_test(images_take_the_size_of_the_first_and_colour_when_any_has_it),
        cmocka_unit_test(images_in_no_folder_are_one_class),
        cmocka_unit_test(an_only_class_folder_keeps_its_name),
        cmocka_unit_test(importing_leaves_the_source_as_it_was_and_one_file),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
