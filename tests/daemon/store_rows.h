/* SPDX-License-Identifier: MIT */
/* store_rows.h — a registry in a scratch folder, and rows to put into it, for tests. */
#ifndef ANOMALYD_TESTS_DAEMON_STORE_ROWS_H
#define ANOMALYD_TESTS_DAEMON_STORE_ROWS_H

#include "daemon/platform/id.h"
#include "daemon/store/store.h"
#include "scratch.h"

#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

typedef struct fixture {
    scratch folder;
    store *store;
    store_reader *reader;
    id_source ids;
} fixture;

/* What the last write answered. */
typedef struct outcome {
    int calls;
    store_answer answer;
    error failure;
} outcome;

static inline void note(void *context, const store_answer *answer, const error *failure)
{
    outcome *o = context;
    o->calls++;
    if (answer)
        o->answer = *answer;
    o->failure = failure ? *failure : (error){0};
}

static inline store_reply into(outcome *o)
{
    *o = (outcome){0};
    return (store_reply){.done = note, .context = o};
}

static inline void open_store(fixture *f)
{
    error e = {0};
    store_host host = {0};
    f->store = store_open(scratch_at(&f->folder, "registry.db").text, &host, &e);
    if (!f->store)
        fail_msg("%s", e.message);
    f->reader = store_reader_open(f->store, &e);
    if (!f->reader)
        fail_msg("%s", e.message);
}

static inline void close_store(fixture *f)
{
    store_reader_close(f->reader);
    store_close(f->store);
}

static inline int set_up(void **state)
{
    fixture *f = calloc(1, sizeof *f);
    assert_non_null(f);
    f->folder = scratch_make();
    open_store(f);
    *state = f;
    return 0;
}

static inline int tear_down(void **state)
{
    fixture *f = *state;
    close_store(f);
    scratch_remove(&f->folder);
    free(f);
    return 0;
}

static inline dataset_row dataset_named(const char *name)
{
    dataset_row row = {.created = time_now(), .bytes = 123, .info = {.format = "idx", .image = {10, 28, 27, 1}}};
    snprintf(row.name, sizeof row.name, "%s", name);
    row.info.classes = 2;
    snprintf(row.info.class_names[0], DATASET_CLASS_NAME_MAX, "zero");
    snprintf(row.info.class_names[1], DATASET_CLASS_NAME_MAX, "a \"quoted\" name");
    row.info.counts[SPLIT_TRAIN][0] = 5;
    row.info.counts[SPLIT_TEST][1] = 4000000000u;
    row.info.duplicates = 3;
    row.copies_counted = true;
    row.info.copies[SPLIT_TRAIN] = 2;
    row.info.copies[SPLIT_TEST] = 4000000001u;
    row.info.conflicting = 5;
    row.info.left_out[1] = 6;
    memset(row.info.digest, 'a', 64);
    return row;
}

static inline outcome add_dataset(fixture *f, const char *name)
{
    outcome o;
    error e = {0};
    dataset_row row = dataset_named(name);
    assert_true(store_dataset_add(f->store, &row, into(&o), &e));
    store_flush(f->store);
    assert_int_equal(o.calls, 1);
    return o;
}

static inline job_row job_on(fixture *f, const char *set)
{
    static char hyperparameters[] = "{\"k\":1}"; /* outlives the row that points to it */
    job_row row = {.created = time_now(),
                   .spec = {.subject.method = "pca",
                            .subject.dataset_digest = "d",
                            .subject.protocol = "one-class",
                            .subject.class_name = "zero",
                            .model = "m",
                            .subject.seed = UINT64_MAX - 1,
                            .subject.held_out = 0.1,
                            .subject.test_images = 3000000000,
                            .trace = true,
                            .hyperparameters = hyperparameters}};
    snprintf(row.spec.subject.dataset, sizeof row.spec.subject.dataset, "%s", set);
    id_make(&f->ids, row.id);
    return row;
}

static inline outcome add_job_row(fixture *f, const job_row *row, const char *key, const char *fingerprint)
{
    outcome o;
    error e = {0};
    store_new_job n = {.row = row, .key = key, .fingerprint = fingerprint};
    assert_true(store_job_add(f->store, &n, into(&o), &e));
    store_flush(f->store);
    assert_int_equal(o.calls, 1);
    return o;
}

/* A queued job on a data set "set"; its id. */
static inline store_answer add_job(fixture *f)
{
    add_dataset(f, "set");
    job_row row = job_on(f, "set");
    outcome o = add_job_row(f, &row, NULL, NULL);
    assert_int_equal(o.failure.code, ERROR_NONE);
    return o.answer;
}

static inline outcome claim(fixture *f, const char *id)
{
    outcome o;
    error e = {0};
    store_claim c = {.id = id, .worker = "here/1", .now = time_now(), .lease_until = time_now() + 60000};
    assert_true(store_job_claim(f->store, &c, into(&o), &e));
    store_flush(f->store);
    return o;
}

static inline outcome move(fixture *f, const char *id, int64_t token, enum job_state to, const char *why)
{
    outcome o;
    error e = {0};
    store_move m = {.id = id, .token = token, .to = to, .failure = why, .deaths = 1, .finished = 5, .events = 9};
    assert_true(store_job_move(f->store, &m, into(&o), &e));
    store_flush(f->store);
    return o;
}

/* The test of a model's run: none of one called "untested". */
static inline tested test_of(const char *name)
{
    static const float scores[9] = {0.5f, -1, 2, 3e-38f, 5, 6, 7, 8, 9};
    static const uint8_t anomalous[9] = {1, 0, 0, 1, 1, 0, 1, 0, 1};
    train_test test = {.scores = scores, .anomalous = anomalous, .count = 9, .images = "images"};
    tested t = {0};
    error e = {0};
    if (strcmp(name, "untested") != 0)
        assert_true(tested_pack(&test, &t, &e));
    return t;
}

static inline void name_rows(model_row *m, run_row *r, const char *job, const char *name)
{
    snprintf(m->name, sizeof m->name, "%s", name);
    snprintf(r->model, sizeof r->model, "%s", name);
    snprintf(m->job, sizeof m->job, "%s", job);
    snprintf(r->job, sizeof r->job, "%s", job);
    snprintf(m->run, sizeof m->run, "%s", r->id);
    snprintf(r->training_digest, sizeof r->training_digest, "learned");
    r->left_out_count = 21;
}

/* Finishes a claimed job with a model file of `bytes`, and a test unless the model is called "untested". */
static inline outcome finish(fixture *f, const char *id, int64_t token, const char *name, const char *bytes)
{
    outcome o;
    error e = {0};
    scratch_write(&f->folder, "model", bytes, strlen(bytes));
    model_row m = {.created = time_now(),
                   .subject.method = "pca",
                   .subject.dataset = "set",
                   .subject.protocol = "one-class",
                   .subject.class_name = "zero",
                   .subject.seed = UINT64_MAX,
                   .data = {1, 28, 27, 3},
                   .input = {1, 32, 32, 3},
                   .parameters = 1000,
                   .bytes = strlen(bytes),
                   .digest = "digest",
                   .threshold = NAN,
                   .false_alarm_rate = 0.05,
                   .auroc = 0.75,
                   .code_version = "1",
                   .hyperparameters = (char[]){"{\"k\":2}"}};
    run_row r = {.created = m.created,
                 .subject.method = "pca",
                 .subject.dataset = "set",
                 .subject.protocol = "one-class",
                 .subject.class_name = "zero",
                 .subject.seed = UINT64_MAX,
                 .subject.test_images = 3000000000,
                 .auroc = 0.75,
                 .auroc_low = 0.5,
                 .auroc_high = 0.875,
                 .auroc_deviation = NAN,
                 .average_precision = NAN,
                 .train_count = 7,
                 .epochs = 3,
                 .chosen_epoch = 2,
                 .train_s = 1.5,
                 .weights_digest = "w",
                 .code_version = "1",
                 .blas_core = "SkylakeX",
                 .threads = 2,
                 .scores = {{"l1", 0.75, 0.5, 0.875, 0.5}, {"features", NAN, NAN, NAN, NAN}},
                 .score_count = 2,
                 .hyperparameters = (char[]){"{\"k\":2}"},
                 .detail = (char[]){"{\"roc\":{}}"}};
    id_make(&f->ids, r.id);
    name_rows(&m, &r, id, name);
    tested t = test_of(name);
    scratch_path path = scratch_at(&f->folder, "model");
    store_finish s = {.id = id,
                      .token = token,
                      .finished = 77,
                      .events = 5,
                      .model = &m,
                      .run = &r,
                      .tested = &t,
                      .model_path = path.text};
    assert_true(store_job_finish(f->store, &s, into(&o), &e));
    tested_free(&t);
    store_flush(f->store);
    assert_int_equal(o.calls, 1);
    return o;
}

/* A job from its beginning to a registered model. */
static inline outcome train(fixture *f, const char *name, const char *bytes)
{
    store_answer job = add_job(f);
    outcome c = claim(f, job.id);
    return finish(f, job.id, c.answer.token, name, bytes);
}

#endif
