/* SPDX-License-Identifier: MIT */
/* log.c — writes log lines. Knows formats, not what is worth saying. */
#include "daemon/platform/log.h"

#include "api/json/json.h"

#include <jansson.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

const char *const log_level_names[] = {"debug", "info", "warn", "error", NULL};

static struct {
    enum log_level min;
    bool json;
} sink = {LOG_LEVEL_INFO, false};

void log_start(enum log_level min, bool json)
{
    sink.min = min;
    sink.json = json;
}

static void time_text(char *text, size_t size)
{
    struct timespec now;
    clock_gettime(CLOCK_REALTIME, &now);
    struct tm parts;
    gmtime_r(&now.tv_sec, &parts);
    char seconds[32];
    strftime(seconds, sizeof seconds, "%Y-%m-%dT%H:%M:%S", &parts);
    snprintf(text, size, "%s.%03ldZ", seconds, now.tv_nsec / 1000000);
}

/* Standard error is unbuffered ground: what it refuses is lost, and there is nobody to tell. */
static void put(const char *line, size_t size)
{
    while (size) {
        ssize_t n = write(STDERR_FILENO, line, size);
        if (n <= 0)
            return;
        line += n;
        size -= (size_t)n;
    }
}

void log_line_list(enum log_level level, const char *format, va_list arguments)
{
    if (level < sink.min)
        return;
    char when[48], message[LOG_LINE_MAX - 128], line[LOG_LINE_MAX];
    time_text(when, sizeof when);
    vsnprintf(message, sizeof message, format, arguments);
    if (sink.json) {
        json_t *o =
            json_pack("{s:s, s:s, s:o}", "time", when, "level", log_level_names[level], "message", json_text(message));
        char *text = o ? json_dumps(o, JSON_COMPACT) : NULL;
        json_decref(o);
        if (text) {
            size_t size = strlen(text);
            text[size] = '\n';
            put(text, size + 1);
            free(text);
            return;
        }
    }
    /* One line a message: an embedded newline must not forge another. */
    for (char *at = message; *at; at++)
        if ((unsigned char)*at < ' ')
            *at = ' ';
    int n = snprintf(line, sizeof line, "%s %-5s %s\n", when, log_level_names[level], message);
    put(line, (size_t)n < sizeof line ? (size_t)n : sizeof line - 1);
}

void log_line(enum log_level level, const char *format, ...)
{
    va_list arguments;
    va_start(arguments, format);
    log_line_list(level, format, arguments);
    va_end(arguments);
}
