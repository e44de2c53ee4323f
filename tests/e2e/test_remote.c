/* SPDX-License-Identifier: MIT */
/* test_remote.c — `anomalyd experiment` and `anomalyd runs` against a server that answers what it is told to: pages,
 * and answers that a daemon does not give. */
#include "e2e.h"

#include <arpa/inet.h>
#include <assert.h>
#include <netinet/in.h>
#include <pthread.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <sys/socket.h>
#include <sys/wait.h>

#include <cmocka.h>

enum { ANSWERS_MAX = 4, REQUEST_MAX = 4096, PRINTED_MAX = 8192 };

/* One answer a connection, in turn. */
typedef struct fake {
    int listener, port;
    const char *answers[ANSWERS_MAX + 1]; /* up to the first NULL; whole, from the status on */
    char requests[ANSWERS_MAX][REQUEST_MAX];
    int served;
    pthread_t thread;
} fake;

/* On a thread of its own, where cmocka cannot end a test: plain assertions. */
static void serve_one(fake *f)
{
    char *request = f->requests[f->served];
    int connection = accept(f->listener, NULL, NULL);
    assert(connection >= 0);
    size_t size = 0;
    while (!strstr(request, "\r\n\r\n")) {
        ssize_t n = read(connection, request + size, REQUEST_MAX - 1 - size);
        assert(n > 0);
        size += (size_t)n;
    }
    const char *answer = f->answers[f->served++];
    ssize_t written = write(connection, answer, strlen(answer));
    assert(written == (ssize_t)strlen(answer));
    close(connection);
}

static void *serve(void *context)
{
    fake *f = context;
    while (f->answers[f->served])
        serve_one(f);
    return NULL;
}

static void fake_start(fake *f)
{
    struct sockaddr_in at = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    socklen_t size = sizeof at;
    f->listener = socket(AF_INET, SOCK_STREAM, 0);
    assert_true(f->listener >= 0);
    assert_int_equal(bind(f->listener, (struct sockaddr *)&at, size), 0);
    assert_int_equal(listen(f->listener, 1), 0);
    assert_int_equal(getsockname(f->listener, (struct sockaddr *)&at, &size), 0);
    f->port = ntohs(at.sin_port);
    assert_int_equal(pthread_create(&f->thread, NULL, serve, f), 0);
}

typedef struct said {
    int status;
    char printed[PRINTED_MAX], words[PRINTED_MAX];
} said;

static void read_all(FILE *f, char text[PRINTED_MAX])
{
    assert_non_null(f);
    text[fread(text, 1, PRINTED_MAX - 1, f)] = 0;
}

/* Runs the program with shell words against the server, which must have served all of its answers by then. */
static said ask_fake(fake *f, const char *words)
{
    said s;
    char line[1024];
    scratch folder = scratch_make();
    scratch_path told = scratch_at(&folder, "words");
    fake_start(f);
    int n = snprintf(line, sizeof line, "'%s' %s --server http://127.0.0.1:%d 2>'%s'", getenv("ANOMALYD_BINARY"), words,
                     f->port, told.text);
    assert_true(n > 0 && (size_t)n < sizeof line);
    FILE *out = popen(line, "r");
    read_all(out, s.printed);
    int status = pclose(out);
    assert_true(WIFEXITED(status));
    s.status = WEXITSTATUS(status);
    out = fopen(told.text, "r");
    read_all(out, s.words);
    fclose(out);
    assert_int_equal(pthread_join(f->thread, NULL), 0);
    close(f->listener);
    scratch_remove(&folder);
    return s;
}

static void expect_request(const fake *f, int i, const char *line)
{
    if (strncmp(f->requests[i], line, strlen(line)) != 0)
        fail_msg("\"%s\" instead of \"%s\"", f->requests[i], line);
}

static void expect_text(const char *text, const char *part)
{
    if (!strstr(text, part))
        fail_msg("\"%s\" lacks \"%s\"", text, part);
}

#define OK "HTTP/1.1 200 OK\r\nConnection: close\r\n"

static void pages_are_asked_for_until_the_limit(void **state)
{
    (void)state;
    fake f = {.answers = {OK "X-Next-Cursor: a b&c\r\n\r\nid,auroc\r\n1,0.5\r\n",
                          OK "X-Next-Cursor: more\r\n\r\nid,auroc\r\n2,0.6\r\n"}};
    said s = ask_fake(&f, "runs list --format csv --limit 501 --class 'x & y'");
    assert_int_equal(s.status, 0);
    expect_request(&f, 0, "GET /runs?class=x%20%26%20y&format=csv&limit=500 HTTP/1.1\r\n");
    expect_request(&f, 1, "GET /runs?class=x%20%26%20y&format=csv&limit=1&cursor=a%20b%26c HTTP/1.1\r\n");
    assert_string_equal(s.printed, "id,auroc\r\n1,0.5\r\n2,0.6\r\n");
    expect_text(s.words, "there are more than these 501");
}

static void the_last_page_ends_a_list(void **state)
{
    (void)state;
    fake f = {.answers = {OK "\r\n{\"items\": [{\"id\": \"1\"}], \"next_cursor\": \"n\"}",
                          OK "\r\n{\"items\": [{\"id\": \"2\"}], \"next_cursor\": null}"}};
    said s = ask_fake(&f, "runs list --format json --limit 2000");
    assert_int_equal(s.status, 0);
    expect_request(&f, 1, "GET /runs?format=json&limit=500&cursor=n HTTP/1.1\r\n");
    assert_string_equal(s.printed, "{\"items\": [{\"id\": \"1\"}], \"next_cursor\": \"n\"}\n"
                                   "{\"items\": [{\"id\": \"2\"}], \"next_cursor\": null}\n");
    assert_string_equal(s.words, "");
}

static void answers_of_another_server_are_failures(void **state)
{
    (void)state;
    static const struct {
        const char *answer, *words;
    } bad[] = {
        {OK "\r\n<html>", " answers with no JSON: "},
        {OK "Content-Length: 9\r\n\r\n{\"id\"", " does not answer: "},
        {"HTTP/1.1 502 Bad Gateway\r\nConnection: close\r\n\r\n<html>", " answers with HTTP 502 and no problem+json"},
        {"HTTP/1.1 302 Found\r\nConnection: close\r\nLocation: /elsewhere\r\n\r\n", " answers with HTTP 302 and no"},
        {"SSH-2.0-OpenSSH_9.2\r\n", " does not answer: "},
        {"HTTP/1.1 409 Conflict\r\nConnection: close\r\n\r\n{\"detail\": \"first\", \"errors\": [{\"pointer\": \"/a\", "
         "\"detail\": \"first\"}, {\"pointer\": \"/b\", \"detail\": \"second\"}]}",
         ": first\n  /b: second\n"},
    };
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) {
        fake f = {.answers = {bad[i].answer}};
        said s = ask_fake(&f, "experiment show some");
        assert_int_equal(s.status, 1);
        assert_string_equal(s.printed, "");
        expect_text(s.words, bad[i].words);
        expect_text(s.words, "anomalyd experiment show: ");
    }
}

static void a_follower_waits_for_a_daemon_that_is_busy_or_gone(void **state)
{
    (void)state;
    fake f = {.answers = {OK
                          "\r\n{\"state\": \"active\", \"progress\": {\"cells\": 1, \"succeeded\": 0, \"running\": 1}}",
                          "HTTP/1.1 503 Service Unavailable\r\nConnection: close\r\n\r\n{\"detail\": \"stopping\"}",
                          OK "Content-Length: 900\r\n\r\n{\"state\": \"act",
                          OK "\r\n{\"state\": \"complete\", \"progress\": {\"cells\": 1, \"succeeded\": 1}}"}};
    said s = ask_fake(&f, "experiment follow some");
    assert_int_equal(s.status, 0);
    assert_string_equal(s.printed, "0 of 1 cells done, 1 running\n1 of 1 cells done\n");
    assert_string_equal(s.words, "anomalyd experiment follow: stopping; waiting for the daemon\n");
}

static void a_change_is_posted_without_a_body(void **state)
{
    (void)state;
    fake f = {.answers = {OK "\r\n{\"progress\": {\"cells\": 3, \"succeeded\": 1, \"queued\": 2}, \"eta_s\": 5400}"}};
    said s = ask_fake(&f, "experiment resume 'a/b'");
    assert_int_equal(s.status, 0);
    expect_request(&f, 0, "POST /experiments/a%2Fb/resume HTTP/1.1\r\n");
    expect_text(f.requests[0], "\r\nContent-Length: 0\r\n");
    assert_string_equal(s.printed, "1 of 3 cells done, 2 queued; about 1.5 h to go\n");
}

static void names_command_no_terminal(void **state)
{
    (void)state;
    fake f = {.answers = {OK "\r\n{\"items\": [{\"id\": \"1\", \"class\": \"\\u001b[2Jé\", \"method\": \"m\"}]}"}};
    said s = ask_fake(&f, "runs list");
    assert_int_equal(s.status, 0);
    expect_text(s.printed, "\n1   -        m       -        -         ?[2Jé  -     -");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(pages_are_asked_for_until_the_limit),
        cmocka_unit_test(the_last_page_ends_a_list),
        cmocka_unit_test(answers_of_another_server_are_failures),
        cmocka_unit_test(a_follower_waits_for_a_daemon_that_is_busy_or_gone),
        cmocka_unit_test(a_change_is_posted_without_a_body),
        cmocka_unit_test(names_command_no_terminal),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
