/* SPDX-License-Identifier: MIT */
/* test_events.c — GET /jobs/{id}/events: replay, resumption, ends, clients that leave or do not read. */
#include "tests/api/fake_service.h"

#include "api/http/stream.h"
#include "base/clock.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>

static int start(void **state)
{
    fake *f = fake_new(0, 0);
    f->state = JOB_RUNNING;
    f->events[0] = (fake_event){"state", "{\"state\": \"running\"}", false};
    f->events[1] = (fake_event){"progress", "{\"epoch\": 1}", false};
    f->event_count = 2;
    *state = f;
    return 0;
}

static int stop(void **state)
{
    fake_free(*state);
    return 0;
}

static client *subscribe(fake *f, const char *headers)
{
    char head[256];
    client *c = client_open(f);
    snprintf(head, sizeof head, "GET /jobs/job-1/events HTTP/1.1\r\nHost: a\r\n%s\r\n", headers);
    client_say(c, head);
    return c;
}

static bool holds(const client *c, const char *text)
{
    return c->size && memmem(c->bytes, c->size, text, strlen(text));
}

static void await_head(client *c)
{
    reply r = client_read_head(c);
    assert_int_equal(r.status, 200);
    assert_string_equal(reply_header(&r, "Content-Type"), "text/event-stream");
    record_exchange("GET", "/jobs/job-1/events", "", NULL, 0, &r);
    reply_free(&r);
}

static void old_events_are_replayed_and_new_ones_follow(void **state)
{
    fake *f = *state;
    client *c = subscribe(f, "");
    await_head(c);
    fake_until(f, holds(c, "id: 1\nevent: state\ndata: {\"state\": \"running\"}\n\nid: 2\nevent: progress\n"
                           "data: {\"epoch\": 1}\n\n"));
    fake_emit(f, "log", "{\"text\": \"hello\"}", false);
    fake_until(f, holds(c, "id: 3\nevent: log\ndata: {\"text\": \"hello\"}\n\n"));
    client_close(c);
    fake_until(f, server_busy(f->server) == 0);
    assert_int_equal(f->unwatches, 1);
}

static void the_stream_ends_after_the_last_event_and_the_connection_goes_on(void **state)
{
    fake *f = *state;
    client *c = subscribe(f, "");
    await_head(c);
    fake_until(f, holds(c, "id: 2"));
    fake_emit(f, "state", "{\"state\": \"succeeded\"}", true);
    fake_until(f, holds(c, "succeeded\"}\n\n\r\n0\r\n\r\n"));
    assert_int_equal(f->unwatches, 1);
    c->size = 0;
    client_say(c, "GET /healthz HTTP/1.1\r\nHost: a\r\n\r\n");
    reply r = client_read(c, false);
    assert_status(&r, 200);
    reply_free(&r);
    client_close(c);
}

static void last_event_id_resumes_after_it(void **state)
{
    fake *f = *state;
    client *c = subscribe(f, "Last-Event-ID: 1\r\n");
    await_head(c);
    fake_until(f, holds(c, "id: 2"));
    assert_int_equal(f->watch_after, 1);
    assert_false(holds(c, "id: 1"));
    client_close(c);
    reply r = ask(f, "GET", "/jobs/job-1/events", "Last-Event-ID: -1\r\n", NULL, 0);
    assert_problem(&r, 400, "Last-Event-ID");
    reply_free(&r);
}

static void nothing_after_the_end_is_204(void **state)
{
    fake *f = *state;
    f->state = JOB_SUCCEEDED;
    f->events[1].last = true;
    reply r = ask(f, "GET", "/jobs/job-1/events", "Last-Event-ID: 2\r\n", NULL, 0);
    assert_int_equal(r.status, 204);
    assert_int_equal(f->unwatches, 1);
    reply_free(&r);
    f->repeat_last = true; /* telling it again would make browsers ask for ever */
    r = ask(f, "GET", "/jobs/job-1/events", "Last-Event-ID: 2\r\n", NULL, 0);
    assert_int_equal(r.status, 204);
    reply_free(&r);
    client *c = subscribe(f, "Last-Event-ID: 1\r\n"); /* one is left: it comes, then the end */
    await_head(c);
    fake_until(f, holds(c, "id: 2\nevent: progress\ndata: {\"epoch\": 1}\n\n\r\n0\r\n\r\n"));
    client_close(c);
}

static void an_idle_stream_costs_no_turns(void **state)
{
    fake *f = *state;
    client *c = subscribe(f, "");
    await_head(c);
    fake_until(f, holds(c, "id: 2"));
    for (int i = 0; i < 3; i++) /* let what is under way settle */
        server_turn(f->server);
    assert_int_equal(server_timeout_ms(f->server), -1);
    assert_false(f->woken);
    client_close(c);
}

static void draining_ends_the_stream_properly(void **state)
{
    fake *f = *state;
    client *c = subscribe(f, "");
    await_head(c);
    fake_until(f, holds(c, "id: 2"));
    server_drain(f->server);
    fake_until(f, holds(c, "\r\n0\r\n\r\n"));
    fake_until(f, server_busy(f->server) == 0);
    assert_int_equal(f->unwatches, 1);
    client_close(c);
}

static void a_reader_too_far_behind_is_dropped(void **state)
{
    fake *f = *state;
    int small = 4096;
    char data[8192];
    memset(data, 'x', sizeof data - 1);
    data[sizeof data - 1] = '\0';
    client *c = subscribe(f, "");
    await_head(c);
    fake_until(f, holds(c, "id: 2"));
    assert_int_equal(setsockopt(c->descriptor, SOL_SOCKET, SO_RCVBUF, &small, sizeof small), 0);
    c->paused = true;
    int sent = 0;
    for (; f->sink && sent < 100000; sent++) {
        fake_emit(f, "log", data, false);
        for (int i = 0; i < 4; i++)
            server_turn(f->server);
    }
    assert_null(f->sink);
    assert_true(sent >= 256 * 1024 / 8192);
    assert_int_equal(server_busy(f->server), 0);
    client_close(c);
}

static void a_replay_larger_than_the_limit_is_delivered(void **state)
{
    fake *f = *state;
    enum { SIZE = 200 * 1024 };
    char *data = malloc(SIZE + 1);
    memset(data, 'y', SIZE);
    data[SIZE] = '\0';
    for (int i = 0; i < 4; i++)
        f->events[i] = (fake_event){"log", data, i == 3};
    f->event_count = 4;
    client *c = subscribe(f, "");
    await_head(c);
    fake_until(f, holds(c, "\r\n0\r\n\r\n"));
    assert_true(c->size > 4 * SIZE);
    client_close(c);
    free(data);
}

static void an_idle_stream_has_a_heartbeat(void **state)
{
    fake *f = *state;
    client *c = subscribe(f, "");
    await_head(c);
    fake_until(f, holds(c, "id: 2"));
    server_turn(f->server);
    server_sweep(f->server, clock_now_ms() + STREAM_HEARTBEAT_MS - 1000);
    server_turn(f->server);
    assert_false(holds(c, ": still here"));
    server_sweep(f->server, clock_now_ms() + STREAM_HEARTBEAT_MS);
    fake_until(f, holds(c, ": still here\n\n"));
    client_close(c);
}

static void a_reader_that_stopped_reading_is_cut_in_the_end(void **state)
{
    fake *f = *state;
    enum { SIZE = 8 * 1024 * 1024 };
    char *data = malloc(SIZE + 1);
    memset(data, 'y', SIZE);
    data[SIZE] = '\0';
    f->events[0].data = data; /* a replay that no socket holds */
    client *c = subscribe(f, "");
    await_head(c);
    c->paused = true;
    for (int i = 0; i < 64; i++)
        server_turn(f->server);
    assert_int_equal(server_busy(f->server), 1);
    server_sweep(f->server, clock_now_ms() + 61 * 1000);
    fake_until(f, server_busy(f->server) == 0);
    assert_int_equal(f->unwatches, 1);
    client_close(c);
    free(data);
}

static void line_breaks_in_data_cannot_forge_events(void **state)
{
    fake *f = *state;
    client *c = subscribe(f, "");
    await_head(c);
    fake_until(f, holds(c, "id: 2"));
    fake_emit(f, "log", "{}\n\nid: 99\nevent: state", false);
    fake_emit(f, "log", "{\"after\": 1}", false);
    fake_until(f, holds(c, "after"));
    assert_false(holds(c, "id: 99"));
    client_close(c);
}

int main(void)
{
#define CASE(name) cmocka_unit_test_setup_teardown(name, start, stop)
    const struct CMUnitTest tests[] = {
        CASE(old_events_are_replayed_and_new_ones_follow),
        CASE(the_stream_ends_after_the_last_event_and_the_connection_goes_on),
        CASE(last_event_id_resumes_after_it),
        CASE(nothing_after_the_end_is_204),
        CASE(an_idle_stream_costs_no_turns),
        CASE(draining_ends_the_stream_properly),
        CASE(a_reader_too_far_behind_is_dropped),
        CASE(a_replay_larger_than_the_limit_is_delivered),
        CASE(an_idle_stream_has_a_heartbeat),
        CASE(a_reader_that_stopped_reading_is_cut_in_the_end),
        CASE(line_breaks_in_data_cannot_forge_events),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
