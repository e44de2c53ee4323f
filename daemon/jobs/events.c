/* SPDX-License-Identifier: MIT */
/* events.c — a ring of events and its watchers. */
#include "daemon/jobs/events.h"

#include <stdio.h>
#include <stdlib.h>

typedef struct entry {
    uint64_t number;
    char type[12];
    char *data;
    bool last;
} entry;

struct watcher {
    struct watcher *next;
    events *of;
    event_sink *sink;
    void *context;
    bool left; /* freed when the list of watchers is not being walked */
};

struct events {
    entry *ring;          /* event n is at n mod capacity */
    uint64_t capacity;    /* grows to EVENTS_KEPT: most queued jobs have one event */
    uint64_t first, last; /* numbers of the events that are kept; first > last: none */
    bool ended, abandoned;
    watcher *watchers;
    int walking;
};

events *events_new(uint64_t last)
{
    events *v = calloc(1, sizeof *v);
    if (v) {
        v->last = last;
        v->first = last + 1;
    }
    return v;
}

/* Frees the watchers that left, and an abandoned ring with the last of them. */
static void sweep(events *v)
{
    if (v->walking)
        return;
    for (watcher **at = &v->watchers; *at;) {
        watcher *w = *at;
        if (w->left) {
            *at = w->next;
            free(w);
        } else {
            at = &w->next;
        }
    }
    if (!v->abandoned || v->watchers)
        return;
    for (size_t i = 0; i < v->capacity; i++)
        free(v->ring[i].data);
    free(v->ring);
    free(v);
}

void events_free(events *v)
{
    if (!v)
        return;
    v->abandoned = true;
    sweep(v);
}

uint64_t events_last(const events *v)
{
    return v->last;
}

bool events_ended(const events *v)
{
    return v->ended;
}

static void send(watcher *w, const entry *n)
{
    job_event event = {.number = n->number, .type = n->type, .data = n->data, .last = n->last};
    w->sink(w->context, &event);
}

/* Makes room for one more event; without memory to grow, the oldest gives way. False: there is no memory at all. */
static bool make_room(events *v)
{
    enum { CAPACITY_MIN = 8 };
    if (v->last - v->first + 1 < v->capacity || v->capacity == EVENTS_KEPT)
        return true;
    uint64_t capacity = v->capacity ? 2 * v->capacity : CAPACITY_MIN;
    capacity = capacity < EVENTS_KEPT ? capacity : EVENTS_KEPT;
    entry *ring = calloc(capacity, sizeof *ring);
    if (!ring)
        return v->capacity > 0;
    for (uint64_t n = v->first; v->capacity && n <= v->last; n++)
        ring[n % capacity] = v->ring[n % v->capacity];
    free(v->ring);
    v->ring = ring;
    v->capacity = capacity;
    return true;
}

void events_push(events *v, const char *type, char *data, bool last)
{
    v->ended = v->ended || last;
    if (!data || !make_room(v)) {
        free(data);
        return;
    }
    entry *n = &v->ring[++v->last % v->capacity];
    free(n->data);
    *n = (entry){.number = v->last, .data = data, .last = last};
    snprintf(n->type, sizeof n->type, "%s", type);
    if (v->last - v->first >= v->capacity)
        v->first = v->last - v->capacity + 1;
    v->walking++;
    for (watcher *w = v->watchers; w; w = w->next)
        if (!w->left)
            send(w, n);
    v->walking--;
    sweep(v);
}

watcher *events_watch(events *v, uint64_t after, event_sink *sink, void *context)
{
    watcher *w = malloc(sizeof *w);
    if (!w)
        return NULL;
    *w = (watcher){.next = v->watchers, .of = v, .sink = sink, .context = context};
    v->watchers = w;
    v->walking++;
    uint64_t from = after < v->first ? v->first : after < v->last ? after + 1 : v->last + 1;
    for (uint64_t n = from; n <= v->last && !w->left; n++)
        send(w, &v->ring[n % v->capacity]);
    v->walking--;
    return w;
}

void events_unwatch(watcher *w)
{
    w->left = true;
    sweep(w->of);
}
