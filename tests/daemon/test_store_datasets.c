/* SPDX-License-Identifier: MIT */
/* test_store_datasets.c — rows of data sets are read as they were written, and are not written over. */
#include "store_rows.h"

static void a_data_set_is_read_as_it_was_written(void **state)
{
    fixture *f = *state;
    assert_int_equal(add_dataset(f, "digits").failure.code, ERROR_NONE);
    dataset_row *row = calloc(1, sizeof *row), expected = dataset_named("digits");
    error e = {0};
    assert_true(store_dataset_get(f->reader, "digits", row, &e));
    expected.created = row->created;
    assert_memory_equal(row, &expected, sizeof expected);
    assert_false(store_dataset_get(f->reader, "other", row, &e));
    assert_int_equal(e.code, ERROR_NOT_FOUND);
    free(row);
}

static void the_same_images_may_come_again_but_no_others(void **state)
{
    fixture *f = *state;
    add_dataset(f, "digits");
    assert_int_equal(add_dataset(f, "digits").failure.code, ERROR_NONE);
    dataset_row row = dataset_named("digits");
    row.info.digest[0] = 'b';
    outcome o;
    error e = {0};
    assert_true(store_dataset_add(f->store, &row, into(&o), &e));
    store_flush(f->store);
    assert_int_equal(o.failure.code, ERROR_CONFLICT);
}

/* An earlier program's row lacks them; another import of the same images brings them, and changes nothing else. */
static void copies_are_added_to_a_row_that_lacks_them(void **state)
{
    fixture *f = *state;
    dataset_row counted = dataset_named("digits"), *row = calloc(1, sizeof *row), *bare = calloc(1, sizeof *bare);
    assert_true(row && bare);
    *bare = counted;
    bare->copies_counted = false;
    outcome o;
    error e = {0};
    assert_true(store_dataset_add(f->store, bare, into(&o), &e));
    store_flush(f->store);
    assert_true(store_dataset_get(f->reader, "digits", row, &e));
    assert_false(row->copies_counted);
    assert_int_equal(row->info.conflicting, 0);
    counted.created++;
    assert_true(store_dataset_add(f->store, &counted, into(&o), &e));
    store_flush(f->store);
    assert_int_equal(o.failure.code, ERROR_NONE);
    assert_true(store_dataset_get(f->reader, "digits", row, &e));
    counted.created = bare->created;
    assert_memory_equal(row, &counted, sizeof counted);
    free(row);
    free(bare);
}

#define TEST(name_) cmocka_unit_test_setup_teardown(name_, set_up, tear_down)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(a_data_set_is_read_as_it_was_written),
        TEST(the_same_images_may_come_again_but_no_others),
        TEST(copies_are_added_to_a_row_that_lacks_them),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
