/* SPDX-License-Identifier: MIT */
/* error.c — fills in error messages. Knows formatting, not what went wrong. */
#define ANOMALYD_BASE_ERROR_C
#include "base/error.h"

#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

static void put(error *e, enum error_code code, const char *format, va_list arguments)
{
    if (!e)
        return;
    e->code = code;
    vsnprintf(e->message, sizeof e->message, format, arguments);
}

bool error_set(error *e, enum error_code code, const char *format, ...)
{
    va_list arguments;
    va_start(arguments, format);
    put(e, code, format, arguments);
    va_end(arguments);
    return false;
}

bool error_at(error *e, const char *format, ...)
{
    if (!e)
        return false;
    char tail[ERROR_MESSAGE_MAX];
    memcpy(tail, e->message, sizeof tail);
    va_list arguments;
    va_start(arguments, format);
    put(e, e->code, format, arguments);
    va_end(arguments);
    size_t used = strlen(e->message);
    snprintf(e->message + used, sizeof e->message - used, ": %s", tail);
    return false;
}

bool error_memory(error *e, const char *what)
{
    return error_set(e, ERROR_MEMORY, "out of memory for %s", what);
}

bool error_system(error *e, const char *format, ...)
{
    int number = errno;
    va_list arguments;
    va_start(arguments, format);
    put(e, number == ENOENT ? ERROR_NOT_FOUND : ERROR_IO, format, arguments);
    va_end(arguments);
    if (e) {
        char reason[128];
        size_t used = strlen(e->message);
        /* This is GNU's strerror_r, which returns the text. */
        snprintf(e->message + used, sizeof e->message - used, ": %s", strerror_r(number, reason, sizeof reason));
    }
    return false;
}
