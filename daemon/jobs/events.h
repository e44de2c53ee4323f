/* SPDX-License-Identifier: MIT */
/*
 * events.h — the numbered events of one job, of which the last EVENTS_KEPT are kept, and those who watch them. A
 * watcher that asks for older ones begins with the oldest that is kept. Loop thread only.
 */
#ifndef ANOMALYD_DAEMON_JOBS_EVENTS_H
#define ANOMALYD_DAEMON_JOBS_EVENTS_H

#include "api/service.h"

enum { EVENTS_KEPT = 1000 };

typedef struct events events;
typedef struct watcher watcher;

/* Returns new; NULL: no memory. The first event gets the number last + 1. */
events *events_new(uint64_t last);
/* Nothing is pushed any more. The memory is freed when the last watcher leaves. */
void events_free(events *v);
/* The number of the latest event. */
uint64_t events_last(const events *v);
/* True when the event that ends the job was pushed. */
bool events_ended(const events *v);

/* Takes ownership of data, one line of JSON. NULL data, which stands for memory that ran out, drops the event. */
void events_push(events *v, const char *type, char *data, bool last);

/* Before it returns, calls sink for each kept event with a number above `after`; later for each new event. NULL: no
 * memory. */
watcher *events_watch(events *v, uint64_t after, event_sink *sink, void *context);
/* May be called from within the sink. */
void events_unwatch(watcher *w);

#endif
