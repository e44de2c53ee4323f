/* SPDX-License-Identifier: MIT */
/* score.c — one score request from bytes to answer. */
#include "daemon/scoring/score.h"

#include "base/clock.h"
#include "daemon/platform/id.h"

#include <stdlib.h>
#include <string.h>

typedef struct ticket {
    batch_order order;
    scoring *owner;
    const struct score_image *images; /* the table is ours, the bytes are the caller's */
    char method[RECORD_NAME_MAX];
    score_done *done;
    void *context;
    double decode_ms;
} ticket;

static void ticket_free(ticket *t)
{
    for (size_t i = 0; t->order.pictures && i < t->order.count; i++)
        image_free(&t->order.pictures[i]);
    for (size_t i = 0; t->order.explained && i < t->order.count; i++)
        image_free(&t->order.explained[i]);
    for (size_t i = 0; t->order.results && i < t->order.count; i++)
        free(t->order.results[i].picture.bytes);
    free(t->order.explained);
    free(t->order.pictures);
    free(t->order.results);
    free((void *)t->images);
    free(t);
}

static void answer(ticket *t, const error *failure)
{
    const batch_order *o = &t->order;
    score_answer a = {.version = o->version,
                      .results = o->results,
                      .count = o->count,
                      .queue_ms = o->queue_ms,
                      .decode_ms = t->decode_ms,
                      .compute_ms = o->compute_ms};
    memcpy(a.model, o->model, sizeof a.model);
    memcpy(a.method, t->method, sizeof a.method);
    t->owner->active--;
    t->done(t->context, failure ? NULL : &a, failure);
    ticket_free(t);
}

static void encode(void *context) /* pool thread */
{
    batch_order *o = &((ticket *)context)->order;
    for (size_t i = 0; i < o->count; i++) {
        score_result *r = &o->results[i];
        if (r->failure.code)
            continue;
        r->picture.width = o->explained[i].width;
        r->picture.height = o->explained[i].height;
        error e;
        if (!image_encode_png(&o->explained[i], &r->picture.bytes, &r->picture.size, &e))
            r->failure = e;
    }
}

static void encoded(void *context)
{
    answer(context, NULL);
}

static void scored(batch_order *o)
{
    ticket *t = o->context;
    error cancelled = {0};
    if (atomic_load_explicit(&o->abandoned, memory_order_relaxed)) {
        error_set(&cancelled, ERROR_CANCELLED, "cancelled");
        answer(t, &cancelled);
    } else if (o->failure.code || o->explain == EXPLAIN_NONE) {
        answer(t, o->failure.code ? &o->failure : NULL);
    } else {
        loop_offload(t->owner->loop, encode, encoded, t);
    }
}

static void decode(void *context) /* pool thread */
{
    ticket *t = context;
    batch_order *o = &t->order;
    int64_t start_us = clock_now_us();
    for (size_t i = 0; i < o->count; i++) {
        score_result *r = &o->results[i];
        if (atomic_load_explicit(&o->abandoned, memory_order_relaxed))
            error_set(&r->failure, ERROR_CANCELLED, "cancelled");
        else if (image_decode_png(t->images[i].bytes, t->images[i].size, &o->pictures[i], &r->failure))
            r->failure = (error){0};
    }
    t->decode_ms = (double)(clock_now_us() - start_us) / 1000;
}

static void decoded(void *context)
{
    ticket *t = context;
    t->owner->decode_s += t->decode_ms * 1e-3;
    batcher_put(t->owner->batcher, &t->order);
}

static bool find_model(ticket *t, const char *name, int version, error *e)
{
    batch_order *o = &t->order;
    model_row row;
    if (!store_model_get(t->owner->reader, name, version, &row, e))
        return false;
    memcpy(o->model, row.name, sizeof o->model);
    memcpy(t->method, row.subject.method, sizeof t->method);
    o->version = row.version;
    o->false_alarm_rate = row.false_alarm_rate;
    model_row_free(&row);
    return true;
}

static ticket *ticket_new(scoring *s, enum explanation explain, const struct score_image *images, size_t count)
{
    ticket *t = calloc(1, sizeof *t);
    struct score_image *table = malloc(count * sizeof *table);
    if (t && table) {
        t->order.count = count;
        t->order.pictures = calloc(count, sizeof *t->order.pictures);
        t->order.results = calloc(count, sizeof *t->order.results);
        t->order.explain = explain;
        if (explain != EXPLAIN_NONE)
            t->order.explained = calloc(count, sizeof *t->order.explained);
    }
    if (!t || !table || !t->order.pictures || !t->order.results || (explain != EXPLAIN_NONE && !t->order.explained)) {
        free(table);
        if (t)
            ticket_free(t);
        return NULL;
    }
    memcpy(table, images, count * sizeof *table);
    t->images = table;
    t->owner = s;
    t->order.done = scored;
    t->order.context = t;
    t->order.deadline_ms = batcher_now_ms() + SCORE_DEADLINE_MS;
    return t;
}

void *score_start(scoring *s, const char *name, int version, enum explanation explain, const struct score_image *images,
                  size_t count, score_done *done, void *context, error *e)
{
    if (!count) {
        error_set(e, ERROR_INVALID, "no image");
        return NULL;
    }
    ticket *t = ticket_new(s, explain, images, count);
    if (!t) {
        error_memory(e, "a score request");
        return NULL;
    }
    t->done = done;
    t->context = context;
    if (!find_model(t, name, version, e) || !batcher_admit(s->batcher, &t->order, e)) {
        ticket_free(t);
        return NULL;
    }
    s->active++;
    loop_offload(s->loop, decode, decoded, t); /* the batcher answers, later */
    return t;
}

void score_cancel(void *t)
{
    atomic_store_explicit(&((ticket *)t)->order.abandoned, true, memory_order_relaxed);
}
