/* SPDX-License-Identifier: MIT */
/* test_store_disk.c — on a full disk, what the registry says of a write is what is in it. A limit on the size of files
 * stands for the disk: SQLite meets both in the same place. */
#include "store_rows.h"

#include <signal.h>
#include <sqlite3.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/stat.h>

enum { WRITES = 9, LARGE = 5, LARGE_BYTES = 6 << 20, ROOM_BYTES = 256 << 10 };

static void limit_files(rlim_t bytes)
{
    struct rlimit l;
    assert_int_equal(getrlimit(RLIMIT_FSIZE, &l), 0);
    l.rlim_cur = bytes;
    assert_int_equal(setrlimit(RLIMIT_FSIZE, &l), 0);
}

static bool is_there(fixture *f, const char *id)
{
    job_row row;
    error e = {0};
    if (!store_job_get(f->reader, id, &row, &e))
        return false;
    job_row_free(&row);
    return true;
}

/* Another connection holds the registry until they are all queued: they are committed together, but for the first. */
static sqlite3 *hold(fixture *f)
{
    sqlite3 *db;
    assert_int_equal(sqlite3_open(scratch_at(&f->folder, "registry.db").text, &db), SQLITE_OK);
    assert_int_equal(sqlite3_exec(db, "BEGIN IMMEDIATE", NULL, NULL, NULL), SQLITE_OK);
    return db;
}

/* One write of many does not fit. */
static void a_write_that_fills_the_disk_takes_none_along_unheard(void **state)
{
    fixture *f = *state;
    add_dataset(f, "set");
    char *large = malloc(LARGE_BYTES);
    assert_non_null(large);
    memset(large, ' ', LARGE_BYTES);
    memcpy(large, "{", 1);
    memcpy(large + LARGE_BYTES - 2, "}", 2);
    job_row rows[WRITES];
    outcome told[WRITES];
    struct stat log;
    assert_int_equal(stat(scratch_at(&f->folder, "registry.db-wal").text, &log), 0);
    limit_files((rlim_t)log.st_size + ROOM_BYTES);
    sqlite3 *held = hold(f);
    for (int i = 0; i < WRITES; i++) {
        error e = {0};
        rows[i] = job_on(f, "set");
        if (i == LARGE)
            rows[i].spec.hyperparameters = large;
        store_new_job n = {.row = &rows[i]};
        assert_true(store_job_add(f->store, &n, into(&told[i]), &e));
    }
    assert_int_equal(sqlite3_close(held), SQLITE_OK);
    store_flush(f->store);
    limit_files(RLIM_INFINITY);
    for (int i = 0; i < WRITES; i++) {
        assert_int_equal(told[i].calls, 1);
        assert_int_equal(is_there(f, rows[i].id), told[i].failure.code == ERROR_NONE);
    }
    assert_int_equal(told[LARGE].failure.code, ERROR_IO);
    free(large);
    assert_true(add_job(f).fresh); /* and it goes on */
}

int main(void)
{
    signal(SIGXFSZ, SIG_IGN);
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(a_write_that_fills_the_disk_takes_none_along_unheard, set_up, tear_down),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
