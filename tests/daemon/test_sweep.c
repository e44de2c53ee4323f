/* SPDX-License-Identifier: MIT */
/* test_sweep.c — a sweep's rows: all or nothing, once for a key, cells reused and resumed; and the ETA. */
#include "daemon/experiments/experiments.h"
#include "store_rows.h"

#include <sqlite3.h>
#include <stdlib.h>
#include <string.h>

enum { METHODS = 2, CLASSES = 2, SEEDS = 2, CELLS = METHODS * CLASSES * SEEDS };

/* pca and kde on "zero" and "one" of "set" with seeds 0 and 1. */
static store_new_experiment *sweep(fixture *f, enum reuse reuse)
{
    store_new_experiment *x = calloc(1, sizeof *x);
    experiment_spec *s = &x->spec;
    *s = (experiment_spec){.dataset = "set",
                           .protocol = "one-class",
                           .held_out = 0.1,
                           .reuse = reuse,
                           .method_count = METHODS,
                           .class_count = CLASSES,
                           .seed_count = SEEDS,
                           .methods = calloc(METHODS, sizeof *s->methods),
                           .classes = calloc(CLASSES, sizeof *s->classes),
                           .seeds = calloc(SEEDS, sizeof *s->seeds)};
    x->resolved = calloc(METHODS, sizeof *x->resolved);
    x->presets = calloc(METHODS, sizeof *x->presets);
    x->models = calloc(METHODS, sizeof *x->models);
    x->jobs = calloc(CELLS, sizeof *x->jobs);
    for (int m = 0; m < METHODS; m++) {
        snprintf(s->methods[m].method, sizeof s->methods[m].method, "%s", m ? "kde" : "pca");
        s->methods[m].hyperparameters = strdup("{}");
        s->methods[m].held_out = s->held_out;
        x->resolved[m] = strdup("{\"k\":2}");
        x->presets[m] = strdup("{\"k\":1}");
        snprintf(x->models[m], sizeof x->models[m], "set-%d", m);
    }
    snprintf(s->classes[0], sizeof s->classes[0], "zero");
    snprintf(s->classes[1], sizeof s->classes[1], "one");
    s->seeds[1] = 1;
    x->axes = strdup("{}");
    x->created = time_now();
    snprintf(x->dataset_digest, sizeof x->dataset_digest, "d");
    snprintf(x->code_version, sizeof x->code_version, "1");
    id_make(&f->ids, x->id);
    for (int i = 0; i < CELLS; i++)
        id_make(&f->ids, x->jobs[i]);
    return x;
}

static outcome add(fixture *f, store_new_experiment *x)
{
    outcome o;
    error e = {0};
    assert_true(store_experiment_add(f->store, x, into(&o), &e));
    store_flush(f->store);
    assert_int_equal(o.calls, 1);
    return o;
}

static experiment_row look_up(fixture *f, const char *id)
{
    experiment_row row;
    error e = {0};
    if (!store_experiment_get(f->reader, id, &row, &e))
        fail_msg("%s", e.message);
    return row;
}

static uint64_t jobs_there(fixture *f)
{
    uint64_t counts[JOB_STATES], n = 0;
    error e = {0};
    assert_true(store_job_counts(f->reader, counts, &e));
    for (int s = 0; s < JOB_STATES; s++)
        n += counts[s];
    return n;
}

static void a_sweep_has_a_job_for_every_cell(void **state)
{
    fixture *f = *state;
    add_dataset(f, "set");
    outcome o = add(f, sweep(f, REUSE_NONE));
    assert_true(o.answer.fresh);
    experiment_row row = look_up(f, o.answer.id);
    assert_int_equal(row.cell_count, CELLS);
    assert_int_equal(row.counts[JOB_QUEUED], CELLS);
    assert_int_equal(jobs_there(f), CELLS);
    for (int i = 0; i < CELLS; i++) {
        const experiment_cell *c = &row.cells[i];
        assert_string_equal(c->method, i % 2 ? "kde" : "pca");
        assert_string_equal(c->class_name, i / 2 % 2 ? "one" : "zero");
        assert_int_equal(c->seed, i / 4);
        assert_true(!c->reused && isnan(c->auroc) && isnan(c->cost_s));
        job_row job;
        error e = {0};
        assert_true(store_job_get(f->reader, c->job, &job, &e));
        assert_string_equal(job.spec.subject.method, c->method);
        assert_string_equal(job.spec.subject.class_name, c->class_name);
        assert_int_equal(job.spec.subject.seed, c->seed);
        job_row_free(&job);
    }
    experiment_row_free(&row);
}

static void a_key_makes_one_sweep(void **state)
{
    fixture *f = *state;
    add_dataset(f, "set");
    store_new_experiment *x[3];
    for (int i = 0; i < 3; i++) {
        x[i] = sweep(f, REUSE_NONE);
        snprintf(x[i]->key, sizeof x[i]->key, "key");
        snprintf(x[i]->fingerprint, sizeof x[i]->fingerprint, i < 2 ? "same" : "other");
    }
    outcome first = add(f, x[0]), again = add(f, x[1]), other = add(f, x[2]);
    assert_true(first.answer.fresh && !again.answer.fresh);
    assert_string_equal(again.answer.id, first.answer.id);
    assert_int_equal(other.failure.code, ERROR_CONFLICT);
    assert_int_equal(jobs_there(f), CELLS);
}

static void a_sweep_that_cannot_be_added_leaves_nothing(void **state)
{
    fixture *f = *state;
    add_dataset(f, "set");
    store_new_experiment *x = sweep(f, REUSE_NONE);
    memcpy(x->jobs[CELLS - 1], x->jobs[0], sizeof x->jobs[0]); /* the last row contradicts the first */
    assert_int_not_equal(add(f, x).failure.code, ERROR_NONE);
    assert_int_equal(jobs_there(f), 0);
    record_page page = {.limit = 5};
    experiment_row rows[5];
    int count;
    error e = {0};
    assert_true(store_experiment_list(f->reader, &page, rows, &count, &e));
    assert_int_equal(count, 0);
}

/* Registers what a claimed job made, for just what it asked. */
static outcome finish_as(fixture *f, const job_row *job, int64_t token, const char *version)
{
    outcome o;
    error e = {0};
    scratch_write(&f->folder, "model", "weights", 7);
    model_row m = {.created = time_now(),
                   .subject.method = "pca",
                   .subject.dataset = "set",
                   .name = "m",
                   .data = {1, 28, 27, 1},
                   .input = {1, 28, 27, 1},
                   .auroc = 0.75,
                   .hyperparameters = (char[]){"{\"k\":2}"}};
    run_row r = {.created = m.created,
                 .subject.method = "pca",
                 .subject.dataset = "set",
                 .subject.dataset_digest = "d",
                 .subject.protocol = "one-class",
                 .model = "m",
                 .subject.seed = job->spec.subject.seed,
                 .subject.test_images = job->spec.subject.test_images,
                 .auroc = 0.75,
                 .hyperparameters = (char[]){"{\"k\":2}"},
                 .detail = (char[]){"{}"},
                 .scores = {{.name = "smooth", .auroc = 0.625}},
                 .score_count = 1};
    snprintf(r.code_version, sizeof r.code_version, "%s", version);
    snprintf(r.subject.class_name, sizeof r.subject.class_name, "%s", job->spec.subject.class_name);
    snprintf(r.job, sizeof r.job, "%s", job->id);
    snprintf(m.job, sizeof m.job, "%s", job->id);
    id_make(&f->ids, r.id);
    snprintf(m.run, sizeof m.run, "%s", r.id);
    scratch_path path = scratch_at(&f->folder, "model");
    const tested untested = {.bytes = NULL};
    store_finish s = {.id = job->id,
                      .token = token,
                      .finished = 77,
                      .events = 5,
                      .model = &m,
                      .run = &r,
                      .tested = &untested,
                      .model_path = path.text};
    assert_true(store_job_finish(f->store, &s, into(&o), &e));
    store_flush(f->store);
    return o;
}

/* A job of the registry that has done what the sweep's first cell asks, but for what `change` changes. */
static void run_before_by(fixture *f, const char *version, void (*change)(job_row *))
{
    job_row row = job_on(f, "set");
    row.spec.subject.seed = 0;
    row.spec.subject.test_images = 0;
    row.spec.trace = false;
    change(&row);
    assert_int_equal(add_job_row(f, &row, NULL, NULL).failure.code, ERROR_NONE);
    outcome c = claim(f, row.id);
    assert_int_equal(finish_as(f, &row, c.answer.token, version).failure.code, ERROR_NONE);
}

static void run_before(fixture *f, void (*change)(job_row *))
{
    run_before_by(f, "1", change);
}

static void nothing(job_row *row)
{
    (void)row;
}
static void its_seed(job_row *row)
{
    row->spec.subject.seed = 7;
}
static void its_class(job_row *row)
{
    snprintf(row->spec.subject.class_name, sizeof row->spec.subject.class_name, "three");
}
static void its_share(job_row *row)
{
    row->spec.subject.held_out = 0.2;
}
static void its_test(job_row *row)
{
    row->spec.subject.test_images = 50;
}

static int reused_of(fixture *f, store_new_experiment *x)
{
    outcome o = add(f, x);
    experiment_row row = look_up(f, o.answer.id);
    int n = 0;
    for (int i = 0; i < row.cell_count; i++)
        n += row.cells[i].reused;
    if (n)
        assert_true(row.cells[0].reused && row.cells[0].state == JOB_SUCCEEDED && row.cells[0].auroc == 0.75);
    experiment_row_free(&row);
    return n;
}

static void only_what_is_the_same_is_reused(void **state)
{
    fixture *f = *state;
    add_dataset(f, "set");
    run_before(f, its_seed);
    run_before(f, its_class);
    run_before(f, its_share);
    run_before(f, its_test);
    assert_int_equal(reused_of(f, sweep(f, REUSE_SAME_VERSION)), 0);
    run_before(f, nothing);
    assert_int_equal(reused_of(f, sweep(f, REUSE_NONE)), 0);
    assert_int_equal(reused_of(f, sweep(f, REUSE_SAME_VERSION)), 1);
}

/* Of a sweep that this version of the program is asked for: which version made its first cell; empty: it is to run. */
static void expect_first_cell(fixture *f, const char *version, enum reuse reuse, const char *made_by)
{
    store_new_experiment *x = sweep(f, reuse);
    snprintf(x->code_version, sizeof x->code_version, "%s", version);
    outcome o = add(f, x);
    experiment_row row = look_up(f, o.answer.id);
    assert_int_equal(row.reuse, reuse);
    assert_string_equal(row.cells[0].code_version, made_by);
    assert_int_equal(row.cells[0].reused, made_by[0] != 0);
    experiment_row_free(&row);
}

static void another_version_is_reused_where_it_was_asked_for(void **state)
{
    fixture *f = *state;
    add_dataset(f, "set");
    run_before_by(f, "2", nothing);
    run_before_by(f, "3", nothing);
    expect_first_cell(f, "1", REUSE_SAME_VERSION, "");
    expect_first_cell(f, "1", REUSE_ANY_VERSION, "3"); /* the newest */
    expect_first_cell(f, "2", REUSE_SAME_VERSION, "2");
    expect_first_cell(f, "2", REUSE_ANY_VERSION, "2"); /* its own, though another is newer */
    expect_first_cell(f, "2", REUSE_NONE, "");
    run_before_by(f, "4", its_test);
    expect_first_cell(f, "1", REUSE_ANY_VERSION, "3"); /* that one is no twin */
}

/* A sweep whose first method has an option that the run before, {"k":2}, did not know. */
static store_new_experiment *later_sweep(fixture *f, const char *version, const char *resolved)
{
    store_new_experiment *x = sweep(f, REUSE_ANY_VERSION);
    snprintf(x->code_version, sizeof x->code_version, "%s", version);
    free(x->resolved[0]);
    free(x->presets[0]);
    x->resolved[0] = strdup(resolved);
    x->presets[0] = strdup("{\"later\":0.5,\"k\":1,\"mode\":\"slow\"}");
    return x;
}

static void what_a_run_did_not_know_is_at_its_preset(void **state)
{
    fixture *f = *state;
    add_dataset(f, "set");
    run_before_by(f, "1", nothing);
    assert_int_equal(reused_of(f, later_sweep(f, "2", "{\"later\":0.5,\"k\":2,\"mode\":\"slow\"}")), 1);
    assert_int_equal(reused_of(f, later_sweep(f, "2", "{\"later\":0.25,\"k\":2,\"mode\":\"slow\"}")), 0);
    assert_int_equal(reused_of(f, later_sweep(f, "2", "{\"later\":0.5,\"k\":2,\"mode\":\"fast\"}")), 0);
    assert_int_equal(reused_of(f, later_sweep(f, "2", "{\"later\":0.5,\"k\":1,\"mode\":\"slow\"}")), 0);
    assert_int_equal(reused_of(f, later_sweep(f, "2", "{\"later\":0.5,\"mode\":\"slow\"}")), 0);         /* k is gone */
    assert_int_equal(reused_of(f, later_sweep(f, "1", "{\"later\":0.5,\"k\":2,\"mode\":\"slow\"}")), 0); /* it knew */
}

/* As programs that knew neither overrides nor other versions' runs have left them. */
static void experiments_of_before_read_as_they_did(void **state)
{
    fixture *f = *state;
    add_dataset(f, "set");
    sqlite3 *db;
    assert_int_equal(sqlite3_open(scratch_at(&f->folder, "registry.db").text, &db), SQLITE_OK);
    assert_int_equal(
        sqlite3_exec(db,
                     "INSERT INTO experiments VALUES ('no', 5, 'n', 'set', 'd', 'one-class', 0.1, 0, 0, 0, 1, '{}'), "
                     "('yes', 6, 'n', 'set', 'd', 'one-class', 0.2, 50, 1, 1, 0, '{\"methods\": [\"pca\"]}')",
                     NULL, NULL, NULL),
        SQLITE_OK);
    assert_int_equal(sqlite3_close(db), SQLITE_OK);
    experiment_row no = look_up(f, "no"), yes = look_up(f, "yes");
    assert_int_equal(no.reuse, REUSE_NONE);
    assert_true(!no.trace && no.all_classes && no.held_out == 0.1 && no.test_images == 0);
    assert_int_equal(yes.reuse, REUSE_SAME_VERSION);
    assert_true(yes.trace && !yes.all_classes && yes.held_out == 0.2 && yes.test_images == 50);
    assert_string_equal(yes.axes, "{\"methods\": [\"pca\"]}");
    experiment_row_free(&no);
    experiment_row_free(&yes);
}

/* With settings of pca's own. */
static store_new_experiment *uneven_sweep(fixture *f, double held_out, uint32_t test_images)
{
    store_new_experiment *x = sweep(f, REUSE_SAME_VERSION);
    x->spec.methods[0].held_out = held_out;
    x->spec.methods[0].test_images = test_images;
    return x;
}

static void what_is_in_force_for_the_method_must_be_the_same(void **state)
{
    fixture *f = *state;
    add_dataset(f, "set");
    run_before(f, its_share);
    assert_int_equal(reused_of(f, uneven_sweep(f, 0.1, 0)), 0);
    assert_int_equal(reused_of(f, uneven_sweep(f, 0.2, 50)), 0);
    assert_int_equal(reused_of(f, uneven_sweep(f, 0.2, 0)), 1);
    run_before(f, its_test);
    assert_int_equal(reused_of(f, uneven_sweep(f, 0.1, 50)), 1);
}

static void expect_uneven_jobs(fixture *f, const experiment_row *row)
{
    for (int i = 0; i < row->cell_count; i++) {
        job_row job;
        error e = {0};
        assert_true(store_job_get(f->reader, row->cells[i].job, &job, &e));
        bool own = !strcmp(job.spec.subject.method, "pca");
        assert_true(job.spec.subject.held_out == (own ? 0.25 : 0.1));
        assert_int_equal(job.spec.subject.test_images, own ? 40 : 0);
        job_row_free(&job);
    }
}

static void cells_can_be_given_another_score(void **state)
{
    fixture *f = *state;
    error e = {0};
    add_dataset(f, "set");
    run_before(f, nothing);
    outcome o = add(f, sweep(f, REUSE_SAME_VERSION));
    experiment_row row = look_up(f, o.answer.id);
    assert_true(store_experiment_score(f->reader, &row, "smooth", &e));
    assert_true(row.cells[0].auroc == 0.625);
    for (int i = 1; i < row.cell_count; i++)
        assert_true(isnan(row.cells[i].auroc));
    assert_false(store_experiment_score(f->reader, &row, "rough", &e));
    assert_int_equal(e.code, ERROR_INVALID);
    assert_non_null(strstr(e.message, "\"rough\""));
    experiment_row_free(&row);
}

static void lost_cells_get_new_jobs_and_others_keep_theirs(void **state)
{
    fixture *f = *state;
    add_dataset(f, "set");
    outcome o = add(f, uneven_sweep(f, 0.25, 40));
    experiment_row before = look_up(f, o.answer.id);
    expect_uneven_jobs(f, &before);
    move(f, before.cells[1].job, 0, JOB_FAILED, "broken");
    move(f, before.cells[4].job, 0, JOB_CANCELLED, NULL);
    char ids[2][RECORD_ID_MAX];
    id_make(&f->ids, ids[0]);
    id_make(&f->ids, ids[1]);
    store_resume again = {
        .id = o.answer.id, .created = time_now(), .jobs = (const char(*)[RECORD_ID_MAX])ids, .job_count = 2};
    outcome resumed;
    error e = {0};
    for (int i = 0; i < 2; i++) { /* the second time there is nothing to do */
        assert_true(store_experiment_resume(f->store, &again, into(&resumed), &e));
        store_flush(f->store);
        assert_int_equal(resumed.failure.code, ERROR_NONE);
    }
    experiment_row after = look_up(f, o.answer.id);
    assert_int_equal(after.counts[JOB_QUEUED], CELLS);
    for (int i = 0; i < CELLS; i++)
        assert_string_equal(after.cells[i].job, i == 1 ? ids[0] : i == 4 ? ids[1] : before.cells[i].job);
    assert_int_equal(jobs_there(f), CELLS + 2);
    expect_uneven_jobs(f, &after);
    experiment_row_free(&before);
    experiment_row_free(&after);
}

/* ---- the time that is left */

enum { LEFT_MAX = 6 };

typedef struct left_over {
    experiment_cell cells[LEFT_MAX];
    job_pace paces[LEFT_MAX];
    int count;
} left_over;

static void is_of(left_over *l, int cell, const char *id)
{
    snprintf(l->cells[cell].method, sizeof l->cells[cell].method, "%s", id);
}

/* Queued cells of a method, of which nothing is known. */
static left_over all_queued(const char *id, int count)
{
    left_over l = {.count = count};
    for (int i = 0; i < count; i++) {
        l.cells[i].state = JOB_QUEUED;
        l.cells[i].cost_s = NAN;
        is_of(&l, i, id);
        l.paces[i] = job_pace_unknown;
    }
    return l;
}

static void takes(left_over *l, int cell, double left_s, double whole_s)
{
    l->cells[cell].state = JOB_RUNNING;
    l->paces[cell].left_s = left_s;
    l->paces[cell].whole_s = whole_s;
    l->paces[cell].threads = 1;
}

static void took(left_over *l, int cell, double cost_s, int threads)
{
    l->cells[cell].state = JOB_SUCCEEDED;
    l->cells[cell].cost_s = cost_s;
    l->cells[cell].threads = threads;
    l->paces[cell] = job_pace_unknown;
}

static double eta(left_over *l, int threads)
{
    const experiment_row row = {.cells = l->cells, .cell_count = l->count};
    return experiments_eta(&row, l->paces, threads);
}

static void the_eta_is_made_of_what_was_measured(void **state)
{
    (void)state;
    left_over l = all_queued("kde", 6); /* the third: 12 */
    took(&l, 0, 10, 1);
    took(&l, 1, 14, 1);
    l.cells[3].state = JOB_FAILED;
    is_of(&l, 4, "pca");
    is_of(&l, 5, "pca"); /* 10: what the running one takes in all */
    takes(&l, 4, 2, 10);
    assert_true(eta(&l, 1) == 24);
    assert_true(eta(&l, 2) == 12);
    assert_true(eta(&l, 8) == 12); /* the longest cannot be shared */
    l.cells[3].state = JOB_QUEUED;
    is_of(&l, 3, "ocgan");
    assert_true(isnan(eta(&l, 1))); /* nobody knows */
    l.count = 2;
    assert_true(isnan(eta(&l, 1))); /* nothing is left */
}

static void a_cost_on_many_threads_is_not_taken_for_one_on_few(void **state)
{
    (void)state;
    left_over l = all_queued("ocgan", 5);
    took(&l, 0, 10, 4);            /* it ran alone */
    assert_true(eta(&l, 4) == 40); /* four to come, 40 thread-seconds each */
    takes(&l, 1, 20, 40);
    assert_true(eta(&l, 4) == 35); /* (20 + 3 * 40) / 4 */
    took(&l, 0, 10, 0);            /* not recorded: as if on one */
    assert_true(eta(&l, 1) == 50);
}

static void the_eta_knows_what_scoring_takes_once_a_cell_scores(void **state)
{
    (void)state;
    left_over l = all_queued("anogan", 3);
    takes(&l, 0, 50, 100);
    takes(&l, 1, 50, 100);
    assert_true(eta(&l, 1) == 50 + 50 + 100); /* nobody has said what the test will take */
    l.paces[0].left_s = 0;
    l.paces[0].scoring_left_s = 40;
    l.paces[0].scoring_whole_s = 80;
    assert_true(eta(&l, 1) == 40 + (50 + 80) + (100 + 80));
    took(&l, 0, 150, 1);
    l.cells[0].score_s = 60;
    assert_true(eta(&l, 1) == (50 + 60) + 150);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(a_sweep_has_a_job_for_every_cell),
        TEST(a_key_makes_one_sweep),
        TEST(a_sweep_that_cannot_be_added_leaves_nothing),
        TEST(only_what_is_the_same_is_reused),
        TEST(another_version_is_reused_where_it_was_asked_for),
        TEST(what_a_run_did_not_know_is_at_its_preset),
        TEST(experiments_of_before_read_as_they_did),
        TEST(what_is_in_force_for_the_method_must_be_the_same),
        TEST(cells_can_be_given_another_score),
        TEST(lost_cells_get_new_jobs_and_others_keep_theirs),
        cmocka_unit_test(the_eta_is_made_of_what_was_measured),
        cmocka_unit_test(a_cost_on_many_threads_is_not_taken_for_one_on_few),
        cmocka_unit_test(the_eta_knows_what_scoring_takes_once_a_cell_scores),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
