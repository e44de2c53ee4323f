/* SPDX-License-Identifier: MIT */
/* fake_loop.c — the fake's loop and its clients. */
#include "tests/api/fake_service.h"

#include "api/resources/routes.h"
#include "base/clock.h"
#include "tests/api/fake_inside.h"
#include "tests/scratch.h"

#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

static bool offload(void *self, void (*work)(void *), void (*after)(void *), void *context)
{
    fake *f = self;
    assert_true(f->pool_count < FAKE_SLOTS);
    f->pool[f->pool_count].work = work;
    f->pool[f->pool_count].after = after;
    f->pool[f->pool_count++].context = context;
    return true;
}

static void *timer(void *self, unsigned ms, void (*tick)(void *), void *context)
{
    fake *f = self;
    for (size_t i = 0; i < FAKE_SLOTS; i++) {
        if (f->timers[i].used)
            continue;
        f->timers[i].used = true;
        f->timers[i].tick = tick;
        f->timers[i].context = context;
        f->timers[i].due_ms = clock_now_ms() + ms;
        return &f->timers[i];
    }
    fail_msg("out of timers");
    return NULL;
}

static void timer_stop(void *self, void *handle)
{
    fake *f = self;
    for (size_t i = 0; i < FAKE_SLOTS; i++)
        if (handle == &f->timers[i]) {
            assert_true(f->timers[i].used);
            f->timers[i].used = false;
        }
}

static void *watch_peer(void *self, int descriptor, void (*gone)(void *), void *context)
{
    fake *f = self;
    for (size_t i = 0; i < FAKE_SLOTS; i++) {
        if (f->watches[i].used)
            continue;
        f->watches[i].used = true;
        f->watches[i].told = false;
        f->watches[i].descriptor = descriptor;
        f->watches[i].gone = gone;
        f->watches[i].context = context;
        return &f->watches[i];
    }
    fail_msg("out of watches");
    return NULL;
}

static void unwatch_peer(void *self, void *handle)
{
    fake *f = self;
    for (size_t i = 0; i < FAKE_SLOTS; i++)
        if (handle == &f->watches[i]) {
            assert_true(f->watches[i].used);
            f->watches[i].used = false;
        }
}

static void wake(void *context)
{
    ((fake *)context)->woken = true;
}

fake *fake_new(unsigned header_deadline_ms, unsigned request_deadline_ms)
{
    fake *f = calloc(1, sizeof *f);
    error e = {0};
    assert_non_null(f);
    fake_answers(&f->service);
    f->service.self = f->service.host.self = f;
    f->service.host.offload = offload;
    f->service.host.timer = timer;
    f->service.host.timer_stop = timer_stop;
    f->service.host.watch_peer = watch_peer;
    f->service.host.unwatch_peer = unwatch_peer;
    f->ready = f->calibrated = true;
    snprintf(f->directory, sizeof f->directory, "%s", scratch_make().folder);
    f->config = (server_config){.address = "127.0.0.1",
                                .host = &f->service.host,
                                .routes = resource_routes,
                                .service = &f->service,
                                .wake = wake,
                                .wake_context = f,
                                .header_deadline_ms = header_deadline_ms ? header_deadline_ms : 10000,
                                .request_deadline_ms = request_deadline_ms ? request_deadline_ms : 10000};
    f->server = server_start(&f->config, &e);
    if (!f->server)
        fail_msg("%s", e.message);
    return f;
}

static void run_pool(fake *f)
{
    while (f->pool_count > 0 && !f->pool_held) {
        void (*work)(void *) = f->pool[0].work, (*after)(void *) = f->pool[0].after;
        void *context = f->pool[0].context;
        memmove(&f->pool[0], &f->pool[1], (size_t)--f->pool_count * sizeof f->pool[0]);
        work(context);
        after(context);
    }
}

static void run_timers(fake *f)
{
    for (size_t i = 0; i < FAKE_SLOTS; i++) {
        if (!f->timers[i].used || f->timers[i].due_ms > clock_now_ms())
            continue;
        f->timers[i].used = false;
        f->timers[i].tick(f->timers[i].context);
    }
}

static void receive(client *c)
{
    if (c->capacity - c->size < 65536) {
        c->capacity = c->capacity * 2 + 65536;
        c->bytes = realloc(c->bytes, c->capacity);
        assert_non_null(c->bytes);
    }
    ssize_t n = recv(c->descriptor, c->bytes + c->size, c->capacity - c->size, MSG_DONTWAIT);
    if (n > 0)
        c->size += (size_t)n;
    else if (n == 0 || (errno != EAGAIN && errno != EINTR))
        c->closed = true;
}

static int next_due_ms(fake *f)
{
    int ms = f->woken || fake_answer_is_due(f) || (f->pool_count && !f->pool_held) ? 0 : server_timeout_ms(f->server);
    for (size_t i = 0; i < FAKE_SLOTS; i++) {
        if (!f->timers[i].used)
            continue;
        int64_t left = f->timers[i].due_ms - clock_now_ms();
        left = left < 0 ? 0 : left;
        if (ms < 0 || left < ms)
            ms = (int)left;
    }
    return ms;
}

void fake_turn(fake *f)
{
    struct pollfd polled[1 + 2 * FAKE_SLOTS];
    polled[0] = (struct pollfd){.fd = server_fd(f->server), .events = POLLIN};
    for (size_t i = 0; i < FAKE_SLOTS; i++) {
        bool watching = f->watches[i].used && !f->watches[i].told;
        client *c = f->clients[i];
        polled[1 + i] = (struct pollfd){.fd = watching ? f->watches[i].descriptor : -1, .events = POLLRDHUP};
        polled[1 + FAKE_SLOTS + i] =
            (struct pollfd){.fd = c && !c->paused && !c->closed ? c->descriptor : -1, .events = POLLIN};
    }
    assert_true(poll(polled, 1 + 2 * FAKE_SLOTS, next_due_ms(f)) >= 0);
    for (size_t i = 0; i < FAKE_SLOTS; i++) {
        if (polled[1 + i].revents && f->watches[i].used && !f->watches[i].told) {
            f->watches[i].told = true;
            f->watches[i].gone(f->watches[i].context);
        }
        if (polled[1 + FAKE_SLOTS + i].revents && f->clients[i])
            receive(f->clients[i]);
    }
    run_pool(f);
    if (fake_answer_is_due(f))
        fake_answer(f);
    run_timers(f);
    f->woken = false;
    server_turn(f->server);
}

void fake_free(fake *f)
{
    server_drain(f->server);
    fake_until(f, server_busy(f->server) == 0);
    server_stop(f->server);
    f->pool_held = false;
    fake_answer(f);
    run_pool(f);
    for (size_t i = 0; i < FAKE_SLOTS; i++) {
        assert_false(f->timers[i].used);
        assert_false(f->watches[i].used);
        assert_null(f->clients[i]);
    }
    assert_int_equal(rmdir(f->directory), 0); /* nothing was left there */
    free(f->spec.hyperparameters);
    free(f);
}

int fake_set_up(void **state)
{
    *state = fake_new(0, 0);
    return 0;
}

int fake_tear_down(void **state)
{
    fake_free(*state);
    return 0;
}

client *client_open(fake *f)
{
    client *c = calloc(1, sizeof *c);
    struct sockaddr_in address = {.sin_family = AF_INET, .sin_port = htons((uint16_t)server_port(f->server))};
    address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    assert_non_null(c);
    c->fake = f;
    c->descriptor = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    assert_true(c->descriptor >= 0);
    assert_int_equal(connect(c->descriptor, (struct sockaddr *)&address, sizeof address), 0);
    for (size_t i = 0; i < FAKE_SLOTS; i++)
        if (!f->clients[i]) {
            f->clients[i] = c;
            return c;
        }
    fail_msg("out of clients");
    return NULL;
}

void client_close(client *c)
{
    for (size_t i = 0; i < FAKE_SLOTS; i++)
        if (c->fake->clients[i] == c)
            c->fake->clients[i] = NULL;
    close(c->descriptor);
    free(c->bytes);
    free(c);
}

void client_send(client *c, const char *bytes, size_t size)
{
    while (size > 0 && !c->closed) {
        ssize_t n = send(c->descriptor, bytes, size, MSG_DONTWAIT | MSG_NOSIGNAL);
        if (n > 0) {
            bytes += n;
            size -= (size_t)n;
        } else if (errno == EAGAIN) {
            fake_turn(c->fake);
        } else {
            return;
        }
    }
}

void client_say(client *c, const char *text)
{
    client_send(c, text, strlen(text));
}

const char *reply_header(const reply *r, const char *name)
{
    static char value[512];
    size_t length = strlen(name);
    for (const char *line = strstr(r->head, "\r\n"); line; line = strstr(line, "\r\n")) {
        line += 2;
        if (strncasecmp(line, name, length) || line[length] != ':')
            continue;
        line += length + 1;
        line += strspn(line, " ");
        snprintf(value, sizeof value, "%.*s", (int)strcspn(line, "\r"), line);
        return value;
    }
    return NULL;
}

static void drop(client *c, size_t size)
{
    memmove(c->bytes, c->bytes + size, c->size - size);
    c->size -= size;
}

reply client_read_head(client *c)
{
    reply r = {0};
    char *end = NULL;
    for (;;) {
        fake_until(c->fake, c->closed || (c->size && (end = memmem(c->bytes, c->size, "\r\n\r\n", 4))));
        if (!end && !(c->size && (end = memmem(c->bytes, c->size, "\r\n\r\n", 4)))) {
            r.closed = true;
            return r;
        }
        size_t size = (size_t)(end - c->bytes) + 4;
        r.head = strndup(c->bytes, size);
        drop(c, size);
        assert_int_equal(sscanf(r.head, "HTTP/1.%*d %d", &r.status), 1);
        if (r.status != 100)
            return r;
        free(r.head);
        end = NULL;
    }
}

reply client_read(client *c, bool head_only)
{
    reply r = client_read_head(c);
    if (!r.status)
        return r;
    const char *length = reply_header(&r, "Content-Length");
    bool bodyless = head_only || r.status == 204;
    r.body_size = length && !bodyless ? strtoul(length, NULL, 10) : 0;
    fake_until(c->fake, c->closed || c->size >= r.body_size);
    assert_true(c->size >= r.body_size);
    r.body = strndup(c->size ? c->bytes : "", r.body_size);
    if (r.body_size)
        drop(c, r.body_size);
    r.json = json_loads(r.body, 0, NULL);
    const char *connection = reply_header(&r, "Connection");
    if (connection && !strcasecmp(connection, "close")) {
        fake_until(c->fake, c->closed);
        r.closed = true;
    }
    return r;
}

void reply_free(reply *r)
{
    free(r->head);
    free(r->body);
    json_decref(r->json);
    *r = (reply){0};
}

const char *reply_text(const reply *r, const char *key)
{
    return json_string_value(json_object_get(r->json, key));
}

reply ask(fake *f, const char *verb, const char *target, const char *headers, const void *body, size_t size)
{
    char head[2048];
    client *c = client_open(f);
    int n = snprintf(head, sizeof head, "%s %s HTTP/1.1\r\nHost: test\r\n%s", verb, target, headers);
    if (body)
        n += snprintf(head + n, sizeof head - (size_t)n, "Content-Length: %zu\r\n", size);
    n += snprintf(head + n, sizeof head - (size_t)n, "\r\n");
    client_send(c, head, (size_t)n);
    client_send(c, body, size);
    reply r = client_read(c, !strcmp(verb, "HEAD"));
    client_close(c);
    if (r.status)
        record_exchange(verb, target, headers, body, size, &r);
    return r;
}

reply get(fake *f, const char *target)
{
    return ask(f, "GET", target, "", NULL, 0);
}

reply post_json(fake *f, const char *target, const char *text)
{
    return ask(f, "POST", target, "Content-Type: application/json\r\n", text, strlen(text));
}

void assert_status(const reply *r, int status)
{
    if (r->status != status)
        fail_msg("expected %d, got %d: %s", status, r->status, r->body ? r->body : "");
    if (status)
        assert_non_null(reply_header(r, "X-Request-Id"));
}

void assert_problem(const reply *r, int status, const char *detail_part)
{
    assert_status(r, status);
    assert_string_equal(reply_header(r, "Content-Type"), "application/problem+json");
    assert_non_null(r->json);
    static const char *const keys[] = {"type", "title", "detail", "instance"};
    for (size_t i = 0; i < sizeof keys / sizeof *keys; i++)
        assert_true(json_is_string(json_object_get(r->json, keys[i])));
    assert_int_equal(json_integer_value(json_object_get(r->json, "status")), status);
    const char *detail = json_string_value(json_object_get(r->json, "detail"));
    if (!strstr(detail, detail_part))
        fail_msg("expected '%s' in: %s", detail_part, r->body);
}

bool has_error(const reply *r, const char *pointer, const char *detail_part)
{
    size_t i;
    json_t *item;
    json_array_foreach(json_object_get(r->json, "errors"), i, item)
    {
        if (!strcmp(json_string_value(json_object_get(item, "pointer")), pointer) &&
            strstr(json_string_value(json_object_get(item, "detail")), detail_part))
            return true;
    }
    return false;
}
