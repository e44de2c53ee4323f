/* SPDX-License-Identifier: MIT */
/* migrate.c — applies and checks migrations. Knows numbers and checksums, not what the SQL says. */
#include "daemon/store/migrate.h"

#include "base/digest.h"
#include "daemon/platform/id.h"

#include <stdio.h>
#include <string.h>

enum { APPLICATION_ID = 0x414e4d4c /* "ANML" */ };

static bool run(sqlite3 *db, const char *sql, error *e)
{
    if (sqlite3_exec(db, sql, NULL, NULL, NULL) == SQLITE_OK)
        return true;
    return error_set(e, ERROR_IO, "registry: %s", sqlite3_errmsg(db));
}

static bool read_int(sqlite3 *db, const char *sql, sqlite3_int64 *out, error *e)
{
    sqlite3_stmt *s = NULL;
    bool good = sqlite3_prepare_v2(db, sql, -1, &s, NULL) == SQLITE_OK && sqlite3_step(s) == SQLITE_ROW;
    if (good)
        *out = sqlite3_column_int64(s, 0);
    else
        error_set(e, sqlite3_errcode(db) == SQLITE_NOTADB ? ERROR_CORRUPT : ERROR_IO, "registry: %s",
                  sqlite3_errmsg(db));
    sqlite3_finalize(s);
    return good;
}

static bool check_ours(sqlite3 *db, sqlite3_int64 version, error *e)
{
    sqlite3_int64 application, objects;
    if (!read_int(db, "PRAGMA application_id", &application, e) ||
        !read_int(db, "SELECT count(*) FROM sqlite_schema", &objects, e))
        return false;
    if (application == APPLICATION_ID || (application == 0 && version == 0 && objects == 0))
        return true;
    return error_set(e, ERROR_CORRUPT, "registry: the file is a data base of another program");
}

/* The migration numbered `number` must be the one that was applied. */
static bool check_applied(sqlite3 *db, const migration *m, size_t number, error *e)
{
    char expected[DIGEST_TEXT];
    digest_sha256_hex(m->sql, m->size, expected);
    sqlite3_stmt *s = NULL;
    if (sqlite3_prepare_v2(db, "SELECT name, sha256 FROM schema_migrations WHERE version = ?", -1, &s, NULL) !=
        SQLITE_OK)
        return error_set(e, ERROR_CORRUPT, "registry: %s", sqlite3_errmsg(db));
    sqlite3_bind_int64(s, 1, (sqlite3_int64)number);
    bool good = false;
    if (sqlite3_step(s) != SQLITE_ROW)
        error_set(e, ERROR_CORRUPT, "registry: migration %04zu is not recorded, though a later one is", number);
    else if (strcmp((const char *)sqlite3_column_text(s, 1), expected) != 0)
        error_set(e, ERROR_CORRUPT,
                  "registry: migration %s was applied with other contents (%.12s…) than %s here has (%.12s…)",
                  sqlite3_column_text(s, 0), sqlite3_column_text(s, 1), m->name, expected);
    else
        good = true;
    sqlite3_finalize(s);
    return good;
}

static bool record(sqlite3 *db, const migration *m, size_t number, error *e)
{
    char sha256[DIGEST_TEXT], pragma[64];
    digest_sha256_hex(m->sql, m->size, sha256);
    sqlite3_stmt *s = NULL;
    if (sqlite3_prepare_v2(db, "INSERT INTO schema_migrations VALUES (?, ?, ?, ?)", -1, &s, NULL) != SQLITE_OK)
        return error_set(e, ERROR_IO, "registry: %s", sqlite3_errmsg(db));
    sqlite3_bind_int64(s, 1, (sqlite3_int64)number);
    sqlite3_bind_text(s, 2, m->name, -1, SQLITE_STATIC);
    sqlite3_bind_text(s, 3, sha256, -1, SQLITE_STATIC);
    sqlite3_bind_int64(s, 4, time_now());
    bool good = sqlite3_step(s) == SQLITE_DONE;
    if (!good)
        error_set(e, ERROR_IO, "registry: %s", sqlite3_errmsg(db));
    sqlite3_finalize(s);
    snprintf(pragma, sizeof pragma, "PRAGMA user_version = %zu", number);
    return good && run(db, pragma, e);
}

static bool apply(sqlite3 *db, const migration *m, size_t number, error *e)
{
    if (!run(db, "BEGIN IMMEDIATE", e))
        return false;
    if (run(db, m->sql, e) && record(db, m, number, e) && run(db, "COMMIT", e))
        return true;
    sqlite3_exec(db, "ROLLBACK", NULL, NULL, NULL);
    return error_at(e, "migration %s", m->name);
}

static bool prepare_first(sqlite3 *db, error *e)
{
    char pragma[64];
    snprintf(pragma, sizeof pragma, "PRAGMA application_id = %d", APPLICATION_ID);
    return run(db, pragma, e) && run(db,
                                     "CREATE TABLE IF NOT EXISTS schema_migrations (version INTEGER PRIMARY KEY, name "
                                     "TEXT NOT NULL, sha256 TEXT NOT NULL, applied INTEGER NOT NULL) STRICT",
                                     e);
}

/* That the data base is ours and that what was applied is what the list has. */
static bool check(sqlite3 *db, const migration *list, size_t count, sqlite3_int64 *version, error *e)
{
    if (!read_int(db, "PRAGMA user_version", version, e) || !check_ours(db, *version, e))
        return false;
    if (*version < 0 || (size_t)*version > count)
        return error_set(e, ERROR_UNSUPPORTED,
                         "registry: its schema has version %lld, this program knows up to %zu: use a newer anomalyd",
                         (long long)*version, count);
    for (size_t i = 0; i < (size_t)*version; i++)
        if (!check_applied(db, &list[i], i + 1, e))
            return false;
    return true;
}

bool store_migrate(sqlite3 *db, const migration *list, size_t count, error *e)
{
    sqlite3_int64 version;
    if (!check(db, list, count, &version, e) || (version == 0 && !prepare_first(db, e)))
        return false;
    for (size_t i = (size_t)version; i < count; i++)
        if (!apply(db, &list[i], i + 1, e))
            return false;
    return true;
}

bool store_migrated(sqlite3 *db, const migration *list, size_t count, error *e)
{
    sqlite3_int64 version;
    if (!check(db, list, count, &version, e))
        return false;
    return (size_t)version == count ||
           error_set(e, ERROR_UNSUPPORTED,
                     "registry: its schema has version %lld, this program reads %zu: `anomalyd serve`, started once, "
                     "brings it up to date",
                     (long long)version, count);
}
