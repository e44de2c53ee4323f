/* SPDX-License-Identifier: MIT */
/*
 * config.h — the daemon's settings: defaults, then the file, then the environment, then flags; each later one wins.
 * One table names each setting once; it makes the flag (--import-root), the variable (ANOMALYD_IMPORT_ROOT), the key of
 * the file (import-root) and the help.
 */
#ifndef ANOMALYD_DAEMON_PLATFORM_CONFIG_H
#define ANOMALYD_DAEMON_PLATFORM_CONFIG_H

#include "daemon/platform/usage.h"

#define CONFIG_LISTEN "127.0.0.1:8080" /* the preset of listen; where commands look for a daemon */

enum { CONFIG_TEXT_MAX = 1024, CONFIG_ROOTS_MAX = 32, CONFIG_AUTO = FLAG_AUTO };

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

/* Of `anomalyd serve`: its flags are the settings. */
extern const usage config_usage;

/* Reads all sources into *c; `a` is what config_usage made of the command line. On failure the message names source and
 * setting. Free with config_free, also after failure. */
bool config_read(config *c, const command_line *a, error *e);
/* The same for other commands, which have a file of settings and a state folder at most (NULL: not given). */
bool config_find(config *c, const char *file, const char *state, error *e);
void config_free(config *c);

/* Splits ADDRESS:PORT and refuses what is not loopback. */
bool config_parse_listen(const char *text, char address[64], int *port, error *e);

#endif
