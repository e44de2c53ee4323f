/* SPDX-License-Identifier: MIT */
/*
 * test_data_memory.c — each allocation of importing, opening, dealing out and measuring fails once: the call says that
 * memory ran out, and neither a file nor (under the address sanitizer) a block is left behind.
 */
#include "data/protocol.h"
#include "eval/metric.h"

#include <setjmp.h>
#include <stdarg.h>

#include <cmocka.h>

#include "dataset_files.h"
#include "failing_allocations.h"

static bool deal_out(const char *packed, error *e)
{
    dataset *d = dataset_open(packed, e);
    if (!d)
        return false;
    struct split p;
    protocol_spec spec = {.protocol = PROTOCOL_ONE_CLASS, .class_index = 0, .validation_share = 0.3, .seed = 1};
    bool dealt = split_make(d, &spec, &p, e);
    if (dealt)
        split_free(&p);
    dataset_free(d);
    return dealt;
}

static bool measure(error *e)
{
    const float scores[4] = {1, 2, 3, 4};
    const uint8_t anomalous[4] = {0, 1, 0, 1};
    auroc a;
    double precision;
    float x[5], y[5];
    return metric_auroc(scores, anomalous, 4, &a, e) && metric_average_precision(scores, anomalous, 4, &precision, e) &&
           metric_roc(scores, anomalous, 4, 5, x, y, e);
}

static bool do_everything(const scratch *s, const char *source, error *e)
{
    static dataset_info info;
    scratch_path packed = scratch_at(s, "packed");
    return dataset_import(scratch_at(s, source).text, packed.text, &info, e) && deal_out(packed.text, e) && measure(e);
}

static void assert_every_failure_is_reported(const scratch *s, const char *source, int least)
{
    int before = scratch_count(s), failures = 0;
    for (;; failures++) {
        error e = {0};
        allocations_left = failures;
        bool done = do_everything(s, source, &e);
        bool reached = allocations_left < 0;
        allocations_left = -1;
        remove(scratch_at(s, "packed").text);
        assert_int_equal(scratch_count(s), before);
        if (!reached) {
            assert_true(done);
            break;
        }
        assert_false(done);
        if (e.code != ERROR_MEMORY)
            fail_msg("allocation %d of %s: %s", failures, source, e.message);
    }
    assert_true(failures >= least);
}

static void idx_import_survives_each_failed_allocation(void **state)
{
    (void)state;
    scratch s = scratch_make();
    write_idx(&s, "in");
    assert_every_failure_is_reported(&s, "in", 15);
    scratch_remove(&s);
}

static void png_archive_import_survives_each_failed_allocation(void **state)
{
    (void)state;
    scratch s = scratch_make();
    static const char *const names[] = {"train/a/1.png", "train/a/2.png", "test/a/3.png", "test/b/4.png"};
    packer p = packer_open(&s, "in", CONTAINER_TAR_GZ);
    for (int i = 0; i < 4; i++) {
        blob png = png_file(4 + i, 5, 1, (size_t)i);
        packer_put(&p, names[i], png.bytes, png.size);
    }
    packer_close(&p);
    assert_every_failure_is_reported(&s, "in", 20);
    scratch_remove(&s);
}

static void cifar_import_survives_each_failed_allocation(void **state)
{
    (void)state;
    scratch s = scratch_make();
    write_cifar(&s, "in", 4);
    assert_every_failure_is_reported(&s, "in", 15);
    scratch_remove(&s);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(idx_import_survives_each_failed_allocation),
        cmocka_unit_test(png_archive_import_survives_each_failed_allocation),
        cmocka_unit_test(cifar_import_survives_each_failed_allocation),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
