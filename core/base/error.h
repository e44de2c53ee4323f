/* SPDX-License-Identifier: MIT */
/*
 * error.h — how a call says why it failed. A failing function returns false or NULL and fills the
 * error; the message is fit for the user and names the thing, what was expected and what was found.
 */
#ifndef ANOMALYD_BASE_ERROR_H
#define ANOMALYD_BASE_ERROR_H

#include <stdbool.h>

enum error_code {
    ERROR_NONE,
    ERROR_INVALID,     /* the caller's input is malformed or out of range */
    ERROR_NOT_FOUND,   /* the named thing does not exist */
    ERROR_CONFLICT,    /* it exists already, or its state forbids the request */
    ERROR_UNSUPPORTED, /* well-formed, but not something this program handles */
    ERROR_CORRUPT,     /* damaged, truncated or foreign data */
    ERROR_LIMIT,       /* larger than a documented limit */
    ERROR_BUSY,        /* a queue is full or the program is stopping: try again later */
    ERROR_CANCELLED,   /* the caller asked to stop */
    ERROR_DIVERGED,    /* a training run came to nothing: a value that is not finite, or a collapse */
    ERROR_IO,          /* the operating system refused a read or a write */
    ERROR_MEMORY,      /* out of memory */
    ERROR_INTERNAL     /* a broken promise inside the program */
};

enum { ERROR_MESSAGE_MAX = 512 };

typedef struct error {
    enum error_code code;
    char message[ERROR_MESSAGE_MAX];
} error;

/* Fills *e (which may be NULL). Returns false always, so that a caller can write `return error_set(...)`. */
bool error_set(error *e, enum error_code code, const char *format, ...) __attribute__((format(printf, 3, 4)));

/* Puts context in front of the message in *e: "model 17: no such file". Returns false always. */
bool error_at(error *e, const char *format, ...) __attribute__((format(printf, 2, 3)));

/* Fills *e with ERROR_MEMORY: an allocation for `what` failed. Returns false always. */
bool error_memory(error *e, const char *what);

/* Fills *e from errno: ERROR_NOT_FOUND where a file is missing, otherwise ERROR_IO. Returns false always. */
bool error_system(error *e, const char *format, ...) __attribute__((format(printf, 2, 3)));

/* clang's analyser sees one file at a time and would not know that these functions return false. */
#if defined(__clang_analyzer__) && !defined(ANOMALYD_BASE_ERROR_C)
#define error_set(...) (error_set(__VA_ARGS__), false)
#define error_at(...) (error_at(__VA_ARGS__), false)
#define error_memory(...) (error_memory(__VA_ARGS__), false)
#define error_system(...) (error_system(__VA_ARGS__), false)
#endif

#endif
