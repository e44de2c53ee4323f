/* SPDX-License-Identifier: MIT */
/* load.c — libcurl's transfers, driven by a libuv loop of their own. */
#include "daemon/client/load.h"

#include "base/clock.h"

#include <assert.h>
#include <curl/curl.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/timerfd.h>
#include <unistd.h>
#include <uv.h>

enum { REQUEST_MS_MAX = 60000, UNREACHABLE_TIMES = 4 /* failures in a row, for each connection, that end a run */ };

/* One request at a time. */
typedef struct line {
    load *owner;
    struct line *next; /* idle */
    CURL *easy;
    int64_t due_us;
    char *answer;
    size_t size, room;
} line;

/* A socket of curl's that is waited on. */
typedef struct watch {
    load *owner;
    uv_poll_t poll;
    curl_socket_t socket;
} watch;

struct load {
    load_plan plan;
    uv_loop_t loop;
    uv_timer_t timer; /* curl's */
    uv_poll_t pacer;  /* on pacer_fd: a request is due */
    int pacer_fd;
    CURLM *multi;
    struct curl_slist *headers;
    line *lines;
    size_t next_body;

    /* of the run under way */
    load_tally *tally;
    line *idle;
    int busy;
    int64_t start_us, end_us;
    uint64_t sent, max;   /* requests; max 0: no limit */
    uint64_t unreachable; /* failures in a row without any answer */
    bool over;            /* nothing more is sent */
    bool done;            /* and all is answered, or it has failed */
    error failure;
};

/* ---- counting */

static bool record(load_tally *t, int64_t us, error *e)
{
    if (t->answers == t->room) {
        size_t room = t->room ? t->room * 2 : 4096;
        uint32_t *more = realloc(t->latency_us, room * sizeof *more);
        if (!more)
            return error_memory(e, "latencies");
        t->latency_us = more;
        t->room = room;
    }
    t->latency_us[t->answers++] = us < 0 ? 0 : us > UINT32_MAX ? UINT32_MAX : (uint32_t)us;
    return true;
}

static void count_failure(load_tally *t, const char *what, uint64_t times)
{
    int i = 0;
    while (i < t->kind_count && strncmp(t->kinds[i].what, what, sizeof t->kinds[i].what - 1) != 0)
        i++;
    if (i == LOAD_KINDS_MAX) {
        i--;
        snprintf(t->kinds[i].what, sizeof t->kinds[i].what, "other");
    } else if (i == t->kind_count) {
        snprintf(t->kinds[t->kind_count++].what, sizeof t->kinds[i].what, "%s", what);
    }
    t->kinds[i].count += times;
    t->failed += times;
}

static void count_answer(load *l, const line *n, CURLcode code)
{
    load_tally *t = l->tally;
    char what[64];
    long status = 0;
    if (code) {
        l->unreachable++;
        count_failure(t, curl_easy_strerror(code), 1);
        return;
    }
    l->unreachable = 0;
    curl_easy_getinfo(n->easy, CURLINFO_RESPONSE_CODE, &status);
    const char *mark = l->plan.failure_mark;
    bool marked = mark && n->size && memmem(n->answer, n->size, mark, strlen(mark));
    if (status >= 200 && status < 300 && !marked) {
        record(t, clock_now_us() - n->due_us, &l->failure);
        return;
    }
    snprintf(what, sizeof what, marked ? "HTTP %ld with an error" : "HTTP %ld", status);
    if (!t->failed)
        snprintf(t->first_failure, sizeof t->first_failure, "%.*s", (int)(n->size < 500 ? n->size : 500), n->answer);
    count_failure(t, what, 1);
}

/* ---- when requests are due */

static int64_t due_us(const load *l, uint64_t index)
{
    return l->start_us + (int64_t)((double)index * 1e6 / l->plan.rate);
}

/* Whether one more request belongs to this run. */
static bool has_more(const load *l, int64_t now_us)
{
    if (l->over || l->failure.code || (l->max && l->sent == l->max))
        return false;
    if (l->plan.rate == 0)
        return now_us < l->end_us;
    return due_us(l, l->sent) < l->end_us && now_us < l->end_us + (l->end_us - l->start_us);
}

static void send_one(load *l, int64_t due)
{
    line *n = l->idle;
    const load_body *b = &l->plan.bodies[l->next_body];
    l->idle = n->next;
    l->next_body = (l->next_body + 1) % l->plan.body_count;
    l->sent++;
    l->busy++;
    n->due_us = due;
    n->size = 0;
    curl_easy_setopt(n->easy, CURLOPT_POSTFIELDS, b->bytes);
    curl_easy_setopt(n->easy, CURLOPT_POSTFIELDSIZE_LARGE, (curl_off_t)b->size);
    CURLMcode code = curl_multi_add_handle(l->multi, n->easy);
    if (!code)
        return;
    error_set(&l->failure, ERROR_INTERNAL, "libcurl: %s", curl_multi_strerror(code));
    l->busy--;
    n->next = l->idle;
    l->idle = n;
}

static void arm_pacer(load *l, int64_t at_us)
{
    struct itimerspec at = {.it_value = {.tv_sec = at_us / 1000000, .tv_nsec = at_us % 1000000 * 1000}};
    if (timerfd_settime(l->pacer_fd, TFD_TIMER_ABSTIME, &at, NULL))
        error_system(&l->failure, "a load generator's timer");
}

/* Sends what may be sent now; ends the run when nothing is left of it. */
static void advance(load *l)
{
    int64_t now = clock_now_us();
    bool open = l->plan.rate > 0;
    while (l->idle && has_more(l, now) && (!open || due_us(l, l->sent) <= now))
        send_one(l, open ? due_us(l, l->sent) : now);
    bool more = has_more(l, now);
    if (open && l->idle && more)
        arm_pacer(l, due_us(l, l->sent));
    l->done = l->failure.code || (!l->busy && !more);
}

static void on_due(uv_poll_t *handle, int status, int events)
{
    (void)status, (void)events;
    load *l = handle->data;
    uint64_t times;
    if (read(l->pacer_fd, &times, sizeof times) == (ssize_t)sizeof times)
        advance(l);
}

/* ---- curl's transfers within the loop */

static void collect(load *l)
{
    CURLMsg *m;
    int left, ended = 0;
    while ((m = curl_multi_info_read(l->multi, &left))) {
        if (m->msg != CURLMSG_DONE)
            continue;
        line *n = NULL;
        CURLcode code = m->data.result;
        curl_easy_getinfo(m->easy_handle, CURLINFO_PRIVATE, (char **)&n);
        count_answer(l, n, code);
        curl_multi_remove_handle(l->multi, n->easy);
        n->next = l->idle;
        l->idle = n;
        l->busy--;
        ended++;
    }
    if (l->unreachable >= (uint64_t)UNREACHABLE_TIMES * (uint64_t)l->plan.connections)
        l->over = true;
    if (ended)
        advance(l);
}

static void act(load *l, curl_socket_t socket, int events)
{
    int running;
    curl_multi_socket_action(l->multi, socket, events, &running);
    collect(l);
}

static void on_socket(uv_poll_t *handle, int status, int events)
{
    watch *w = handle->data;
    int flags = status < 0 ? CURL_CSELECT_ERR : 0;
    flags |= events & UV_READABLE ? CURL_CSELECT_IN : 0;
    flags |= events & UV_WRITABLE ? CURL_CSELECT_OUT : 0;
    act(w->owner, w->socket, flags);
}

static void on_timer(uv_timer_t *handle)
{
    act(handle->data, CURL_SOCKET_TIMEOUT, 0);
}

static void free_watch(uv_handle_t *handle)
{
    free(handle->data);
}

static int watch_socket(CURL *easy, curl_socket_t socket, int what, void *context, void *slot)
{
    (void)easy;
    load *l = context;
    watch *w = slot;
    if (what == CURL_POLL_REMOVE) {
        if (w)
            uv_close((uv_handle_t *)&w->poll, free_watch);
        curl_multi_assign(l->multi, socket, NULL);
        return 0;
    }
    if (!w) {
        w = calloc(1, sizeof *w);
        if (!w || uv_poll_init_socket(&l->loop, &w->poll, socket)) {
            free(w);
            l->done = true;
            error_set(&l->failure, ERROR_IO, "a connection cannot be waited on");
            return -1;
        }
        w->owner = l;
        w->socket = socket;
        w->poll.data = w;
        curl_multi_assign(l->multi, socket, w);
    }
    uv_poll_start(&w->poll, (what & CURL_POLL_IN ? UV_READABLE : 0) | (what & CURL_POLL_OUT ? UV_WRITABLE : 0),
                  on_socket);
    return 0;
}

static int set_timer(CURLM *multi, long ms, void *context)
{
    (void)multi;
    load *l = context;
    if (ms < 0)
        uv_timer_stop(&l->timer);
    else
        uv_timer_start(&l->timer, on_timer, (uint64_t)ms, 0);
    return 0;
}

static size_t take_answer(char *bytes, size_t one, size_t n, void *context)
{
    line *to = context;
    size_t more = one * n;
    if (more > LOAD_ANSWER_BYTES_MAX - to->size)
        return 0;
    if (to->size + more > to->room) {
        char *answer = realloc(to->answer, to->size + more);
        if (!answer)
            return 0;
        to->answer = answer;
        to->room = to->size + more;
    }
    memcpy(to->answer + to->size, bytes, more);
    to->size += more;
    return more;
}

/* ---- the whole */

static bool open_line(load *l, line *n)
{
    n->owner = l;
    n->next = l->idle;
    l->idle = n;
    if (!(n->easy = curl_easy_init()))
        return false;
    CURL *c = n->easy;
    return !curl_easy_setopt(c, CURLOPT_URL, l->plan.url) &&
           !curl_easy_setopt(c, CURLOPT_PROTOCOLS_STR, "http,https") && !curl_easy_setopt(c, CURLOPT_PROXY, "") &&
           !curl_easy_setopt(c, CURLOPT_NOSIGNAL, 1L) &&
           !curl_easy_setopt(c, CURLOPT_HTTP_VERSION, CURL_HTTP_VERSION_1_1) &&
           !curl_easy_setopt(c, CURLOPT_POST, 1L) && !curl_easy_setopt(c, CURLOPT_HTTPHEADER, l->headers) &&
           !curl_easy_setopt(c, CURLOPT_TIMEOUT_MS, (long)REQUEST_MS_MAX) &&
           !curl_easy_setopt(c, CURLOPT_WRITEFUNCTION, take_answer) && !curl_easy_setopt(c, CURLOPT_WRITEDATA, n) &&
           !curl_easy_setopt(c, CURLOPT_PRIVATE, n);
}

/* `Expect` off: a body is sent with its headers. */
static bool make_headers(load *l)
{
    char type[128];
    snprintf(type, sizeof type, "Content-Type: %s", l->plan.type);
    struct curl_slist *first = curl_slist_append(NULL, type);
    l->headers = first;
    return first && curl_slist_append(first, "Expect:");
}

static bool make_multi(load *l)
{
    l->multi = curl_multi_init();
    return l->multi && !curl_multi_setopt(l->multi, CURLMOPT_SOCKETFUNCTION, watch_socket) &&
           !curl_multi_setopt(l->multi, CURLMOPT_SOCKETDATA, l) &&
           !curl_multi_setopt(l->multi, CURLMOPT_TIMERFUNCTION, set_timer) &&
           !curl_multi_setopt(l->multi, CURLMOPT_TIMERDATA, l) &&
           !curl_multi_setopt(l->multi, CURLMOPT_MAXCONNECTS, (long)l->plan.connections);
}

load *load_new(const load_plan *p, error *e)
{
    assert(p->body_count > 0 && p->connections > 0 && p->connections <= LOAD_CONNECTIONS_MAX);
    load *l = calloc(1, sizeof *l);
    if (!l || curl_global_init(CURL_GLOBAL_DEFAULT)) {
        free(l);
        error_memory(e, "a load generator");
        return NULL;
    }
    l->plan = *p;
    l->pacer_fd = timerfd_create(CLOCK_MONOTONIC, TFD_NONBLOCK | TFD_CLOEXEC);
    if (l->pacer_fd < 0 || uv_loop_init(&l->loop)) {
        error_system(e, "a load generator's timer");
        goto no_loop;
    }
    uv_timer_init(&l->loop, &l->timer);
    if (uv_poll_init(&l->loop, &l->pacer, l->pacer_fd)) {
        error_set(e, ERROR_IO, "a load generator's timer cannot be waited on");
        goto no_pacer;
    }
    l->timer.data = l->pacer.data = l;
    l->lines = calloc((size_t)p->connections, sizeof *l->lines);
    bool good = l->lines && make_headers(l) && make_multi(l);
    for (int i = 0; good && i < p->connections; i++)
        good = open_line(l, &l->lines[i]);
    if (good)
        return l;
    error_memory(e, "connections");
    load_free(l);
    return NULL;
no_pacer:
    uv_close((uv_handle_t *)&l->timer, NULL);
    uv_run(&l->loop, UV_RUN_DEFAULT);
    uv_loop_close(&l->loop);
no_loop:
    if (l->pacer_fd >= 0)
        close(l->pacer_fd);
    curl_global_cleanup();
    free(l);
    return NULL;
}

void load_free(load *l)
{
    if (!l)
        return;
    for (int i = 0; l->lines && i < l->plan.connections; i++) {
        if (l->lines[i].easy) /* a run that failed leaves transfers behind */
            curl_multi_remove_handle(l->multi, l->lines[i].easy);
        curl_easy_cleanup(l->lines[i].easy);
        free(l->lines[i].answer);
    }
    curl_multi_cleanup(l->multi);
    curl_slist_free_all(l->headers);
    free(l->lines);
    uv_close((uv_handle_t *)&l->timer, NULL);
    uv_close((uv_handle_t *)&l->pacer, NULL);
    uv_run(&l->loop, UV_RUN_DEFAULT);
    int code = uv_loop_close(&l->loop);
    assert(code == 0);
    close(l->pacer_fd);
    curl_global_cleanup();
    free(l);
}

static double cpu_s(void)
{
    struct rusage u;
    if (getrusage(RUSAGE_SELF, &u))
        return NAN;
    return (double)(u.ru_utime.tv_sec + u.ru_stime.tv_sec) + 1e-6 * (double)(u.ru_utime.tv_usec + u.ru_stime.tv_usec);
}

/* Those that were due and not sent: they have waited longer than any that was. */
static void count_unsent(load *l)
{
    uint64_t due = l->plan.rate > 0 ? (uint64_t)ceil((double)(l->end_us - l->start_us) * 1e-6 * l->plan.rate) : 0;
    if (l->max && due > l->max)
        due = l->max;
    if (due > l->sent)
        count_failure(l->tally, "not sent in time", due - l->sent);
}

static int by_value(const void *a, const void *b)
{
    uint32_t x = *(const uint32_t *)a, y = *(const uint32_t *)b;
    return x < y ? -1 : x > y;
}

bool load_run(load *l, load_span span, load_tally *out, error *e)
{
    double cpu = cpu_s();
    l->tally = out;
    l->failure = (error){0};
    l->sent = l->unreachable = 0;
    l->max = span.requests;
    l->over = l->done = false;
    l->start_us = clock_now_us();
    l->end_us = l->start_us + (int64_t)(span.seconds * 1e6);
    if (uv_poll_start(&l->pacer, UV_READABLE, on_due))
        return error_set(e, ERROR_IO, "a load generator's timer cannot be waited on");
    advance(l);
    while (!l->done)
        uv_run(&l->loop, UV_RUN_ONCE);
    uv_poll_stop(&l->pacer);
    out->seconds = (double)(clock_now_us() - l->start_us) * 1e-6;
    out->cpu_s = cpu_s() - cpu;
    if (l->failure.code) {
        *e = l->failure;
        return false;
    }
    count_unsent(l);
    if (out->answers)
        qsort(out->latency_us, out->answers, sizeof *out->latency_us, by_value);
    return true;
}

void load_tally_free(load_tally *t)
{
    free(t->latency_us);
    *t = (load_tally){0};
}

double load_percentile_ms(const load_tally *t, double share)
{
    assert(t->answers > 0 && share > 0 && share <= 1);
    size_t rank = (size_t)ceil(share * (double)t->answers);
    return (double)t->latency_us[rank ? rank - 1 : 0] / 1000;
}
