/* SPDX-License-Identifier: MIT */
/* test_history.c — ten thousand runs: pages that hold each of them once while others are added, filters that find what
 * they should, and how long an answer takes. */
#include "e2e.h"

#include <setjmp.h>
#include <signal.h>
#include <sqlite3.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include <cmocka.h>

enum { RUNS = TURNS(10000, 1000), PAGE = 200, TIMED = TURNS(40, 4) };

static const char job_of[] =
    "INSERT INTO jobs (id, state, method, dataset, dataset_digest, protocol, class, seed, held_out, trace, model, "
    "hyperparameters, created) VALUES ('job', 'succeeded', 'kde', 'digits', 'd', 'one-class', '3', 0, 0.1, 0, 'm', "
    "'{}', 1)";

/* Numbers ?1 to ?2 - 1: methods, classes and seeds in turn; every 500th has no AUROC, and many have the same. */
static const char runs_of[] =
    "WITH RECURSIVE n(i) AS (SELECT ?1 UNION ALL SELECT i + 1 FROM n WHERE i + 1 < ?2) "
    "INSERT INTO runs (id, created, job, method, dataset, dataset_digest, protocol, class, seed, model, version, "
    "auroc, "
    "auroc_low, auroc_high, auroc_deviation, average_precision, train_count, validation_count, calibration_count, "
    "test_normals, test_anomalies, epochs, chosen_epoch, train_s, score_s, parameters, weights_digest, code_version, "
    "hyperparameters) "
    "SELECT printf('00000000-0000-7000-8000-%012x', i), 1700000000000 + i * 1000, 'job', "
    "CASE i % 5 WHEN 0 THEN 'kde' WHEN 1 THEN 'pca' WHEN 2 THEN 'ganomaly' WHEN 3 THEN 'alad' ELSE 'ocgan' END, "
    "'digits', 'd', iif(i % 2, 'one-class', 'one-vs-rest'), i / 10 % 10, i / 100 % 3, 'm', i, "
    "iif(i % 500 = 499, NULL, i * 7919 % 1000 / 1000.0), 0, 1, 0.01, 0.5, 1, 0, 0, 1, 1, 0, 0, 1, 1, 0, '', 'v', "
    "'{\"bandwidth\":0.1}' FROM n";

static sqlite3 *open_registry(const e2e *d)
{
    sqlite3 *db;
    scratch_path path = scratch_at(&d->folder, "state/anomalyd.db");
    assert_int_equal(sqlite3_open(path.text, &db), SQLITE_OK);
    assert_int_equal(sqlite3_busy_timeout(db, 10000), SQLITE_OK);
    return db;
}

static void add_runs(sqlite3 *db, int from, int to)
{
    sqlite3_stmt *s;
    assert_int_equal(sqlite3_prepare_v2(db, runs_of, -1, &s, NULL), SQLITE_OK);
    sqlite3_bind_int(s, 1, from);
    sqlite3_bind_int(s, 2, to);
    if (sqlite3_step(s) != SQLITE_DONE)
        fail_msg("%s", sqlite3_errmsg(db));
    sqlite3_finalize(s);
}

static int begin(void **state)
{
    e2e_set_up(state);
    e2e *d = *state;
    E2E_START(d, "--workers", "1");
    e2e_import(d);
    sqlite3 *db = open_registry(d);
    assert_int_equal(sqlite3_exec(db, job_of, NULL, NULL, NULL), SQLITE_OK);
    add_runs(db, 0, RUNS);
    sqlite3_close(db);
    return 0;
}

static int number_of(const json_t *run)
{
    const char *id = json_string_value(json_object_get(run, "id"));
    return (int)strtol(id + strlen("00000000-0000-7000-8000-"), NULL, 16);
}

/* Reads all pages in an order, and after each lets `between` add runs. seen[i] counts the run of number i. */
static void read_pages(e2e *d, const char *order, sqlite3 *adding, int *seen, int most)
{
    char path[256] = "";
    snprintf(path, sizeof path, "/runs?order=%s&limit=%d", order, PAGE);
    int added = RUNS;
    double before = 2;
    for (bool more = true; more;) {
        reply r = e2e_get(d, path);
        assert_int_equal(r.status, 200);
        size_t i;
        const json_t *run, *cursor = json_object_get(r.body, "next_cursor");
        json_array_foreach(json_object_get(r.body, "items"), i, run)
        {
            assert_in_range(number_of(run), 0, most - 1);
            seen[number_of(run)]++;
            const json_t *auroc = json_object_get(run, "auroc");
            double value = json_is_null(auroc) ? -1 : json_number_value(auroc);
            assert_true(strcmp(order, "auroc") != 0 || value <= before);
            before = value;
        }
        if (added + 3 <= most) {
            add_runs(adding, added, added + 3);
            added += 3;
        }
        more = json_is_string(cursor);
        if (more)
            snprintf(path, sizeof path, "/runs?order=%s&limit=%d&cursor=%s", order, PAGE, json_string_value(cursor));
        json_decref(r.body);
    }
}

static void pages_hold_each_run_once_while_others_are_added(void **state)
{
    e2e *d = *state;
    static const char *const orders[] = {"newest", "oldest", "auroc"};
    for (int o = 0; o < 3; o++) {
        enum { MOST = RUNS + 300 };
        static int seen[MOST];
        memset(seen, 0, sizeof seen);
        sqlite3 *db = open_registry(d);
        read_pages(d, orders[o], db, seen, MOST);
        for (int i = 0; i < MOST; i++)
            if (i < RUNS ? seen[i] != 1 : seen[i] > 1)
                fail_msg("order %s: run %d came %d times", orders[o], i, seen[i]);
        assert_int_equal(
            sqlite3_exec(db, "DELETE FROM runs WHERE version >= " TURNS("10000", "1000"), NULL, NULL, NULL), SQLITE_OK);
        sqlite3_close(db);
    }
}

static int by_value(const void *a, const void *b)
{
    double x = *(const double *)a, y = *(const double *)b;
    return (x > y) - (x < y);
}

static double now_ms(void)
{
    struct timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t);
    return (double)t.tv_sec * 1e3 + (double)t.tv_nsec / 1e6;
}

static void filters_find_what_they_should(void **state)
{
    e2e *d = *state;
    static const struct {
        const char *query;
        int found; /* of ten thousand, on a page of 100 */
    } cases[] = {{"", 100},
                 {"method=alad&protocol=one-class&class=4&seed=2", 33},
                 {"method=ganomaly&min_auroc=0.99", 20},
                 {"model=m&order=auroc", 100},
                 {"dataset=letters", 0},
                 {"class=9&order=oldest&since=2023-11-14T22:13:20Z", 100},
                 {"until=2023-11-14T22:13:25Z", 5}};
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        char path[160];
        double ms[TIMED];
        size_t found = 0;
        snprintf(path, sizeof path, "/runs?limit=100%s%s", *cases[i].query ? "&" : "", cases[i].query);
        for (int turn = 0; turn < TIMED; turn++) {
            double start = now_ms();
            reply r = e2e_get(d, path);
            ms[turn] = now_ms() - start;
            assert_int_equal(r.status, 200);
            found = json_array_size(json_object_get(r.body, "items"));
            json_decref(r.body);
        }
        qsort(ms, TIMED, sizeof *ms, by_value);
        print_message("%d runs, GET %s: %zu found, median %.1f ms\n", RUNS, path, found, ms[TIMED / 2]);
        if (THOROUGH)
            assert_int_equal(found, cases[i].found);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(filters_find_what_they_should),
        cmocka_unit_test(pages_hold_each_run_once_while_others_are_added),
    };
    return cmocka_run_group_tests(tests, begin, e2e_tear_down);
}
