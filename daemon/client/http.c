/* SPDX-License-Identifier: MIT */
/* http.c — see http.h: libcurl's easy interface, over one connection that is kept. */
#include "daemon/client/http.h"

#include <assert.h>
#include <curl/curl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { CONNECT_MS_MAX = 10000, SILENCE_S_MAX = 90 /* longer than a daemon takes for a request by its presets */ };

struct client {
    CURL *easy;
    char *base;                     /* without a slash at its end, with what it has of a password */
    char *shown;                    /* without */
    bool (*stopped)(void *context); /* NULL: never */
    void *stopped_context;
    char failure[CURL_ERROR_SIZE];
};

/* ---- where to */

/* The parts of a URL that may stand before a path of the daemon's; all that they say is in c->base. */
static bool read_url(client *c, const char *text, error *e)
{
    CURLU *url = curl_url();
    char *base = NULL, *shown = NULL;
    if (!url)
        return error_memory(e, "a URL");
    bool good = !curl_url_set(url, CURLUPART_URL, text, 0) && !strncmp(text, "http", 4) && !strpbrk(text, "?#") &&
                !curl_url_get(url, CURLUPART_URL, &base, 0) && !curl_url_set(url, CURLUPART_PASSWORD, NULL, 0) &&
                !curl_url_get(url, CURLUPART_URL, &shown, 0);
    if (!good)
        error_set(e, ERROR_INVALID, "\"%s\" is not the URL of a daemon, such as http://127.0.0.1:8080", text);
    c->base = good ? strdup(base) : NULL;
    c->shown = good ? strdup(shown) : NULL;
    curl_free(base);
    curl_free(shown);
    curl_url_cleanup(url);
    if (!good)
        return false;
    if (!c->base || !c->shown)
        return error_memory(e, "a URL");
    for (size_t n = strlen(c->base); n && c->base[n - 1] == '/'; n--)
        c->base[n - 1] = 0;
    for (size_t n = strlen(c->shown); n && c->shown[n - 1] == '/'; n--)
        c->shown[n - 1] = 0;
    return true;
}

static bool put_encoded(FILE *out, CURL *easy, const char *before, const char *text)
{
    char *encoded = curl_easy_escape(easy, text, 0);
    if (encoded)
        fprintf(out, "%s%s", before, encoded);
    curl_free(encoded);
    return encoded != NULL;
}

char *client_request_url(const client *c, const client_request *q, error *e)
{
    char *url = NULL;
    size_t size = 0;
    FILE *out = open_memstream(&url, &size);
    bool good = out && fputs(c->base, out) >= 0;
    for (int i = 0; good && i < CLIENT_PATH_MAX && q->path[i]; i++)
        good = put_encoded(out, c->easy, "/", q->path[i]);
    for (int i = 0; good && i < CLIENT_QUERY_MAX && q->query[i].name; i++)
        good = put_encoded(out, c->easy, i ? "&" : "?", q->query[i].name) &&
               put_encoded(out, c->easy, "=", q->query[i].value);
    good = good && !ferror(out);
    if (out && fclose(out) == 0 && good)
        return url;
    free(url);
    error_memory(e, "a URL");
    return NULL;
}

/* ---- the transfer */

static size_t take(char *bytes, size_t one, size_t n, void *context)
{
    client_answer *to = context;
    size_t more = one * n;
    if (more > CLIENT_ANSWER_BYTES_MAX - to->size)
        return 0;
    char *text = realloc(to->text, to->size + more + 1);
    if (!text)
        return 0;
    memcpy(text + to->size, bytes, more);
    to->text = text;
    to->size += more;
    text[to->size] = 0;
    return more;
}

/* libcurl calls it about once a second, also while nothing comes; other than 0 ends the transfer. */
static int look_whether_stopped(void *context, curl_off_t a, curl_off_t b, curl_off_t d, curl_off_t f)
{
    (void)a, (void)b, (void)d, (void)f;
    const client *c = context;
    return c->stopped && c->stopped(c->stopped_context);
}

static bool set_up(client *c)
{
    CURL *easy = c->easy;
    return !curl_easy_setopt(easy, CURLOPT_PROTOCOLS_STR, "http,https") && !curl_easy_setopt(easy, CURLOPT_PROXY, "") &&
           !curl_easy_setopt(easy, CURLOPT_NOSIGNAL, 1L) &&
           !curl_easy_setopt(easy, CURLOPT_HTTP_VERSION, CURL_HTTP_VERSION_1_1) &&
           !curl_easy_setopt(easy, CURLOPT_PATH_AS_IS, 1L) &&
           !curl_easy_setopt(easy, CURLOPT_CONNECTTIMEOUT_MS, (long)CONNECT_MS_MAX) &&
           !curl_easy_setopt(easy, CURLOPT_LOW_SPEED_LIMIT, 1L) &&
           !curl_easy_setopt(easy, CURLOPT_LOW_SPEED_TIME, (long)SILENCE_S_MAX) &&
           !curl_easy_setopt(easy, CURLOPT_ERRORBUFFER, c->failure) &&
           !curl_easy_setopt(easy, CURLOPT_NOPROGRESS, 0L) &&
           !curl_easy_setopt(easy, CURLOPT_XFERINFOFUNCTION, look_whether_stopped) &&
           !curl_easy_setopt(easy, CURLOPT_XFERINFODATA, c) && !curl_easy_setopt(easy, CURLOPT_WRITEFUNCTION, take);
}

/* Returns new; NULL: out of memory. `Expect` off: a body is sent with its headers. */
static struct curl_slist *make_headers(const client_request *q)
{
    struct curl_slist *first = curl_slist_append(NULL, "Expect:");
    bool good = first && (!q->body || curl_slist_append(first, "Content-Type: application/json"));
    if (good && q->key) {
        size_t room = strlen(q->key) + sizeof "Idempotency-Key: ";
        char *line = malloc(room);
        if (line)
            snprintf(line, room, "Idempotency-Key: %s", q->key);
        good = line && curl_slist_append(first, line);
        free(line);
    }
    if (good)
        return first;
    curl_slist_free_all(first);
    return NULL;
}

/* A POST without a body says so by a length of 0. */
static bool set_request(const client *c, const client_request *q, const char *url, const char *body,
                        struct curl_slist *headers, client_answer *out)
{
    CURL *easy = c->easy;
    if (curl_easy_setopt(easy, CURLOPT_HTTPGET, 1L) || curl_easy_setopt(easy, CURLOPT_CUSTOMREQUEST, NULL) ||
        curl_easy_setopt(easy, CURLOPT_URL, url) || curl_easy_setopt(easy, CURLOPT_HTTPHEADER, headers) ||
        curl_easy_setopt(easy, CURLOPT_WRITEDATA, out))
        return false;
    if (!strcmp(q->method, "POST"))
        return !curl_easy_setopt(easy, CURLOPT_POST, 1L) &&
               !curl_easy_setopt(easy, CURLOPT_POSTFIELDSIZE_LARGE, (curl_off_t)(body ? strlen(body) : 0)) &&
               !curl_easy_setopt(easy, CURLOPT_POSTFIELDS, body ? body : "");
    return !strcmp(q->method, "GET") || !curl_easy_setopt(easy, CURLOPT_CUSTOMREQUEST, q->method);
}

static bool failed_transfer(const client *c, CURLcode code, const client_answer *got, error *e)
{
    if (code == CURLE_OUT_OF_MEMORY)
        return error_memory(e, "a request");
    if (code == CURLE_ABORTED_BY_CALLBACK)
        return error_set(e, ERROR_CANCELLED, "interrupted");
    if (code == CURLE_WRITE_ERROR)
        return error_set(e, ERROR_LIMIT, "%s: an answer of more than %zu bytes does not fit", c->shown, got->size);
    return error_set(e, ERROR_IO, "%s does not answer: %s", c->shown,
                     c->failure[0] ? c->failure : curl_easy_strerror(code));
}

/* ---- answers */

static enum error_code code_of(long status)
{
    switch (status) {
    case 404:
        return ERROR_NOT_FOUND;
    case 409:
        return ERROR_CONFLICT;
    case 413:
        return ERROR_LIMIT;
    case 429:
    case 503:
        return ERROR_BUSY;
    default:
        return status >= 400 && status < 500 ? ERROR_INVALID : ERROR_INTERNAL;
    }
}

/* The detail names the first of a body's errors; the others follow, each on a line. */
static bool tell_problem(const client *c, long status, const client_answer *a, error *e)
{
    json_t *problem = a->text ? json_loadb(a->text, a->size, 0, NULL) : NULL;
    const char *detail = json_string_value(json_object_get(problem, "detail"));
    const json_t *errors = json_object_get(problem, "errors");
    char text[ERROR_MESSAGE_MAX];
    size_t used = 0;
    if (detail)
        used = (size_t)snprintf(text, sizeof text, "%s", detail);
    else
        used = (size_t)snprintf(text, sizeof text, "%s answers with HTTP %ld and no problem+json", c->shown, status);
    for (size_t i = 1; i < json_array_size(errors) && used < sizeof text; i++) {
        const json_t *one = json_array_get(errors, i);
        const char *pointer = json_string_value(json_object_get(one, "pointer"));
        const char *what = json_string_value(json_object_get(one, "detail"));
        used +=
            (size_t)snprintf(text + used, sizeof text - used, "\n  %s: %s", pointer ? pointer : "", what ? what : "");
    }
    json_decref(problem);
    return error_set(e, code_of(status), "%s", text);
}

bool client_ask(client *c, const client_request *q, client_answer *out, error *e)
{
    assert(!out->text && !out->size);
    long status = 0;
    char *body = q->body ? json_dumps(q->body, JSON_COMPACT | JSON_REAL_PRECISION(17)) : NULL;
    char *url = client_request_url(c, q, e);
    struct curl_slist *headers = make_headers(q);
    bool good = url && headers && (body || !q->body) && set_request(c, q, url, body, headers, out);
    if (!good) {
        error_memory(e, "a request");
    } else {
        c->failure[0] = 0;
        CURLcode code = curl_easy_perform(c->easy);
        status = client_status(c);
        good = !code || failed_transfer(c, code, out, e);
        good = good && ((status >= 200 && status < 300) || tell_problem(c, status, out, e));
    }
    if (!good)
        client_answer_free(out);
    curl_slist_free_all(headers);
    free(url);
    free(body);
    return good;
}

void client_answer_free(client_answer *a)
{
    free(a->text);
    *a = (client_answer){0};
}

long client_status(const client *c)
{
    long status = 0;
    curl_easy_getinfo(c->easy, CURLINFO_RESPONSE_CODE, &status);
    return status;
}

const char *client_header(client *c, const char *name)
{
    struct curl_header *found;
    return curl_easy_header(c->easy, name, 0, CURLH_HEADER, -1, &found) ? NULL : found->value;
}

json_t *client_json(const client *c, const client_answer *a, error *e)
{
    json_error_t at;
    json_t *body = json_loadb(a->text ? a->text : "", a->size, 0, &at);
    if (!body)
        error_set(e, ERROR_CORRUPT, "%s answers with no JSON: %s", c->shown, at.text);
    return body;
}

json_t *client_ask_json(client *c, const client_request *q, error *e)
{
    client_answer a = {0};
    if (!client_ask(c, q, &a, e))
        return NULL;
    json_t *body = client_json(c, &a, e);
    client_answer_free(&a);
    return body;
}

/* ---- the whole */

client *client_new(const char *url, error *e)
{
    if (curl_global_init(CURL_GLOBAL_DEFAULT)) {
        error_memory(e, "an HTTP client");
        return NULL;
    }
    client *c = calloc(1, sizeof *c);
    if (!c) {
        curl_global_cleanup();
        error_memory(e, "an HTTP client");
        return NULL;
    }
    bool good = read_url(c, url, e);
    if (good) {
        c->easy = curl_easy_init();
        good = (c->easy && set_up(c)) || error_memory(e, "an HTTP client");
    }
    if (good)
        return c;
    client_free(c);
    return NULL;
}

void client_free(client *c)
{
    if (!c)
        return;
    curl_easy_cleanup(c->easy);
    curl_global_cleanup();
    free(c->base);
    free(c->shown);
    free(c);
}

const char *client_url(const client *c)
{
    return c->shown;
}

void client_stop_on(client *c, bool (*stopped)(void *context), void *context)
{
    c->stopped = stopped;
    c->stopped_context = context;
}
