/* SPDX-License-Identifier: MIT */
/*
 * log.h — lines for the operator on standard error: `time level message`, or one JSON object a line. The sink is the
 * program's only global. Any thread.
 */
#ifndef ANOMALYD_DAEMON_PLATFORM_LOG_H
#define ANOMALYD_DAEMON_PLATFORM_LOG_H

#include <stdarg.h>
#include <stdbool.h>

enum log_level { LOG_LEVEL_DEBUG, LOG_LEVEL_INFO, LOG_LEVEL_WARN, LOG_LEVEL_ERROR };
extern const char *const log_level_names[]; /* "debug", …; NULL-terminated */

enum { LOG_LINE_MAX = 4096 }; /* bytes; what is longer is cut */

/* Lines below `min` are dropped. Called before other threads start. */
void log_start(enum log_level min, bool json);

/* Writes one line, whole, by one write. */
void log_line(enum log_level level, const char *format, ...) __attribute__((format(printf, 2, 3)));
void log_line_list(enum log_level level, const char *format, va_list arguments) __attribute__((format(printf, 2, 0)));

#endif
