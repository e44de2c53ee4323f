/* SPDX-License-Identifier: MIT */
/*
 * option.h — a method's table of options, from which validation, GET /methods, the help and the docs come. Values lie
 * in the method's own struct, at the offset that the table names. Knows text and numbers, not JSON.
 */
#ifndef ANOMALYD_METHODS_OPTION_H
#define ANOMALYD_METHODS_OPTION_H

#include "base/error.h"

#include <stddef.h>

enum option_type {
    OPTION_INT,   /* int */
    OPTION_REAL,  /* float */
    OPTION_FLAG,  /* bool */
    OPTION_CHOICE /* int: the place in `choices` */
};

/* The tag differs from the type, for <getopt.h> has a struct of that name. */
typedef struct method_option {
    const char *name;
    enum option_type type;
    size_t offset;
    double preset, min, max;    /* of CHOICE: the place of the preset */
    const char *const *choices; /* NULL-terminated; OPTION_CHOICE only */
    const char *unit, *help, *source;
    bool observes; /* does not influence what is learned, so that a resumed run may have another value */
} option;

/* Tables end with a record whose name is NULL. */
enum { OPTION_VALUE_MAX = 64 };

#define OPTION(type_, struct_, field_, preset_, min_, max_, unit_, help_, source_)                           \
    {                                                                                                        \
        .name = #field_, .type = type_, .offset = offsetof(struct_, field_), .preset = preset_, .min = min_, \
        .max = max_, .unit = unit_, .help = help_, .source = source_                                         \
    }
#define OPTION_OF(struct_, field_, preset_, choices_, help_, source_)                                   \
    {                                                                                                   \
        .name = #field_, .type = OPTION_CHOICE, .offset = offsetof(struct_, field_), .preset = preset_, \
        .choices = choices_, .unit = "", .help = help_, .source = source_                               \
    }

/* Sets every option of the table to its preset. */
void options_preset(const option *table, void *self);
/* Returns the option of that name, or NULL. */
const option *options_find(const option *table, const char *name);
/* Parses and range-checks `text`. An unknown name is an error that lists the accepted ones; a bad value says the
 * type, the range and what was found: "w_con: 2000 is above the most, 1000". */
bool options_set(const option *table, void *self, const char *name, const char *text, error *e);
/* Prints the value as text that options_set reads back to the same bits. */
void options_get(const option *o, const void *self, char text[OPTION_VALUE_MAX]);
/* Prints the preset in the same way. */
void options_preset_text(const option *o, char text[OPTION_VALUE_MAX]);

#endif
