/* SPDX-License-Identifier: MIT */
/*
 * remote.h — commands that ask a running daemon: what they have in common. Such a command is a list of actions,
 * `anomalyd COMMAND ACTION [OPTION...] [OPERAND...]`; every one takes --server and --help, and those with formats
 * --format. The exit status is 0, 1 where the work failed, 2 where the arguments were wrong.
 */
#ifndef ANOMALYD_DAEMON_CLIENT_REMOTE_H
#define ANOMALYD_DAEMON_CLIENT_REMOTE_H

#include "daemon/client/http.h"

#include <getopt.h>
#include <stdbool.h>

enum { REMOTE_OPERANDS_MAX = 2 };

struct remote_action;

/* One call of an action. */
typedef struct remote {
    const struct remote_action *action;
    char command[64];   /* "experiment run": for messages */
    const char *server; /* as given; NULL: the environment's, or where `serve` listens */
    const char *format; /* one of the action's */
    const char *operands[REMOTE_OPERANDS_MAX];
    char *const *rest; /* with action->rest: of the arguments after these, rest_count at least 1 */
    int rest_count;
    void *own; /* what the action's options said; own_size zeroed bytes at first */
    client *client;
    int status; /* that the work wishes to end with, having said why; 0 at first */
} remote;

typedef struct remote_action {
    const char *name;
    const char *operands[REMOTE_OPERANDS_MAX]; /* their names; up to the first NULL */
    const char *rest;                          /* the name of those after them, one or more; NULL: there are none */
    const char *const *formats;                /* ended by NULL, the first is the preset; NULL: no --format */
    const struct option *options;              /* its own, letters as values, ended by a zeroed one; NULL: none */
    size_t own_size;
    bool (*take)(remote *r, int letter); /* an option of its own, in optarg; false: refused, having said why */
    bool (*check)(remote *r);            /* when all are taken; the same. NULL: nothing to check */
    bool (*work)(remote *r, error *e);
} remote_action;

/* Those of --format that more than one action has. */
extern const char *const remote_text_json[], *const remote_table_json[];

/* A command's run function. `help` is all of its help. */
int remote_main(const char *help, const remote_action *actions, size_t count, int argc, char **argv);

/* The body as it came, with a line's end where it has none. */
void remote_print(const client_answer *a);
bool remote_wants(const remote *r, const char *format);

/* Asks for q's list until there were `limit` items, `put` being handed a page at a time: its body, and what that says
 * as JSON or NULL of CSV. Says on stderr when there are more. q's last two parameters are this function's. */
typedef struct remote_page {
    const client_answer *answer;
    const json_t *json;
    bool first;
} remote_page;
bool remote_list(remote *r, client_request *q, int limit, void (*put)(void *context, const remote_page *p),
                 void *context, error *e);

/* Members of an answer: "" and NAN where there are none. Borrows. */
const char *remote_text(const json_t *o, const char *name);
double remote_number(const json_t *o, const char *name);

#endif
