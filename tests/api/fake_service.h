/* SPDX-License-Identifier: MIT */
/*
 * fake_service.h — a service whose every answer the test decides, a small loop that turns the server, and clients
 * on real loopback sockets that can send anything. One thread: pool work runs between two turns.
 */
#ifndef ANOMALYD_TESTS_API_FAKE_SERVICE_H
#define ANOMALYD_TESTS_API_FAKE_SERVICE_H

#include "api/http/server.h"
#include "api/service.h"

#include <jansson.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

enum { FAKE_SLOTS = 16, FAKE_JOB_EVENTS_MAX = 8 };

typedef struct fake_event {
    const char *type, *data;
    bool last;
} fake_event;

typedef struct fake {
    service service;
    server *server;
    server_config config;
    char directory[256]; /* of spooled uploads */
    bool woken;

    /* What the service answers. */
    bool ready, draining;
    error failure; /* of the next asynchronous call, when its code is set */
    int rows;      /* of every list */
    enum job_state state;
    bool defer;                             /* asynchronous calls are answered by fake_answer, not at the next turn */
    fake_event events[FAKE_JOB_EVENTS_MAX]; /* replayed */
    int event_count;
    bool repeat_last; /* an ended job tells its last event to everyone */
    bool calibrated;  /* scores have p-values and thresholds */
    bool known;       /* an imported run was here before */

    /* What it was asked. */
    int scores, score_cancels, submits, cancels, imports, unwatches;
    char score_model[NAME_SIZE];
    int score_version;
    enum explanation score_explain;
    size_t score_images;
    job_spec spec;                     /* of the last submit; its text is owned */
    experiment_spec experiment;        /* of the last submit; its pointers are dead */
    experiment_method experiment_last; /* its last method, likewise */
    char experiment_options[128], experiment_class[64];
    uint64_t experiment_seed;
    char key[256];
    char import_source[256], import_name[RECORD_NAME_MAX];
    bool import_uploaded;
    long long import_size;
    unsigned import_sum; /* fake_sum of an upload's bytes */
    run_row run;         /* of the last import, without what it owned; its texts follow */
    char run_options[256], run_detail[512];
    run_filter filter;
    char filter_seed[32], filter_class[64];
    uint64_t watch_after;
    int lines_logged;

    /* Inside. */
    struct {
        void (*tick)(void *);
        void *context;
        int64_t due_ms;
        bool used;
    } timers[FAKE_SLOTS];
    struct {
        void (*gone)(void *);
        void *context;
        int descriptor;
        bool used, told;
    } watches[FAKE_SLOTS];
    struct {
        void (*work)(void *), (*after)(void *);
        void *context;
    } pool[FAKE_SLOTS];
    int pool_count;
    bool pool_held; /* pool work waits */
    score_done *score_done;
    bool score_cancelled;
    void *score_context;
    const struct score_image *score_list;
    job_done *job_done;
    dataset_done *dataset_done;
    experiment_done *experiment_done;
    run_done *run_done;
    void *done_context;
    event_sink *sink;
    void *sink_context;
    uint64_t event_number;
    struct client *clients[FAKE_SLOTS];
} fake;

/* Starts a server on a free port of 127.0.0.1. Zero deadlines become ten seconds. */
fake *fake_new(unsigned header_deadline_ms, unsigned request_deadline_ms);
/* Drains the server, turns until nothing is busy, and frees everything. */
void fake_free(fake *f);
/* fake_new with the presets of deadlines, and fake_free, as cmocka calls them. */
int fake_set_up(void **state);
int fake_tear_down(void **state);
/* Waits until a client, the server, a timer or the pool has something to do, and runs it. */
void fake_turn(fake *f);
/* Turns until `condition` (an expression) holds. */
#define fake_until(f, condition) \
    do {                         \
        while (!(condition))     \
            fake_turn(f);        \
    } while (0)
/* Answers the asynchronous call that waits, if there is one. */
void fake_answer(fake *f);
/* A sum that depends on every byte's value and place; starts at 0. */
unsigned fake_sum(const char *bytes, size_t size, unsigned sum);
/* Delivers one event to the watcher. */
void fake_emit(fake *f, const char *type, const char *data, bool last);

typedef struct client {
    fake *fake;
    int descriptor;
    char *bytes; /* received, not yet taken; owned */
    size_t size, capacity;
    bool closed; /* by the server */
    bool paused; /* does not read */
} client;

client *client_open(fake *f);
void client_close(client *c);
/* Sends the bytes while the server turns, and stops when the server has closed. */
void client_send(client *c, const char *bytes, size_t size);
void client_say(client *c, const char *text);

typedef struct reply {
    int status;
    char *head, *body; /* owned, with a NUL */
    size_t body_size;
    json_t *json; /* NULL when the body is not JSON */
    bool closed;  /* the server closed after it */
} reply;

/* Reads one whole answer (`head_only`: of a HEAD request). Its status is 0 when the server closed without one. */
reply client_read(client *c, bool head_only);
/* Reads the head of an answer whose body is a stream; what follows it stays in c->bytes. */
reply client_read_head(client *c);
void reply_free(reply *r);
/* A member of its JSON; NULL: there is no such text. */
const char *reply_text(const reply *r, const char *key);
/* The value of a header, or NULL. In a buffer of its own until the next call. */
const char *reply_header(const reply *r, const char *name);

/* Writes an exchange into the record that ANOMALYD_RECORD names, for check_contract.py; `body` may be NULL. */
void record_exchange(const char *verb, const char *target, const char *headers, const void *body, size_t size,
                     const reply *r);

/* One request on a connection of its own, recorded. `headers` are whole lines or "". */
reply ask(fake *f, const char *verb, const char *target, const char *headers, const void *body, size_t size);
/* GET. */
reply get(fake *f, const char *target);
/* POST of JSON. */
reply post_json(fake *f, const char *target, const char *text);

/* Checks status and, for problems, their shape. */
void assert_status(const reply *r, int status);
void assert_problem(const reply *r, int status, const char *detail_part);
/* True when one of the problem's errors has this pointer and this text in its detail. */
bool has_error(const reply *r, const char *pointer, const char *detail_part);

#endif
