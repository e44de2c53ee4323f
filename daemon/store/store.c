/* SPDX-License-Identifier: MIT */
/* store.c — opens the registry and runs its one writer: a thread that commits what is queued in groups. */
#include "daemon/store/store.h"

#include "base/clock.h"
#include "daemon/store/internal.h"
#include "daemon/store/migrate.h"

#include <assert.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

enum { GROUP_MAX = 256 }; /* writes in one transaction */

/* One queued write. */
typedef struct write_op {
    struct write_op *next;
    const write_kind *kind;
    store_reply reply;
    store_answer answer;
    error failure;
    max_align_t arguments[]; /* then their parts */
} write_op;

typedef struct op_list {
    write_op *first, **end;
} op_list;

struct store {
    char *path;
    store_host host;
    connection writer; /* the writer's thread, once it runs */
    pthread_t thread;
    pthread_mutex_t lock;
    pthread_cond_t work, idle;
    op_list queue, finished; /* guarded by lock */
    size_t unfinished;       /* queued or being committed; guarded by lock */
    bool stop;               /* guarded by lock */
    store_numbers numbers;   /* guarded by lock */
};

static void list_clear(op_list *l)
{
    l->first = NULL;
    l->end = &l->first;
}

static void list_add(op_list *l, write_op *op)
{
    op->next = NULL;
    *l->end = op;
    l->end = &op->next;
}

static void list_move(op_list *to, op_list *from)
{
    if (!from->first)
        return;
    *to->end = from->first;
    to->end = from->end;
    list_clear(from);
}

static bool simple(connection *c, enum sql which, error *e)
{
    query q = query_begin(c, which);
    return query_run(&q, e);
}

static void apply_one(connection *c, write_op *op)
{
    if (!simple(c, SQL_SAVEPOINT, &op->failure))
        return;
    if (!op->kind->apply(c, op->arguments, &op->answer, &op->failure)) {
        assert(op->failure.code != ERROR_NONE);
        simple(c, SQL_ROLLBACK_TO, NULL);
    }
    simple(c, SQL_RELEASE, op->failure.code ? NULL : &op->failure);
}

/* True when all of the group are done but for those that failed alone. On a full disk SQLite takes back the whole
 * transaction, and what came behind would be written without one. */
static bool apply_group(connection *c, write_op *first, error *e)
{
    for (write_op *op = first; op; op = op->next) {
        apply_one(c, op);
        if (sqlite3_get_autocommit(c->db)) {
            *e = op->failure;
            return false;
        }
    }
    return simple(c, SQL_COMMIT, e);
}

/* One transaction for all of the group: one fsync pays for all. A write that fails takes back its own changes only; a
 * transaction that fails fails them all. */
static void commit_group(connection *c, write_op *first)
{
    error e = {0};
    if (simple(c, SQL_BEGIN, &e)) {
        if (apply_group(c, first, &e))
            return;
        if (!sqlite3_get_autocommit(c->db))
            simple(c, SQL_ROLLBACK, NULL);
    }
    for (write_op *op = first; op; op = op->next)
        if (op->failure.code == ERROR_NONE)
            op->failure = e;
}

static size_t pop_group(store *s, op_list *group)
{
    size_t count = 0;
    list_clear(group);
    while (s->queue.first && count < GROUP_MAX) {
        write_op *op = s->queue.first;
        s->queue.first = op->next;
        if (!s->queue.first)
            s->queue.end = &s->queue.first;
        list_add(group, op);
        count++;
    }
    return count;
}

static void count_group(store *s, const op_list *group, size_t count, double seconds)
{
    s->numbers.commits++;
    s->numbers.writes += count;
    s->numbers.commit_s += seconds;
    if (seconds > s->numbers.commit_max_s)
        s->numbers.commit_max_s = seconds;
    for (const write_op *op = group->first; op; op = op->next)
        s->numbers.failures += op->failure.code != ERROR_NONE;
}

static void *write_all(void *context)
{
    store *s = context;
    pthread_mutex_lock(&s->lock);
    for (;;) {
        while (!s->queue.first && !s->stop)
            pthread_cond_wait(&s->work, &s->lock);
        if (!s->queue.first)
            break;
        op_list group;
        size_t count = pop_group(s, &group);
        pthread_mutex_unlock(&s->lock);
        double start = clock_now_s();
        commit_group(&s->writer, group.first);
        double took = clock_now_s() - start;
        pthread_mutex_lock(&s->lock);
        count_group(s, &group, count, took);
        list_move(&s->finished, &group);
        s->unfinished -= count;
        pthread_cond_broadcast(&s->idle);
        if (s->host.wake)
            s->host.wake(s->host.context);
    }
    pthread_mutex_unlock(&s->lock);
    return NULL;
}

static bool start_writer(store *s, error *e)
{
    if (pthread_mutex_init(&s->lock, NULL))
        return error_memory(e, "the registry's lock");
    pthread_cond_init(&s->work, NULL);
    pthread_cond_init(&s->idle, NULL);
    if (!pthread_create(&s->thread, NULL, write_all, s))
        return true;
    pthread_mutex_destroy(&s->lock);
    return error_set(e, ERROR_MEMORY, "the registry's writer: no thread");
}

store *store_open(const char *path, const store_host *host, error *e)
{
    store *s = calloc(1, sizeof *s);
    if (!s || !(s->path = strdup(path))) {
        free(s);
        error_memory(e, "the registry");
        return NULL;
    }
    s->host = *host;
    list_clear(&s->queue);
    list_clear(&s->finished);
    if (connection_open(&s->writer, path, true, e)) {
        if (store_migrate(s->writer.db, migrations, migration_count, e) && connection_prepare(&s->writer, true, e) &&
            start_writer(s, e))
            return s;
        connection_close(&s->writer);
    }
    free(s->path);
    free(s);
    return NULL;
}

void store_close(store *s)
{
    if (!s)
        return;
    store_flush(s);
    pthread_mutex_lock(&s->lock);
    s->stop = true;
    pthread_cond_signal(&s->work);
    pthread_mutex_unlock(&s->lock);
    pthread_join(s->thread, NULL);
    store_deliver(s);
    connection_close(&s->writer); /* the last connection to go checkpoints the log into the file */
    pthread_cond_destroy(&s->work);
    pthread_cond_destroy(&s->idle);
    pthread_mutex_destroy(&s->lock);
    free(s->path);
    free(s);
}

static size_t part_size(const write_part *p, const char *arguments, const void **from)
{
    size_t size = 0;
    memcpy(from, arguments + p->pointer, sizeof *from);
    if (*from && p->size)
        memcpy(&size, arguments + p->size, sizeof size);
    return *from && !p->size ? strlen(*from) + 1 : size;
}

static void release(const write_kind *kind, void *arguments)
{
    if (kind->release)
        kind->release(arguments);
}

bool store_queue(store *s, const write_kind *kind, const void *arguments, store_reply reply, error *e)
{
    const void *from;
    size_t size = sizeof(write_op) + kind->size;
    for (int i = 0; i < kind->part_count; i++)
        size += part_size(&kind->parts[i], arguments, &from);
    write_op *op = calloc(1, size);
    if (!op) {
        release(kind, (void *)(uintptr_t)arguments);
        return error_memory(e, kind->what);
    }
    op->kind = kind;
    op->reply = reply;
    char *own = memcpy(op->arguments, arguments, kind->size), *end = own + kind->size;
    for (int i = 0; i < kind->part_count; i++) {
        size_t bytes = part_size(&kind->parts[i], arguments, &from);
        if (from) {
            memcpy(end, from, bytes);
            memcpy(own + kind->parts[i].pointer, &end, sizeof end);
            end += bytes;
        }
    }
    pthread_mutex_lock(&s->lock);
    list_add(&s->queue, op);
    s->unfinished++;
    pthread_cond_signal(&s->work);
    pthread_mutex_unlock(&s->lock);
    return true;
}

void store_deliver(store *s)
{
    pthread_mutex_lock(&s->lock);
    op_list taken;
    list_clear(&taken);
    list_move(&taken, &s->finished);
    pthread_mutex_unlock(&s->lock);
    while (taken.first) {
        write_op *op = taken.first;
        taken.first = op->next;
        if (op->reply.done)
            op->reply.done(op->reply.context, &op->answer, op->failure.code ? &op->failure : NULL);
        release(op->kind, op->arguments);
        free(op);
    }
}

void store_flush(store *s)
{
    bool more = true;
    while (more) { /* a `done` may queue another write */
        pthread_mutex_lock(&s->lock);
        while (s->unfinished)
            pthread_cond_wait(&s->idle, &s->lock);
        more = s->finished.first;
        pthread_mutex_unlock(&s->lock);
        store_deliver(s);
    }
}

static uint64_t size_of(const char *path)
{
    struct stat facts;
    return stat(path, &facts) ? 0 : (uint64_t)facts.st_size;
}

void store_measure(store *s, store_numbers *out)
{
    pthread_mutex_lock(&s->lock);
    *out = s->numbers;
    out->waiting = s->unfinished;
    pthread_mutex_unlock(&s->lock);
    char wal[4096];
    int n = snprintf(wal, sizeof wal, "%s-wal", s->path);
    out->file_bytes = size_of(s->path);
    out->wal_bytes = n > 0 && (size_t)n < sizeof wal ? size_of(wal) : 0;
}

static store_reader *reader_open(const char *path, bool foreign, error *e)
{
    store_reader *r = calloc(1, sizeof *r);
    if (!r) {
        error_memory(e, "a reader of the registry");
        return NULL;
    }
    if (connection_open(&r->on, path, false, e)) {
        if ((!foreign || store_migrated(r->on.db, migrations, migration_count, e)) &&
            connection_prepare(&r->on, false, e))
            return r;
        connection_close(&r->on);
        error_at(e, "%s", path);
    }
    free(r);
    return NULL;
}

store_reader *store_reader_open(store *s, error *e)
{
    return reader_open(s->path, false, e);
}

store_reader *store_reader_open_at(const char *path, error *e)
{
    return reader_open(path, true, e);
}

void store_reader_close(store_reader *r)
{
    if (!r)
        return;
    connection_close(&r->on);
    free(r);
}
