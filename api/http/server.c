/* SPDX-License-Identifier: MIT */
/*
 * server.c — libmicrohttpd, started in external-epoll mode, and the connections it holds. Deadlines are absolute and
 * kept here: MHD's own are of inactivity, which a client that drips bytes never meets, and stand still while a
 * connection is suspended. One timer looks after all of them.
 */
#include "api/http/server.h"

#include "api/http/inside.h"
#include "base/clock.h"

#include <arpa/inet.h>
#include <assert.h>
#include <errno.h>
#include <sodium.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

enum { SWEEP_MS_LEAST = 5, SWEEP_MS_MOST = 500 };

int64_t server_now_us(void)
{
    return clock_now_us();
}

int64_t server_now_ms(void)
{
    return clock_now_us() / 1000;
}

void server_wake(server *s)
{
    s->config.wake(s->config.wake_context);
}

static void sweep(void *context);

static void arm_sweep(server *s)
{
    if (!s->sweep && s->peers)
        s->sweep = s->host->timer(s->host->self, s->sweep_ms, sweep, s);
}

static void sweep(void *context)
{
    server *s = context;
    int64_t now = server_now_ms();
    s->sweep = NULL;
    for (peer *p = s->peers; p; p = p->next) {
        if (p->current && p->current->stream)
            stream_tick(p->current->stream, now);
        if (!p->deadline_ms || now < p->deadline_ms || (p->current && request_expire(p->current)))
            continue;
        p->deadline_ms = 0;
        shutdown(p->descriptor, SHUT_RDWR);
        server_wake(s);
    }
    arm_sweep(s);
}

static void on_connection(void *context, struct MHD_Connection *c, void **slot,
                          enum MHD_ConnectionNotificationCode code)
{
    server *s = context;
    peer *p = *slot;
    if (code == MHD_CONNECTION_NOTIFY_STARTED) {
        int descriptor = MHD_get_connection_info(c, MHD_CONNECTION_INFO_CONNECTION_FD)->connect_fd;
        p = calloc(1, sizeof *p);
        *slot = p;
        if (!p) {
            shutdown(descriptor, SHUT_RDWR);
            return;
        }
        *p = (peer){.next = s->peers, .server = s, .descriptor = descriptor};
        p->deadline_ms = server_now_ms() + s->config.header_deadline_ms;
        if (s->peers)
            s->peers->previous = p;
        s->peers = p;
        arm_sweep(s);
        return;
    }
    *slot = NULL;
    if (!p)
        return;
    assert(!p->current);
    if (p->next)
        p->next->previous = p->previous;
    if (p->previous)
        p->previous->next = p->next;
    else
        s->peers = p->next;
    free(p);
}

static peer *peer_of(struct MHD_Connection *c)
{
    return MHD_get_connection_info(c, MHD_CONNECTION_INFO_SOCKET_CONTEXT)->socket_context;
}

/* Called when a request line has arrived: the headers' deadline starts. */
static void *on_line(void *context, const char *uri, struct MHD_Connection *c)
{
    (void)uri;
    server *s = context;
    peer *p = peer_of(c);
    int64_t deadline_ms = server_now_ms() + s->config.header_deadline_ms;
    if (p && p->served)
        p->deadline_ms = deadline_ms;
    return NULL;
}

static enum MHD_Result on_call(void *context, struct MHD_Connection *c, const char *url, const char *verb,
                               const char *version, const char *data, size_t *size, void **slot)
{
    if (!peer_of(c))
        return MHD_NO;
    return request_handle(context, c, (const char *const[3]){verb, url, version}, data, size, slot);
}

static void on_completed(void *context, struct MHD_Connection *c, void **slot, enum MHD_RequestTerminationCode code)
{
    (void)context, (void)c, (void)code;
    if (*slot)
        request_finish(*slot);
    *slot = NULL;
}

/* Paths and parameters stay escaped: route_unescape is stricter. */
static size_t keep_escaped(void *context, struct MHD_Connection *c, char *text)
{
    (void)context, (void)c;
    return strlen(text);
}

static void on_message(void *context, const char *format, va_list arguments) __attribute__((format(printf, 2, 0)));
static void on_message(void *context, const char *format, va_list arguments)
{
    server *s = context;
    char text[256];
    vsnprintf(text, sizeof text, format, arguments);
    text[strcspn(text, "\n")] = '\0';
    s->host->log(s->host->self, "debug", "microhttpd: %s", text);
}

static bool resolve(const server_config *c, struct sockaddr_storage *out, unsigned *flags, error *e)
{
    struct sockaddr_in *four = (struct sockaddr_in *)out;
    struct sockaddr_in6 *six = (struct sockaddr_in6 *)out;
    memset(out, 0, sizeof *out);
    if (inet_pton(AF_INET, c->address, &four->sin_addr) == 1) {
        four->sin_family = AF_INET;
        four->sin_port = htons((uint16_t)c->port);
        return true;
    }
    if (inet_pton(AF_INET6, c->address, &six->sin6_addr) == 1) {
        six->sin6_family = AF_INET6;
        six->sin6_port = htons((uint16_t)c->port);
        *flags |= MHD_USE_IPv6;
        return true;
    }
    return error_set(e, ERROR_INVALID, "listen address: '%s' is neither an IPv4 nor an IPv6 address", c->address);
}

static bool start_daemon(server *s, error *e)
{
    struct sockaddr_storage address;
    unsigned flags = MHD_USE_EPOLL | MHD_ALLOW_SUSPEND_RESUME | MHD_USE_ERROR_LOG;
    if (!resolve(&s->config, &address, &flags, e))
        return false;
    errno = 0;
    s->daemon = MHD_start_daemon(flags, (uint16_t)s->config.port, NULL, NULL, on_call, s, MHD_OPTION_EXTERNAL_LOGGER,
                                 on_message, s, MHD_OPTION_SOCK_ADDR, (struct sockaddr *)&address,
                                 MHD_OPTION_CONNECTION_LIMIT, (unsigned)SERVER_CONNECTIONS_MAX,
                                 MHD_OPTION_CONNECTION_MEMORY_LIMIT, (size_t)SERVER_CONNECTION_BYTES,
                                 MHD_OPTION_NOTIFY_CONNECTION, on_connection, s, MHD_OPTION_NOTIFY_COMPLETED,
                                 on_completed, s, MHD_OPTION_URI_LOG_CALLBACK, on_line, s, MHD_OPTION_UNESCAPE_CALLBACK,
                                 keep_escaped, s, MHD_OPTION_STRICT_FOR_CLIENT, 1, MHD_OPTION_END);
    if (!s->daemon && errno)
        return error_system(e, "listening on %s port %d", s->config.address, s->config.port);
    if (!s->daemon)
        return error_set(e, ERROR_IO, "cannot listen on %s port %d", s->config.address, s->config.port);
    s->port = MHD_get_daemon_info(s->daemon, MHD_DAEMON_INFO_BIND_PORT)->port;
    s->epoll = MHD_get_daemon_info(s->daemon, MHD_DAEMON_INFO_EPOLL_FD)->epoll_fd;
    return true;
}

static unsigned choose_sweep_ms(const server_config *c)
{
    unsigned least = c->header_deadline_ms < c->request_deadline_ms ? c->header_deadline_ms : c->request_deadline_ms;
    unsigned ms = least / 8;
    return ms < SWEEP_MS_LEAST ? SWEEP_MS_LEAST : ms > SWEEP_MS_MOST ? SWEEP_MS_MOST : ms;
}

server *server_start(const server_config *c, error *e)
{
    if (sodium_init() < 0) {
        error_set(e, ERROR_INTERNAL, "libsodium does not start");
        return NULL;
    }
    server *s = calloc(1, sizeof *s);
    if (!s) {
        error_memory(e, "the server");
        return NULL;
    }
    s->config = *c;
    s->host = c->host;
    s->sweep_ms = choose_sweep_ms(c);
    unsigned char random[4];
    randombytes_buf(random, sizeof random);
    sodium_bin2hex(s->instance, sizeof s->instance, random, sizeof random);
    s->metrics = metrics_new(e);
    if (s->metrics && start_daemon(s, e))
        return s;
    metrics_free(s->metrics);
    free(s);
    return NULL;
}

int server_port(const server *s)
{
    return s->port;
}

int server_fd(const server *s)
{
    return s->epoll;
}

int server_timeout_ms(server *s)
{
    MHD_UNSIGNED_LONG_LONG ms;
    if (MHD_get_timeout(s->daemon, &ms) != MHD_YES)
        return -1;
    return ms > 60000 ? 60000 : (int)ms;
}

void server_turn(server *s)
{
    MHD_run(s->daemon);
}

void server_quiesce(server *s)
{
    if (s->quiesced)
        return;
    s->quiesced = true;
    int listener = MHD_quiesce_daemon(s->daemon);
    if (listener != MHD_INVALID_SOCKET)
        close(listener);
}

void server_drain(server *s)
{
    server_quiesce(s);
    for (peer *p = s->peers; p; p = p->next)
        if (p->current)
            request_drain(p->current);
    server_wake(s);
}

size_t server_busy(const server *s)
{
    return s->busy;
}

void server_let_go(server *s)
{
    if (!s->stopped || s->live)
        return;
    metrics_free(s->metrics);
    free(s);
}

void server_stop(server *s)
{
    for (peer *p = s->peers; p; p = p->next)
        assert(!p->current || !p->current->suspended);
    if (s->sweep)
        s->host->timer_stop(s->host->self, s->sweep);
    s->sweep = NULL;
    MHD_stop_daemon(s->daemon);
    s->daemon = NULL;
    s->stopped = true;
    server_let_go(s);
}
