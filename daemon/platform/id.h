/* SPDX-License-Identifier: MIT */
/* id.h — names of jobs and runs: UUIDv7 (RFC 9562), so that their order as text is their order of creation. */
#ifndef ANOMALYD_DAEMON_PLATFORM_ID_H
#define ANOMALYD_DAEMON_PLATFORM_ID_H

#include "api/records/record.h"

/* One thread. Zero is a valid start. */
typedef struct id_source {
    int64_t last_ms;
    unsigned sequence; /* within last_ms */
} id_source;

/* Ids of one source ascend, also within a millisecond and when the clock is set back. */
void id_make(id_source *s, char id[SERVICE_ID_MAX]);
bool id_valid(const char *id);

/* Milliseconds since 1970, UTC. */
service_time time_now(void);

#endif
