/* SPDX-License-Identifier: MIT */
/*
 * server.c — libmicrohttpd, started in external-epoll mode, and the connections it holds. Deadlines are absolute and
 * kept here: those of libmicrohttpd are of inactivity, which a client that drips bytes never meets, and stand still
 * while a connection is suspended. One timer looks after all of them.
 */
#include "api/http/server.h"

#include "api/http/exchange_events.h"
#include "base/clock.h"

#include <arpa/inet.h>
#include <assert.h>
#include <errno.h>
#include <netinet/in.h>
#include <sodium.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

enum {
    CONNECTIONS_MAX = 4096,
    CONNECTION_BYTES = 32 * 1024, /* of headers and of buffers, each connection */
    SWEEP_MS_MIN = 5,
    SWEEP_MS_MAX = 500,
};

struct server {
    exchange_shared shared;
    struct MHD_Daemon *daemon; /* NULL once it is stopped */
    server_config config;
    int port, epoll;
    connection *connections; /* owned */
    size_t connection_count;
    void *sweep; /* timer; NULL when there are no connections */
    unsigned sweep_ms;
};

static void wake(server *s)
{
    s->config.wake(s->config.wake_context);
}

/* ---- connections and their deadlines */

static void on_sweep(void *context);

static void arm_sweep(server *s)
{
    const http_host *host = s->config.host;
    if (!s->sweep && s->connections)
        s->sweep = host->timer(host->self, s->sweep_ms, on_sweep, s);
}

void server_sweep(server *s, int64_t now_ms)
{
    for (connection *c = s->connections; c; c = c->next) {
        if (c->exchange)
            exchange_on_tick(c->exchange, now_ms);
        if (!c->deadline_ms || now_ms < c->deadline_ms || (c->exchange && exchange_on_deadline(c->exchange)))
            continue;
        c->deadline_ms = 0;
        connection_cut(c);
        wake(s);
    }
}

static void on_sweep(void *context)
{
    server *s = context;
    s->sweep = NULL;
    server_sweep(s, clock_now_ms());
    arm_sweep(s);
}

/* NULL when memory is out. */
static connection *add_connection(server *s, int socket)
{
    connection *c = calloc(1, sizeof *c);
    if (!c)
        return NULL;
    c->socket = socket;
    c->next = s->connections;
    if (c->next)
        c->next->previous = c;
    s->connections = c;
    s->connection_count++;
    return c;
}

static void remove_connection(server *s, connection *c)
{
    if (!c)
        return;
    assert(!c->exchange);
    if (c->next)
        c->next->previous = c->previous;
    if (c->previous)
        c->previous->next = c->next;
    else
        s->connections = c->next;
    s->connection_count--;
    free(c);
}

static void on_connection(void *context, struct MHD_Connection *c, void **slot,
                          enum MHD_ConnectionNotificationCode code)
{
    server *s = context;
    if (code == MHD_CONNECTION_NOTIFY_STARTED) {
        int socket = MHD_get_connection_info(c, MHD_CONNECTION_INFO_CONNECTION_FD)->connect_fd;
        connection *started = *slot = add_connection(s, socket);
        if (!started) {
            shutdown(socket, SHUT_RDWR);
            return;
        }
        connection_set_deadline(started, s->config.header_deadline_ms);
        arm_sweep(s);
        return;
    }
    remove_connection(s, *slot);
    *slot = NULL;
}

static connection *connection_of(struct MHD_Connection *c)
{
    return MHD_get_connection_info(c, MHD_CONNECTION_INFO_SOCKET_CONTEXT)->socket_context;
}

/* ---- calls of libmicrohttpd */

/* A request line has arrived. The deadline of a connection's first headers began with the connection; that of later
 * ones begins here. */
static void *on_line(void *context, const char *uri, struct MHD_Connection *c)
{
    (void)uri;
    const server *s = context;
    connection *of = connection_of(c);
    if (of && of->reused)
        connection_set_deadline(of, s->config.header_deadline_ms);
    return NULL;
}

static enum MHD_Result on_call(void *context, struct MHD_Connection *c, const char *url, const char *verb,
                               const char *version, const char *data, size_t *size, void **slot)
{
    const char *const line[3] = {verb, url, version};
    return connection_of(c) ? exchange_on_call(&((server *)context)->shared, c, line, data, size, slot) : MHD_NO;
}

static void on_completed(void *context, struct MHD_Connection *c, void **slot, enum MHD_RequestTerminationCode code)
{
    (void)context, (void)c, (void)code;
    if (*slot)
        exchange_on_end(*slot);
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
    const http_host *host = ((server *)context)->config.host;
    char text[256];
    vsnprintf(text, sizeof text, format, arguments);
    text[strcspn(text, "\n")] = '\0';
    host->log(host->self, "debug", "microhttpd: %s", text);
}

/* ---- the life of the server */

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
    s->daemon = MHD_start_daemon(
        flags, (uint16_t)s->config.port, NULL, NULL, on_call, s, MHD_OPTION_EXTERNAL_LOGGER, on_message, s,
        MHD_OPTION_SOCK_ADDR, (struct sockaddr *)&address, MHD_OPTION_CONNECTION_LIMIT, (unsigned)CONNECTIONS_MAX,
        MHD_OPTION_CONNECTION_MEMORY_LIMIT, (size_t)CONNECTION_BYTES, MHD_OPTION_NOTIFY_CONNECTION, on_connection, s,
        MHD_OPTION_NOTIFY_COMPLETED, on_completed, s, MHD_OPTION_URI_LOG_CALLBACK, on_line, s,
        MHD_OPTION_UNESCAPE_CALLBACK, keep_escaped, s, MHD_OPTION_STRICT_FOR_CLIENT, 1, MHD_OPTION_END);
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
    unsigned shorter_ms =
        c->header_deadline_ms < c->request_deadline_ms ? c->header_deadline_ms : c->request_deadline_ms;
    unsigned ms = shorter_ms / 8;
    return ms < SWEEP_MS_MIN ? SWEEP_MS_MIN : ms > SWEEP_MS_MAX ? SWEEP_MS_MAX : ms;
}

/* A stopped server stays until the last exchange that somebody still holds is gone. */
static void server_free_if_idle(server *s)
{
    if (s->daemon || s->shared.count)
        return;
    metrics_free(s->shared.metrics);
    free(s);
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
    s->sweep_ms = choose_sweep_ms(c);
    s->shared = (exchange_shared){
        .server = s, .config = &s->config, .freed = server_free_if_idle, .metrics = metrics_new(c->routes, e)};
    unsigned char random[4];
    randombytes_buf(random, sizeof random);
    sodium_bin2hex(s->shared.instance, sizeof s->shared.instance, random, sizeof random);
    if (s->shared.metrics && start_daemon(s, e))
        return s;
    server_free_if_idle(s);
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
    if (s->shared.quiesced)
        return;
    s->shared.quiesced = true;
    int listener = MHD_quiesce_daemon(s->daemon);
    if (listener != MHD_INVALID_SOCKET)
        close(listener);
}

void server_drain(server *s)
{
    server_quiesce(s);
    for (connection *c = s->connections; c; c = c->next)
        if (c->exchange)
            exchange_on_drain(c->exchange);
    wake(s);
}

size_t server_busy(const server *s)
{
    return s->shared.unanswered;
}

void server_print_metrics(const server *s, FILE *out)
{
    metrics_print(s->shared.metrics, out);
    fprintf(out,
            "# HELP anomalyd_http_connections Open connections.\n# TYPE anomalyd_http_connections gauge\n"
            "anomalyd_http_connections %zu\n"
            "# HELP anomalyd_http_requests_in_progress Requests whose answer has not left.\n"
            "# TYPE anomalyd_http_requests_in_progress gauge\nanomalyd_http_requests_in_progress %zu\n"
            "# HELP anomalyd_http_body_bytes Bytes of request bodies held in memory.\n"
            "# TYPE anomalyd_http_body_bytes gauge\nanomalyd_http_body_bytes %zu\n",
            s->connection_count, s->shared.unanswered, s->shared.bodies_bytes);
}

void server_stop(server *s)
{
    const http_host *host = s->config.host;
    for (connection *c = s->connections; c; c = c->next)
        assert(!c->exchange || !exchange_suspended(c->exchange));
    if (s->sweep)
        host->timer_stop(host->self, s->sweep);
    s->sweep = NULL;
    MHD_stop_daemon(s->daemon);
    s->daemon = NULL;
    server_free_if_idle(s);
}
