/* SPDX-License-Identifier: MIT */
/* test_notify.c — what the service manager hears, by a socket of the test's own. */
#include "daemon/platform/notify.h"

#include "scratch.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/socket.h>
#include <sys/un.h>

#include <cmocka.h>

static int listen_at(const char *path, size_t size)
{
    struct sockaddr_un at = {.sun_family = AF_UNIX};
    memcpy(at.sun_path, path, size);
    int fd = socket(AF_UNIX, SOCK_DGRAM, 0);
    assert_true(fd >= 0);
    assert_int_equal(bind(fd, (struct sockaddr *)&at, (socklen_t)(offsetof(struct sockaddr_un, sun_path) + size)), 0);
    return fd;
}

static void expect_message(int fd, const char *text)
{
    char got[64] = "";
    assert_int_equal(recv(fd, got, sizeof got - 1, MSG_DONTWAIT), strlen(text));
    assert_string_equal(got, text);
    close(fd);
}

static void a_socket_in_the_file_system_hears(void **state)
{
    (void)state;
    scratch s = scratch_make();
    scratch_path path = scratch_at(&s, "notify");
    int fd = listen_at(path.text, strlen(path.text));
    setenv("NOTIFY_SOCKET", path.text, 1);
    notify_send("READY=1");
    expect_message(fd, "READY=1");
    scratch_remove(&s);
}

static void an_abstract_socket_hears(void **state)
{
    (void)state;
    char path[64];
    int n = snprintf(path, sizeof path, "@anomalyd-test-%d", (int)getpid());
    setenv("NOTIFY_SOCKET", path, 1);
    path[0] = 0;
    int fd = listen_at(path, (size_t)n);
    notify_send("STOPPING=1");
    expect_message(fd, "STOPPING=1");
}

static void without_a_manager_nothing_is_sent(void **state)
{
    (void)state;
    scratch s = scratch_make();
    scratch_path path = scratch_at(&s, "notify");
    char *before = getcwd(NULL, 0), got[64];
    assert_non_null(before);
    assert_int_equal(chdir(s.folder), 0);
    int fd = listen_at(path.text, strlen(path.text));
    /* No name, one that is no absolute path though a socket is there, and one that leads nowhere. */
    static const char *const names[] = {NULL, "notify", "", "/nowhere/socket"};
    for (size_t i = 0; i < sizeof names / sizeof *names; i++) {
        if (names[i])
            setenv("NOTIFY_SOCKET", names[i], 1);
        else
            unsetenv("NOTIFY_SOCKET");
        int next = dup(fd);
        close(next);
        notify_send("READY=1");
        assert_int_equal(recv(fd, got, sizeof got, MSG_DONTWAIT), -1);
        int after = dup(fd);
        close(after);
        assert_int_equal(after, next); /* no descriptor is left open */
    }
    close(fd);
    assert_int_equal(chdir(before), 0);
    free(before);
    scratch_remove(&s);
}

static void the_watchdog_is_for_the_process_it_names(void **state)
{
    (void)state;
    char pid[16];
    snprintf(pid, sizeof pid, "%d", (int)getpid());
    unsetenv("WATCHDOG_USEC");
    assert_int_equal(notify_watchdog_ms(), 0);
    setenv("WATCHDOG_USEC", "30000000", 1);
    assert_int_equal(notify_watchdog_ms(), 30000);
    setenv("WATCHDOG_PID", pid, 1);
    assert_int_equal(notify_watchdog_ms(), 30000);
    setenv("WATCHDOG_PID", "1", 1);
    assert_int_equal(notify_watchdog_ms(), 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_socket_in_the_file_system_hears),
        cmocka_unit_test(an_abstract_socket_hears),
        cmocka_unit_test(without_a_manager_nothing_is_sent),
        cmocka_unit_test(the_watchdog_is_for_the_process_it_names),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
