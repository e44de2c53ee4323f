/* SPDX-License-Identifier: MIT */
/* test_file.c — whole files are read, mapped and replaced as promised; digests have their published values. */
#include "base/digest.h"
#include "base/file.h"

#include <setjmp.h>
#include <stdarg.h>

#include <cmocka.h>

#include "scratch.h"

#include <signal.h>
#include <sys/resource.h>

static void file_is_read_whole_and_terminated(void **state)
{
    (void)state;
    scratch s = scratch_make();
    scratch_write(&s, "a", "hello", 5);
    void *bytes;
    size_t size;
    error e = {0};
    assert_true(file_read(scratch_at(&s, "a").text, 5, &bytes, &size, &e));
    assert_int_equal(size, 5);
    assert_string_equal(bytes, "hello");
    free(bytes);
    scratch_remove(&s);
}

static void file_over_the_limit_is_refused_with_both_sizes(void **state)
{
    (void)state;
    scratch s = scratch_make();
    scratch_write(&s, "a", "hello", 5);
    void *bytes;
    size_t size;
    error e = {0};
    assert_false(file_read(scratch_at(&s, "a").text, 4, &bytes, &size, &e));
    assert_int_equal(e.code, ERROR_LIMIT);
    assert_non_null(strstr(e.message, "has 5 bytes; at most 4"));
    scratch_remove(&s);
}

static void folder_fifo_and_absence_are_refused_without_waiting(void **state)
{
    (void)state;
    scratch s = scratch_make();
    scratch_path fifo = scratch_at(&s, "fifo");
    assert_int_equal(mkfifo(fifo.text, 0666), 0);
    void *bytes;
    size_t size;
    file_map map;
    error e = {0};
    assert_false(file_read(s.folder, 10, &bytes, &size, &e));
    assert_int_equal(e.code, ERROR_INVALID);
    assert_false(file_map_open(fifo.text, &map, &e));
    assert_int_equal(e.code, ERROR_INVALID);
    assert_false(file_map_open(scratch_at(&s, "none").text, &map, &e));
    assert_int_equal(e.code, ERROR_NOT_FOUND);
    assert_non_null(strstr(e.message, "none: No such file or directory"));
    scratch_remove(&s);
}

static void map_shows_the_bytes_and_an_empty_file_is_no_error(void **state)
{
    (void)state;
    scratch s = scratch_make();
    scratch_write(&s, "a", "hello", 5);
    scratch_write(&s, "empty", "", 0);
    file_map map;
    error e = {0};
    assert_true(file_map_open(scratch_at(&s, "a").text, &map, &e));
    assert_int_equal(map.size, 5);
    assert_memory_equal(map.bytes, "hello", 5);
    file_map_close(&map);
    assert_true(file_map_open(scratch_at(&s, "empty").text, &map, &e));
    assert_int_equal(map.size, 0);
    file_map_close(&map);
    file_map_close(&map);
    scratch_remove(&s);
}

static void assert_contents(const scratch *s, const char *name, const char *expected)
{
    void *bytes;
    size_t size;
    error e = {0};
    assert_true(file_read(scratch_at(s, name).text, 1 << 20, &bytes, &size, &e));
    assert_int_equal(size, strlen(expected));
    assert_string_equal(bytes, expected);
    free(bytes);
}

static void replacing_joins_the_parts_and_leaves_one_file(void **state)
{
    (void)state;
    scratch s = scratch_make();
    scratch_write(&s, "a", "old", 3);
    const file_part parts[] = {{"new ", 4}, {NULL, 0}, {"text", 4}};
    error e = {0};
    assert_true(file_write_atomic(scratch_at(&s, "a").text, parts, 3, &e));
    assert_contents(&s, "a", "new text");
    assert_int_equal(scratch_count(&s), 1);
    scratch_remove(&s);
}

static void abandoned_output_leaves_the_old_file_alone(void **state)
{
    (void)state;
    scratch s = scratch_make();
    scratch_write(&s, "a", "old", 3);
    error e = {0};
    file_output *o = file_output_new(scratch_at(&s, "a").text, &e);
    assert_non_null(o);
    assert_true(file_output_append(o, "new", 3, &e));
    assert_int_equal(scratch_count(&s), 2);
    file_output_abandon(o);
    assert_contents(&s, "a", "old");
    assert_int_equal(scratch_count(&s), 1);
    scratch_remove(&s);
}

static void mapped_output_is_written(void **state)
{
    (void)state;
    scratch s = scratch_make();
    error e = {0};
    file_output *o = file_output_new(scratch_at(&s, "a").text, &e);
    assert_non_null(o);
    uint8_t *bytes = file_output_map(o, 7, &e);
    assert_non_null(bytes);
    memcpy(bytes, "mapped!", 7);
    assert_true(file_output_commit(o, &e));
    assert_contents(&s, "a", "mapped!");
    scratch_remove(&s);
}

/* RLIMIT_FSIZE stands for a full disk: the write fails half-way. */
static void failed_write_leaves_nothing_behind(void **state)
{
    (void)state;
    scratch s = scratch_make();
    scratch_write(&s, "a", "old", 3);
    static const uint8_t block[8192];
    const file_part part = {block, sizeof block};
    struct rlimit before;
    getrlimit(RLIMIT_FSIZE, &before);
    signal(SIGXFSZ, SIG_IGN);
    setrlimit(RLIMIT_FSIZE, &(struct rlimit){.rlim_cur = 4096, .rlim_max = before.rlim_max});
    error e = {0}, f = {0};
    bool written = file_write_atomic(scratch_at(&s, "a").text, &part, 1, &e);
    file_output *o = file_output_new(scratch_at(&s, "a").text, &f);
    uint8_t *mapped = o ? file_output_map(o, sizeof block, &f) : NULL;
    setrlimit(RLIMIT_FSIZE, &before);
    signal(SIGXFSZ, SIG_DFL);
    assert_false(written);
    assert_int_equal(e.code, ERROR_IO);
    assert_non_null(o);
    assert_null(mapped);
    assert_int_equal(f.code, ERROR_IO);
    file_output_abandon(o);
    assert_contents(&s, "a", "old");
    assert_int_equal(scratch_count(&s), 1);
    scratch_remove(&s);
}

static void target_that_is_a_folder_fails_and_leaves_nothing(void **state)
{
    (void)state;
    scratch s = scratch_make();
    scratch_write(&s, "folder/inside", "x", 1);
    error e = {0};
    assert_false(file_write_atomic(scratch_at(&s, "folder").text, &(file_part){"a", 1}, 1, &e));
    assert_non_null(strstr(e.message, "folder"));
    assert_int_equal(scratch_count(&s), 1);
    assert_false(file_write_atomic(scratch_at(&s, "absent/a").text, &(file_part){"a", 1}, 1, &e));
    assert_int_equal(e.code, ERROR_NOT_FOUND);
    scratch_remove(&s);
}

static void digests_have_their_published_values(void **state)
{
    (void)state;
    char hex[DIGEST_TEXT];
    digest_sha256_hex("abc", 3, hex);
    assert_string_equal(hex, "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad");
    digest d;
    digest_begin(&d);
    digest_update(&d, "a", 1);
    digest_update(&d, NULL, 0);
    digest_update(&d, "bc", 2);
    char pieces[DIGEST_TEXT];
    digest_end_hex(&d, pieces);
    assert_string_equal(pieces, hex);
    /* RFC 3720 B.4: 32 bytes of zeros, of ones, and counting up. */
    uint8_t zeros[32] = {0}, ones[32], counting[32];
    for (int i = 0; i < 32; i++) {
        ones[i] = 0xff;
        counting[i] = (uint8_t)i;
    }
    assert_int_equal(digest_crc32c(0, zeros, 32), 0x8a9136aa);
    assert_int_equal(digest_crc32c(0, ones, 32), 0x62a8ab43);
    assert_int_equal(digest_crc32c(0, counting, 32), 0x46dd794e);
    assert_int_equal(digest_crc32c(0, "123456789", 9), 0xe3069283);
}

static void crc_is_the_same_by_instruction_by_table_and_in_pieces(void **state)
{
    (void)state;
    uint8_t bytes[100];
    for (size_t i = 0; i < sizeof bytes; i++)
        bytes[i] = (uint8_t)(i * 37 + 11);
    for (size_t start = 0; start < 9; start++) {
        for (size_t n = 0; n + start <= sizeof bytes; n++) {
            uint32_t whole = digest_crc32c(0, bytes + start, n);
            assert_int_equal(whole, digest_crc32c_portable(0, bytes + start, n));
            assert_int_equal(whole,
                             digest_crc32c(digest_crc32c(0, bytes + start, n / 3), bytes + start + n / 3, n - n / 3));
        }
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(file_is_read_whole_and_terminated),
        cmocka_unit_test(file_over_the_limit_is_refused_with_both_sizes),
        cmocka_unit_test(folder_fifo_and_absence_are_refused_without_waiting),
        cmocka_unit_test(map_shows_the_bytes_and_an_empty_file_is_no_error),
        cmocka_unit_test(replacing_joins_the_parts_and_leaves_one_file),
        cmocka_unit_test(abandoned_output_leaves_the_old_file_alone),
        cmocka_unit_test(mapped_output_is_written),
        cmocka_unit_test(failed_write_leaves_nothing_behind),
        cmocka_unit_test(target_that_is_a_folder_fails_and_leaves_nothing),
        cmocka_unit_test(digests_have_their_published_values),
        cmocka_unit_test(crc_is_the_same_by_instruction_by_table_and_in_pieces),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
