/* SPDX-License-Identifier: MIT */
/*
 * test_import.c — data sets through the real program: what it tells of them, and of the images that a run saw; and that
 * what is damaged, by path or by upload, is answered with what is wrong and leaves nothing behind.
 */
#include "e2e.h"

#include "base/file.h"
#include "core/dataset_files.h"

#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stdint.h>

#include <cmocka.h>

enum { ROW = 64, TRAIN = 100, TEST = 40, LABELS_HEADER = 8, IMAGES_HEADER = 16 };

/* Images of 8 x 8 pixels and their labels, as IDX files. */
typedef struct idx_split {
    uint8_t images[IMAGES_HEADER + TRAIN * ROW], labels[LABELS_HEADER + TRAIN];
    size_t count;
} idx_split;

static uint8_t *pixels_of(idx_split *x, size_t i)
{
    return x->images + IMAGES_HEADER + i * ROW;
}

/* Noise, classes "0" and "1" in turn. */
static void make_split(idx_split *x, uint8_t count, uint32_t seed)
{
    *x = (idx_split){.images = {0, 0, 8, 3, 0, 0, 0, count, 0, 0, 0, 8, 0, 0, 0, 8}, .count = count};
    memcpy(x->labels, (const uint8_t[LABELS_HEADER]){0, 0, 8, 1, 0, 0, 0, count}, LABELS_HEADER);
    for (size_t i = 0; i < x->count * ROW; i++) {
        seed = seed * 1664525u + 1013904223u;
        x->images[IMAGES_HEADER + i] = (uint8_t)(seed >> 24);
    }
    for (size_t i = 0; i < x->count; i++)
        x->labels[LABELS_HEADER + i] = i % 2;
}

static void write_split(const e2e *d, const char *split, const idx_split *x)
{
    char name[64];
    snprintf(name, sizeof name, "in/%s-images-idx3-ubyte", split);
    scratch_write(&d->folder, name, x->images, IMAGES_HEADER + x->count * ROW);
    snprintf(name, sizeof name, "in/%s-labels-idx1-ubyte", split);
    scratch_write(&d->folder, name, x->labels, LABELS_HEADER + x->count);
}

static json_int_t count_of(json_t *o, const char *key)
{
    return json_integer_value(json_object_get(o, key));
}

/* Three training images of class "0" are test images too, one of them as class "1"; two training images are the same.
 */
static void a_run_leaves_out_what_the_test_has_and_says_so(void **state)
{
    e2e *d = *state;
    static idx_split train, test;
    make_split(&train, TRAIN, 1);
    make_split(&test, TEST, 2);
    memcpy(pixels_of(&train, 10), pixels_of(&test, 0), ROW);
    memcpy(pixels_of(&train, 20), pixels_of(&test, 1), ROW);
    memcpy(pixels_of(&train, 30), pixels_of(&test, 2), ROW);
    memcpy(pixels_of(&train, 42), pixels_of(&train, 40), ROW);
    write_split(d, "train", &train);
    write_split(d, "t10k", &test);
    E2E_START(d, "--import-root", d->folder.folder);
    reply set = e2e_post(d, "/datasets", "{\"name\": \"twins\", \"path\": \"%s\"}", scratch_at(&d->folder, "in").text);
    assert_int_equal(set.status, 201);
    json_t *copies = json_object_get(set.body, "copies");
    assert_int_equal(count_of(set.body, "duplicates"), 3);
    assert_int_equal(count_of(copies, "left_out"), 3);
    assert_int_equal(count_of(copies, "train"), 1);
    assert_int_equal(count_of(copies, "test"), 0);
    assert_int_equal(count_of(copies, "conflicting"), 2);
    assert_int_equal(count_of(json_array_get(json_object_get(set.body, "classes"), 0), "left_out"), 3);
    reply job =
        e2e_post(d, "/jobs", "{\"method\": \"kde\", \"dataset\": \"twins\", \"class\": \"0\", \"held_out\": 0.2}");
    assert_int_equal(job.status, 202);
    json_t *ended = e2e_await(d, text_of(job.body, "id"));
    assert_string_equal(text_of(ended, "state"), "succeeded");
    char path[128];
    snprintf(path, sizeof path, "/runs/%s", text_of(ended, "run"));
    reply run = e2e_get(d, path);
    json_t *images = json_object_get(run.body, "images");
    assert_int_equal(count_of(images, "duplicates_left_out"), 3);
    assert_int_equal(count_of(images, "train") + count_of(images, "validation") + count_of(images, "calibration"), 47);
    assert_int_equal(count_of(images, "test_normals") + count_of(images, "test_anomalies"), TEST);
    assert_int_equal(strlen(text_of(run.body, "training_digest")), 64);
    assert_int_equal(strlen(text_of(run.body, "test_digest")), 64);
    assert_string_equal(text_of(run.body, "dataset_digest"), text_of(set.body, "digest"));
    json_decref(run.body);
    json_decref(ended);
    json_decref(job.body);
    json_decref(set.body);
    assert_int_equal(e2e_end(d, SIGTERM), 0);
}

/* ---- what is damaged */

enum { IMAGES = 9 };
typedef struct files {
    blob train_images, train_labels, test_images, test_labels;
} files;

static files good_files(void)
{
    return (files){idx_images(IMAGES, 0), idx_labels(IMAGES), idx_images(6, IMAGES), idx_labels(6)};
}

static void pack(const scratch *s, const char *name, const files *f)
{
    packer p = packer_open(s, name, CONTAINER_TAR_GZ);
    packer_put(&p, "train-images-idx3-ubyte", f->train_images.bytes, f->train_images.size);
    packer_put(&p, "train-labels-idx1-ubyte", f->train_labels.bytes, f->train_labels.size);
    packer_put(&p, "t10k-images-idx3-ubyte", f->test_images.bytes, f->test_images.size);
    packer_put(&p, "t10k-labels-idx1-ubyte", f->test_labels.bytes, f->test_labels.size);
    packer_close(&p);
}

/* Changes the file that `pack` made: cut to a share of its length, or a byte flipped. */
static void edit(const scratch *s, const char *name, double keep, size_t flip_from_end)
{
    void *bytes;
    size_t size;
    assert_true(file_read(scratch_at(s, name).text, 1 << 20, &bytes, &size, NULL));
    if (flip_from_end)
        ((uint8_t *)bytes)[size - flip_from_end] ^= 1;
    scratch_write(s, name, bytes, (size_t)(keep * (double)size));
    free(bytes);
}

static void truncated_gzip(const scratch *s, const char *name)
{
    files f = good_files();
    pack(s, name, &f);
    edit(s, name, 0.6, 0);
}

static void wrong_checksum(const scratch *s, const char *name)
{
    files f = good_files();
    pack(s, name, &f);
    edit(s, name, 1, 7);
}

static void damaged_tar_header(const scratch *s, const char *name)
{
    blob images = idx_images(IMAGES, 0);
    packer p = packer_open(s, name, CONTAINER_TAR);
    packer_put(&p, "train-images-idx3-ubyte", images.bytes, images.size);
    packer_put(&p, "train-labels-idx1-ubyte", images.bytes, images.size);
    packer_close(&p);
    void *bytes;
    size_t size;
    assert_true(file_read(scratch_at(s, name).text, 1 << 20, &bytes, &size, NULL));
    ((uint8_t *)bytes)[1024] ^= 1; /* the second member's name */
    scratch_write(s, name, bytes, size);
    free(bytes);
}

static void truncated_tar(const scratch *s, const char *name)
{
    blob batch = cifar_batch(2, 0);
    packer p = packer_open(s, name, CONTAINER_TAR);
    packer_put(&p, "data_batch_1.bin", batch.bytes, batch.size);
    packer_close(&p);
    edit(s, name, 0.3, 0);
}

static void wrong_magic(const scratch *s, const char *name)
{
    files f = good_files();
    f.train_images.bytes[3] = 2;
    pack(s, name, &f);
}

static void more_promised_than_there(const scratch *s, const char *name)
{
    files f = good_files();
    f.train_images.bytes[7]++;
    pack(s, name, &f);
}

static void endless_dimensions(const scratch *s, const char *name)
{
    files f = good_files();
    memcpy(f.train_images.bytes + 8, (const uint8_t[8]){0x80, 0, 0, 0, 0x80, 0, 0, 0}, 8);
    pack(s, name, &f);
}

static void endless_count(const scratch *s, const char *name)
{
    files f = good_files();
    memset(f.train_images.bytes + 4, 0xff, 4);
    pack(s, name, &f);
}

static void fewer_labels(const scratch *s, const char *name)
{
    files f = good_files();
    f.train_labels = idx_labels(IMAGES - 1);
    pack(s, name, &f);
}

static void label_out_of_range(const scratch *s, const char *name)
{
    files f = good_files();
    f.test_labels.bytes[8 + 2] = 77;
    pack(s, name, &f);
}

static void labels_under_the_name_of_images(const scratch *s, const char *name)
{
    files f = good_files();
    f.train_images = f.test_labels;
    pack(s, name, &f);
}

static void no_training_images(const scratch *s, const char *name)
{
    blob images = idx_images(IMAGES, 0), labels = idx_labels(IMAGES);
    packer p = packer_open(s, name, CONTAINER_ZIP);
    packer_put(&p, "t10k-images-idx3-ubyte", images.bytes, images.size);
    packer_put(&p, "t10k-labels-idx1-ubyte", labels.bytes, labels.size);
    packer_close(&p);
}

static void missing_batch(const scratch *s, const char *name)
{
    packer p = packer_open(s, name, CONTAINER_TAR_GZ);
    for (int k = 0; k < 6; k++) {
        blob b = cifar_batch(1, (size_t)k);
        if (k != 3)
            packer_put(&p, cifar_name("cifar-10-batches-bin", k).text, b.bytes, b.size);
    }
    packer_close(&p);
}

/* Six batches, of which the fourth is as given. */
static void pack_cifar(const scratch *s, const char *name, const blob *fourth)
{
    packer p = packer_open(s, name, CONTAINER_TAR_GZ);
    for (int k = 0; k < 6; k++) {
        blob b = cifar_batch(2, (size_t)k);
        const blob *one = k == 3 ? fourth : &b;
        packer_put(&p, cifar_name("cifar-10-batches-bin", k).text, one->bytes, one->size);
    }
    packer_close(&p);
}

static void batch_of_a_wrong_size(const scratch *s, const char *name)
{
    blob b = cifar_batch(2, 3);
    b.size -= 5;
    pack_cifar(s, name, &b);
}

static void batch_with_a_wrong_label(const scratch *s, const char *name)
{
    blob b = cifar_batch(2, 3);
    b.bytes[3073] = 200;
    pack_cifar(s, name, &b);
}

static void misnamed_batches(const scratch *s, const char *name)
{
    blob b = cifar_batch(2, 0);
    packer p = packer_open(s, name, CONTAINER_TAR_GZ);
    packer_put(&p, "cifar/train.bin", b.bytes, b.size);
    packer_close(&p);
}

static void path_out_of_the_archive(const scratch *s, const char *name)
{
    blob b = idx_images(IMAGES, 0);
    packer p = packer_open(s, name, CONTAINER_TAR_GZ);
    packer_put(&p, "../../datasets/train-images-idx3-ubyte", b.bytes, b.size);
    packer_close(&p);
}

static void link_in_the_archive(const scratch *s, const char *name)
{
    packer p = packer_open(s, name, CONTAINER_TAR);
    packer_put_link(&p, "train-images-idx3-ubyte", "/etc/passwd");
    packer_close(&p);
}

static void no_data_at_all(const scratch *s, const char *name)
{
    scratch_write(s, name, "<html>Not found</html>", 22);
}

static const struct damage {
    const char *name;
    void (*make)(const scratch *s, const char *name);
    long status;
    const char *place, *reason;
} damages[] = {
    {"truncated-gzip", truncated_gzip, 422, "", "truncated gzip data: they end after"},
    {"wrong-checksum", wrong_checksum, 422, "", "incorrect data check"},
    {"damaged-tar-header", damaged_tar_header, 422, "", "damaged archive:"},
    {"truncated-tar", truncated_tar, 422, "", "damaged archive: Truncated tar archive"},
    {"wrong-magic", wrong_magic, 422, "train-images", "wrong magic number 0x00000802; expected 0x00000803 for images"},
    {"more-promised", more_promised_than_there, 422, "train-images", "108 bytes after the header; 10 images need 120"},
    {"endless-dimensions", endless_dimensions, 413, "train-images", "2147483648 x 2147483648 pixels; 1 to 4096"},
    {"endless-count", endless_count, 413, "train-images", "4294967295 images; 1 to 2000000 are accepted"},
    {"fewer-labels", fewer_labels, 422, "train-images", "has 9 images, but train-labels-idx1-ubyte has 8 labels"},
    {"label-out-of-range", label_out_of_range, 422, "t10k-labels", "item 2 has label 77; those of"},
    {"labels-as-images", labels_under_the_name_of_images, 422, "train-labels", "two files of training labels"},
    {"no-training-images", no_training_images, 422, "", "there is no IDX file of training images"},
    {"missing-batch", missing_batch, 422, "data_batch_4.bin", "is missing; CIFAR-10 is data_batch_1.bin to"},
    {"wrong-size", batch_of_a_wrong_size, 422, "data_batch_4.bin", "not a whole number of records of 3073 bytes"},
    {"wrong-label", batch_with_a_wrong_label, 422, "data_batch_4.bin", "record 1 has label 200; 0 to 9 are possible"},
    {"misnamed", misnamed_batches, 422, "train.bin", "expected IDX files, CIFAR-10 binary batches or a folder of PNG"},
    {"leads-outside", path_out_of_the_archive, 422, "../../datasets", "leads outside the archive"},
    {"link", link_in_the_archive, 422, "train-images", "only regular files are read"},
    {"no-data", no_data_at_all, 422, "", "no data set found in 1 file"},
};
enum { DAMAGES = sizeof damages / sizeof *damages };

/* How many entries a folder of the state has. */
static int entries(const e2e *d, const char *folder)
{
    scratch inside;
    int n = snprintf(inside.folder, sizeof inside.folder, "%.200s/state/%s", d->folder.folder, folder);
    assert_true(n > 0 && (size_t)n < sizeof inside.folder);
    return scratch_count(&inside);
}

static void assert_refused(const e2e *d, const struct damage *bad, reply r, const char *how)
{
    const char *detail = text_of(r.body, "detail");
    if (r.status != bad->status || !strstr(detail, bad->place) || !strstr(detail, bad->reason))
        fail_msg("%s by %s: %ld \"%s\" instead of %ld with \"%s\" and \"%s\"", bad->name, how, r.status, detail,
                 bad->status, bad->place, bad->reason);
    if (strstr(detail, "uploads"))
        fail_msg("%s by %s: \"%s\" tells a path that the client cannot know", bad->name, how, detail);
    json_decref(r.body);
    if (entries(d, "datasets") || entries(d, "uploads"))
        fail_msg("%s by %s: something is left behind", bad->name, how);
    char path[64];
    snprintf(path, sizeof path, "/datasets/%s", bad->name);
    r = e2e_get(d, path);
    assert_int_equal(r.status, 404);
    json_decref(r.body);
}

static reply upload(const e2e *d, const char *set, const char *file)
{
    void *bytes;
    size_t size;
    char path[96];
    assert_true(file_read(scratch_at(&d->folder, file).text, 1 << 20, &bytes, &size, NULL));
    snprintf(path, sizeof path, "/datasets?name=%s", set);
    ask a = {.verb = "POST", .path = path, .type = "application/octet-stream", .bytes = bytes, .size = size};
    reply r = e2e_ask(d, &a);
    free(bytes);
    return r;
}

static reply import_path(const e2e *d, const char *set, const char *file)
{
    return e2e_post(d, "/datasets", "{\"name\": \"%s\", \"path\": \"%s\"}", set, scratch_at(&d->folder, file).text);
}

static void what_is_damaged_is_named_and_leaves_nothing_behind(void **state)
{
    e2e *d = *state;
    E2E_START(d, "--import-root", d->folder.folder);
    for (size_t i = 0; i < DAMAGES; i++) {
        const struct damage *bad = &damages[i];
        bad->make(&d->folder, "given");
        assert_refused(d, bad, import_path(d, bad->name, "given"), "path");
        assert_refused(d, bad, upload(d, bad->name, "given"), "upload");
    }
    reply r = e2e_get(d, "/datasets");
    assert_int_equal(json_array_size(json_object_get(r.body, "items")), 0);
    json_decref(r.body);
    /* It lives on, and the same names take what is whole. */
    files f = good_files();
    pack(&d->folder, "given", &f);
    r = upload(d, damages[0].name, "given");
    assert_int_equal(r.status, 201);
    json_decref(r.body);
    assert_int_equal(entries(d, "datasets"), 1);
    assert_int_equal(entries(d, "uploads"), 0);
    assert_int_equal(e2e_end(d, SIGTERM), 0);
}

static void nothing_is_no_data_set(void **state)
{
    e2e *d = *state;
    E2E_START(d, "--import-root", d->folder.folder);
    static const struct damage by_path = {"empty", NULL, 422, "given", "no data set found in 1 file"};
    static const struct damage by_upload = {"empty", NULL, 400, "", "the body is empty"};
    scratch_write(&d->folder, "given", "", 0);
    assert_refused(d, &by_path, import_path(d, "empty", "given"), "path");
    assert_refused(d, &by_upload, upload(d, "empty", "given"), "upload");
    assert_int_equal(e2e_end(d, SIGTERM), 0);
}

static void the_official_forms_are_taken_by_path_and_by_upload(void **state)
{
    e2e *d = *state;
    E2E_START(d, "--import-root", d->folder.folder);
    packer p = packer_open(&d->folder, "cifar-10-binary.tar.gz", CONTAINER_TAR_GZ);
    packer_put_cifar(&p, "cifar-10-batches-bin", 2);
    packer_close(&p);
    files f = good_files();
    const blob *parts[] = {&f.train_images, &f.train_labels, &f.test_images, &f.test_labels};
    static const char *const names[] = {"train-images-idx3-ubyte.gz", "train-labels-idx1-ubyte.gz",
                                        "t10k-images-idx3-ubyte.gz", "t10k-labels-idx1-ubyte.gz"};
    p = packer_open(&d->folder, "mnist.tar", CONTAINER_TAR);
    for (int i = 0; i < 4; i++) {
        char name[64];
        blob b = gzipped(parts[i]->bytes, parts[i]->size);
        snprintf(name, sizeof name, "mnist/%s", names[i]);
        write_blob(&d->folder, name, b);
        packer_put(&p, names[i], b.bytes, b.size);
    }
    packer_close(&p);
    const reply taken[] = {import_path(d, "cifar", "cifar-10-binary.tar.gz"),
                           upload(d, "cifar2", "cifar-10-binary.tar.gz"), import_path(d, "mnist", "mnist"),
                           upload(d, "mnist2", "mnist.tar")};
    for (int i = 0; i < 4; i++) {
        assert_int_equal(taken[i].status, 201);
        assert_string_equal(text_of(taken[i].body, "format"), i < 2 ? "cifar10" : "idx");
        assert_string_equal(text_of(taken[i].body, "digest"), text_of(taken[i / 2 * 2].body, "digest"));
    }
    for (int i = 0; i < 4; i++)
        json_decref(taken[i].body);
    assert_int_equal(e2e_end(d, SIGTERM), 0);
}

/* Whatever its name: what is there, and what was cut off, are told apart by more than how a file's name begins. */
static void a_data_set_outlives_a_restart_and_what_was_cut_off_does_not(void **state)
{
    e2e *d = *state;
    files f = good_files();
    E2E_START(d, NULL);
    pack(&d->folder, "given", &f);
    reply r = upload(d, "incoming-inspection", "given");
    assert_int_equal(r.status, 201);
    json_decref(r.body);
    e2e_end(d, SIGKILL);
    scratch_write(&d->folder, "state/datasets/.incoming-01a20c37-d58e-7000-afd8-81af82c02cd5", "cut", 3);
    E2E_START(d, NULL);
    assert_int_equal(entries(d, "datasets"), 1);
    r = e2e_post(d, "/jobs",
                 "{\"method\": \"pca\", \"dataset\": \"incoming-inspection\", \"class\": \"0\", "
                 "\"held_out\": 0, \"hyperparameters\": {\"components\": 1}}");
    assert_int_equal(r.status, 202);
    json_t *job = e2e_await(d, text_of(r.body, "id"));
    assert_null(strstr(text_of(job, "failure"), "cannot open"));
    json_decref(job);
    json_decref(r.body);
    assert_int_equal(e2e_end(d, SIGTERM), 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(a_run_leaves_out_what_the_test_has_and_says_so, e2e_set_up, e2e_tear_down),
        cmocka_unit_test_setup_teardown(what_is_damaged_is_named_and_leaves_nothing_behind, e2e_set_up, e2e_tear_down),
        cmocka_unit_test_setup_teardown(a_data_set_outlives_a_restart_and_what_was_cut_off_does_not, e2e_set_up,
                                        e2e_tear_down),
        cmocka_unit_test_setup_teardown(nothing_is_no_data_set, e2e_set_up, e2e_tear_down),
        cmocka_unit_test_setup_teardown(the_official_forms_are_taken_by_path_and_by_upload, e2e_set_up, e2e_tear_down),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
