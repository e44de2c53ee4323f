/* SPDX-License-Identifier: MIT */
/*
 * config.h — the daemon's settings: defaults, then the file, then the environment, then flags; each later one wins.
 * One table names each setting once; it makes the flag (--import-root), the variable (ANOMALYD_IMPORT_ROOT), the key of
 * the file (import-root) and the help.
 */
#ifndef ANOMALYD_DAEMON_PLATFORM_CONFIG_H
#define ANOMALYD_DAEMON_PLATFORM_CONFIG_H

#include "base/error.h"

#include <stddef.h>
#include <stdio.h>

#define CONFIG_LISTEN "127.0.0.1:8080" /* the preset of listen; where commands look for a daemon */

enum { CONFIG_TEXT_MAX = 1024, CONFIG_ROOTS_MAX = 32, CONFIG_AUTO = -1 /* "auto" */ };

typedef struct config {
    char state[CONFIG_TEXT_MAX];          /* folder */
    char listen[CONFIG_TEXT_MAX];         /* as given */
    char address[64];                     /* of listen: "127.0.0.1" or "::1" */
    int port;                             /* of listen; 0: any */
    char *import_roots[CONFIG_ROOTS_MAX]; /* owned */
    size_t import_root_count;
    int workers;           /* training jobs at once; 0: none start; or CONFIG_AUTO */
    int threads;           /* of a training job; or CONFIG_AUTO */
    int score_threads;     /* of the scoring team */
    int score_queue;       /* with as many waiting for a model, requests are refused */
    int score_batch;       /* images at once, at most */
    int memory_budget_mib; /* of resident models */
    int job_memory_mib;    /* planned by all running jobs together; 0: no limit; or CONFIG_AUTO */
    int checkpoint_s;      /* least time between a job's checkpoints */
    int header_deadline_ms, request_deadline_ms;
    int stop_deadline_s;
    int log_level; /* enum log_level */
    bool log_json;
} config;

/* What config_read found apart from settings. */
enum config_wish { CONFIG_RUN, CONFIG_HELP };

/* Reads all sources into *c. argv[0] is the subcommand. On failure the message names source and setting. Free with
 * config_free, also after failure. */
bool config_read(config *c, int argc, char **argv, enum config_wish *wish, error *e);
void config_free(config *c);

/* The table as `--help` prints it. */
void config_help(FILE *out);

/* Splits ADDRESS:PORT and refuses what is not loopback. */
bool config_parse_listen(const char *text, char address[64], int *port, error *e);

#endif
