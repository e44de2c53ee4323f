/* SPDX-License-Identifier: MIT */
/* test_record_columns.c — the records' tables against the registry's schema, and rows through statements and packed
 * JSON. */
#include "api/json/record_json.h"
#include "daemon/store/internal.h"
#include "daemon/store/migrate.h"
#include "record_rows.h"

#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

static void open_registry(connection *c)
{
    error e = {0};
    assert_true(connection_open(c, ":memory:", true, &e));
    assert_true(store_migrate(c->db, migrations, migration_count, &e));
    sqlite3_db_config(c->db, SQLITE_DBCONFIG_ENABLE_FKEY, 0, NULL);
}

/* ---- the schema */

/* Columns that no field has, since code of the store's own reads and writes them. */
static const struct {
    const char *table, *column;
} beside[] = {
    {"datasets", "classes"}, {"datasets", "copies"}, {"jobs", "priority"},    {"jobs", "deaths"},    {"jobs", "token"},
    {"jobs", "worker"},      {"jobs", "events"},     {"jobs", "lease_until"}, {"run_scores", "run"},
};

static bool is_beside(const char *table, const char *column)
{
    for (size_t i = 0; i < sizeof beside / sizeof *beside; i++)
        if (!strcmp(beside[i].table, table) && !strcmp(beside[i].column, column))
            return true;
    return false;
}

static const struct field *find_column(const struct record *r, const char *column)
{
    for (int i = 0; i < r->count; i++)
        if (r->fields[i].column && !strcmp(r->fields[i].column, column))
            return &r->fields[i];
    return NULL;
}

static const char *type_of(const struct field *f)
{
    static const char *const names[] = {
        [FIELD_TEXT] = "TEXT",       [FIELD_STRING] = "TEXT", [FIELD_OBJECT] = "TEXT",  [FIELD_TIME] = "INTEGER",
        [FIELD_INTEGER] = "INTEGER", [FIELD_REAL] = "REAL",   [FIELD_FLAG] = "INTEGER", [FIELD_STATE] = "TEXT"};
    return names[f->type];
}

static void a_table_of_fields_names_the_columns_that_there_are(void **state)
{
    (void)state;
    connection c;
    open_registry(&c);
    for (int i = 0; i < RECORDS; i++) {
        const struct record *r = all_records[i];
        int wanted = 0, columns = 0;
        sqlite3_stmt *s;
        if (!r->table)
            continue;
        for (int k = 0; k < r->count; k++)
            wanted += r->fields[k].column != NULL;
        assert_int_equal(sqlite3_prepare_v2(c.db, "SELECT name, type FROM pragma_table_info(?)", -1, &s, NULL),
                         SQLITE_OK);
        sqlite3_bind_text(s, 1, r->table, -1, SQLITE_STATIC);
        while (sqlite3_step(s) == SQLITE_ROW) {
            const char *column = (const char *)sqlite3_column_text(s, 0);
            const struct field *f = find_column(r, column);
            if (!f && !is_beside(r->table, column))
                fail_msg("%s.%s: no field of record %s, and not beside it", r->table, column, r->name);
            if (f && strcmp((const char *)sqlite3_column_text(s, 1), type_of(f)) != 0)
                fail_msg("%s.%s: a column %s", r->table, column, sqlite3_column_text(s, 1));
            columns += f != NULL;
        }
        sqlite3_finalize(s);
        if (wanted != columns)
            fail_msg("record %s has %d fields with a column, table %s %d such columns", r->name, wanted, r->table,
                     columns);
    }
    connection_close(&c);
}

static void every_statement_fits_the_schema(void **state)
{
    (void)state;
    connection c;
    error e = {0};
    open_registry(&c);
    if (!connection_prepare(&c, true, &e))
        fail_msg("%s", e.message);
    connection_close(&c);
}

/* ---- rows */

static void expect_same(const struct record *r, const any_row *wanted, const any_row *got)
{
    for (int i = 0; i < r->count; i++)
        if (r->fields[i].column && !same_field(&r->fields[i], wanted, got))
            fail_msg("record %s: %s came back as another value", r->name, r->fields[i].column);
}

static query query_of(connection *c, const char *text)
{
    query q = {.on = c, .code = SQLITE_OK};
    char *expanded = sql_expand(text);
    if (sqlite3_prepare_v2(c->db, expanded, -1, &q.statement, NULL) != SQLITE_OK)
        fail_msg("%s: %s", expanded, sqlite3_errmsg(c->db));
    free(expanded);
    return q;
}

/* Adds a row; the columns beside the record's get a text. */
static void through_the_registry(connection *c, const struct record *r, const any_row *row, any_row *got)
{
    static const char *const more[] = {"datasets", "classes", "run_scores", "run"};
    const char *column = NULL;
    char text[256];
    error e = {0};
    for (int i = 0; i < 4; i += 2)
        if (!strcmp(more[i], r->table))
            column = more[i + 1];
    snprintf(text, sizeof text, "INSERT INTO %s ({%s}%s%s) VALUES ({?%s}%s)", r->table, r->name, column ? ", " : "",
             column ? column : "", r->name, column ? ", 'text'" : "");
    query q = query_of(c, text);
    query_put_record(&q, r, row);
    if (!query_run(&q, &e))
        fail_msg("%s", e.message);
    sqlite3_finalize(q.statement);
    snprintf(text, sizeof text, "SELECT {%s} FROM %s", r->name, r->table);
    q = query_of(c, text);
    assert_true(query_step(&q));
    query_get_record(&q, r, got);
    assert_false(query_step(&q));
    sqlite3_finalize(q.statement);
}

static void every_field_comes_back_from_the_registry(void **state)
{
    (void)state;
    connection c;
    any_row *row = calloc(1, sizeof *row), *got = calloc(1, sizeof *got);
    open_registry(&c);
    for (int i = 0; i < RECORDS; i++) {
        const struct record *r = all_records[i];
        if (!r->table)
            continue;
        memset(row, 0, sizeof *row);
        memset(got, 0, sizeof *got);
        fill_row(r, row);
        through_the_registry(&c, r, row, got);
        expect_same(r, row, got);
        free_row(r, row);
        free_row(r, got);
    }
    free(row);
    free(got);
    connection_close(&c);
}

static void every_field_comes_back_from_packed_json(void **state)
{
    (void)state;
    any_row *row = calloc(1, sizeof *row), *got = calloc(1, sizeof *got);
    for (int i = 0; i < RECORDS; i++) {
        const struct record *r = all_records[i];
        memset(row, 0, sizeof *row);
        memset(got, 0, sizeof *got);
        fill_row(r, row);
        json_t *packed = record_pack(r, row);
        if (!record_unpack(r, packed, got))
            fail_msg("record %s cannot be unpacked", r->name);
        expect_same(r, row, got);
        json_decref(packed);
        free_row(r, row);
        free_row(r, got);
    }
    free(row);
    free(got);
}

static void packed_json_of_other_types_is_refused(void **state)
{
    (void)state;
    static const char *const bad[] = {"[]",
                                      "{\"epochs\": \"3\"}",
                                      "{\"epochs\": 0.5}",
                                      "{\"auroc\": \"high\"}",
                                      "{\"id\": 3}",
                                      "{\"id\": \"0123456789012345678901234567890123456789\"}",
                                      "{\"hyperparameters\": \"{}\"}"};
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) {
        run_row row = {0};
        json_t *packed = json_loads(bad[i], 0, NULL);
        if (record_unpack(&run_record, packed, &row))
            fail_msg("%s: taken", bad[i]);
        json_decref(packed);
        run_row_free(&row);
    }
    run_row row = {0};
    json_t *empty = json_object();
    assert_true(record_unpack(&run_record, empty, &row));
    assert_true(isnan(row.auroc) && row.epochs == 0 && !row.id[0] && !row.hyperparameters);
    json_decref(empty);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_table_of_fields_names_the_columns_that_there_are),
        cmocka_unit_test(every_statement_fits_the_schema),
        cmocka_unit_test(every_field_comes_back_from_the_registry),
        cmocka_unit_test(every_field_comes_back_from_packed_json),
        cmocka_unit_test(packed_json_of_other_types_is_refused),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
