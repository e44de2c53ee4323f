/* SPDX-License-Identifier: MIT */
/* internal.h — what the files of the store share: connections, statements, the writer's queue. */
#ifndef ANOMALYD_DAEMON_STORE_INTERNAL_H
#define ANOMALYD_DAEMON_STORE_INTERNAL_H

#include "daemon/store/store.h"

#include <pthread.h>
#include <sqlite3.h>

/* Every statement there is; the texts are in sql.c. Readers prepare those before SQL_WRITES only. */
enum sql {
    SQL_DATASET_LIST,
    SQL_DATASET_GET,
    SQL_DATASET_FIND,
    SQL_JOB_LIST,
    SQL_JOB_GET,
    SQL_JOB_OPEN_NEXT,
    SQL_JOB_COUNTS,
    SQL_JOB_SERIES,
    SQL_MODEL_LIST,
    SQL_MODEL_GET,
    SQL_MODEL_NEWEST,
    SQL_MODEL_VERSIONS,
    SQL_MODEL_FILE,
    SQL_RUN_LIST, /* by enum run_order, from here on */
    SQL_RUN_LIST_OLDEST,
    SQL_RUN_LIST_AUROC,
    SQL_RUN_GET,
    SQL_RUN_SCORES,
    SQL_PUBLISHED_LIST,
    SQL_RUN_TEST,
    SQL_EXPERIMENT_LIST,
    SQL_EXPERIMENT_GET,
    SQL_EXPERIMENT_COUNTS,
    SQL_CELL_LIST,
    SQL_CELL_SCORES,
    SQL_KEY_GET,
    SQL_EXPERIMENT_KEY_GET,
    SQL_JOB_EVENTS,
    SQL_WRITES,
    SQL_BEGIN = SQL_WRITES,
    SQL_COMMIT,
    SQL_ROLLBACK,
    SQL_SAVEPOINT,
    SQL_RELEASE,
    SQL_ROLLBACK_TO,
    SQL_DATASET_DIGEST,
    SQL_DATASET_ADD,
    SQL_DATASET_COUNTED,
    SQL_KEY_PURGE,
    SQL_KEY_ADD,
    SQL_JOB_ADD,
    SQL_JOB_CLAIM,
    SQL_JOB_MOVE,
    SQL_JOB_PROGRESS,
    SQL_JOB_TOKEN,
    SQL_METRIC_PUT,
    SQL_JOB_FINISH,
    SQL_RUN_ADD,
    SQL_RUN_SAME,
    SQL_DETAIL_ADD,
    SQL_SCORE_ADD,
    SQL_TEST_ADD,
    SQL_MODEL_VERSION,
    SQL_MODEL_ADD,
    SQL_FILE_ADD,
    SQL_EXPERIMENT_KEY_PURGE,
    SQL_EXPERIMENT_KEY_ADD,
    SQL_EXPERIMENT_ADD,
    SQL_CELL_ADD,
    SQL_CELL_TWIN,
    SQL_CELL_LOST,
    SQL_CELL_JOB,
    SQL_COUNT
};
extern const char *const sql_text[SQL_COUNT];
/* The text that SQLite is given: with the columns of records. Returns new; NULL: out of memory. */
char *sql_expand(const char *text);

typedef struct connection {
    sqlite3 *db;
    sqlite3_stmt *statements[SQL_COUNT];
} connection;

bool connection_open(connection *c, const char *path, bool writable, error *e);
/* Prepares all statements it may use: for a writer, after the schema is there. */
bool connection_prepare(connection *c, bool writable, error *e);
void connection_close(connection *c);

/* A statement in use: parameters are bound and columns read in order. end() makes it ready for its next use. */
typedef struct query {
    connection *on;
    sqlite3_stmt *statement;
    int parameter, column;
    int code; /* of the first failure, or of the last step */
} query;

query query_begin(connection *c, enum sql which);
void query_put_text(query *q, const char *text);   /* borrowed until query_end; NULL: NULL */
void query_put_filter(query *q, const char *text); /* the same, but empty: NULL */
void query_put_int(query *q, int64_t value);
void query_put_real(query *q, double value); /* NaN: NULL */
void query_put_bytes(query *q, const void *bytes, size_t size);
bool query_step(query *q); /* true: there is a row */
void query_get_text(query *q, char *text, size_t size);
char *query_get_copy(query *q); /* returns new; NULL where the column is NULL or memory is out (then code says so) */
int64_t query_get_int(query *q);
double query_get_real(query *q);        /* NULL: NaN */
struct value query_get_value(query *q); /* its text is borrowed until the next step */
/* Binds, or reads, all stored fields of a row, in the order of {NAME} and {?NAME}. A row that was read owns its
 * strings, and what is not stored in it is as it was. */
void query_put_record(query *q, const struct record *r, const void *row);
void query_get_record(query *q, const struct record *r, void *row);
const void *query_get_bytes(query *q, size_t *size);
/* False and *e when binding or a step failed. */
bool query_end(query *q, error *e);
/* The same for a statement without rows. */
bool query_run(query *q, error *e);
/* Reads rows of a state and a count, and ends the query. */
bool query_counts(query *q, uint64_t counts[JOB_STATES], error *e);
int query_changes(const query *q);

/* An Idempotency-Key with what it is used for. Without a key (empty) nothing is found, and nothing is kept. */
typedef struct key_use {
    enum store_key_of of;
    const char *key, *fingerprint;
    record_time created;
} key_use;
/* Forgets old keys, then looks this one up: *known and `id` when it answered this very request before. */
bool key_find(connection *c, const key_use *k, char id[RECORD_ID_MAX], bool *known, error *e);
bool key_add(connection *c, const key_use *k, const char *id, error *e);

/* Adds a job with what its spec says: queued, or ended as `row` has it. */
bool job_insert(connection *c, const job_row *row, error *e);
/* A job that was just asked for: it has not begun. Borrows the strings of the spec. */
job_row job_queued(const char *id, const job_spec *spec, record_time created);

struct store_reader {
    connection on;
};

/* What the arguments of a write point to, which is copied with them; a pointer that is NULL stays so. */
typedef struct write_part {
    size_t pointer; /* its offset within the arguments */
    size_t size;    /* offset of the size_t that counts its bytes; 0: it is a text */
} write_part;

enum { WRITE_PARTS_MAX = 6 };

typedef struct write_kind {
    const char *what; /* "a job's claim": named when memory is out */
    bool (*apply)(connection *c, void *arguments, store_answer *answer, error *e); /* on the writer's thread */
    void (*release)(void *arguments); /* frees what they own beside the parts; NULL: nothing */
    size_t size;                      /* of the arguments, a struct */
    int part_count;
    write_part parts[WRITE_PARTS_MAX];
} write_kind;

#define WRITE_TEXT(type_, member_)          \
    {                                       \
        .pointer = offsetof(type_, member_) \
    }
/* A kind of write whose arguments are a type_. What follows the type are their parts. */
#define WRITE(what_, apply_, type_, ...)                                                   \
    {                                                                                      \
        .what = (what_), .apply = (apply_), .size = sizeof(type_), .parts = {__VA_ARGS__}, \
        .part_count = (int)(sizeof((write_part[]){__VA_ARGS__}) / sizeof(write_part))      \
    }

/* Queues a write with a copy of the arguments and their parts. Releases them itself when it cannot. */
bool store_queue(store *s, const write_kind *kind, const void *arguments, store_reply reply, error *e);

/* The rows of one list, and of what finds one of them. */
typedef struct row_kind {
    char cursor;                 /* begins the cursors of the list: no two have the same */
    const char *key;             /* path of the field that orders rows before their ids do; NULL: ids alone do */
    const struct record *record; /* its first field is the id */
    size_t size;                 /* of a row */
    bool (*rest)(query *q, void *row, error *e); /* reads what follows the record's columns; NULL: nothing does */
} row_kind;

/* Refuses a foreign cursor or limit. `key` and `id` of the cursor's row; an empty id at the start. */
bool cursor_read(const record_page *page, const row_kind *kind, int64_t *key, char id[RECORD_NAME_MAX], error *e);
/* Reads rows up to the page's limit, ends the query, and writes the cursor of the next page. No rows after failure. */
bool query_page(record_page *page, const row_kind *kind, query *q, void *rows, int *count, error *e);
/* Reads the row that the query finds, if there is one, and ends the query. The row owns nothing after failure. */
bool query_find(query *q, const row_kind *kind, void *row, bool *found, error *e);

#endif
