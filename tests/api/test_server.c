/* SPDX-License-Identifier: MIT */
/* test_server.c — what holds for every request, whatever it asks for. */
#include "tests/api/fake_service.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static void health_says_alive(void **state)
{
    reply r = get(*state, "/healthz");
    assert_status(&r, 200);
    assert_string_equal(json_string_value(json_object_get(r.json, "status")), "alive");
    assert_string_equal(reply_header(&r, "Content-Type"), "application/json");
    assert_string_equal(reply_header(&r, "X-Content-Type-Options"), "nosniff");
    reply_free(&r);
}

static void readiness_gives_the_reason_while_not_ready(void **state)
{
    fake *f = *state;
    reply r = get(f, "/readyz");
    assert_status(&r, 200);
    reply_free(&r);
    f->ready = false;
    r = get(f, "/readyz");
    assert_problem(&r, 503, "the registry is not open");
    assert_non_null(reply_header(&r, "Retry-After"));
    reply_free(&r);
}

static void head_is_answered_like_get_without_a_body(void **state)
{
    fake *f = *state;
    client *c = client_open(f);
    client_say(c, "HEAD /healthz HTTP/1.1\r\nHost: a\r\n\r\n");
    reply r = client_read(c, true);
    assert_status(&r, 200);
    assert_true(strtol(reply_header(&r, "Content-Length"), NULL, 10) > 10);
    reply_free(&r);
    client_say(c, "GET /healthz HTTP/1.1\r\nHost: a\r\n\r\n");
    r = client_read(c, false);
    assert_status(&r, 200);
    assert_non_null(r.json);
    reply_free(&r);
    client_close(c);
}

static void an_unknown_path_is_404_and_names_itself(void **state)
{
    reply r = get(*state, "/nothing");
    assert_problem(&r, 404, "/nothing");
    assert_string_equal(json_string_value(json_object_get(r.json, "instance")), "/nothing");
    reply_free(&r);
    r = get(*state, "/healthz/");
    assert_problem(&r, 404, "/healthz/");
    reply_free(&r);
}

static void a_wrong_verb_is_405_with_allow(void **state)
{
    reply r = ask(*state, "DELETE", "/healthz", "", NULL, 0);
    assert_problem(&r, 405, "DELETE");
    assert_string_equal(reply_header(&r, "Allow"), "GET, HEAD");
    reply_free(&r);
    r = ask(*state, "POST", "/readyz", "", "body", 4);
    assert_problem(&r, 405, "POST");
    reply_free(&r);
}

static void unknown_query_parameters_are_named(void **state)
{
    reply r = get(*state, "/healthz?verbose=1");
    assert_problem(&r, 400, "unknown query parameter 'verbose'");
    reply_free(&r);
    r = get(*state, "/healthz?a%00b=1");
    assert_problem(&r, 400, "malformed");
    reply_free(&r);
    r = get(*state, "/healthz?%zz=1");
    assert_problem(&r, 400, "malformed");
    reply_free(&r);
}

static void a_body_where_none_is_taken_is_refused(void **state)
{
    reply r = ask(*state, "GET", "/healthz", "", "x", 1);
    assert_problem(&r, 400, "takes no body");
    reply_free(&r);
}

static void a_sane_request_id_comes_back_and_another_does_not(void **state)
{
    reply r = ask(*state, "GET", "/healthz", "X-Request-Id: a.B-9_z\r\n", NULL, 0);
    assert_string_equal(reply_header(&r, "X-Request-Id"), "a.B-9_z");
    reply_free(&r);
    r = ask(*state, "GET", "/nothing", "X-Request-Id: <script>\r\n", NULL, 0);
    assert_status(&r, 404);
    assert_null(strchr(reply_header(&r, "X-Request-Id"), '<'));
    reply_free(&r);
}

static void a_connection_serves_many_requests(void **state)
{
    client *c = client_open(*state);
    client_say(c, "GET /healthz HTTP/1.1\r\nHost: a\r\n\r\nGET /none HTTP/1.1\r\nHost: a\r\n\r\n"
                  "GET /readyz HTTP/1.1\r\nHost: a\r\n\r\n");
    int expected[] = {200, 404, 200};
    for (int i = 0; i < 3; i++) {
        reply r = client_read(c, false);
        assert_status(&r, expected[i]);
        reply_free(&r);
    }
    client_close(c);
}

static void the_contract_is_served_as_written(void **state)
{
    reply r = get(*state, "/openapi.yaml");
    assert_status(&r, 200);
    assert_string_equal(reply_header(&r, "Content-Type"), "application/yaml");
    assert_true(!strncmp(r.body, "openapi: 3.1.0\n", 15));
    assert_int_equal(r.body_size, strlen(r.body));
    reply_free(&r);
}

static void the_index_speaks_json_or_html(void **state)
{
    reply r = get(*state, "/");
    assert_status(&r, 200);
    assert_string_equal(json_string_value(json_object_get(r.json, "name")), "anomalyd");
    reply_free(&r);
    r = ask(*state, "GET", "/", "Accept: text/html,application/xml;q=0.9,*/*;q=0.8\r\n", NULL, 0);
    assert_status(&r, 200);
    assert_non_null(strstr(r.body, "<a href=\"/healthz\">"));
    reply_free(&r);
}

/* Each must be 400 and close: two servers could disagree about where such a request ends. */
static void ambiguous_requests_are_refused_and_the_connection_closed(void **state)
{
    static const struct {
        const char *bytes;
        size_t size; /* 0: a string */
    } corpus[] = {
        {"POST /healthz HTTP/1.1\r\nHost: a\r\nContent-Length: 3\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n", 0},
        {"POST /healthz HTTP/1.1\r\nHost: a\r\nContent-Length: 3\r\nContent-Length: 4\r\n\r\nabcd", 0},
        {"POST /healthz HTTP/1.1\r\nHost: a\r\nContent-Length: 3\r\nContent-Length: 3\r\n\r\nabc", 0},
        {"GET /healthz HTTP/1.1\r\nHost: a\r\nHost: b\r\n\r\n", 0},
        {"GET /healthz HTTP/1.1\r\nHost: a\r\nX-a : b\r\n\r\n", 0},
        {"GET /healthz HTTP/1.1\r\nHost: a\r\nX-a: b\0c\r\nX-b: d\r\n\r\n",
         sizeof "GET /healthz HTTP/1.1\r\nHost: a\r\nX-a: b\0c\r\nX-b: d\r\n\r\n" - 1},
        {"GET /healthz HTTP/1.1\r\nHost: a\r\nX-a: b\0c\r\n\r\n",
         sizeof "GET /healthz HTTP/1.1\r\nHost: a\r\nX-a: b\0c\r\n\r\n" - 1},
        {"GET /healthz HTTP/1.1\r\nHost: a\r\nX-a: b\rX-c: d\r\n\r\n", 0},
        {"GET /healthz HTTP/1.1\r\nHost: a\nX-a: b\r\n\r\n", 0},
        {"GET /healthz HTTP/1.1\r\nHost: a\r\nX-a: b\n\r\n", 0},
        {"GET /healthz HTTP/1.1\nHost: a\r\n\r\n", 0},
        {"GET /healthz HTTP/1.1\r\nHost: a\r\nX-a: b\x01\r\n\r\n", 0},
        {"GET /healthz HTTP/1.1\r\nHost: a\r\nX(a): b\r\n\r\n", 0},
        {"POST /healthz HTTP/1.0\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n", 0},
        {"POST /healthz HTTP/1.1\r\nHost: a\r\nContent-Length: +3\r\n\r\nabc", 0},
        {"GET /healthz HTTP/1.1\r\n\r\n", 0},
        {"GET /\xff\xfe HTTP/1.1\r\nHost: a\r\n\r\n", 0},
        {"GET /healthz\x01 HTTP/1.1\r\nHost: a\r\n\r\n", 0},
    };
    for (size_t i = 0; i < sizeof corpus / sizeof *corpus; i++) {
        client *c = client_open(*state);
        client_send(c, corpus[i].bytes, corpus[i].size ? corpus[i].size : strlen(corpus[i].bytes));
        reply r = client_read(c, false);
        if (r.status != 400 || !r.closed)
            fail_msg("corpus %zu: status %d, closed %d: %s", i, r.status, r.closed, r.body ? r.body : "");
        reply_free(&r);
        client_close(c);
    }
}

static void sound_heads_of_many_shapes_are_let_through(void **state)
{
    static const char *const corpus[] = {
        "GET /healthz HTTP/1.1\r\nHost: a\r\n\r\n",
        "GET /healthz HTTP/1.1\r\nHost:a\r\nX-Empty:\r\nX-b: c \t\r\n\r\n",
        "\r\nGET /healthz HTTP/1.1\r\nHost: a\r\nCookie: a=b; c=d\r\nX-a: b\r\n\r\n",
        "GET /healthz HTTP/1.0\r\n\r\n",
        "GET /healthz HTTP/1.0\r\nX-a: b\r\n\r\n",
    };
    for (size_t i = 0; i < sizeof corpus / sizeof *corpus; i++) {
        client *c = client_open(*state);
        for (const char *at = corpus[i]; *at; at++) { /* byte by byte, so that buffers grow under the parser */
            client_send(c, at, 1);
            if (i % 2)
                fake_turn(*state);
        }
        reply r = client_read(c, false);
        if (r.status != 200)
            fail_msg("corpus %zu: status %d: %s", i, r.status, r.body ? r.body : "");
        reply_free(&r);
        client_close(c);
    }
    char many[8192] = "GET /healthz HTTP/1.1\r\nHost: a\r\n";
    for (int i = 0; i < 60; i++)
        snprintf(many + strlen(many), sizeof many - strlen(many), "X-%d: %0100d\r\n", i, i);
    snprintf(many + strlen(many), sizeof many - strlen(many), "\r\n");
    client *c = client_open(*state);
    client_say(c, many);
    reply r = client_read(c, false);
    assert_status(&r, 200);
    reply_free(&r);
    client_close(c);
}

/* The check of line distances relies on where MHD keeps the lines: it must hold wherever a head is cut by the network
 * and however often a connection was used before. */
static void sound_heads_are_let_through_however_they_arrive(void **state)
{
    unsigned seed = 1;
    char head[16384];
    client *c = client_open(*state);
    for (int round = 0; round < 300; round++) {
        int n = snprintf(head, sizeof head, "GET /healthz HTTP/1.1\r\nHost: a\r\n");
        int headers = round % 40;
        for (int i = 0; i < headers; i++) {
            seed = seed * 1103515245 + 12345;
            n += snprintf(head + n, sizeof head - (size_t)n, "X-%d: %0*d\r\n", i, (int)(seed >> 16) % 300 + 1, i);
        }
        n += snprintf(head + n, sizeof head - (size_t)n, "\r\n");
        for (int sent = 0; sent < n;) {
            seed = seed * 1103515245 + 12345;
            int part = (int)(seed >> 16) % 3000 + 1;
            part = part < n - sent ? part : n - sent;
            client_send(c, head + sent, (size_t)part);
            sent += part;
            if (sent < n)
                fake_turn(*state);
        }
        reply r = client_read(c, false);
        if (r.status != 200)
            fail_msg("round %d, %d headers: status %d: %s", round, headers, r.status, r.body);
        reply_free(&r);
    }
    client_close(c);
}

static void a_head_beyond_the_limit_is_431(void **state)
{
    client *c = client_open(*state);
    char line[1100];
    client_say(c, "GET /healthz HTTP/1.1\r\nHost: a\r\n");
    for (int i = 0; i < 60 && !c->closed; i++) {
        snprintf(line, sizeof line, "X-%d: %01000d\r\n", i, i);
        client_say(c, line);
    }
    reply r = client_read(c, false);
    assert_int_equal(r.status, 431);
    reply_free(&r);
    client_close(c);
}

static void dripped_headers_are_cut_at_the_deadline(void **state)
{
    (void)state;
    fake *f = fake_new(150, 10000);
    client *c = client_open(f);
    const char *drip = "GET /healthz HTTP/1.1\r\nHost: a\r\nX-a: bbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbb";
    while (*drip && !c->closed) { /* a byte a turn: never idle, never done */
        client_send(c, drip, 1);
        drip += drip[1] != '\0';
        fake_turn(f);
    }
    assert_true(c->closed);
    assert_int_equal(c->size, 0);
    client_close(c);
    fake_free(f);
}

static void new_requests_while_draining_are_503_but_health_is_not(void **state)
{
    fake *f = *state;
    f->draining = true;
    reply r = get(f, "/healthz");
    assert_status(&r, 200);
    reply_free(&r);
    r = get(f, "/metrics");
    assert_status(&r, 200);
    reply_free(&r);
}

static void quiescing_keeps_open_connections_alive(void **state)
{
    fake *f = *state;
    client *c = client_open(f);
    client_say(c, "GET /healthz HTTP/1.1\r\nHost: a\r\n\r\n");
    reply r = client_read(c, false);
    assert_status(&r, 200);
    reply_free(&r);
    server_quiesce(f->server);
    client_say(c, "GET /healthz HTTP/1.1\r\nHost: a\r\n\r\n");
    r = client_read(c, false);
    assert_status(&r, 200);
    reply_free(&r);
    client_close(c);
}

static void every_answer_is_counted_by_route_and_status(void **state)
{
    reply r = get(*state, "/healthz");
    reply_free(&r);
    r = get(*state, "/nothing");
    reply_free(&r);
    r = get(*state, "/metrics");
    assert_status(&r, 200);
    assert_non_null(strstr(r.body, "anomalyd_http_requests_total{route=\"/healthz\",method=\"GET\",code=\"200\"} 1\n"));
    assert_non_null(strstr(r.body, "anomalyd_http_requests_total{route=\"none\",method=\"any\",code=\"404\"} 1\n"));
    assert_non_null(strstr(r.body, "_bucket{route=\"/healthz\",method=\"GET\",le=\"+Inf\"} 1\n"));
    assert_non_null(strstr(r.body, "anomalyd_jobs{state=\"queued\"} 2\n"));
    reply_free(&r);
}

int main(void)
{
#define CASE(name) cmocka_unit_test_setup_teardown(name, fake_set_up, fake_tear_down)
    const struct CMUnitTest tests[] = {
        CASE(health_says_alive),
        CASE(readiness_gives_the_reason_while_not_ready),
        CASE(head_is_answered_like_get_without_a_body),
        CASE(an_unknown_path_is_404_and_names_itself),
        CASE(a_wrong_verb_is_405_with_allow),
        CASE(unknown_query_parameters_are_named),
        CASE(a_body_where_none_is_taken_is_refused),
        CASE(a_sane_request_id_comes_back_and_another_does_not),
        CASE(a_connection_serves_many_requests),
        CASE(the_contract_is_served_as_written),
        CASE(the_index_speaks_json_or_html),
        CASE(ambiguous_requests_are_refused_and_the_connection_closed),
        CASE(sound_heads_of_many_shapes_are_let_through),
        CASE(sound_heads_are_let_through_however_they_arrive),
        CASE(a_head_beyond_the_limit_is_431),
        cmocka_unit_test(dripped_headers_are_cut_at_the_deadline),
        CASE(new_requests_while_draining_are_503_but_health_is_not),
        CASE(quiescing_keeps_open_connections_alive),
        CASE(every_answer_is_counted_by_route_and_status),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
