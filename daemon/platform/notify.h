/* SPDX-License-Identifier: MIT */
/* notify.h — tells the service manager how we are, by the sd_notify protocol. Nothing happens where there is none. */
#ifndef ANOMALYD_DAEMON_PLATFORM_NOTIFY_H
#define ANOMALYD_DAEMON_PLATFORM_NOTIFY_H

#include <stdint.h>

/* "READY=1", "STOPPING=1", "WATCHDOG=1", "STATUS=…". */
void notify_send(const char *state);

/* Milliseconds between signs of life that the service manager asks of this process; 0: none. */
uint64_t notify_watchdog_ms(void);

#endif
