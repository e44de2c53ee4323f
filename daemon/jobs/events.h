/* SPDX-License-Identifier: MIT */
/*
 * events.h — what happened to one job: the last of its numbered events, and those who watch. Events older than the ring
 * are gone; a watcher that asks for them gets the oldest there are. Loop thread only.
 */
#ifndef ANOMALYD_DAEMON_JOBS_EVENTS_H
#define ANOMALYD_DAEMON_JOBS_EVENTS_H

#include "api/service.h"

enum { EVENTS_KEPT = 1000 };

typedef struct events events;
typedef struct watcher watcher;

/* The first event will be number last + 1. */
events *events_new(uint64_t last);
/* Freed once nobody watches any more; nothing is pushed after. */
void events_free(events *v);
uint64_t events_last(const events *v);
/* True once an event was pushed that ends the job. */
bool events_ended(const events *v);

/* Takes data (one line of JSON, malloc'd); NULL, for memory that was out, drops the event. */
void events_push(events *v, const char *type, char *data, bool last);

/* Calls sink for each kept event after number `after`, before it returns; then for each new one. NULL: no memory. */
watcher *events_watch(events *v, uint64_t after, event_sink *sink, void *context);
void events_unwatch(watcher *w); /* also from within the sink */

#endif
