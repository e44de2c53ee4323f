/* SPDX-License-Identifier: MIT */
/*
 * bench_http.c — images of a data set as bodies of POST /score, sent to a running daemon by load.c, and what that gave
 * as one line of JSON. What the daemon itself counts comes from its GET /metrics.
 */
#include "daemon/cli/bench.h"

#include "daemon/cli/values.h"
#include "daemon/client/http.h"
#include "daemon/client/load.h"
#include "data/image.h"

#include <assert.h>
#include <jansson.h>
#include <math.h>
#include <sodium.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { IMAGES_MAX = 1024, PER_REQUEST_MAX = 256, REQUESTS_MAX = 1000000000 };
typedef struct load_request {
    const char *server, *model, *source;
    client *daemon;
    char *url;                              /* of POST /score; owned */
    int connections, per_request, requests; /* requests 0: by time alone */
    double rate, seconds, warm;
} load_request;

typedef struct bodies {
    load_body *list;
    size_t count;
} bodies;

/* What the daemon has counted so far; NAN where it does not tell. */
typedef struct counters {
    double cpu_s, images, batches;
} counters;

/* ---- options */

#define AT(member_) offsetof(load_request, member_)

static const flag http_flags[] = {
    FLAG("model", 0, TEXT, AT(model), "NAME[:VERSION]", "which model scores", .required = true),
    FLAG("images", 0, TEXT, AT(source), "SOURCE",
         "a file, an archive or a folder, as POST /datasets takes them; images of all of it are sent in turn, as PNG",
         .required = true),
    FLAG("connections", 0, INT, AT(connections), "N", "kept alive, each with one request at a time", .min = 1,
         .max = LOAD_CONNECTIONS_MAX, .preset = "64"),
    FLAG("rate", 0, NUMBER, AT(rate), "R",
         "requests a second that are due whether answers come or not; latencies count from then. Without it each "
         "connection sends its next request when the last is answered",
         .min = 0.01, .max = 1e6),
    FLAG("per-request", 0, INT, AT(per_request), "N", "images in a request; more than 1 go as JSON", .min = 1,
         .max = PER_REQUEST_MAX, .preset = "1"),
    FLAG("seconds", 0, NUMBER, AT(seconds), "S", "how long to send", .min = 0.001, .max = 3600, .preset = "10"),
    FLAG("requests", 0, INT, AT(requests), "N", "or fewer: as long as it takes to send so many", .min = 1,
         .max = REQUESTS_MAX),
    FLAG("warm", 0, NUMBER, AT(warm), "S", "seconds before that are not counted", .max = 3600, .preset = "2"),
    {0}};

const usage bench_http_usage = {
    .words = "bench http",
    .summary = "requests to a running daemon",
    .operands = {"URL"},
    .about = "Sends images to POST /score of the daemon at URL (http://127.0.0.1:8080).",
    .flags = http_flags,
    .after = "Prints one JSON object: {\"work\", \"connections\", \"rate\", \"requests_per_s\", \"images_per_s\", "
             "\"p50_ms\", ...}.\n"
             "CPU seconds are those used in the seconds counted, by this program and by the daemon without its jobs."};

/* ---- bodies */

static void bodies_free(bodies *b)
{
    for (size_t i = 0; b->list && i < b->count; i++)
        free(b->list[i].bytes);
    free(b->list);
    *b = (bodies){0};
}

/* At most IMAGES_MAX images at even distances, so that all classes are among them. */
static bool encode_images(const char *source, bodies *out, error *e)
{
    dataset *d = source_open(source, e);
    if (!d)
        return false;
    shape s = dataset_facts(d)->image;
    size_t all = (size_t)s.n;
    out->count = all < IMAGES_MAX ? all : IMAGES_MAX;
    out->list = calloc(out->count, sizeof *out->list);
    bool good = out->list || error_memory(e, "images");
    for (size_t i = 0; good && i < out->count; i++) {
        image one = {.width = s.w, .height = s.h, .channels = s.c};
        one.pixels = (uint8_t *)(uintptr_t)dataset_image(d, i * all / out->count); /* only read */
        good = image_encode_png(&one, &out->list[i].bytes, &out->list[i].size, e);
    }
    dataset_free(d);
    return good;
}

static json_t *image_json(const load_body *png)
{
    size_t room = sodium_base64_encoded_len(png->size, sodium_base64_VARIANT_ORIGINAL);
    char *text = malloc(room);
    if (!text)
        return NULL;
    sodium_bin2base64(text, room, png->bytes, png->size, sodium_base64_VARIANT_ORIGINAL);
    json_t *value = json_pack("{s:s}", "data", text);
    free(text);
    return value;
}

static bool join_images(const bodies *images, size_t first, int per_request, load_body *out)
{
    json_t *list = json_array();
    bool good = true;
    for (int i = 0; good && i < per_request; i++)
        good = !json_array_append_new(list, image_json(&images->list[(first + (size_t)i) % images->count]));
    json_t *body = json_pack("{s:o}", "images", list);
    out->bytes = good && body ? json_dumps(body, JSON_COMPACT) : NULL;
    out->size = out->bytes ? strlen(out->bytes) : 0;
    json_decref(body);
    return out->bytes != NULL;
}

/* Replaces images by requests of several. */
static bool join(bodies *b, int per_request, error *e)
{
    bodies images = *b;
    *b = (bodies){.count = (images.count + (size_t)per_request - 1) / (size_t)per_request};
    b->list = calloc(b->count, sizeof *b->list);
    bool good = b->list != NULL;
    for (size_t i = 0; good && i < b->count; i++)
        good = join_images(&images, i * (size_t)per_request, per_request, &b->list[i]);
    bodies_free(&images);
    return good || error_memory(e, "requests");
}

/* ---- the daemon's own numbers */

static double metric(const char *text, const char *name)
{
    size_t length = strlen(name);
    for (const char *at = text; (at = strstr(at, name)); at += length)
        if (at > text && at[-1] == '\n' && at[length] == ' ')
            return strtod(at + length, NULL);
    return NAN;
}

static counters read_counters(client *daemon)
{
    counters n = {NAN, NAN, NAN};
    client_answer a = {0};
    error reason = {0};
    if (client_ask(daemon, &(client_request){.method = "GET", .path = {"metrics"}}, &a, &reason) && a.text) {
        n.cpu_s = metric(a.text, "process_cpu_seconds_total");
        n.images = metric(a.text, "anomalyd_score_batch_images_sum");
        n.batches = metric(a.text, "anomalyd_score_batch_images_count");
    }
    client_answer_free(&a);
    return n;
}

/* ---- the report */

static json_t *rounded(double value)
{
    return isfinite(value) ? json_real(round(value * 1e3) / 1e3) : json_null();
}

static json_t *percentile(const load_tally *t, double share)
{
    return t->answers ? rounded(load_percentile_ms(t, share)) : json_null();
}

static json_t *kinds(const load_tally *t)
{
    json_t *list = json_object();
    for (int i = 0; i < t->kind_count; i++)
        json_object_set_new(list, t->kinds[i].what, json_integer((json_int_t)t->kinds[i].count));
    return list;
}

static void print(const load_request *p, const load_tally *t, counters before, counters after)
{
    double rate = t->seconds > 0 ? (double)t->answers / t->seconds : 0;
    json_int_t requests = (json_int_t)t->answers + (json_int_t)t->failed;
    json_t *line = json_pack("{s:s, s:i, s:o, s:i, s:I, s:o, s:o}", "work", p->rate > 0 ? "http-open" : "http-closed",
                             "connections", p->connections, "rate", p->rate > 0 ? rounded(p->rate) : json_null(),
                             "images_per_request", p->per_request, "requests", requests, "requests_per_s",
                             rounded(rate), "images_per_s", rounded(rate * p->per_request));
    json_t *rest = json_pack(
        "{s:o, s:o, s:o, s:o, s:o, s:I, s:o, s:o, s:o, s:o, s:o}", "p50_ms", percentile(t, 0.5), "p90_ms",
        percentile(t, 0.9), "p99_ms", percentile(t, 0.99), "p999_ms", percentile(t, 0.999), "max_ms", percentile(t, 1),
        "errors", (json_int_t)t->failed, "error_kinds", kinds(t), "client_cpu_s", rounded(t->cpu_s), "daemon_cpu_s",
        rounded(after.cpu_s - before.cpu_s), "images_per_batch",
        rounded((after.images - before.images) / (after.batches - before.batches)), "seconds", rounded(t->seconds));
    json_object_update_new(line, rest);
    print_result_line(line, 9);
}

/* What went wrong, in words: the problem that the first failed answer told. */
static void tell(const load_request *p, const load_tally *t)
{
    json_t *problem = json_loads(t->first_failure, 0, NULL);
    const char *detail = json_string_value(json_object_get(problem, "detail"));
    for (int i = 0; i < t->kind_count; i++)
        fprintf(stderr, "anomalyd bench: %s: %llu of %llu requests failed: %s%s%s\n", p->url,
                (unsigned long long)t->kinds[i].count, (unsigned long long)(t->answers + t->failed), t->kinds[i].what,
                detail && i == 0 ? ": " : "", detail && i == 0 ? detail : "");
    json_decref(problem);
}

static bool measure(const load_request *p, load *l, error *e)
{
    load_tally warm = {0}, counted = {0};
    bool good = p->warm == 0 || load_run(l, (load_span){.seconds = p->warm}, &warm, e);
    load_tally_free(&warm);
    if (!good)
        return false;
    counters before = read_counters(p->daemon);
    load_span span = {.seconds = p->seconds, .requests = (uint64_t)p->requests};
    good = load_run(l, span, &counted, e);
    if (good) {
        print(p, &counted, before, read_counters(p->daemon));
        tell(p, &counted);
        good = counted.answers > 0 || error_set(e, ERROR_IO, "%s: no request was answered well", p->url);
    }
    load_tally_free(&counted);
    return good;
}

int bench_http(int argc, char **argv)
{
    load_request p = {.connections = 64, .per_request = 1, .seconds = 10, .warm = 2};
    error e = {0};
    command_line a;
    int status;
    if (!usage_read(&bench_http_usage, argc, argv, &p, &a, &status))
        return status;
    p.server = a.operands[0];
    p.daemon = client_new(p.server, &e);
    if (!p.daemon)
        return usage_refuse(&bench_http_usage, &e);
    p.url = client_request_url(p.daemon, &(client_request){.path = {"score"}, .query = {{"model", p.model}}}, &e);
    bodies b = {0};
    bool good = p.url && encode_images(p.source, &b, &e) && (p.per_request == 1 || join(&b, p.per_request, &e));
    load *l = NULL;
    if (good) {
        load_plan lp = {.url = p.url,
                        .type = p.per_request > 1 ? "application/json" : "image/png",
                        .bodies = b.list,
                        .body_count = b.count,
                        .connections = p.connections,
                        .rate = p.rate,
                        .failure_mark = "\"error\": "};
        l = load_new(&lp, &e);
    }
    good = l && measure(&p, l, &e);
    load_free(l);
    bodies_free(&b);
    free(p.url);
    client_free(p.daemon);
    return end_command("bench http", good, &e);
}
