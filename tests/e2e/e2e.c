/* SPDX-License-Identifier: MIT */
/* e2e.c — starts, asks and ends the program under test. */
#include "e2e.h"

#include <curl/curl.h>
#include <errno.h>
#include <fcntl.h>
#include <setjmp.h>
#include <signal.h>
#include <spawn.h>
#include <stdarg.h>
#include <stdint.h>
#include <sys/wait.h>

#include <cmocka.h>

enum { FLAGS_MAX = 32, BODY_MAX = 4 << 20, LINE_MAX_BYTES = 64 << 10 };

/* ---- the process */

int e2e_set_up(void **state)
{
    curl_global_init(CURL_GLOBAL_DEFAULT);
    e2e *d = calloc(1, sizeof *d);
    assert_non_null(d);
    d->folder = scratch_make();
    *state = d;
    return 0;
}

static void print_log(const e2e *d)
{
    FILE *f = fopen(scratch_at(&d->folder, "log").text, "r");
    if (!f)
        return;
    char line[1024];
    while (fgets(line, sizeof line, f))
        fputs(line, stderr);
    fclose(f);
}

int e2e_tear_down(void **state)
{
    e2e *d = *state;
    if (d->pid) { /* only a failed test leaves it running */
        print_log(d);
        e2e_end(d, SIGKILL);
    }
    scratch_remove(&d->folder);
    free(d);
    return 0;
}

/* Spawns with stdout into a pipe, whose reading end is returned. */
static int spawn(e2e *d, const char *const *flags)
{
    const char *binary = getenv("ANOMALYD_BINARY"), *data = getenv("ANOMALYD_TEST_DATA");
    if (!binary || !data)
        fail_msg("ANOMALYD_BINARY and ANOMALYD_TEST_DATA are not set: run this by ctest");
    scratch_path folder = scratch_at(&d->folder, "state"), log = scratch_at(&d->folder, "log");
    const char *arguments[FLAGS_MAX] = {
        binary,      "serve", "--state",   folder.text, "--listen",        "127.0.0.1:0", "--import-root", data,
        "--workers", "1",     "--threads", "2",         "--score-threads", "1",           "--log-level",   "debug"};
    int n = 16;
    for (; flags && *flags; flags++)
        arguments[n++] = *flags;
    int ends[2];
    assert_int_equal(pipe2(ends, O_CLOEXEC), 0);
    posix_spawn_file_actions_t actions;
    posix_spawn_file_actions_init(&actions);
    posix_spawn_file_actions_adddup2(&actions, ends[1], STDOUT_FILENO);
    posix_spawn_file_actions_addopen(&actions, STDERR_FILENO, log.text, O_WRONLY | O_CREAT | O_APPEND, 0600);
    extern char **environ;
    int failed = posix_spawn(&d->pid, binary, &actions, NULL, (char **)(uintptr_t)arguments, environ);
    posix_spawn_file_actions_destroy(&actions);
    close(ends[1]);
    assert_int_equal(failed, 0);
    return ends[0];
}

void e2e_start(e2e *d, const char *const *flags)
{
    static const char says[] = "listening on ";
    int out = spawn(d, flags);
    FILE *f = fdopen(out, "r");
    char line[128] = "";
    char *got = fgets(line, sizeof line, f);
    fclose(f);
    if (!got || strncmp(line, says, sizeof says - 1) != 0)
        fail_msg("the daemon did not say where it listens: \"%s\"", line);
    line[strcspn(line, "\n")] = 0;
    snprintf(d->url, sizeof d->url, "%.60s", line + sizeof says - 1);
}

static int wait_for(e2e *d)
{
    int status = 0;
    while (waitpid(d->pid, &status, 0) < 0 && errno == EINTR)
        ;
    d->pid = 0;
    return status;
}

int e2e_run(e2e *d, const char *const *flags)
{
    int out = spawn(d, flags);
    int status = wait_for(d);
    close(out);
    assert_true(WIFEXITED(status));
    return WEXITSTATUS(status);
}

int e2e_end(e2e *d, int number)
{
    kill(d->pid, number);
    return wait_for(d);
}

pid_t e2e_worker(const e2e *d)
{
    char path[64];
    snprintf(path, sizeof path, "/proc/%d/task/%d/children", (int)d->pid, (int)d->pid);
    FILE *f = fopen(path, "r");
    assert_non_null(f);
    int pid = 0;
    int found = fscanf(f, "%d", &pid);
    fclose(f);
    if (found != 1)
        fail_msg("the daemon has no worker");
    return pid;
}

/* ---- requests */

typedef struct buffer {
    char *bytes;
    size_t size;
} buffer;

static size_t collect(char *bytes, size_t one, size_t n, void *context)
{
    buffer *b = context;
    if (one * n > BODY_MAX - b->size)
        return 0;
    memcpy(b->bytes + b->size, bytes, one * n);
    b->size += one * n;
    return one * n;
}

static CURL *curl_for(const e2e *d, const char *path)
{
    char url[512];
    CURL *c = curl_easy_init();
    assert_non_null(c);
    snprintf(url, sizeof url, "%s%s", d->url, path);
    curl_easy_setopt(c, CURLOPT_URL, url);
    curl_easy_setopt(c, CURLOPT_NOSIGNAL, 1L);
    return c;
}

static struct curl_slist *headers_of(const ask *a)
{
    char line[512];
    struct curl_slist *list = curl_slist_append(NULL, "Expect:");
    snprintf(line, sizeof line, "Content-Type: %s", a->type ? a->type : "");
    list = curl_slist_append(list, line);
    if (a->key) {
        snprintf(line, sizeof line, "Idempotency-Key: %s", a->key);
        list = curl_slist_append(list, line);
    }
    if (a->since) {
        snprintf(line, sizeof line, "Last-Event-ID: %s", a->since);
        list = curl_slist_append(list, line);
    }
    return list;
}

reply e2e_ask(const e2e *d, const ask *a)
{
    CURL *c = curl_for(d, a->path);
    buffer b = {.bytes = malloc(BODY_MAX)};
    assert_non_null(b.bytes);
    struct curl_slist *headers = headers_of(a);
    curl_easy_setopt(c, CURLOPT_CUSTOMREQUEST, a->verb);
    curl_easy_setopt(c, CURLOPT_HTTPHEADER, headers);
    curl_easy_setopt(c, CURLOPT_WRITEFUNCTION, collect);
    curl_easy_setopt(c, CURLOPT_WRITEDATA, &b);
    if (a->bytes) {
        curl_easy_setopt(c, CURLOPT_POSTFIELDS, a->bytes);
        curl_easy_setopt(c, CURLOPT_POSTFIELDSIZE, (long)a->size);
    }
    reply r = {0};
    CURLcode code = curl_easy_perform(c);
    if (code)
        fail_msg("%s %s: %s", a->verb, a->path, curl_easy_strerror(code));
    curl_easy_getinfo(c, CURLINFO_RESPONSE_CODE, &r.status);
    r.body = json_loadb(b.bytes, b.size, 0, NULL);
    curl_slist_free_all(headers);
    curl_easy_cleanup(c);
    free(b.bytes);
    return r;
}

reply e2e_get(const e2e *d, const char *path)
{
    return e2e_ask(d, &(ask){.verb = "GET", .path = path});
}

reply e2e_post(const e2e *d, const char *path, const char *format, ...)
{
    char text[4096];
    va_list arguments;
    va_start(arguments, format);
    int n = vsnprintf(text, sizeof text, format, arguments);
    va_end(arguments);
    assert_true(n > 0 && (size_t)n < sizeof text);
    return e2e_ask(d,
                   &(ask){.verb = "POST", .path = path, .type = "application/json", .bytes = text, .size = (size_t)n});
}

/* ---- events */

typedef struct stream {
    char line[LINE_MAX_BYTES];
    size_t size;
    char type[32];
    e2e_until *until;
    void *context;
    bool enough;
} stream;

static void take_line(stream *s)
{
    s->line[s->size] = 0;
    if (!strncmp(s->line, "event: ", 7))
        snprintf(s->type, sizeof s->type, "%.31s", s->line + 7);
    if (!strncmp(s->line, "data: ", 6)) {
        json_t *data = json_loads(s->line + 6, 0, NULL);
        assert_non_null(data);
        s->enough = s->enough || s->until(s->context, s->type, data);
        json_decref(data);
    }
    s->size = 0;
}

static size_t take_stream(char *bytes, size_t one, size_t n, void *context)
{
    stream *s = context;
    for (size_t i = 0; i < one * n && !s->enough; i++) {
        if (bytes[i] == '\n')
            take_line(s);
        else if (s->size < sizeof s->line - 1)
            s->line[s->size++] = bytes[i];
    }
    return s->enough ? 0 : one * n; /* 0 ends the transfer */
}

void e2e_follow(const e2e *d, const char *job, e2e_until *until, void *context)
{
    char path[128];
    snprintf(path, sizeof path, "/jobs/%s/events", job);
    stream *s = calloc(1, sizeof *s);
    assert_non_null(s);
    s->until = until;
    s->context = context;
    CURL *c = curl_for(d, path);
    curl_easy_setopt(c, CURLOPT_WRITEFUNCTION, take_stream);
    curl_easy_setopt(c, CURLOPT_WRITEDATA, s);
    CURLcode code = curl_easy_perform(c);
    bool enough = s->enough;
    long status = 0;
    curl_easy_getinfo(c, CURLINFO_RESPONSE_CODE, &status);
    curl_easy_cleanup(c);
    free(s);
    if (status != 200 || (code && !enough))
        fail_msg("%s: status %ld, %s", path, status, curl_easy_strerror(code));
}

static bool never(void *context, const char *type, json_t *data)
{
    (void)context;
    (void)type;
    (void)data;
    return false;
}

json_t *e2e_await(const e2e *d, const char *job)
{
    char path[128];
    snprintf(path, sizeof path, "/jobs/%s", job);
    e2e_follow(d, job, never, NULL);
    reply r = e2e_get(d, path);
    assert_int_equal(r.status, 200);
    return r.body;
}

static bool is_checkpoint(void *context, const char *type, json_t *data)
{
    return !strcmp(type, "log") && !strcmp(text_of(data, "message"), "checkpoint") &&
           json_integer_value(json_object_get(data, "step")) >= *(int *)context;
}

void e2e_await_checkpoint(const e2e *d, const char *job, int step)
{
    e2e_follow(d, job, is_checkpoint, &step);
}

static bool is_attempt(void *context, const char *type, json_t *data)
{
    return !strcmp(type, "state") && !strcmp(text_of(data, "state"), "running") &&
           json_integer_value(json_object_get(data, "attempt")) >= *(int *)context;
}

void e2e_await_attempt(const e2e *d, const char *job, int attempt)
{
    e2e_follow(d, job, is_attempt, &attempt);
}

/* ---- what most tests begin with */

const char *text_of(json_t *o, const char *key)
{
    const char *text = json_string_value(json_object_get(o, key));
    return text ? text : "";
}

void e2e_import(const e2e *d)
{
    reply r =
        e2e_post(d, "/datasets", "{\"name\": \"digits\", \"path\": \"%s/mnist-sample\"}", getenv("ANOMALYD_TEST_DATA"));
    assert_int_equal(r.status, 201);
    assert_int_equal(json_integer_value(json_object_get(json_object_get(r.body, "images"), "train")), 4000);
    json_decref(r.body);
}

job_id e2e_submit(const e2e *d, const char *fields)
{
    reply r = e2e_post(
        d, "/jobs", "{\"kind\": \"train\", \"dataset\": \"digits\", \"protocol\": \"one-class\", \"class\": \"3\", %s}",
        fields);
    if (r.status != 202)
        fail_msg("POST /jobs: %ld, %s", r.status, text_of(r.body, "detail"));
    job_id id;
    snprintf(id.text, sizeof id.text, "%s", text_of(r.body, "id"));
    json_decref(r.body);
    return id;
}

void e2e_digest(const e2e *d, json_t *job, char digest[65])
{
    char path[128];
    assert_string_equal(text_of(job, "state"), "succeeded");
    snprintf(path, sizeof path, "/runs/%s", text_of(job, "run"));
    reply r = e2e_get(d, path);
    assert_int_equal(r.status, 200);
    snprintf(digest, 65, "%s", text_of(r.body, "weights_digest"));
    assert_int_equal(strlen(digest), 64);
    json_decref(r.body);
}
