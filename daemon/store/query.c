/* SPDX-License-Identifier: MIT */
/* query.c — connections and statements: the only file that handles SQLite's result codes. */
#include "daemon/store/internal.h"

#include <assert.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

enum { BUSY_MS = 5000 };

/* ERROR_IO (or what fits the code better) with SQLite's own words. Always false. */
static bool connection_fail(const connection *c, error *e)
{
    int code = c->db ? sqlite3_errcode(c->db) : SQLITE_NOMEM;
    const char *words = c->db ? sqlite3_errmsg(c->db) : "out of memory";
    enum error_code kind = ERROR_IO;
    if (code == SQLITE_NOMEM)
        kind = ERROR_MEMORY;
    else if (code == SQLITE_CORRUPT || code == SQLITE_NOTADB)
        kind = ERROR_CORRUPT;
    else if (code == SQLITE_CONSTRAINT)
        kind = ERROR_CONFLICT;
    else if (code == SQLITE_TOOBIG)
        kind = ERROR_LIMIT;
    return error_set(e, kind, "registry: %s", words);
}

bool connection_open(connection *c, const char *path, bool writable, error *e)
{
    memset(c, 0, sizeof *c);
    int flags = SQLITE_OPEN_NOMUTEX | (writable ? SQLITE_OPEN_READWRITE | SQLITE_OPEN_CREATE : SQLITE_OPEN_READONLY);
    if (sqlite3_open_v2(path, &c->db, flags, NULL) != SQLITE_OK) {
        connection_fail(c, e);
        connection_close(c);
        return error_at(e, "%s", path);
    }
    sqlite3_extended_result_codes(c->db, 0);
    sqlite3_busy_timeout(c->db, BUSY_MS);
    sqlite3_db_config(c->db, SQLITE_DBCONFIG_DEFENSIVE, 1, NULL);
    sqlite3_db_config(c->db, SQLITE_DBCONFIG_TRUSTED_SCHEMA, 0, NULL);
    sqlite3_db_config(c->db, SQLITE_DBCONFIG_ENABLE_FKEY, 1, NULL);
    sqlite3_db_config(c->db, SQLITE_DBCONFIG_DQS_DDL, 0, NULL);
    sqlite3_db_config(c->db, SQLITE_DBCONFIG_DQS_DML, 0, NULL);
    const char *pragmas = writable ? "PRAGMA journal_mode = WAL; PRAGMA synchronous = FULL" : "PRAGMA query_only = 1";
    if (sqlite3_exec(c->db, pragmas, NULL, NULL, NULL) != SQLITE_OK) {
        connection_fail(c, e);
        connection_close(c);
        return error_at(e, "%s", path);
    }
    return true;
}

bool connection_prepare(connection *c, bool writable, error *e)
{
    int end = writable ? SQL_COUNT : SQL_WRITES;
    for (int i = 0; i < end; i++) {
        char *text = sql_expand(sql_text[i]);
        if (!text)
            return error_memory(e, "the registry's statements");
        int code = sqlite3_prepare_v3(c->db, text, -1, SQLITE_PREPARE_PERSISTENT, &c->statements[i], NULL);
        free(text);
        if (code != SQLITE_OK)
            return connection_fail(c, e);
    }
    return true;
}

void connection_close(connection *c)
{
    for (int i = 0; i < SQL_COUNT; i++)
        sqlite3_finalize(c->statements[i]);
    sqlite3_close(c->db);
    memset(c, 0, sizeof *c);
}

query query_begin(connection *c, enum sql which)
{
    return (query){.on = c, .statement = c->statements[which], .code = SQLITE_OK};
}

static void note(query *q, int code)
{
    if (code != SQLITE_OK && q->code == SQLITE_OK)
        q->code = code;
}

void query_put_text(query *q, const char *text)
{
    note(q, sqlite3_bind_text(q->statement, ++q->parameter, text, -1, SQLITE_STATIC));
}

void query_put_filter(query *q, const char *text)
{
    query_put_text(q, text && *text ? text : NULL);
}

void query_put_int(query *q, int64_t value)
{
    note(q, sqlite3_bind_int64(q->statement, ++q->parameter, value));
}

void query_put_real(query *q, double value)
{
    int at = ++q->parameter;
    note(q, isnan(value) ? sqlite3_bind_null(q->statement, at) : sqlite3_bind_double(q->statement, at, value));
}

void query_put_bytes(query *q, const void *bytes, size_t size)
{
    note(q, sqlite3_bind_blob64(q->statement, ++q->parameter, bytes, size, SQLITE_STATIC));
}

bool query_step(query *q)
{
    if (q->code != SQLITE_OK && q->code != SQLITE_ROW)
        return false;
    q->column = 0;
    q->code = sqlite3_step(q->statement);
    return q->code == SQLITE_ROW;
}

void query_get_text(query *q, char *text, size_t size)
{
    const unsigned char *found = sqlite3_column_text(q->statement, q->column++);
    snprintf(text, size, "%s", found ? (const char *)found : "");
}

char *query_get_copy(query *q)
{
    const unsigned char *found = sqlite3_column_text(q->statement, q->column++);
    char *copy = found ? strdup((const char *)found) : NULL;
    if (found && !copy)
        q->code = SQLITE_NOMEM;
    return copy;
}

int64_t query_get_int(query *q)
{
    return sqlite3_column_int64(q->statement, q->column++);
}

static enum job_state get_state(query *q)
{
    char name[16];
    enum job_state state = JOB_QUEUED;
    query_get_text(q, name, sizeof name);
    bool known = job_state_find(name, &state);
    assert(known); /* the schema's CHECK allows only these */
    return state;
}

bool query_counts(query *q, uint64_t counts[JOB_STATES], error *e)
{
    while (query_step(q)) {
        enum job_state state = get_state(q);
        counts[state] = (uint64_t)query_get_int(q);
    }
    return query_end(q, e);
}

double query_get_real(query *q)
{
    int at = q->column++;
    return sqlite3_column_type(q->statement, at) == SQLITE_NULL ? NAN : sqlite3_column_double(q->statement, at);
}

struct value query_get_value(query *q)
{
    int at = q->column++;
    switch (sqlite3_column_type(q->statement, at)) {
    case SQLITE_INTEGER:
        return (struct value){.kind = VALUE_INTEGER, .integer = sqlite3_column_int64(q->statement, at)};
    case SQLITE_FLOAT:
        return (struct value){.kind = VALUE_REAL, .real = sqlite3_column_double(q->statement, at)};
    case SQLITE_TEXT:
        return (struct value){.kind = VALUE_TEXT, .text = (const char *)sqlite3_column_text(q->statement, at)};
    default:
        return (struct value){.kind = VALUE_NONE};
    }
}

const void *query_get_bytes(query *q, size_t *size)
{
    int at = q->column++;
    const void *bytes = sqlite3_column_blob(q->statement, at);
    *size = (size_t)sqlite3_column_bytes(q->statement, at);
    return bytes;
}

bool query_end(query *q, error *e)
{
    bool good = q->code == SQLITE_OK || q->code == SQLITE_ROW || q->code == SQLITE_DONE;
    if (!good) {
        if (q->code == SQLITE_NOMEM)
            error_memory(e, "a row of the registry");
        else
            connection_fail(q->on, e);
    }
    sqlite3_reset(q->statement);
    sqlite3_clear_bindings(q->statement);
    return good;
}

bool query_run(query *q, error *e)
{
    query_step(q);
    return query_end(q, e);
}

int query_changes(const query *q)
{
    return sqlite3_changes(q->on->db);
}

/* ---- rows */

static bool read_row(query *q, const row_kind *kind, void *row, error *e)
{
    memset(row, 0, kind->size);
    query_get_record(q, kind->record, row);
    return !kind->rest || kind->rest(q, row, e);
}

/* What query_get_record has put there. */
static void free_row(const struct record *r, char *row)
{
    for (int i = 0; i < r->count; i++) {
        const struct field *f = &r->fields[i];
        if (f->type == FIELD_STRING || f->type == FIELD_OBJECT) {
            free((void *)(uintptr_t)field_get(f, row).text);
            memset(row + f->offset, 0, f->size);
        }
    }
}

bool query_find(query *q, const row_kind *kind, void *row, bool *found, error *e)
{
    *found = query_step(q);
    bool good = !*found || read_row(q, kind, row, e);
    good = query_end(q, good ? e : NULL) && good;
    if (*found && !good)
        free_row(kind->record, row);
    return good;
}

/* A cursor is KIND.KEY.ID: of one of our lists, and nothing a client need understand. */
bool cursor_read(const record_page *page, const row_kind *kind, int64_t *key, char id[RECORD_NAME_MAX], error *e)
{
    *key = INT64_MAX;
    id[0] = 0;
    if (page->limit < 1 || page->limit > RECORD_PAGE_MAX)
        return error_set(e, ERROR_INVALID, "limit: %d is not within 1 … %d", page->limit, RECORD_PAGE_MAX);
    if (!page->cursor[0])
        return true;
    char *end = NULL;
    if (page->cursor[0] == kind->cursor && page->cursor[1] == '.')
        *key = strtoll(page->cursor + 2, &end, 10);
    if (!end || end == page->cursor + 2 || *end != '.' || !end[1] || strlen(end + 1) >= RECORD_NAME_MAX)
        return error_set(e, ERROR_INVALID, "cursor: not one that this list gave");
    snprintf(id, RECORD_NAME_MAX, "%s", end + 1);
    return true;
}

/* A number as it is; a real one by its bits, -1 where there is none. */
static int64_t key_of(const row_kind *kind, const void *row)
{
    if (!kind->key)
        return 0;
    const struct value v = field_get(record_field(kind->record, kind->key), row);
    const double real = v.kind == VALUE_REAL ? v.real : -1;
    int64_t key = v.integer;
    if (v.kind != VALUE_INTEGER)
        memcpy(&key, &real, sizeof key);
    return key;
}

bool query_page(record_page *page, const row_kind *kind, query *q, void *rows, int *count, error *e)
{
    char *row = rows;
    bool good = true, more = false;
    while (good && query_step(q) && !(more = *count == page->limit)) {
        row = (char *)rows + (size_t)(*count)++ * kind->size;
        good = read_row(q, kind, row, e);
    }
    good = query_end(q, good ? e : NULL) && good;
    while (!good && *count)
        free_row(kind->record, (char *)rows + (size_t)-- * count * kind->size);
    page->cursor[0] = 0;
    if (good && more)
        snprintf(page->cursor, sizeof page->cursor, "%c.%lld.%s", kind->cursor, (long long)key_of(kind, row),
                 field_get(&kind->record->fields[0], row).text);
    return good;
}
