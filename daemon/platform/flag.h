/* SPDX-License-Identifier: MIT */
/*
 * flag.h — one flag of a command, described once: how it is called, what it takes, where its value goes, what its help
 * says. usage.h reads the command line, prints help, the manual page and shell completion from tables of flags;
 * config.h reads the daemon's file and environment by them. Knows no command.
 */
#ifndef ANOMALYD_DAEMON_PLATFORM_FLAG_H
#define ANOMALYD_DAEMON_PLATFORM_FLAG_H

#include "base/error.h"

#include <stddef.h>

enum { FLAG_AUTO = -1 /* of FLAG_AUTO_INT: "auto" */, FLAG_PAIRS_MAX = 64, FLAG_VARIABLE_MAX = 64 };

/* The type of the value, and of the member at `offset` that it goes to. */
enum flag_kind {
    FLAG_SWITCH,   /* bool; the flag takes no value */
    FLAG_TEXT,     /* const char *, borrowed from the command line */
    FLAG_BUFFER,   /* char[size], of 1 to size - 1 bytes */
    FLAG_INT,      /* int from min to max */
    FLAG_AUTO_INT, /* the same, or "auto": FLAG_AUTO */
    FLAG_WHOLE,    /* uint64_t from min to max */
    FLAG_NUMBER,   /* double from min to max */
    FLAG_CHOICE,   /* int: the place in choices */
    FLAG_PAIR,     /* struct flag_pairs: NAME=VALUE, one more each time */
    FLAG_PARSED    /* anything: by parse */
};

typedef struct flag_pairs {
    struct flag_pair {
        const char *name, *value; /* borrowed from the command line */
    } all[FLAG_PAIRS_MAX];
    size_t count;
} flag_pairs;

typedef struct flag {
    const char *name; /* "held-out" for --held-out */
    char letter;      /* 'o' for -o as well; 0: there is none */
    enum flag_kind kind;
    size_t offset, size; /* size: of FLAG_BUFFER */
    double min, max;
    const char *const *choices; /* ended by NULL */
    bool (*parse)(void *at, char *text, error *e);
    const char *value; /* what the value is called in the help; NULL for a switch */
    const char *help;
    const char *preset; /* as text, for the help and for config.h; NULL: none worth telling */
    bool required;
    bool variable; /* ANOMALYD_NAME in the environment is read as well, by who owns the table */
    bool off;      /* a switch that sets false */
} flag;

/* One row of a table of flags; more members may follow. `at` is an offset, letter 0 and value NULL where there is none.
 * A table ends with {0}. */
#define FLAG(name_, letter_, kind_, at_, value_, help_, ...)                                                   \
    {                                                                                                          \
        .name = name_, .letter = letter_, .kind = FLAG_##kind_, .offset = at_, .value = value_, .help = help_, \
        __VA_ARGS__                                                                                            \
    }

/* Sets the member at f->offset of `target` from `text`, which a FLAG_PAIR cuts at its sign and keeps. The message says
 * what is wrong with the text, and does not name the flag. */
bool flag_set(const flag *f, void *target, char *text, error *e);
/* ANOMALYD_HELD_OUT for "held-out". */
void flag_variable(const flag *f, char name[FLAG_VARIABLE_MAX]);

#endif
