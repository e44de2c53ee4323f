/* SPDX-License-Identifier: MIT */
/*
 * usage.h — how a command is used, as data: its flags, its operands, what it is for. One description parses the command
 * line and prints the help; the manual page and the completion of shells are made from all of them (manual.h).
 */
#ifndef ANOMALYD_DAEMON_PLATFORM_USAGE_H
#define ANOMALYD_DAEMON_PLATFORM_USAGE_H

#include "daemon/platform/flag.h"

#include <stdio.h>

enum { USAGE_OPERANDS_MAX = 2, USAGE_GIVEN_MAX = 512, EXIT_USAGE = 2 };

typedef struct usage {
    const char *words;                        /* the command and its action: "experiment run" */
    const char *summary;                      /* half a line */
    const char *operands[USAGE_OPERANDS_MAX]; /* what they are called, up to the first NULL */
    const char *rest;                         /* the same of any number more, at least one; NULL: there are none */
    const char *about;                        /* a paragraph or some before the flags; NULL: none */
    const flag *flags, *shared; /* each ended by one without a name; NULL: none. shared: of several commands */
    const char *after;          /* a paragraph or some behind the flags; NULL: none */
} usage;

/* A command line that was parsed. Borrows from argv. */
typedef struct command_line {
    const char *operands[USAGE_OPERANDS_MAX];
    char *const *rest; /* of rest_count */
    int rest_count;
    struct given_flag {
        const flag *flag;
        char *text;           /* NULL of a switch */
    } given[USAGE_GIVEN_MAX]; /* in the order of the command line */
    int given_count;
    bool help; /* --help is there: nothing else counts */
} command_line;

/* Parses argv, whose first word is the command's or the action's, and sets nothing yet. */
bool usage_parse(const usage *u, int argc, char **argv, command_line *out, error *e);
/* Sets in `request` what was given; what is required must be there. The message names the flag. */
bool usage_apply(const usage *u, const command_line *a, void *request, error *e);
/* Both for a command that has nothing to do in between. Returns true where the command shall go on; else help was
 * printed, or an error on stderr, and *status is what the program ends with. */
bool usage_read(const usage *u, int argc, char **argv, void *request, command_line *out, int *status);
/* Prints an error of the command's arguments, and where help is; returns EXIT_USAGE. */
int usage_refuse(const usage *u, const error *e);
void usage_print(const usage *u, FILE *out);
/* "anomalyd train SOURCE [OPTION...]" */
void usage_print_synopsis(const usage *u, FILE *out);

#endif
