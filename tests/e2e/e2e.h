/* SPDX-License-Identifier: MIT */
/*
 * e2e.h — the real program as a process of its own, spoken to over HTTP. A failed expectation prints the end of the
 * daemon's log. Waiting is by events: the stream of a job, the exit of a process.
 */
#ifndef ANOMALYD_TESTS_E2E_E2E_H
#define ANOMALYD_TESTS_E2E_E2E_H

#include "scratch.h"
#include "thorough.h"

#include <jansson.h>
#include <stdbool.h>
#include <stddef.h>
#include <sys/types.h>

typedef struct e2e {
    scratch folder; /* its "state" is the daemon's; "log" its stderr */
    pid_t pid;      /* 0: it does not run */
    char url[64];
} e2e;

/* cmocka fixtures: *state is an e2e whose daemon does not run yet. */
int e2e_set_up(void **state);
int e2e_tear_down(void **state);

/* Starts the daemon with further flags (NULL: none) and waits until it listens. */
void e2e_start(e2e *d, const char *const *flags);
#define E2E_START(d_, ...) e2e_start(d_, (const char *const[]){__VA_ARGS__, NULL})
/* Runs it to its end; returns its exit status. */
int e2e_run(e2e *d, const char *const *flags);
/* Sends a signal and waits for its end; returns the wait status. */
int e2e_end(e2e *d, int number);
/* A child of the daemon: the worker. Waits for nothing; fails when there is none. */
pid_t e2e_worker(const e2e *d);

typedef struct reply {
    long status;
    json_t *body; /* NULL where it is no JSON; json_decref it */
} reply;

typedef struct ask {
    const char *verb, *path, *type, *key; /* type: of the body; key: Idempotency-Key; NULL: none */
    const char *since;                    /* Last-Event-ID; NULL: none */
    const void *bytes;
    size_t size;
} ask;
reply e2e_ask(const e2e *d, const ask *a);
reply e2e_get(const e2e *d, const char *path);
/* Posts JSON text made by printf. */
reply e2e_post(const e2e *d, const char *path, const char *format, ...) __attribute__((format(printf, 3, 4)));

/* Follows a job's events from the first until `until` says true or the stream ends. */
typedef bool e2e_until(void *context, const char *type, json_t *data);
void e2e_follow(const e2e *d, const char *job, e2e_until *until, void *context);
/* Follows it to its end; returns the job as it is then. */
json_t *e2e_await(const e2e *d, const char *job);
/* Follows it until it has written a checkpoint at or after `step`. */
void e2e_await_checkpoint(const e2e *d, const char *job, int step);
/* Follows it until a worker runs its attempt. */
void e2e_await_attempt(const e2e *d, const char *job, int attempt);

/* Imports the sample of digits as "digits". */
void e2e_import(const e2e *d);
/* Submits a job that must be accepted; its id. `fields` are further members of the request, as JSON without braces. */
typedef struct job_id {
    char text[40];
} job_id;
job_id e2e_submit(const e2e *d, const char *fields);
/* PCA on class "3": done in a moment. */
#define E2E_SHORT "\"method\": \"pca\", \"model\": \"short\""
/* GANomaly, small: about a hundred steps, or under TESTS_BRIEF forty of the slow ones there; so a second or more. */
#define E2E_LONG                                                   \
    "\"method\": \"ganomaly\", \"model\": \"long\", \"seed\": 7, " \
    "\"hyperparameters\": {\"epochs\": " TURNS("10", "4") ", \"width\": 4, \"latent\": 8, \"batch\": 32}"

/* Text at a path of keys of a job, run, …: "" when it is not there. */
const char *text_of(json_t *o, const char *key);
/* The weights' digest of the run that a finished job made. */
void e2e_digest(const e2e *d, json_t *job, char digest[65]);

#endif
