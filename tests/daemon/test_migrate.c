/* SPDX-License-Identifier: MIT */
/* test_migrate.c — what store_migrate applies, and what it refuses. */
#include "daemon/store/migrate.h"

#include "scratch.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#define SQL(name_, text_)                                     \
    {                                                         \
        .name = name_, .sql = text_, .size = sizeof text_ - 1 \
    }

static const migration two[] = {SQL("0001_one", "CREATE TABLE one (a INTEGER) STRICT; INSERT INTO one VALUES (1);"),
                                SQL("0002_two", "ALTER TABLE one ADD COLUMN b TEXT;")};

static sqlite3 *open_memory(void)
{
    sqlite3 *db;
    assert_int_equal(sqlite3_open(":memory:", &db), SQLITE_OK);
    return db;
}

static int64_t ask(sqlite3 *db, const char *sql)
{
    sqlite3_stmt *s;
    assert_int_equal(sqlite3_prepare_v2(db, sql, -1, &s, NULL), SQLITE_OK);
    assert_int_equal(sqlite3_step(s), SQLITE_ROW);
    int64_t value = sqlite3_column_int64(s, 0);
    sqlite3_finalize(s);
    return value;
}

static void an_empty_file_gets_every_migration(void **state)
{
    (void)state;
    sqlite3 *db = open_memory();
    error e = {0};
    assert_true(store_migrate(db, two, 2, &e));
    assert_int_equal(ask(db, "PRAGMA user_version"), 2);
    assert_int_equal(ask(db, "SELECT count(*) FROM schema_migrations"), 2);
    assert_int_equal(ask(db, "SELECT count(*) FROM one WHERE b IS NULL"), 1);
    sqlite3_close(db);
}

static void an_older_file_gets_what_it_lacks_once(void **state)
{
    (void)state;
    sqlite3 *db = open_memory();
    error e = {0};
    assert_true(store_migrate(db, two, 1, &e));
    assert_true(store_migrate(db, two, 2, &e));
    assert_true(store_migrate(db, two, 2, &e));
    assert_int_equal(ask(db, "SELECT count(*) FROM one"), 1);
    assert_int_equal(ask(db, "PRAGMA user_version"), 2);
    sqlite3_close(db);
}

static void a_reader_refuses_what_is_not_up_to_date_and_changes_nothing(void **state)
{
    (void)state;
    sqlite3 *db = open_memory();
    error e = {0};
    assert_false(store_migrated(db, two, 2, &e));
    assert_int_equal(ask(db, "SELECT count(*) FROM sqlite_schema"), 0);
    assert_true(store_migrate(db, two, 1, &e));
    assert_true(store_migrated(db, two, 1, &e));
    assert_false(store_migrated(db, two, 2, &e));
    assert_int_equal(e.code, ERROR_UNSUPPORTED);
    assert_non_null(strstr(e.message, "version 1, this program reads 2"));
    assert_int_equal(ask(db, "PRAGMA user_version"), 1);
    sqlite3_close(db);
}

static void a_newer_file_is_refused(void **state)
{
    (void)state;
    sqlite3 *db = open_memory();
    error e = {0};
    assert_true(store_migrate(db, two, 2, &e));
    assert_false(store_migrate(db, two, 1, &e));
    assert_int_equal(e.code, ERROR_UNSUPPORTED);
    assert_non_null(strstr(e.message, "version 2, this program knows up to 1"));
    sqlite3_close(db);
}

static void an_edited_migration_is_refused_by_name(void **state)
{
    (void)state;
    static const migration edited[] = {SQL("0001_one", "CREATE TABLE one (a TEXT) STRICT;"),
                                       SQL("0002_two", "ALTER TABLE one ADD COLUMN b TEXT;")};
    sqlite3 *db = open_memory();
    error e = {0};
    assert_true(store_migrate(db, two, 1, &e));
    assert_false(store_migrate(db, edited, 2, &e));
    assert_int_equal(e.code, ERROR_CORRUPT);
    assert_non_null(strstr(e.message, "0001_one"));
    assert_int_equal(ask(db, "PRAGMA user_version"), 1);
    sqlite3_close(db);
}

static void a_failing_migration_leaves_nothing_of_itself(void **state)
{
    (void)state;
    static const migration broken[] = {
        SQL("0001_one", "CREATE TABLE one (a INTEGER) STRICT;"),
        SQL("0002_bad", "CREATE TABLE half (a INTEGER); INSERT INTO nowhere VALUES (1);")};
    sqlite3 *db = open_memory();
    error e = {0};
    assert_false(store_migrate(db, broken, 2, &e));
    assert_non_null(strstr(e.message, "0002_bad"));
    assert_int_equal(ask(db, "PRAGMA user_version"), 1);
    assert_int_equal(ask(db, "SELECT count(*) FROM sqlite_schema WHERE name = 'half'"), 0);
    sqlite3_close(db);
}

static void another_programs_file_is_refused(void **state)
{
    (void)state;
    sqlite3 *db = open_memory();
    error e = {0};
    assert_int_equal(sqlite3_exec(db, "CREATE TABLE theirs (a)", NULL, NULL, NULL), SQLITE_OK);
    assert_false(store_migrate(db, two, 2, &e));
    assert_int_equal(e.code, ERROR_CORRUPT);
    assert_int_equal(ask(db, "SELECT count(*) FROM sqlite_schema"), 1);
    sqlite3_close(db);
}

static void a_file_that_is_no_data_base_is_refused(void **state)
{
    (void)state;
    scratch s = scratch_make();
    char junk[4096];
    memset(junk, 'x', sizeof junk);
    scratch_write(&s, "junk.db", junk, sizeof junk);
    sqlite3 *db;
    error e = {0};
    assert_int_equal(sqlite3_open(scratch_at(&s, "junk.db").text, &db), SQLITE_OK);
    assert_false(store_migrate(db, two, 2, &e));
    assert_int_equal(e.code, ERROR_CORRUPT);
    sqlite3_close(db);
    scratch_remove(&s);
}

static void the_embedded_migrations_apply(void **state)
{
    (void)state;
    sqlite3 *db = open_memory();
    error e = {0};
    assert_true(migration_count >= 1);
    assert_string_equal(migrations[0].name, "0001_init");
    assert_true(store_migrate(db, migrations, migration_count, &e));
    assert_int_equal(ask(db, "PRAGMA user_version"), migration_count);
    assert_int_equal(ask(db, "SELECT count(*) FROM sqlite_schema WHERE type = 'table' AND sql NOT LIKE '%STRICT%'"), 0);
    sqlite3_close(db);
}

/* Rows of the first schema keep what they say, and say what was so before a later column asked. */
static void an_old_registry_is_brought_up_to_date(void **state)
{
    (void)state;
    sqlite3 *db = open_memory();
    error e = {0};
    assert_true(store_migrate(db, migrations, 1, &e));
    const char *rows =
        "INSERT INTO datasets VALUES ('set', 1, 2, 'idx', 3, 4, 5, 6, '[]', 7, 'd');"
        "INSERT INTO jobs (id, state, method, dataset, dataset_digest, protocol, class, seed, held_out, trace, model, "
        "hyperparameters, created) VALUES ('j', 'queued', 'pca', 'set', 'd', 'one-class', '3', 1, 0.1, 0, 'm', '{}', "
        "9);"
        "INSERT INTO runs VALUES ('r', 1, 'j', 'pca', 'set', 'd', 'one-class', '3', 1, 'm', 1, 0.5, 0.4, 0.6, 0.1, "
        "0.7, "
        "10, 11, 12, 13, 14, 15, 16, 1.5, 2.5, 17, 'w', 'v', '{}', '{}');";
    assert_int_equal(sqlite3_exec(db, rows, NULL, NULL, NULL), SQLITE_OK);
    assert_true(store_migrate(db, migrations, migration_count, &e));
    assert_int_equal(ask(db, "PRAGMA user_version"), migration_count);
    assert_int_equal(ask(db, "SELECT count(*) FROM jobs WHERE id = 'j' AND created = 9 AND test_images = 0"), 1);
    assert_int_equal(ask(db, "SELECT count(*) FROM runs WHERE id = 'r' AND auroc = 0.5 AND test_images = 0 "
                             "AND blas_core = '' AND threads = 0 AND left_out_count = 0 AND training_digest = ''"),
                     1);
    assert_int_equal(ask(db, "SELECT count(*) FROM datasets WHERE copies IS NULL"), 1);
    assert_int_equal(ask(db, "SELECT count(*) FROM run_details WHERE run = 'r' AND detail = '{}'"), 1);
    assert_int_equal(ask(db, "SELECT count(*) FROM run_scores"), 0);
    assert_int_equal(ask(db, "SELECT count(*) FROM published WHERE auroc NOT BETWEEN 0 AND 1"), 0);
    sqlite3_close(db);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(an_empty_file_gets_every_migration),
        cmocka_unit_test(an_older_file_gets_what_it_lacks_once),
        cmocka_unit_test(a_reader_refuses_what_is_not_up_to_date_and_changes_nothing),
        cmocka_unit_test(a_newer_file_is_refused),
        cmocka_unit_test(an_edited_migration_is_refused_by_name),
        cmocka_unit_test(a_failing_migration_leaves_nothing_of_itself),
        cmocka_unit_test(another_programs_file_is_refused),
        cmocka_unit_test(a_file_that_is_no_data_base_is_refused),
        cmocka_unit_test(the_embedded_migrations_apply),
        cmocka_unit_test(an_old_registry_is_brought_up_to_date),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
