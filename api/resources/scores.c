/* SPDX-License-Identifier: MIT */
/*
 * scores.c — POST /score: takes images out of any of the three bodies, has them scored while the connection is
 * suspended, and tells each its result. Images that cannot be scored spoil no other; a client that leaves cancels.
 */
#include "api/resources/routes.h"

#include "api/json/json.h"
#include "api/service.h"

#include <assert.h>
#include <sodium.h>
#include <stdlib.h>
#include <string.h>

enum {
    SCORE_IMAGE_BYTES_MAX = 8 * 1024 * 1024,
    SCORE_JSON_INLINE_BYTES = 64 * 1024, /* larger JSON is read on the pool */
    SCORE_EXPLAINED_MAX = 64
};

typedef struct score_item {
    const char *id;       /* borrowed from the request's body or the document */
    unsigned char *bytes; /* decoded from base64; owned; NULL: borrowed from the request's body */
    error failure;        /* code ERROR_NONE: it is scored */
} score_item;

typedef struct score_call {
    exchange *exchange;    /* deferred */
    char model[NAME_SIZE]; /* empty, version 0: the service chooses */
    int version;
    enum explanation explain;
    bool alone; /* the picture itself is the answer */
    json_t *document;
    score_item *items;
    size_t count;
    struct score_image *images; /* of the items without failure, in their order */
    size_t image_count;
    problem failure; /* of the body as a whole, found on the pool */
    void *ticket;    /* of the service, while it scores */
    bool abandoned;  /* nobody waits for the answer any more */
} score_call;

static void call_free(score_call *c)
{
    for (size_t i = 0; i < c->count; i++)
        free(c->items[i].bytes);
    free(c->items);
    free(c->images);
    json_decref(c->document);
    problem_free(&c->failure);
    free(c);
}

/* Ends the call, with its answer given or no longer wanted. */
static void call_end(score_call *c)
{
    exchange *x = c->exchange;
    call_free(c);
    exchange_release(x);
}

static bool call_reserve(score_call *c, size_t count)
{
    c->items = calloc(count, sizeof *c->items);
    c->images = calloc(count, sizeof *c->images);
    if (!c->items || !c->images)
        return problem_set(&c->failure, 503, "out of memory for %zu images", count);
    c->count = count;
    return true;
}

static void add_image(score_call *c, const void *bytes, size_t size)
{
    c->images[c->image_count++] = (struct score_image){.bytes = bytes, .size = size};
}

static bool read_plain(score_call *c)
{
    size_t size;
    const void *bytes = body_bytes(exchange_body(c->exchange), &size);
    if (!call_reserve(c, 1))
        return false;
    c->items[0].id = "image";
    add_image(c, bytes, size);
    return true;
}

static bool read_form(score_call *c, const form *f)
{
    if (f->count == 0)
        return problem_set(&c->failure, 400, "the form has no parts");
    if (!call_reserve(c, f->count))
        return false;
    for (size_t i = 0; i < f->count; i++) {
        const form_file *file = &f->files[i];
        c->items[i].id = file->id;
        if (file->too_large)
            error_set(&c->items[i].failure, ERROR_LIMIT, "the image has more than %d bytes", SCORE_IMAGE_BYTES_MAX);
        else if (!file->size)
            error_set(&c->items[i].failure, ERROR_CORRUPT, "the image is empty");
        else
            add_image(c, file->bytes, file->size);
    }
    return true;
}

static void decode_image(score_call *c, score_item *item, const char *text, size_t length)
{
    size_t size = 0, room = length / 4 * 3 + 3;
    if (length == 0) {
        error_set(&item->failure, ERROR_CORRUPT, "the image is empty");
        return;
    }
    item->bytes = malloc(room);
    const char *end = NULL;
    if (!item->bytes)
        error_memory(&item->failure, "an image");
    else if (sodium_base642bin(item->bytes, room, text, length, "\r\n ", &size, &end, sodium_base64_VARIANT_ORIGINAL) !=
                 0 ||
             end != text + length)
        error_set(&item->failure, ERROR_CORRUPT, "not base64 from byte %zu on", end ? (size_t)(end - text) : 0);
    else if (size > SCORE_IMAGE_BYTES_MAX)
        error_set(&item->failure, ERROR_LIMIT, "the image has more than %d bytes", SCORE_IMAGE_BYTES_MAX);
    else
        add_image(c, item->bytes, size);
}

/* Any thread: it knows only the call and the body. */
static void read_json(void *context)
{
    score_call *c = context;
    static const char *const names[] = {"images", NULL}, *const item_names[] = {"id", "data", NULL};
    problem *p = &c->failure;
    c->document = body_read_json(exchange_body(c->exchange), p);
    if (!c->document)
        return;
    fields f = fields_of(c->document, "", names, p);
    json_t *list = fields_value(&f, "images");
    size_t count = json_array_size(list);
    if (p->status)
        return;
    if (!json_is_array(list) || count == 0 || count > FORM_FILES_MAX) {
        fields_complain(&f, "images", "expected an array of 1 to %d images", FORM_FILES_MAX);
        return;
    }
    if (!call_reserve(c, count))
        return;
    for (size_t i = 0; i < count; i++) {
        char pointer[32];
        snprintf(pointer, sizeof pointer, "/images/%zu", i);
        json_t *value = json_array_get(list, i);
        fields item = fields_of(value, pointer, item_names, p);
        c->items[i].id = fields_text(&item, "id", "");
        if (strlen(c->items[i].id) >= FORM_ID_MAX)
            fields_complain(&item, "id", "has more than %d bytes", FORM_ID_MAX - 1);
        const char *data = fields_text(&item, "data", NULL);
        fields_require(&item, "data");
        if (data)
            decode_image(c, &c->items[i], data, strlen(data));
    }
}

static json_t *failure_json(const error *e, const char *path)
{
    problem p = {0};
    problem_of_error(&p, e, PROBLEM_IMAGE);
    return problem_json(&p, path);
}

static json_t *explanation_json(enum explanation kind, const score_result *result)
{
    size_t room = sodium_base64_encoded_len(result->picture.size, sodium_base64_VARIANT_ORIGINAL);
    char *text = malloc(room);
    if (!text)
        return NULL;
    sodium_bin2base64(text, room, result->picture.bytes, result->picture.size, sodium_base64_VARIANT_ORIGINAL);
    json_t *data = json_string_nocheck(text);
    free(text);
    return json_pack("{s:s, s:s, s:o, s:i, s:i, s:o}", "kind", explanation_name(kind), "media_type", "image/png",
                     "data", data, "width", result->picture.width, "height", result->picture.height, "scale",
                     kind == EXPLAIN_HEATMAP ? json_number(result->error_scale) : json_null());
}

static json_t *result_json(const score_call *c, const score_item *item, const score_result *result)
{
    const char *path = exchange_request(c->exchange)->path;
    const error *failure = item->failure.code ? &item->failure : &result->failure;
    if (failure->code)
        return json_pack("{s:o, s:o}", "id", json_text(item->id), "error", failure_json(failure, path));
    json_t *body = json_pack("{s:o, s:o}", "id", json_text(item->id), "score", json_single(result->score));
    bool p = result->has_p_value, threshold = result->has_threshold;
    json_object_set_new(body, "percentile", p ? json_number(result->percentile) : json_null());
    json_object_set_new(body, "p_value", p ? json_number(result->p_value) : json_null());
    json_object_set_new(body, "anomalous", threshold ? json_boolean(result->anomalous) : json_null());
    json_object_set_new(body, "threshold", threshold ? json_single((float)result->threshold) : json_null());
    json_object_set_new(body, "input",
                        json_pack("{s:i, s:i, s:i, s:b}", "width", result->width, "height", result->height, "channels",
                                  result->channels, "resized", result->converted));
    if (c->explain != EXPLAIN_NONE)
        json_object_set_new(body, "explanation", explanation_json(c->explain, result));
    return body;
}

static void answer_results(score_call *c, const score_answer *a)
{
    json_t *results = json_array();
    size_t next = 0;
    for (size_t i = 0; i < c->count; i++) {
        const score_result *result = c->items[i].failure.code ? NULL : &a->results[next++];
        json_array_append_new(results, result_json(c, &c->items[i], result));
    }
    exchange_answer_json(c->exchange, 200,
                         json_pack("{s:s, s:i, s:s, s:o, s:{s:f, s:f, s:f}}", "model", a->model, "version", a->version,
                                   "method", a->method, "results", results, "timing", "queue_ms", a->queue_ms,
                                   "decode_ms", a->decode_ms, "compute_ms", a->compute_ms));
}

/* The only image is bad: the whole answer is the problem. */
static void answer_only_failure(exchange *x, const error *failure)
{
    problem p = {0};
    problem_of_error(&p, failure, PROBLEM_IMAGE);
    if (p.status == 415)
        p.accepted = json_pack("[s]", "image/png");
    exchange_answer_problem(x, &p);
}

static void answer_picture(exchange *x, const score_result *result)
{
    void *bytes = malloc(result->picture.size);
    if (bytes)
        memcpy(bytes, result->picture.bytes, result->picture.size);
    response a = response_bytes(200, "image/png", bytes, result->picture.size);
    exchange_answer(x, &a);
}

static void scored(void *context, const score_answer *a, const error *failure)
{
    score_call *c = context;
    c->ticket = NULL;
    if (failure) {
        exchange_answer_error(c->exchange, failure, PROBLEM_REQUEST);
    } else {
        assert(a->count == c->image_count);
        if (c->count == 1 && a->results[0].failure.code)
            answer_only_failure(c->exchange, &a->results[0].failure);
        else if (c->alone)
            answer_picture(c->exchange, &a->results[0]);
        else
            answer_results(c, a);
    }
    call_end(c);
}

static void abandon(void *context)
{
    score_call *c = context;
    const service *s = exchange_service(c->exchange);
    c->abandoned = true;
    if (c->ticket)
        s->score_cancel(s->self, c->ticket);
}

/* No image is fit to be scored. */
static void answer_all_failed(score_call *c)
{
    problem p = {0};
    if (c->count == 1) {
        answer_only_failure(c->exchange, &c->items[0].failure);
        return;
    }
    for (size_t i = 0; i < c->count; i++) {
        char pointer[32];
        snprintf(pointer, sizeof pointer, "/images/%zu", i);
        problem_add(&p, pointer, "%s", c->items[i].failure.message);
    }
    exchange_answer_problem(c->exchange, &p);
}

/* Whether this many images can be explained in the way asked for. */
static bool check_explanation(score_call *c)
{
    if (c->explain == EXPLAIN_NONE)
        return true;
    if (c->count > SCORE_EXPLAINED_MAX)
        return problem_set(&c->failure, 422, "explain: at most %d images at once, not %zu", SCORE_EXPLAINED_MAX,
                           c->count);
    if (!c->alone || c->count == 1)
        return true;
    c->failure.accepted = json_pack("[s]", "application/json");
    return problem_set(&c->failure, 406, "image/png is the answer to one image; to %zu it is application/json",
                       c->count);
}

/* Has the service score the images. False when it cannot begin: then the exchange is answered. */
static bool start_scoring(score_call *c)
{
    const service *s = exchange_service(c->exchange);
    error e = {0};
    c->ticket = s->score(s->self, c->model, c->version, c->explain, c->images, c->image_count, scored, c, &e);
    if (!c->ticket)
        exchange_answer_error(c->exchange, &e, PROBLEM_REQUEST);
    return c->ticket != NULL;
}

static void submit(void *context)
{
    score_call *c = context;
    if (c->failure.status || !check_explanation(c))
        exchange_answer_problem(c->exchange, &c->failure);
    else if (c->image_count == 0)
        answer_all_failed(c);
    else if (!c->abandoned && start_scoring(c))
        return;
    call_end(c);
}

/* NAME or NAME:VERSION; empty: the service chooses. */
static bool choose_model(score_call *c, problem *p)
{
    const char *text = request_query(exchange_request(c->exchange), "model");
    if (!text)
        return true;
    return model_reference_parse(text, c->model, &c->version) ||
           problem_set(p, 400, "model: '%.80s' is not NAME or NAME:VERSION", text);
}

/* ?explain=, and by Accept whether its picture is wanted alone. */
static bool choose_explanation(score_call *c, problem *p)
{
    const request *r = exchange_request(c->exchange);
    const char *text = request_query(r, "explain");
    if (text && !explanation_find(text, &c->explain))
        return problem_set(p, 400, "explain: '%.32s' is not none, reconstruction or heatmap", text);
    if (c->explain == EXPLAIN_NONE)
        return true;
    c->alone = media_prefers(request_header(r, "Accept"), "image/png", "application/json");
    exchange_vary(c->exchange);
    return true;
}

void post_score(exchange *x)
{
    problem p = {0};
    const request_body *b = exchange_body(x);
    size_t size;
    body_bytes(b, &size);
    score_call *c = calloc(1, sizeof *c);
    if (!c) {
        problem_set(&p, 503, "out of memory");
        exchange_answer_problem(x, &p);
        return;
    }
    c->exchange = x;
    if (!choose_model(c, &p) || !choose_explanation(c, &p)) {
        exchange_answer_problem(x, &p);
        call_free(c);
        return;
    }
    exchange_on_abandon(x, abandon, c);
    if (body_is_json(b) && size > SCORE_JSON_INLINE_BYTES) {
        if (!exchange_offload(x, read_json, submit, c))
            call_free(c);
        return;
    }
    exchange_defer(x);
    if (body_is_json(b))
        read_json(c);
    else if (body_form(b))
        read_form(c, body_form(b));
    else
        read_plain(c);
    submit(c);
}
