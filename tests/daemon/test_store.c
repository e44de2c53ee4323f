/* SPDX-License-Identifier: MIT */
/* test_store.c — the registry keeps what it was told, refuses what contradicts it, and survives being closed. */
#include "daemon/store/migrate.h"
#include "store_rows.h"

#include <sqlite3.h>

/* ---- pages */

static void pages_cover_a_list_once(void **state)
{
    fixture *f = *state;
    enum { SETS = 7 };
    for (int i = 0; i < SETS; i++) {
        char name[] = {(char)('a' + i), 0};
        add_dataset(f, name);
    }
    record_page page = {.limit = 3};
    dataset_row *rows = calloc(3, sizeof *rows);
    bool seen[SETS] = {false};
    int pages = 0, count;
    error e = {0};
    do {
        assert_true(store_dataset_list(f->reader, &page, rows, &count, &e));
        for (int i = 0; i < count; i++) {
            assert_false(seen[rows[i].name[0] - 'a']);
            seen[rows[i].name[0] - 'a'] = true;
        }
        pages++;
    } while (page.cursor[0]);
    assert_int_equal(pages, 3);
    for (int i = 0; i < SETS; i++)
        assert_true(seen[i]);
    free(rows);
}

static void a_cursor_of_another_list_is_refused(void **state)
{
    fixture *f = *state;
    static const char *const cursors[] = {"j.0.x", "d.x.y", "d.5", "d.5.", "nonsense"};
    dataset_row *row = calloc(1, sizeof *row);
    for (size_t i = 0; i < sizeof cursors / sizeof *cursors; i++) {
        record_page page = {.limit = 1};
        snprintf(page.cursor, sizeof page.cursor, "%s", cursors[i]);
        int count;
        error e = {0};
        assert_false(store_dataset_list(f->reader, &page, row, &count, &e));
        assert_int_equal(e.code, ERROR_INVALID);
    }
    record_page page = {.limit = RECORD_PAGE_MAX + 1};
    int count;
    error e = {0};
    assert_false(store_dataset_list(f->reader, &page, row, &count, &e));
    free(row);
}

/* ---- jobs */

static void a_job_is_read_as_it_was_written(void **state)
{
    fixture *f = *state;
    store_answer a = add_job(f);
    assert_true(a.fresh);
    job_row row;
    error e = {0};
    assert_true(store_job_get(f->reader, a.id, &row, &e));
    assert_int_equal(row.state, JOB_QUEUED);
    assert_string_equal(row.spec.subject.method, "pca");
    assert_string_equal(row.spec.hyperparameters, "{\"k\":1}");
    assert_true(row.spec.subject.seed == UINT64_MAX - 1);
    assert_true(row.spec.trace && row.spec.subject.held_out == 0.1 && row.spec.subject.test_images == 3000000000);
    assert_true(isnan(row.images_s));
    assert_null(row.failure);
    job_row_free(&row);
}

static void a_job_needs_its_data_set(void **state)
{
    fixture *f = *state;
    job_row row = job_on(f, "nowhere");
    assert_int_not_equal(add_job_row(f, &row, NULL, NULL).failure.code, ERROR_NONE);
}

static void a_key_answers_the_same_job_and_refuses_another_request(void **state)
{
    fixture *f = *state;
    add_dataset(f, "set");
    job_row first = job_on(f, "set"), again = job_on(f, "set"), other = job_on(f, "set");
    outcome one = add_job_row(f, &first, "key", "fingerprint");
    outcome two = add_job_row(f, &again, "key", "fingerprint");
    assert_true(one.answer.fresh);
    assert_false(two.answer.fresh);
    assert_string_equal(two.answer.id, first.id);
    assert_int_equal(add_job_row(f, &other, "key", "another").failure.code, ERROR_CONFLICT);
    job_row row;
    error e = {0};
    assert_false(store_job_get(f->reader, again.id, &row, &e));
    assert_false(store_job_get(f->reader, other.id, &row, &e));
}

static void a_key_is_forgotten_after_its_time(void **state)
{
    fixture *f = *state;
    add_dataset(f, "set");
    job_row first = job_on(f, "set"), later = job_on(f, "set");
    add_job_row(f, &first, "key", "fingerprint");
    later.created = first.created + STORE_KEY_AGE_MS + 1;
    assert_true(add_job_row(f, &later, "key", "another").answer.fresh);
}

static void a_job_is_claimed_once(void **state)
{
    fixture *f = *state;
    store_answer a = add_job(f);
    outcome one = claim(f, a.id), two = claim(f, a.id);
    assert_int_equal(one.failure.code, ERROR_NONE);
    assert_int_equal(one.answer.attempt, 1);
    assert_int_equal(two.failure.code, ERROR_CONFLICT);
}

static void a_late_worker_cannot_write_over_its_successor(void **state)
{
    fixture *f = *state;
    store_answer a = add_job(f);
    int64_t old = claim(f, a.id).answer.token;
    assert_int_equal(move(f, a.id, old, JOB_QUEUED, NULL).failure.code, ERROR_NONE);
    outcome again = claim(f, a.id);
    assert_int_equal(again.answer.attempt, 2);
    assert_true(again.answer.token > old);
    assert_int_equal(move(f, a.id, old, JOB_FAILED, "late").failure.code, ERROR_CONFLICT);
    assert_int_equal(finish(f, a.id, old, "m", "late").failure.code, ERROR_CONFLICT);
    outcome o;
    error e = {0};
    job_row row = {.epoch = 9};
    snprintf(row.id, sizeof row.id, "%s", a.id);
    store_progress p = {.row = &row, .token = old};
    assert_true(store_job_progress(f->store, &p, into(&o), &e));
    store_flush(f->store);
    assert_int_equal(o.failure.code, ERROR_CONFLICT);
    const char *name = "loss";
    double value = 1;
    store_epoch m = {.id = a.id, .token = old, .epoch = 1, .count = 1, .names = &name, .values = &value};
    assert_true(store_job_epoch(f->store, &m, into(&o), &e));
    store_flush(f->store);
    assert_int_equal(o.failure.code, ERROR_CONFLICT);
    assert_true(store_job_get(f->reader, a.id, &row, &e));
    assert_int_equal(row.state, JOB_RUNNING);
    assert_int_equal(row.epoch, 0);
    job_row_free(&row);
}

static void progress_is_kept(void **state)
{
    fixture *f = *state;
    store_answer a = add_job(f);
    int64_t token = claim(f, a.id).answer.token;
    job_row row = {.epoch = 2, .epochs = 5, .step = 1ull << 40, .steps = 1ull << 41, .images_s = 2.5, .eta_s = NAN};
    row.values = (char[]){"{\"loss\":1}"};
    snprintf(row.id, sizeof row.id, "%s", a.id);
    outcome o;
    error e = {0};
    store_progress p = {.row = &row, .token = token, .events = 3};
    assert_true(store_job_progress(f->store, &p, into(&o), &e));
    store_flush(f->store);
    assert_int_equal(o.failure.code, ERROR_NONE);
    job_row got;
    assert_true(store_job_get(f->reader, a.id, &got, &e));
    assert_int_equal(got.epochs, 5);
    assert_true(got.steps == 1ull << 41);
    assert_true(got.images_s == 2.5 && isnan(got.eta_s));
    assert_string_equal(got.values, "{\"loss\":1}");
    job_row_free(&got);
}

static void jobs_are_filtered_and_newest_first(void **state)
{
    fixture *f = *state;
    add_dataset(f, "set");
    char ids[4][RECORD_ID_MAX];
    for (int i = 0; i < 4; i++) {
        job_row row = job_on(f, "set");
        snprintf(row.spec.subject.method, sizeof row.spec.subject.method, i % 2 ? "kde" : "pca");
        memcpy(ids[i], row.id, sizeof ids[i]);
        add_job_row(f, &row, NULL, NULL);
    }
    claim(f, ids[3]);
    job_filter filter = {.method = "kde"};
    record_page page = {.limit = 1};
    job_row row;
    int count;
    error e = {0};
    assert_true(store_job_list(f->reader, &filter, &page, &row, &count, &e));
    assert_string_equal(row.id, ids[3]);
    job_row_free(&row);
    assert_true(store_job_list(f->reader, &filter, &page, &row, &count, &e));
    assert_string_equal(row.id, ids[1]);
    assert_string_equal(page.cursor, "");
    job_row_free(&row);
    filter = (job_filter){.state = "running"};
    page = (record_page){.limit = 1};
    assert_true(store_job_list(f->reader, &filter, &page, &row, &count, &e));
    assert_string_equal(row.id, ids[3]);
    job_row_free(&row);
    uint64_t counts[JOB_STATES];
    assert_true(store_job_counts(f->reader, counts, &e));
    assert_int_equal(counts[JOB_QUEUED], 3);
    assert_int_equal(counts[JOB_RUNNING], 1);
}

static void open_jobs_are_found_after_a_restart(void **state)
{
    fixture *f = *state;
    add_dataset(f, "set");
    job_row queued = job_on(f, "set"), running = job_on(f, "set"), ended = job_on(f, "set");
    add_job_row(f, &queued, NULL, NULL);
    add_job_row(f, &running, NULL, NULL);
    add_job_row(f, &ended, NULL, NULL);
    int64_t token = claim(f, running.id).answer.token;
    move(f, ended.id, 0, JOB_CANCELLED, NULL);
    close_store(f);
    open_store(f);
    store_open_job job;
    error e;
    assert_true(store_open_job_next(f->reader, "", &job, &e));
    assert_string_equal(job.row.id, queued.id);
    job_row_free(&job.row);
    assert_true(store_open_job_next(f->reader, queued.id, &job, &e));
    assert_string_equal(job.row.id, running.id);
    assert_int_equal(job.token, token);
    assert_string_equal(job.row.spec.subject.dataset_digest, "d");
    job_row_free(&job.row);
    assert_false(store_open_job_next(f->reader, running.id, &job, &e));
    assert_int_equal(e.code, ERROR_NONE);
}

/* ---- models and runs */

static void a_finished_job_leaves_model_run_and_file(void **state)
{
    fixture *f = *state;
    outcome o = train(f, "m", "weights");
    assert_int_equal(o.failure.code, ERROR_NONE);
    assert_int_equal(o.answer.version, 1);
    error e = {0};
    job_row job;
    model_row m;
    run_row r;
    assert_true(store_job_get(f->reader, o.answer.id, &job, &e));
    assert_int_equal(job.state, JOB_SUCCEEDED);
    assert_int_equal(job.version, 1);
    assert_true(store_model_get(f->reader, "m", 0, &m, &e));
    assert_string_equal(m.run, job.run);
    assert_true(m.subject.seed == UINT64_MAX && isnan(m.threshold));
    assert_true(m.data.w == 27 && m.data.c == 3 && m.input.h == 32);
    assert_true(store_run_get(f->reader, job.run, &r, &e));
    assert_int_equal(r.version, 1);
    assert_true(r.auroc == 0.75 && isnan(r.average_precision));
    assert_true(r.subject.seed == UINT64_MAX && r.subject.test_images == 3000000000);
    assert_string_equal(r.blas_core, "SkylakeX");
    assert_int_equal(r.threads, 2);
    assert_int_equal(r.left_out_count, 21);
    assert_string_equal(r.training_digest, "learned");
    assert_string_equal(r.test_digest, "images");
    assert_int_equal(r.score_count, 2);
    assert_string_equal(r.scores[0].name, "features");
    assert_true(isnan(r.scores[0].auroc) && isnan(r.scores[0].average_precision));
    assert_string_equal(r.scores[1].name, "l1");
    assert_true(r.scores[1].auroc == 0.75 && r.scores[1].auroc_low == 0.5 && r.scores[1].auroc_high == 0.875);
    assert_true(r.scores[1].average_precision == 0.5);
    assert_string_equal(r.detail, "{\"roc\":{},\"epochs\":{\"epoch\":[]}}");
    void *bytes;
    size_t size;
    assert_true(store_model_file(f->reader, "m", 1, &bytes, &size, &e));
    assert_int_equal(size, 7);
    assert_memory_equal(bytes, "weights", 7);
    free(bytes);
    job_row_free(&job);
    model_row_free(&m);
    run_row_free(&r);
}

static void versions_count_up_and_the_list_has_the_newest(void **state)
{
    fixture *f = *state;
    train(f, "a", "1");
    train(f, "b", "2");
    assert_int_equal(train(f, "a", "3").answer.version, 2);
    error e = {0};
    int versions[5], count;
    assert_true(store_model_versions(f->reader, "a", versions, 5, &count, &e));
    assert_int_equal(count, 2);
    assert_int_equal(versions[0], 2);
    assert_false(store_model_versions(f->reader, "c", versions, 5, &count, &e));
    record_page page = {.limit = 5};
    model_row rows[5];
    assert_true(store_model_list(f->reader, &page, rows, &count, &e));
    assert_int_equal(count, 2);
    for (int i = 0; i < count; i++) {
        assert_int_equal(rows[i].version, rows[i].name[0] == 'a' ? 2 : 1);
        model_row_free(&rows[i]);
    }
    model_row m;
    assert_true(store_model_get(f->reader, "a", 1, &m, &e));
    model_row_free(&m);
    assert_false(store_model_get(f->reader, "a", 3, &m, &e));
    assert_int_equal(e.code, ERROR_NOT_FOUND);
    assert_true(store_model_get(f->reader, "", 0, &m, &e));
    model_row_free(&m);
}

static void a_result_without_its_file_leaves_nothing(void **state)
{
    fixture *f = *state;
    store_answer job = add_job(f);
    int64_t token = claim(f, job.id).answer.token;
    outcome o;
    error e = {0};
    model_row m = {.name = "m", .digest = "d", .hyperparameters = (char[]){"{}"}};
    run_row r = {.model = "m", .hyperparameters = (char[]){"{}"}, .detail = (char[]){"{}"}};
    snprintf(m.job, sizeof m.job, "%s", job.id);
    snprintf(r.job, sizeof r.job, "%s", job.id);
    id_make(&f->ids, r.id);
    snprintf(m.run, sizeof m.run, "%s", r.id);
    store_finish s = {.id = job.id,
                      .token = token,
                      .model = &m,
                      .run = &r,
                      .tested = &(tested){.count = 0},
                      .model_path = "/nowhere/model"};
    assert_true(store_job_finish(f->store, &s, into(&o), &e));
    store_flush(f->store);
    assert_int_equal(o.failure.code, ERROR_NOT_FOUND);
    run_row got;
    job_row row;
    assert_false(store_run_get(f->reader, r.id, &got, &e));
    assert_false(store_model_get(f->reader, "m", 0, &m, &e));
    assert_true(store_job_get(f->reader, job.id, &row, &e));
    assert_int_equal(row.state, JOB_RUNNING);
    job_row_free(&row);
}

static void a_run_tells_the_series_of_its_job(void **state)
{
    fixture *f = *state;
    store_answer job = add_job(f);
    int64_t token = claim(f, job.id).answer.token;
    static const char *const names[] = {"loss", "auroc"};
    error e = {0};
    for (int epoch = 1; epoch <= 2; epoch++) {
        outcome o;
        double values[] = {epoch * 0.5, NAN};
        store_epoch m = {
            .id = job.id, .token = token, .epoch = epoch, .count = epoch, .names = names, .values = values};
        assert_true(store_job_epoch(f->store, &m, into(&o), &e));
        assert_true(store_job_epoch(f->store, &m, into(&o), &e)); /* as after a resume */
        store_flush(f->store);
        assert_int_equal(o.failure.code, ERROR_NONE);
    }
    finish(f, job.id, token, "m", "weights");
    job_row row;
    run_row r;
    assert_true(store_job_get(f->reader, job.id, &row, &e));
    assert_true(store_run_get(f->reader, row.run, &r, &e));
    assert_string_equal(r.detail, "{\"roc\":{},\"epochs\":{\"epoch\":[1,2],\"loss\":[0.5,1.0],\"auroc\":[null,null]}}");
    job_row_free(&row);
    run_row_free(&r);
}

static void runs_are_filtered(void **state)
{
    fixture *f = *state;
    train(f, "a", "1");
    train(f, "b", "2");
    static const struct {
        run_filter filter;
        int count;
    } cases[] = {
        {{.min_auroc = NAN}, 2},
        {{.model = "a", .min_auroc = NAN}, 1},
        {{.method = "kde", .min_auroc = NAN}, 0},
        {{.class_name = "zero", .dataset = "set", .protocol = "one-class", .min_auroc = 0.75}, 2},
        {{.min_auroc = 0.76}, 0},
        {{.seed = "18446744073709551615", .min_auroc = NAN}, 2},
        {{.seed = "1", .min_auroc = NAN}, 0},
        {{.since = 1, .until = 2, .min_auroc = NAN}, 0},
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        record_page page = {.limit = 5};
        run_row rows[5];
        int count;
        error e = {0};
        assert_true(store_run_list(f->reader, &cases[i].filter, &page, rows, &count, &e));
        assert_int_equal(count, cases[i].count);
        while (count)
            run_row_free(&rows[--count]);
    }
    run_filter filter = {.seed = "minus one"};
    record_page page = {.limit = 5};
    run_row row;
    int count;
    error e = {0};
    assert_false(store_run_list(f->reader, &filter, &page, &row, &count, &e));
    assert_int_equal(e.code, ERROR_INVALID);
}

/* ---- the writer */

static void many_writes_share_a_commit_and_one_failure_spoils_no_other(void **state)
{
    fixture *f = *state;
    enum { WRITES = 200 };
    outcome *all = calloc(WRITES, sizeof *all);
    error e = {0};
    add_dataset(f, "set");
    store_numbers before, after;
    store_measure(f->store, &before);
    for (int i = 0; i < WRITES; i++) {
        job_row row = job_on(f, i % 10 ? "set" : "nowhere");
        store_new_job n = {.row = &row};
        assert_true(store_job_add(f->store, &n, into(&all[i]), &e));
    }
    store_flush(f->store);
    store_measure(f->store, &after);
    for (int i = 0; i < WRITES; i++) {
        assert_int_equal(all[i].calls, 1);
        assert_true((all[i].failure.code == ERROR_NONE) == (i % 10 != 0));
    }
    assert_int_equal(after.writes - before.writes, WRITES);
    assert_int_equal(after.failures - before.failures, WRITES / 10);
    assert_true(after.commits - before.commits < WRITES);
    uint64_t counts[JOB_STATES];
    assert_true(store_job_counts(f->reader, counts, &e));
    assert_int_equal(counts[JOB_QUEUED], WRITES - WRITES / 10);
    free(all);
}

/* Another connection sees what was acknowledged, while the writer still has the file open: as after a kill. */
static void what_was_acknowledged_is_in_the_file(void **state)
{
    fixture *f = *state;
    add_dataset(f, "set");
    sqlite3 *db;
    sqlite3_stmt *s;
    assert_int_equal(sqlite3_open(scratch_at(&f->folder, "registry.db").text, &db), SQLITE_OK);
    assert_int_equal(sqlite3_prepare_v2(db, "SELECT count(*) FROM datasets", -1, &s, NULL), SQLITE_OK);
    assert_int_equal(sqlite3_step(s), SQLITE_ROW);
    assert_int_equal(sqlite3_column_int(s, 0), 1);
    sqlite3_finalize(s);
    sqlite3_close(db);
}

static void everything_is_there_after_a_restart(void **state)
{
    fixture *f = *state;
    outcome o = train(f, "m", "weights");
    close_store(f);
    open_store(f);
    error e = {0};
    model_row m;
    assert_true(store_model_get(f->reader, "m", o.answer.version, &m, &e));
    model_row_free(&m);
}

static void a_registry_of_a_newer_program_is_refused(void **state)
{
    fixture *f = *state;
    close_store(f);
    scratch_path path = scratch_at(&f->folder, "registry.db");
    sqlite3 *db;
    assert_int_equal(sqlite3_open(path.text, &db), SQLITE_OK);
    assert_int_equal(sqlite3_exec(db, "PRAGMA user_version = 9999", NULL, NULL, NULL), SQLITE_OK);
    error e = {0};
    store_host host = {0};
    assert_null(store_open(path.text, &host, &e));
    assert_int_equal(e.code, ERROR_UNSUPPORTED);
    assert_null(store_reader_open_at(path.text, &e));
    assert_int_equal(e.code, ERROR_UNSUPPORTED);
    char back[48];
    snprintf(back, sizeof back, "PRAGMA user_version = %zu", migration_count);
    assert_int_equal(sqlite3_exec(db, back, NULL, NULL, NULL), SQLITE_OK);
    sqlite3_close(db);
    open_store(f);
}

static void a_registry_is_read_from_outside_with_and_without_its_store(void **state)
{
    fixture *f = *state;
    outcome o = train(f, "m", "weights");
    scratch_path path = scratch_at(&f->folder, "registry.db");
    for (int open = 1; open >= 0; open--) {
        error e = {0};
        model_row m;
        if (!open)
            close_store(f);
        store_reader *outside = store_reader_open_at(path.text, &e);
        assert_non_null(outside);
        assert_true(store_model_get(outside, "m", o.answer.version, &m, &e));
        model_row_free(&m);
        store_reader_close(outside);
    }
    open_store(f);
}

#define TEST(name_) cmocka_unit_test_setup_teardown(name_, set_up, tear_down)

/* ---- what others have published */

static void published_figures_keep_to_their_images_and_protocol(void **state)
{
    fixture *f = *state;
    static const char mnist[] = "bbfefc7755ad352fdbb633e568e7c24ff5dc37f6fe6c3e43bcae57157668123d";
    enum { MOST = 200 };
    published_row *rows = calloc(MOST, sizeof *rows);
    int count, kde = 0, alad = 0;
    double sum = 0;
    error e = {0};
    assert_true(store_published_list(f->reader, mnist, "one-class", rows, MOST, &count, &e));
    for (int i = 0; i < count; i++) {
        assert_string_equal(rows[i].protocol, "one-class");
        assert_string_equal(rows[i].dataset, "mnist");
        alad += !strcmp(rows[i].method, "alad");
        if (strcmp(rows[i].method, "kde") != 0 || strcmp(rows[i].source, "survey") != 0)
            continue;
        kde++;
        sum += rows[i].auroc;
        assert_int_equal(rows[i].note[0] != 0, rows[i].class_name[0] == '0' || rows[i].class_name[0] == '7');
    }
    assert_int_equal(kde, 10);
    assert_true(fabs(sum / 10 - 0.8073) < 1e-9);
    assert_int_equal(alad, 0); /* its row in the same table is of the other protocol */
    assert_true(store_published_list(f->reader, mnist, "one-vs-rest", rows, MOST, &count, &e));
    for (int i = 0; i < count; i++)
        alad += !strcmp(rows[i].method, "alad");
    assert_int_equal(alad, 10);
    assert_true(store_published_list(f->reader, "of other images", "one-class", rows, MOST, &count, &e));
    assert_int_equal(count, 0);
    free(rows);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(pages_cover_a_list_once),
        TEST(a_cursor_of_another_list_is_refused),
        TEST(a_job_is_read_as_it_was_written),
        TEST(a_job_needs_its_data_set),
        TEST(a_key_answers_the_same_job_and_refuses_another_request),
        TEST(a_key_is_forgotten_after_its_time),
        TEST(a_job_is_claimed_once),
        TEST(a_late_worker_cannot_write_over_its_successor),
        TEST(progress_is_kept),
        TEST(jobs_are_filtered_and_newest_first),
        TEST(open_jobs_are_found_after_a_restart),
        TEST(a_finished_job_leaves_model_run_and_file),
        TEST(versions_count_up_and_the_list_has_the_newest),
        TEST(a_result_without_its_file_leaves_nothing),
        TEST(a_run_tells_the_series_of_its_job),
        TEST(runs_are_filtered),
        TEST(published_figures_keep_to_their_images_and_protocol),
        TEST(many_writes_share_a_commit_and_one_failure_spoils_no_other),
        TEST(what_was_acknowledged_is_in_the_file),
        TEST(everything_is_there_after_a_restart),
        TEST(a_registry_of_a_newer_program_is_refused),
        TEST(a_registry_is_read_from_outside_with_and_without_its_store),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
