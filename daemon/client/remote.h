/* SPDX-License-Identifier: MIT */
/*
 * remote.h — commands that ask a running daemon: what they have in common. Such a command is a list of actions,
 * `anomalyd COMMAND ACTION [OPTION...] [OPERAND...]`; every one takes --server and --help, and those with formats
 * --format. The exit status is 0, 1 where the work failed, 2 where the arguments were wrong.
 */
#ifndef ANOMALYD_DAEMON_CLIENT_REMOTE_H
#define ANOMALYD_DAEMON_CLIENT_REMOTE_H

#include "daemon/client/http.h"
#include "daemon/client/text_table.h"
#include "daemon/platform/config.h"

#include <stdbool.h>

struct remote_action;

/* What every action takes. First member of the struct that the flags of an action fill. */
typedef struct remote_flags {
    const char *server; /* NULL: where `serve` listens */
    int format;         /* place among the action's formats; the first is the preset */
} remote_flags;

/* One call of an action. */
typedef struct remote {
    const struct remote_action *action;
    const char *command; /* "experiment run": for messages */
    command_line line;
    const char *server; /* as given by --server; NULL: it was not */
    const char *format; /* one of the action's; NULL: it has none */
    void *own;          /* what the flags said: action->own_size bytes, zeroed at first */
    client *client;
    int status; /* that the work wishes to end with, having said why; 0 at first */
} remote;

typedef struct remote_action {
    usage usage;                        /* its words are "COMMAND ACTION" */
    const char *const *formats;         /* ended by NULL; NULL: no --format */
    size_t own_size;                    /* of a struct that begins with remote_flags; 0: of remote_flags alone */
    bool (*check)(remote *r, error *e); /* once all flags are there. NULL: nothing to check */
    bool (*work)(remote *r, error *e);
} remote_action;

/* For the usage of an action: --server; --server and --format. */
extern const flag remote_server[], remote_text_json_flags[], remote_table_json_flags[];
#define REMOTE_SERVER_FLAG                                                                               \
    {                                                                                                    \
        .name = "server", .kind = FLAG_TEXT, .offset = offsetof(remote_flags, server), .variable = true, \
        .value = "URL", .help = "of the daemon", .preset = "http://" CONFIG_LISTEN                       \
    }
#define REMOTE_FORMAT_FLAG(formats_, value_, preset_)                                                         \
    {                                                                                                         \
        .name = "format", .kind = FLAG_CHOICE, .offset = offsetof(remote_flags, format), .choices = formats_, \
        .value = value_, .preset = preset_, .help = "csv and json are the daemon's answer as it came"         \
    }

/* Those of --format that more than one action has. */
extern const char *const remote_text_json[], *const remote_table_json[];

/* A command's run function. `actions` is ended by NULL. */
int remote_main(const remote_action *const *actions, int argc, char **argv);

bool remote_wants(const remote *r, const char *format);

/* Asks, and prints the answer as it came, with a line's end where it has none, or as `print` has it when there is one
 * and json is not wanted. */
bool remote_show(remote *r, const client_request *q, bool (*print)(json_t *body, error *e), error *e);
/* Asks for q's list until there were `limit` items (0: 50) and prints them: in columns, or pages as they came. Says on
 * stderr when there are more. q's last two parameters are this function's. */
bool remote_list(remote *r, client_request *q, int limit, const text_column *columns, int count, error *e);

/* Members of an answer: "" and NAN where there are none. Borrows. */
const char *remote_text(const json_t *o, const char *name);
double remote_number(const json_t *o, const char *name);

#endif
