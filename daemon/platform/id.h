/* SPDX-License-Identifier: MIT */
/* id.h — names of jobs and runs: UUIDv7 (RFC 9562), so that their order as text is their order of creation. */
#ifndef ANOMALYD_DAEMON_PLATFORM_ID_H
#define ANOMALYD_DAEMON_PLATFORM_ID_H

#include <stdbool.h>
#include <stdint.h>

enum { ID_SIZE = 40 /* a UUID as text has 36 bytes and a NUL */ };

/* One thread. Zero is a valid start. */
typedef struct id_source {
    int64_t last_ms;
    unsigned sequence; /* within last_ms */
} id_source;

/* Ids of one source ascend, also within a millisecond and when the clock is set back. */
void id_make(id_source *s, char id[ID_SIZE]);
bool id_valid(const char *id);

/* Milliseconds since 1970, UTC. */
int64_t time_now(void);

#endif
