/* SPDX-License-Identifier: MIT */
/*
 * load.h — POST requests to an HTTP server over many connections kept alive, and how long their answers took. Knows
 * nothing of what is posted. One thread.
 *
 * Closed loop: each connection sends its next request when the answer to the last one has come. Open loop: requests
 * are due at a steady rate whether answers come or not, and a latency is counted from the moment its request was due:
 * a server that stands still is not spared the requests it kept from being sent.
 */
#ifndef ANOMALYD_DAEMON_CLIENT_LOAD_H
#define ANOMALYD_DAEMON_CLIENT_LOAD_H

#include "base/error.h"

#include <stddef.h>
#include <stdint.h>

enum { LOAD_CONNECTIONS_MAX = 1024, LOAD_KINDS_MAX = 16, LOAD_ANSWER_BYTES_MAX = 1 << 20 };

typedef struct load_body {
    void *bytes;
    size_t size;
} load_body;

/* What is sent; borrowed until load_free. */
typedef struct load_plan {
    const char *url, *type; /* the whole URL; the bodies' media type */
    const load_body *bodies;
    size_t body_count; /* at least 1; sent in turn */
    int connections;
    double rate;              /* requests a second; 0: closed loop */
    const char *failure_mark; /* an answer with these bytes in it has failed, whatever its status; NULL: none has */
} load_plan;

/* How long requests are sent for: until the seconds are over or, where it is not 0, there were so many. Then the
 * answers are awaited; of an open loop, what was due in that time is still sent, for as long again at most. */
typedef struct load_span {
    double seconds;
    uint64_t requests;
} load_span;

typedef struct load_kind {
    char what[64]; /* "HTTP 404", "Couldn't connect to server", … */
    uint64_t count;
} load_kind;

/* Of one load_run. load_tally_free frees what it holds. */
typedef struct load_tally {
    uint32_t *latency_us; /* of each good answer, ascending */
    size_t answers, room;
    uint64_t failed; /* the sum over kinds; the last kind stands for all further ones */
    load_kind kinds[LOAD_KINDS_MAX];
    int kind_count;
    char first_failure[512]; /* the beginning of the first failed answer's body; "" without one */
    double seconds, cpu_s;   /* from the first request to the last answer; what this process used in them */
} load_tally;

typedef struct load load;

/* Connects to nobody yet. Returns new. */
load *load_new(const load_plan *p, error *e);
void load_free(load *l);
/* Sends and waits. Answers that fail are counted, not an error; when the server cannot be reached any more, the run
 * ends early. *out must be zeroed. Connections outlive a run. */
bool load_run(load *l, load_span span, load_tally *out, error *e);
void load_tally_free(load_tally *t);
/* The latency in ms that a share (0 … 1] of the answers did not exceed; there must be answers. */
double load_percentile_ms(const load_tally *t, double share);

#endif
