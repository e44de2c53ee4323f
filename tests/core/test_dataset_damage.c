/* SPDX-License-Identifier: MIT */
/*
 * test_dataset_damage.c — what is damaged, hostile or not a data set is refused with a message that names file and
 * place, and leaves nothing behind; a packed file with any bit changed is not opened.
 */
#include "base/digest.h"
#include "base/file.h"
#include "data/dataset.h"

#include <setjmp.h>
#include <stdarg.h>

#include <cmocka.h>

#include "dataset_files.h"

#include <signal.h>
#include <sys/resource.h>

/* Importing `name` must fail, say each of the texts and leave only what is there. */
static void assert_refused(const scratch *s, const char *name, enum error_code code, const char *place,
                           const char *reason)
{
    static dataset_info info;
    int before = scratch_count(s);
    error e = {0};
    if (dataset_import(scratch_at(s, name).text, scratch_at(s, "packed").text, &info, &e))
        fail_msg("%s was imported; expected: %s", name, reason);
    if (!strstr(e.message, scratch_at(s, name).text) || !strstr(e.message, place) || !strstr(e.message, reason))
        fail_msg("\"%s\" does not say \"%s\" and \"%s\"", e.message, place, reason);
    assert_int_equal(e.code, code);
    assert_int_equal(scratch_count(s), before);
}

static void truncated_gzip_is_named(void **state)
{
    (void)state;
    scratch s = scratch_make();
    write_idx(&s, "in");
    blob images = idx_images(9, 0), compressed = gzipped(images.bytes, images.size);
    compressed.size -= 5;
    write_blob(&s, "in/train-images-idx3-ubyte", compressed);
    assert_refused(&s, "in", ERROR_CORRUPT, "train-images-idx3-ubyte", "truncated gzip data: they end after");
    scratch_remove(&s);
}

static void gzip_whose_checksum_does_not_match_is_named(void **state)
{
    (void)state;
    scratch s = scratch_make();
    write_idx(&s, "in");
    blob images = idx_images(9, 0), compressed = gzipped(images.bytes, images.size);
    compressed.bytes[compressed.size - 8] ^= 1;
    write_blob(&s, "in/train-images-idx3-ubyte", compressed);
    assert_refused(&s, "in", ERROR_CORRUPT, "train-images-idx3-ubyte", "incorrect data check");
    scratch_remove(&s);
}

static void damaged_idx_files_are_named_with_the_place(void **state)
{
    (void)state;
    static const char images_name[] = "train-images-idx3-ubyte", labels_name[] = "train-labels-idx1-ubyte";
    scratch s = scratch_make();
    write_idx(&s, "in");
    blob images = idx_images(9, 0), labels = idx_labels(9), b = images;
    b.bytes[3] = 2;
    write_blob(&s, "in/train-images-idx3-ubyte", b);
    assert_refused(&s, "in", ERROR_CORRUPT, images_name, "wrong magic number 0x00000802; expected 0x00000803");
    b.bytes[0] = 'x';
    write_blob(&s, "in/train-images-idx3-ubyte", b);
    assert_refused(&s, "in", ERROR_CORRUPT, images_name, "wrong magic number 0x78000802");
    b = images;
    b.bytes[2] = 0x0d;
    write_blob(&s, "in/train-images-idx3-ubyte", b);
    assert_refused(&s, "in", ERROR_CORRUPT, images_name, "wrong magic number 0x00000d03");
    b = images;
    b.size--;
    write_blob(&s, "in/train-images-idx3-ubyte", b);
    assert_refused(&s, "in", ERROR_CORRUPT, images_name, "107 bytes after the header; 9 images need 108");
    b.size = 12;
    write_blob(&s, "in/train-images-idx3-ubyte", b);
    assert_refused(&s, "in", ERROR_CORRUPT, images_name, "truncated: 12 of the header's 16 bytes");
    b = images;
    memset(b.bytes + 4, 0xff, 12); /* counts that overflow when multiplied */
    write_blob(&s, "in/train-images-idx3-ubyte", b);
    assert_refused(&s, "in", ERROR_LIMIT, images_name, "4294967295 images; 1 to 2000000");
    write_blob(&s, "in/train-images-idx3-ubyte", images);
    b = labels;
    b.bytes[7] = 8;
    b.size--;
    write_blob(&s, "in/train-labels-idx1-ubyte", b);
    assert_refused(&s, "in", ERROR_CORRUPT, labels_name, "has 9 images, but");
    write_blob(&s, "in/train-labels-idx1-ubyte", labels);
    b = idx_labels(6);
    b.bytes[8 + 4] = 3;
    write_blob(&s, "in/t10k-labels-idx1-ubyte", b);
    assert_refused(&s, "in", ERROR_CORRUPT, "t10k-labels-idx1-ubyte", "item 4 has label 3; those of");
    write_blob(&s, "in/t10k-labels-idx1-ubyte", idx_labels(6));
    write_blob(&s, "in/more-train-images-idx3-ubyte", images);
    assert_refused(&s, "in", ERROR_INVALID, "more-train-images", "two files of training images");
    remove(scratch_at(&s, "in/more-train-images-idx3-ubyte").text);
    remove(scratch_at(&s, "in/t10k-labels-idx1-ubyte").text);
    assert_refused(&s, "in", ERROR_INVALID, "t10k-images-idx3-ubyte", "the labels that belong to it are missing");
    assert_refused(&s, "in/t10k-images-idx3-ubyte", ERROR_INVALID, "", "no IDX file of training images");
    scratch_remove(&s);
}

static void damaged_cifar_batches_are_named_with_the_record(void **state)
{
    (void)state;
    scratch s = scratch_make();
    write_cifar(&s, "in", 4);
    blob b = cifar_batch(4, 8);
    b.bytes[2 * 3073] = 10;
    write_blob(&s, "in/data_batch_3.bin", b);
    assert_refused(&s, "in", ERROR_CORRUPT, "data_batch_3.bin", "record 2 has label 10; 0 to 9");
    b.size -= 100;
    write_blob(&s, "in/data_batch_3.bin", b);
    assert_refused(&s, "in", ERROR_CORRUPT, "data_batch_3.bin",
                   "not a whole number of records of 3073 bytes (2973 bytes");
    write_blob(&s, "in/data_batch_3.bin", (blob){.size = 0});
    assert_refused(&s, "in", ERROR_CORRUPT, "data_batch_3.bin", "0 bytes are not a whole number");
    write_blob(&s, "in/data_batch_3.bin", cifar_batch(3, 8));
    assert_refused(&s, "in", ERROR_CORRUPT, "data_batch_3.bin has 3 records", "data_batch_1.bin has 4");
    scratch_remove(&s);
}

static void an_incomplete_cifar_is_refused_by_what_it_lacks(void **state)
{
    (void)state;
    scratch s = scratch_make();
    for (int k = 0; k < 6; k++) {
        write_cifar(&s, "in", 2);
        remove(scratch_at(&s, cifar_name("in", k).text).text);
        char missing[600];
        snprintf(missing, sizeof missing, "%s is missing", cifar_name("in", k).text + 3);
        assert_refused(&s, "in", ERROR_INVALID, missing, "data_batch_1.bin to data_batch_5.bin and test_batch.bin");
    }
    write_cifar(&s, "in", 2);
    write_blob(&s, "in/data_batch_6.bin", cifar_batch(2, 12));
    assert_refused(&s, "in", ERROR_INVALID, "data_batch_6.bin", "no file of CIFAR-10");
    remove(scratch_at(&s, "in/data_batch_6.bin").text);
    write_blob(&s, "in/more/data_batch_2.bin", cifar_batch(2, 2));
    assert_refused(&s, "in", ERROR_INVALID, "more/data_batch_2.bin", "two files of one batch: data_batch_2.bin");
    scratch_remove(&s);
}

static void bad_images_in_a_folder_are_named(void **state)
{
    (void)state;
    scratch s = scratch_make();
    write_blob(&s, "in/a/1.png", png_file(5, 5, 1, 1));
    write_blob(&s, "in/a/2.png", png_file(5, 5, 1, 2));
    blob bad = png_file(5, 5, 1, 3);
    bad.bytes[bad.size - 20] ^= 1;
    write_blob(&s, "in/b/3.png", bad);
    assert_refused(&s, "in", ERROR_CORRUPT, "b/3.png", "damaged PNG: IDAT");
    bad.size -= 30;
    write_blob(&s, "in/b/3.png", bad);
    assert_refused(&s, "in", ERROR_CORRUPT, "b/3.png", "truncated PNG");
    bad.size = 20;
    write_blob(&s, "in/b/3.png", bad);
    assert_refused(&s, "in", ERROR_CORRUPT, "b/3.png", "truncated PNG: it has 20 bytes");
    bad = png_file(5, 5, 1, 3);
    memset(bad.bytes + 16, 0x11, 8);
    write_blob(&s, "in/b/3.png", bad);
    assert_refused(&s, "in", ERROR_LIMIT, "b/3.png", "PNG is 286331153 x 286331153 pixels");
    scratch_write(&s, "in/b/3.png", "text", 4);
    assert_refused(&s, "in", ERROR_UNSUPPORTED, "b/3.png", "is not a PNG");
    remove(scratch_at(&s, "in/b/3.png").text);
    scratch_write(&s, "in/b/3.JPG", "\xff\xd8\xff", 3);
    assert_refused(&s, "in", ERROR_UNSUPPORTED, "b/3.JPG", "only PNG images are read");
    scratch_remove(&s);
}

static void folders_that_make_no_data_set_are_explained(void **state)
{
    (void)state;
    scratch s = scratch_make();
    assert_int_equal(mkdir(scratch_at(&s, "empty").text, 0777), 0);
    assert_refused(&s, "empty", ERROR_INVALID, "", "there is no file in it");
    assert_refused(&s, "absent", ERROR_NOT_FOUND, "", "No such file");
    scratch_write(&s, "text/a.txt", "text", 4);
    assert_refused(&s, "text", ERROR_UNSUPPORTED, "a.txt", "no data set found in 1 file");
    scratch_write(&s, "nothing", "", 0);
    assert_refused(&s, "nothing", ERROR_UNSUPPORTED, "nothing", "no data set found");
    write_blob(&s, "mixed/1.png", png_file(3, 3, 1, 1));
    write_blob(&s, "mixed/a/2.png", png_file(3, 3, 1, 2));
    assert_refused(&s, "mixed", ERROR_INVALID, "a/2.png", "some images are in a class folder and others are not");
    write_blob(&s, "beside/train/a/1.png", png_file(3, 3, 1, 1));
    write_blob(&s, "beside/val/a/2.png", png_file(3, 3, 1, 2));
    assert_refused(&s, "beside", ERROR_INVALID, "val/a/2.png", "neither under train/ nor under test/");
    write_blob(&s, "tests/test/a/1.png", png_file(3, 3, 1, 1));
    assert_refused(&s, "tests", ERROR_INVALID, "", "all 1 images are test images");
    write_blob(&s, "name/a\nb/1.png", png_file(3, 3, 1, 1));
    assert_refused(&s, "name", ERROR_INVALID, "class folder 1", "not printable UTF-8");
    write_blob(&s, "latin/\xe9t\xe9/1.png", png_file(3, 3, 1, 1));
    assert_refused(&s, "latin", ERROR_INVALID, "class folder 1", "not printable UTF-8");
    scratch_remove(&s);
}

static void links_and_names_that_lead_outside_are_refused(void **state)
{
    (void)state;
    scratch s = scratch_make();
    write_blob(&s, "in/a/1.png", png_file(3, 3, 1, 1));
    assert_int_equal(symlink("/etc/passwd", scratch_at(&s, "in/a/2.png").text), 0);
    assert_refused(&s, "in", ERROR_INVALID, "a/2.png", "is a symbolic link");
    remove(scratch_at(&s, "in/a/2.png").text);
    assert_int_equal(mkfifo(scratch_at(&s, "in/a/2.png").text, 0666), 0);
    assert_refused(&s, "in", ERROR_INVALID, "a/2.png", "neither a regular file nor a folder");
    blob png = png_file(3, 3, 1, 1);
    static const char *const names[] = {"../../x.png", "/a/x.png"};
    static const char *const reasons[] = {"leads outside the archive", "the name is absolute"};
    for (int k = 0; k < 2; k++) {
        packer p = packer_open(&s, "archive", CONTAINER_TAR);
        packer_put(&p, names[k], png.bytes, png.size);
        packer_close(&p);
        assert_refused(&s, "archive", ERROR_INVALID, names[k], reasons[k]);
    }
    packer p = packer_open(&s, "archive", CONTAINER_TAR_GZ);
    packer_put(&p, "a/1.png", png.bytes, png.size);
    packer_put_link(&p, "a/2.png", "/etc/passwd");
    packer_close(&p);
    assert_refused(&s, "archive", ERROR_INVALID, "a/2.png", "only regular files are read");
    scratch_remove(&s);
}

static void damaged_archives_are_refused_at_every_length(void **state)
{
    (void)state;
    for (int kind = CONTAINER_TAR; kind <= CONTAINER_ZIP; kind++) {
        scratch s = scratch_make();
        blob parts[2] = {idx_images(9, 0), idx_labels(9)};
        packer p = packer_open(&s, "archive", (enum container)kind);
        packer_put(&p, "train-images", parts[0].bytes, parts[0].size);
        packer_put(&p, "train-labels", parts[1].bytes, parts[1].size);
        packer_close(&p);
        void *bytes;
        size_t size;
        assert_true(file_read(scratch_at(&s, "archive").text, 1 << 20, &bytes, &size, NULL));
        /* A tar may lose its end mark of zeros and its padding; all else is needed. */
        size_t needed = kind == CONTAINER_TAR ? 3 * 512 + parts[1].size : size - 1;
        for (size_t n = 0; n <= needed; n += n + 40 < needed ? 37 : 1) {
            if (kind == CONTAINER_TAR && n == needed)
                break;
            scratch_write(&s, "cut", bytes, n);
            static dataset_info info;
            error e = {0};
            if (dataset_import(scratch_at(&s, "cut").text, scratch_at(&s, "packed").text, &info, &e))
                fail_msg("kind %d cut to %zu of %zu bytes was imported", kind, n, size);
            assert_non_null(strstr(e.message, "cut"));
            assert_int_equal(scratch_count(&s), 2);
        }
        free(bytes);
        scratch_remove(&s);
    }
}

/* Sources of every kind with a few bits changed: imported or refused, but never a crash or a file left behind. */
static void flipped_bits_in_any_source_are_survived(void **state)
{
    (void)state;
    static const char *const names[] = {"a.tar", "a.tar.gz", "a.zip"};
    scratch s = scratch_make();
    blob parts[4] = {idx_images(9, 0), idx_labels(9), png_file(5, 5, 3, 1), png_file(4, 6, 1, 2)};
    uint32_t seed = 13;
    int refused = 0;
    for (int round = 0; round < 240; round++) {
        const char *name = names[round % 3];
        bool is_png = round % 2;
        packer p = packer_open(&s, name, (enum container)(round % 3));
        packer_put(&p, is_png ? "a/1.png" : "train-images", parts[2 * is_png].bytes, parts[2 * is_png].size);
        packer_put(&p, is_png ? "b/2.png" : "train-labels", parts[2 * is_png + 1].bytes, parts[2 * is_png + 1].size);
        packer_close(&p);
        void *bytes;
        size_t size;
        assert_true(file_read(scratch_at(&s, name).text, 1 << 20, &bytes, &size, NULL));
        for (int k = 0; k < 1 + round % 4; k++) {
            seed = seed * 1664525u + 1013904223u;
            ((uint8_t *)bytes)[(seed >> 8) % size] ^= (uint8_t)(1u << seed % 8);
        }
        scratch_write(&s, "damaged", bytes, size);
        static dataset_info info;
        error e = {0};
        int before = scratch_count(&s);
        if (dataset_import(scratch_at(&s, "damaged").text, scratch_at(&s, "packed").text, &info, &e)) {
            dataset *d = dataset_open(scratch_at(&s, "packed").text, &e);
            assert_non_null(d);
            dataset_free(d);
            remove(scratch_at(&s, "packed").text);
        } else {
            assert_true(strlen(e.message) > 0);
            refused++;
        }
        assert_int_equal(scratch_count(&s), before);
        free(bytes);
    }
    assert_true(refused > 60);
    scratch_remove(&s);
}

/* 39 MB of zeros in 40 kB, as a gzip file, a tar.gz and a zip. */
static void contents_that_inflate_without_end_are_refused(void **state)
{
    (void)state;
    enum { COUNT = 50000, ZEROS = 16 + COUNT * 28 * 28 };
    scratch s = scratch_make();
    uint8_t *zeros = calloc(1, ZEROS);
    gzFile f = gzopen(scratch_at(&s, "bomb.gz").text, "wb9");
    assert_int_equal(gzwrite(f, zeros, ZEROS), ZEROS);
    gzclose(f);
    assert_refused(&s, "bomb.gz", ERROR_LIMIT, "bomb.gz", "inflate more than 100 to 1");
    packer p = packer_open(&s, "bomb.tar", CONTAINER_TAR_GZ);
    packer_put(&p, "data_batch_1.bin", zeros, ZEROS);
    packer_close(&p);
    assert_refused(&s, "bomb.tar", ERROR_LIMIT, "bomb.tar", "inflate more than 100 to 1");
    p = packer_open(&s, "bomb.zip", CONTAINER_ZIP);
    memcpy(zeros, (const uint8_t[8]){0, 0, 8, 1, 0, 0, COUNT >> 8, COUNT & 255}, 8);
    packer_put(&p, "train-labels", zeros, 8 + COUNT);
    memcpy(zeros, (const uint8_t[16]){0, 0, 8, 3, 0, 0, COUNT >> 8, COUNT & 255, 0, 0, 0, 28, 0, 0, 0, 28}, 16);
    packer_put(&p, "train-images", zeros, ZEROS);
    packer_close(&p);
    assert_refused(&s, "bomb.zip", ERROR_LIMIT, "train-images", "the archive inflates more than 100 to 1");
    free(zeros);
    scratch_remove(&s);
}

static void full_disk_fails_and_keeps_the_former_file(void **state)
{
    (void)state;
    scratch s = scratch_make();
    write_idx(&s, "in");
    scratch_write(&s, "packed", "former", 6);
    struct rlimit before;
    getrlimit(RLIMIT_FSIZE, &before);
    signal(SIGXFSZ, SIG_IGN);
    setrlimit(RLIMIT_FSIZE, &(struct rlimit){.rlim_cur = 8192, .rlim_max = before.rlim_max});
    static dataset_info info;
    error e = {0};
    bool imported = dataset_import(scratch_at(&s, "in").text, scratch_at(&s, "packed").text, &info, &e);
    setrlimit(RLIMIT_FSIZE, &before);
    assert_false(imported);
    assert_int_equal(e.code, ERROR_IO);
    assert_non_null(strstr(e.message, "packed: cannot reserve"));
    assert_int_equal(scratch_count(&s), 2);
    void *bytes;
    size_t size;
    assert_true(file_read(scratch_at(&s, "packed").text, 100, &bytes, &size, NULL));
    assert_string_equal(bytes, "former");
    free(bytes);
    scratch_remove(&s);
}

/* A packed file in memory, to be damaged. */
static uint8_t *packed_bytes(const scratch *s, size_t *size)
{
    write_idx(s, "in");
    static dataset_info info;
    error e = {0};
    if (!dataset_import(scratch_at(s, "in").text, scratch_at(s, "packed").text, &info, &e))
        fail_msg("%s", e.message);
    void *bytes;
    assert_true(file_read(scratch_at(s, "packed").text, 1 << 20, &bytes, size, &e));
    return bytes;
}

static bool opens(const scratch *s, const uint8_t *bytes, size_t size, error *e)
{
    scratch_write(s, "damaged", bytes, size);
    dataset *d = dataset_open(scratch_at(s, "damaged").text, e);
    dataset_free(d);
    return d != NULL;
}

static void packed_file_with_any_byte_changed_is_not_opened(void **state)
{
    (void)state;
    scratch s = scratch_make();
    size_t size;
    uint8_t *bytes = packed_bytes(&s, &size);
    error e = {0};
    assert_true(opens(&s, bytes, size, &e));
    /* Every byte but those of the unused names, of which one in 97. */
    for (size_t i = 0; i < size; i += i < 400 || i > size - 400 ? 1 : 97) {
        bytes[i] ^= (uint8_t)(1u << i % 8);
        e.message[0] = 0;
        if (opens(&s, bytes, size, &e))
            fail_msg("opened with byte %zu of %zu changed", i, size);
        assert_non_null(strstr(e.message, "damaged"));
        bytes[i] ^= (uint8_t)(1u << i % 8);
    }
    free(bytes);
    scratch_remove(&s);
}

static void packed_file_of_another_length_is_not_opened(void **state)
{
    (void)state;
    scratch s = scratch_make();
    size_t size;
    uint8_t *bytes = packed_bytes(&s, &size);
    for (size_t n = 0; n < size; n += n < size - 400 ? 211 : 1) {
        error e = {0};
        assert_false(opens(&s, bytes, n, &e));
        assert_true(e.code == ERROR_CORRUPT);
    }
    bytes = realloc(bytes, size + 1);
    bytes[size] = 0;
    error e = {0};
    assert_false(opens(&s, bytes, size + 1, &e));
    assert_non_null(strstr(e.message, "truncated or extended"));
    free(bytes);
    scratch_remove(&s);
}

static void put_u32(uint8_t *at, uint32_t value)
{
    for (int i = 0; i < 4; i++)
        at[i] = (uint8_t)(value >> 8 * i);
}

/* Headers whose checksum is right but whose figures are not: the arithmetic itself is on trial. */
static void packed_headers_of_any_figures_are_survived(void **state)
{
    (void)state;
    scratch s = scratch_make();
    size_t size;
    uint8_t *original = packed_bytes(&s, &size), *bytes = malloc(size);
    static const uint32_t extremes[] = {0,    1,    2,       3,          255,        256,       257,
                                        4096, 4097, 2000000, 0x7fffffff, 0x80000000, 0xffffffff};
    uint32_t seed = 11;
    for (int round = 0; round < 1000; round++) {
        memcpy(bytes, original, size);
        for (int k = 0; k < 1 + round % 3; k++) {
            seed = seed * 1664525u + 1013904223u;
            uint8_t *field = bytes + 24 + (seed >> 16) % 5 * 4; /* images, height, width, channels, classes */
            put_u32(field, round % 2 ? extremes[(seed >> 8) % 13] : seed);
        }
        uint32_t crc = digest_crc32c(0, bytes, 124);
        put_u32(bytes + 124, digest_crc32c(crc, bytes + 128, 256 * 64));
        error e = {0};
        bool same = !memcmp(bytes, original, size);
        if (opens(&s, bytes, size, &e) && !same) {
            /* Only more classes, or the same number of bytes otherwise arranged, can be consistent. */
            uint32_t before[4], after[4];
            memcpy(before, original + 24, 16);
            memcpy(after, bytes + 24, 16);
            assert_int_equal(before[0], after[0]);
            assert_int_equal(before[1] * before[2] * before[3], after[1] * after[2] * after[3]);
        }
    }
    free(bytes);
    free(original);
    scratch_remove(&s);
}

static void packed_file_of_a_newer_version_says_so(void **state)
{
    (void)state;
    scratch s = scratch_make();
    size_t size;
    uint8_t *bytes = packed_bytes(&s, &size);
    bytes[8] = 2;
    error e = {0};
    assert_false(opens(&s, bytes, size, &e));
    assert_int_equal(e.code, ERROR_UNSUPPORTED);
    assert_non_null(strstr(e.message, "version 2; this program reads version 1"));
    free(bytes);
    scratch_remove(&s);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(truncated_gzip_is_named),
        cmocka_unit_test(gzip_whose_checksum_does_not_match_is_named),
        cmocka_unit_test(damaged_idx_files_are_named_with_the_place),
        cmocka_unit_test(damaged_cifar_batches_are_named_with_the_record),
        cmocka_unit_test(an_incomplete_cifar_is_refused_by_what_it_lacks),
        cmocka_unit_test(bad_images_in_a_folder_are_named),
        cmocka_unit_test(folders_that_make_no_data_set_are_explained),
        cmocka_unit_test(links_and_names_that_lead_outside_are_refused),
        cmocka_unit_test(damaged_archives_are_refused_at_every_length),
        cmocka_unit_test(flipped_bits_in_any_source_are_survived),
        cmocka_unit_test(contents_that_inflate_without_end_are_refused),
        cmocka_unit_test(full_disk_fails_and_keeps_the_former_file),
        cmocka_unit_test(packed_file_with_any_byte_changed_is_not_opened),
        cmocka_unit_test(packed_file_of_another_length_is_not_opened),
        cmocka_unit_test(packed_headers_of_any_figures_are_survived),
        cmocka_unit_test(packed_file_of_a_newer_version_says_so),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
