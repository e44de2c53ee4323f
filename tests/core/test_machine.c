/* SPDX-License-Identifier: MIT */
/* test_machine.c — the limits of control groups of both versions, and the CPUs that affinity leaves. */
#include "base/machine.h"

#include "scratch.h"

#include <sched.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include <cmocka.h>

static void put(const scratch *s, const char *name, const char *text)
{
    char folders[256];
    snprintf(folders, sizeof folders, "%s", name);
    for (char *slash = folders; (slash = strchr(slash, '/')); *slash++ = '/') {
        *slash = 0;
        mkdir(scratch_at(s, folders).text, 0700);
    }
    scratch_write(s, name, text, strlen(text));
}

static machine_limits limits(const scratch *s)
{
    return machine_limits_read(scratch_at(s, "membership").text, scratch_at(s, "root").text);
}

static void the_tightest_of_a_group_and_those_above_counts(void **state)
{
    scratch s = scratch_make();
    (void)state;
    put(&s, "membership", "0::/system.slice/anomalyd.service\n");
    put(&s, "root/system.slice/anomalyd.service/memory.max", "max\n");
    put(&s, "root/system.slice/anomalyd.service/cpu.max", "300000 100000\n");
    put(&s, "root/system.slice/memory.max", "1073741824\n");
    put(&s, "root/system.slice/cpu.max", "150000 100000\n");
    put(&s, "root/cpu.max", "max 100000\n");
    machine_limits l = limits(&s);
    assert_true(l.memory == 1073741824);
    assert_true(l.cpus == 1.5);
    scratch_remove(&s);
}

static void version_1_has_a_tree_for_each_controller(void **state)
{
    scratch s = scratch_make();
    (void)state;
    put(&s, "membership", "5:cpu,cpuacct:/docker/77\n4:memory:/docker/77\n1:name=systemd:/\n0::/\n");
    put(&s, "root/memory/docker/77/memory.limit_in_bytes", "536870912\n");
    put(&s, "root/memory/memory.limit_in_bytes", "9223372036854771712\n");
    put(&s, "root/cpu,cpuacct/docker/77/cpu.cfs_quota_us", "-1\n");
    put(&s, "root/cpu,cpuacct/docker/77/cpu.cfs_period_us", "100000\n");
    put(&s, "root/cpu,cpuacct/docker/cpu.cfs_quota_us", "200000\n");
    put(&s, "root/cpu,cpuacct/docker/cpu.cfs_period_us", "100000\n");
    machine_limits l = limits(&s);
    assert_true(l.memory == 536870912);
    assert_true(l.cpus == 2);
    scratch_remove(&s);
}

static void a_container_sees_its_own_group_as_the_root(void **state)
{
    scratch s = scratch_make();
    (void)state;
    put(&s, "membership", "4:memory:/docker/not-mounted-here\n0::/../elsewhere\n");
    put(&s, "root/memory/memory.limit_in_bytes", "268435456\n");
    put(&s, "root/cpu.max", "50000 100000\n");
    machine_limits l = limits(&s);
    assert_true(l.memory == 268435456);
    assert_true(l.cpus == 0.5);
    scratch_remove(&s);
}

static void what_cannot_be_read_limits_nothing(void **state)
{
    scratch s = scratch_make();
    (void)state;
    machine_limits l = limits(&s);
    assert_true(l.memory == UINT64_MAX && l.cpus == 0);
    put(&s, "membership", "nonsense\n0:\n::\n\n0::/a\n");
    put(&s, "root/a/memory.max", "-1\n");
    put(&s, "root/a/cpu.max", "\n");
    put(&s, "root/memory.max", "much\n");
    l = limits(&s);
    assert_true(l.memory == UINT64_MAX && l.cpus == 0);
    scratch_remove(&s);
}

static void cpus_are_those_of_the_affinity(void **state)
{
    (void)state;
    cpu_set_t before, one;
    assert_int_equal(sched_getaffinity(0, sizeof before, &before), 0);
    assert_in_range(machine_cpus(), 1, CPU_COUNT(&before));
    size_t first = 0;
    while (!CPU_ISSET(first, &before))
        first++;
    CPU_ZERO(&one);
    CPU_SET(first, &one);
    assert_int_equal(sched_setaffinity(0, sizeof one, &one), 0);
    int cpus = machine_cpus();
    assert_int_equal(sched_setaffinity(0, sizeof before, &before), 0);
    assert_int_equal(cpus, 1);
    assert_true(machine_memory() > 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_tightest_of_a_group_and_those_above_counts),
        cmocka_unit_test(version_1_has_a_tree_for_each_controller),
        cmocka_unit_test(a_container_sees_its_own_group_as_the_root),
        cmocka_unit_test(what_cannot_be_read_limits_nothing),
        cmocka_unit_test(cpus_are_those_of_the_affinity),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
