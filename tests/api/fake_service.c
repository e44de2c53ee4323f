/* SPDX-License-Identifier: MIT */
/* fake_service.c — the fake's answers. */
#include "tests/api/fake_service.h"

#include "tests/api/fake_inside.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

static void put(char *out, size_t size, const char *text)
{
    snprintf(out, size, "%s", text);
}

/* Pages of `rows` rows; the cursor is the number of rows seen. */
bool fake_page(const fake *f, record_page *page, int *first, int *count, error *e)
{
    char *end;
    *first = (int)strtol(page->cursor, &end, 10);
    if (*end)
        return error_set(e, ERROR_INVALID, "cursor '%s' is not one of ours", page->cursor);
    *count = f->rows - *first < page->limit ? f->rows - *first : page->limit;
    page->cursor[0] = '\0';
    if (*first + *count < f->rows)
        snprintf(page->cursor, sizeof page->cursor, "%d", *first + *count);
    return true;
}

static void make_dataset(dataset_row *row, const char *name)
{
    *row = (dataset_row){.created = 1700000000123, .bytes = 4096};
    snprintf(row->name, sizeof row->name, "%s", name);
    put(row->info.format, sizeof row->info.format, "idx");
    row->info.image = (shape){.n = 30, .h = 28, .w = 27, .c = 1};
    row->info.classes = 2;
    put(row->info.class_names[0], sizeof row->info.class_names[0], "zero");
    put(row->info.class_names[1], sizeof row->info.class_names[1], "one");
    row->info.counts[SPLIT_TRAIN][0] = 10;
    row->info.counts[SPLIT_TRAIN][1] = 11;
    row->info.counts[SPLIT_TEST][0] = 4;
    row->info.counts[SPLIT_TEST][1] = 5;
    memset(row->info.digest, 'a', 64);
}

static bool dataset_list(void *self, const void *filter, record_page *page, void *rows, int *count, error *e)
{
    (void)filter;
    dataset_row *datasets = rows;
    int first;
    if (!fake_page(self, page, &first, count, e))
        return false;
    for (int i = 0; i < *count; i++) {
        char name[32];
        snprintf(name, sizeof name, "set-%d", first + i);
        make_dataset(&datasets[i], name);
    }
    return true;
}

static bool dataset_get(void *self, const char *name, dataset_row *row, error *e)
{
    (void)self;
    if (strcmp(name, "digits") != 0)
        return error_set(e, ERROR_NOT_FOUND, "there is no data set '%s'", name);
    make_dataset(row, name);
    return true;
}

unsigned fake_sum(const char *bytes, size_t size, unsigned sum)
{
    for (size_t i = 0; i < size; i++)
        sum = sum * 31 + (unsigned char)bytes[i];
    return sum;
}

/* What arrived in the spooled file. */
static void read_upload(fake *f, const char *path)
{
    char block[4096];
    size_t n;
    FILE *file = fopen(path, "rb");
    assert_non_null(file);
    f->import_size = 0;
    f->import_sum = 0;
    while ((n = fread(block, 1, sizeof block, file)) > 0) {
        f->import_size += (long long)n;
        f->import_sum = fake_sum(block, n, f->import_sum);
    }
    fclose(file);
    assert_int_equal(unlink(path), 0);
}

static bool dataset_import_(void *self, const dataset_request *r, dataset_done *done, void *context, error *e)
{
    fake *f = self;
    (void)e;
    f->imports++;
    snprintf(f->import_name, sizeof f->import_name, "%s", r->name);
    snprintf(f->import_source, sizeof f->import_source, "%s", r->source);
    f->import_uploaded = r->uploaded;
    if (r->uploaded)
        read_upload(f, r->source);
    f->dataset_done = done;
    f->done_context = context;
    return true;
}

static bool upload_path(void *self, char *path, size_t size, error *e)
{
    fake *f = self;
    static int number;
    (void)e;
    snprintf(path, size, "%s/upload-%d", f->directory, number++);
    return true;
}

static void make_job(const fake *f, job_row *row, const char *id)
{
    *row = (job_row){.state = f->state, .attempt = 1, .created = 1700000000000, .epoch = 2, .epochs = 5};
    snprintf(row->id, sizeof row->id, "%s", id);
    put(row->spec.subject.method, sizeof row->spec.subject.method, "ganomaly");
    put(row->spec.subject.dataset, sizeof row->spec.subject.dataset, "digits");
    put(row->spec.subject.protocol, sizeof row->spec.subject.protocol, "one-class");
    put(row->spec.subject.class_name, sizeof row->spec.subject.class_name, "8");
    put(row->spec.model, sizeof row->spec.model, "digits-ganomaly");
    row->spec.subject.held_out = 0.1;
    row->spec.hyperparameters = strdup("{\"epochs\": 5}");
    row->scored = 3;
    row->to_score = 8;
    row->images_s = 1000.5;
    row->eta_s = NAN;
    row->values = strdup("{\"loss.total\": 0.25}");
}

static void answer_job(fake *f)
{
    job_row row;
    error failure = f->failure;
    job_done *done = f->job_done;
    f->job_done = NULL;
    f->failure.code = ERROR_NONE;
    if (failure.code) {
        done(f->done_context, NULL, &failure);
        return;
    }
    make_job(f, &row, "job-1");
    done(f->done_context, &row, NULL);
    job_row_free(&row);
}

static bool job_submit(void *self, const job_spec *spec, const char *key, job_done *done, void *context, error *e)
{
    fake *f = self;
    (void)e;
    f->submits++;
    free(f->spec.hyperparameters);
    f->spec = *spec;
    f->spec.hyperparameters = strdup(spec->hyperparameters ? spec->hyperparameters : "");
    snprintf(f->key, sizeof f->key, "%s", key ? key : "");
    f->job_done = done;
    f->done_context = context;
    return true;
}

static bool job_get(void *self, const char *id, job_row *row, error *e)
{
    if (strcmp(id, "job-1") != 0)
        return error_set(e, ERROR_NOT_FOUND, "there is no job '%s'", id);
    make_job(self, row, id);
    return true;
}

static bool job_cancel(void *self, const char *id, job_done *done, void *context, error *e)
{
    fake *f = self;
    (void)e;
    f->cancels++;
    if (strcmp(id, "job-1") != 0)
        error_set(&f->failure, ERROR_NOT_FOUND, "there is no job '%s'", id);
    f->job_done = done;
    f->done_context = context;
    return true;
}

static bool job_list(void *self, const void *filter, record_page *page, void *rows, int *count, error *e)
{
    job_row *jobs = rows;
    int first;
    (void)filter;
    if (!fake_page(self, page, &first, count, e))
        return false;
    for (int i = 0; i < *count; i++)
        make_job(self, &jobs[i], "job-1");
    return true;
}

static void *job_watch(void *self, const char *id, uint64_t after, event_sink *sink, void *context, error *e)
{
    fake *f = self;
    if (strcmp(id, "job-1") != 0) {
        error_set(e, ERROR_NOT_FOUND, "there is no job '%s'", id);
        return NULL;
    }
    f->watch_after = after;
    f->sink = sink;
    f->sink_context = context;
    if (f->repeat_last && after >= (uint64_t)f->event_count)
        after = (uint64_t)f->event_count - 1;
    for (uint64_t i = after; i < (uint64_t)f->event_count; i++)
        sink(context, &(job_event){i + 1, f->events[i].type, f->events[i].data, f->events[i].last});
    f->event_number = (uint64_t)f->event_count;
    return f;
}

static void job_unwatch(void *self, void *subscription)
{
    fake *f = self;
    (void)subscription;
    f->unwatches++;
    f->sink = NULL;
}

void fake_emit(fake *f, const char *type, const char *data, bool last)
{
    assert_non_null(f->sink);
    f->sink(f->sink_context, &(job_event){++f->event_number, type, data, last});
}

static void make_model(model_row *row, const char *name, int version)
{
    *row =
        (model_row){.version = version, .created = 1700000000000, .subject.seed = 7, .parameters = 1000, .bytes = 4000};
    snprintf(row->name, sizeof row->name, "%s", name);
    put(row->subject.method, sizeof row->subject.method, "ganomaly");
    put(row->subject.dataset, sizeof row->subject.dataset, "digits");
    put(row->subject.protocol, sizeof row->subject.protocol, "one-class");
    put(row->subject.class_name, sizeof row->subject.class_name, "8");
    row->data = row->input = (shape){.n = 1, .h = 28, .w = 28, .c = 1};
    row->threshold = NAN;
    row->false_alarm_rate = 0.05;
    row->auroc = 0.91;
    row->hyperparameters = strdup("{\"epochs\": 5}");
}

static bool model_list(void *self, const void *filter, record_page *page, void *rows, int *count, error *e)
{
    (void)filter;
    model_row *models = rows;
    int first;
    if (!fake_page(self, page, &first, count, e))
        return false;
    for (int i = 0; i < *count; i++)
        make_model(&models[i], "digits-ganomaly", 3);
    return true;
}

static bool model_get(void *self, const char *name, int version, model_row *row, error *e)
{
    (void)self;
    if (strcmp(name, "digits-ganomaly") != 0)
        return error_set(e, ERROR_NOT_FOUND, "there is no model '%s'", name);
    make_model(row, name, version ? version : 3);
    return true;
}

static bool model_versions(void *self, const char *name, int *versions, int limit, int *count, error *e)
{
    (void)self, (void)name, (void)e;
    *count = limit < 3 ? limit : 3;
    for (int i = 0; i < *count; i++)
        versions[i] = 3 - i;
    return true;
}

static void make_run(run_row *row, const char *id)
{
    *row = (run_row){.created = 1700000000000,
                     .imported = 1700000001000,
                     .subject.seed = 1,
                     .subject.held_out = 0.1,
                     .subject.test_images = 500,
                     .version = 3,
                     .auroc = 0.9125,
                     .auroc_low = 0.9,
                     .auroc_high = 0.925,
                     .auroc_deviation = 0.0063,
                     .average_precision = NAN,
                     .train_s = 12.5,
                     .blas_core = "Haswell",
                     .threads = 2};
    snprintf(row->id, sizeof row->id, "%s", id);
    put(row->job, sizeof row->job, "job-1");
    put(row->subject.method, sizeof row->subject.method, "toy");
    put(row->subject.dataset, sizeof row->subject.dataset, "digits");
    memset(row->subject.dataset_digest, 'd', DATASET_DIGEST_TEXT - 1);
    memset(row->weights_digest, 'e', DATASET_DIGEST_TEXT - 1);
    put(row->subject.protocol, sizeof row->subject.protocol, "one-class");
    put(row->subject.class_name, sizeof row->subject.class_name, "a,\"b\"");
    put(row->model, sizeof row->model, "digits-toy");
    put(row->code_version, sizeof row->code_version, "1.2");
    row->hyperparameters = strdup("{\"h\": 2}");
}

static bool run_list(void *self, const void *of, record_page *page, void *rows, int *count, error *e)
{
    run_row *runs = rows;
    const run_filter *filter = of;
    fake *f = self;
    int first;
    f->filter = *filter;
    snprintf(f->filter_seed, sizeof f->filter_seed, "%s", filter->seed);
    snprintf(f->filter_class, sizeof f->filter_class, "%s", filter->class_name);
    if (!fake_page(self, page, &first, count, e))
        return false;
    for (int i = 0; i < *count; i++)
        make_run(&runs[i], "run-1");
    return true;
}

/* "run-1" to "run-4", of which the third was tested on other images and the fourth keeps no scores. */
static bool run_get(void *self, const char *id, run_row *row, error *e)
{
    (void)self;
    if (strncmp(id, "run-", 4) != 0 || id[4] < '1' || id[4] > '4' || id[5])
        return error_set(e, ERROR_NOT_FOUND, "there is no run '%s'", id);
    make_run(row, id);
    if (id[4] == '3')
        put(row->subject.class_name, sizeof row->subject.class_name, "c");
    row->score_count = 2;
    row->scores[0] = (run_score){"features", 0.9125, 0.9, 0.925, 0.99};
    row->scores[1] = (run_score){"logits", NAN, NAN, NAN, NAN};
    row->detail =
        strdup("{\"roc\": {\"false_positive\": [0, 1], \"true_positive\": [0, 1]}, \"histogram\": {\"low\": -2, "
               "\"high\": 3, \"normal\": [2, 0], \"anomalous\": [0, 4]}, \"epochs\": {\"epoch\": [1, 2], "
               "\"loss\": [0.5, null]}}");
    return true;
}

static bool run_test_(void *self, const char *id, run_test *test, error *e)
{
    static const float scores[2][4] = {{1, 2, 3, 4}, {1, 3, 2, 4}};
    static const uint8_t anomalous[4] = {0, 0, 1, 1};
    (void)self;
    if (id[4] == '4')
        return error_set(e, ERROR_CONFLICT, "run \"%s\" keeps no scores", id);
    *test = (run_test){.count = 4, .scores = malloc(sizeof scores[0]), .anomalous = malloc(sizeof anomalous)};
    put(test->images, sizeof test->images, id[4] == '3' ? "others" : "images");
    memcpy(test->scores, scores[id[4] == '2'], sizeof scores[0]);
    memcpy(test->anomalous, anomalous, sizeof anomalous);
    return true;
}

static bool run_import_(void *self, const run_row *row, run_done *done, void *context, error *e)
{
    fake *f = self;
    (void)e;
    f->submits++;
    f->run = *row;
    f->run.hyperparameters = f->run.detail = NULL;
    snprintf(f->run_options, sizeof f->run_options, "%s", row->hyperparameters);
    snprintf(f->run_detail, sizeof f->run_detail, "%s", row->detail);
    f->run_done = done;
    f->done_context = context;
    return true;
}

static void answer_run(fake *f)
{
    run_done *done = f->run_done;
    error failure = f->failure;
    f->run_done = NULL;
    f->failure.code = ERROR_NONE;
    done(f->done_context, failure.code ? NULL : "run-1", !f->known, failure.code ? &failure : NULL);
}

static void answer_score(fake *f)
{
    score_result results[64] = {0};
    score_answer answer = {.version = 3,
                           .method = "ganomaly",
                           .results = results,
                           .count = f->score_images,
                           .queue_ms = 0.25,
                           .compute_ms = 1.5};
    score_done *done = f->score_done;
    error failure = f->failure;
    f->score_done = NULL;
    f->failure.code = ERROR_NONE;
    put(answer.model, sizeof answer.model, "digits-ganomaly");
    if (failure.code) {
        done(f->score_context, NULL, &failure);
        return;
    }
    for (size_t i = 0; i < f->score_images; i++) {
        char first = *(const char *)f->score_list[i].bytes;
        results[i] = (score_result){.score = 0.1f,
                                    .p_value = 0.008,
                                    .percentile = 99.2,
                                    .threshold = 0.05,
                                    .has_p_value = f->calibrated,
                                    .has_threshold = f->calibrated,
                                    .anomalous = true,
                                    .width = 28,
                                    .height = 27,
                                    .channels = 1,
                                    .converted = true};
        if (f->score_explain != EXPLAIN_NONE) {
            static char picture[] = "a picture";
            results[i].error_scale = 12.5;
            results[i].picture.bytes = picture;
            results[i].picture.size = sizeof picture - 1;
            results[i].picture.width = 28;
            results[i].picture.height = 27;
        }
        if (first == 'X')
            error_set(&results[i].failure, ERROR_CORRUPT, "the PNG ends early");
        if (first == 'J')
            error_set(&results[i].failure, ERROR_UNSUPPORTED, "not a PNG");
        if (first == 'L')
            error_set(&results[i].failure, ERROR_LIMIT, "40000x40000 pixels; at most 4096x4096");
    }
    done(f->score_context, &answer, NULL);
}

static void *score(void *self, const char *name, int version, enum explanation explain,
                   const struct score_image *images, size_t count, score_done *done, void *context, error *e)
{
    fake *f = self;
    f->scores++;
    snprintf(f->score_model, sizeof f->score_model, "%s", name);
    f->score_version = version;
    f->score_explain = explain;
    if (!strcmp(name, "nobody")) {
        if (version)
            error_set(e, ERROR_UNSUPPORTED, "nobody has no picture of an image");
        else
            error_set(e, ERROR_NOT_FOUND, "there is no model 'nobody'");
        return NULL;
    }
    f->score_images = count;
    f->score_list = images;
    f->score_done = done;
    f->score_context = context;
    f->score_cancelled = false;
    return f;
}

static void score_cancel(void *self, void *ticket)
{
    fake *f = self;
    assert_ptr_equal(ticket, f);
    assert_non_null(f->score_done);
    f->score_cancels++;
    f->score_cancelled = true;
    error_set(&f->failure, ERROR_CANCELLED, "cancelled");
}

static void answer_dataset(fake *f)
{
    dataset_done *done = f->dataset_done;
    error failure = f->failure;
    dataset_row *row = calloc(1, sizeof *row);
    f->dataset_done = NULL;
    f->failure.code = ERROR_NONE;
    make_dataset(row, f->import_name);
    done(f->done_context, failure.code ? NULL : row, failure.code ? &failure : NULL);
    free(row);
}

void fake_answer(fake *f)
{
    if (f->score_done)
        answer_score(f);
    else if (f->job_done)
        answer_job(f);
    else if (f->experiment_done)
        fake_answer_experiment(f);
    else if (f->run_done)
        answer_run(f);
    else if (f->dataset_done)
        answer_dataset(f);
}

bool fake_answer_is_due(const fake *f)
{
    bool asked = f->score_done || f->job_done || f->experiment_done || f->run_done || f->dataset_done;
    return asked && (!f->defer || (f->score_done && f->score_cancelled));
}

static bool ready(void *self, error *e)
{
    fake *f = self;
    return f->ready || error_set(e, ERROR_BUSY, "the registry is not open");
}

static bool draining(void *self)
{
    return ((fake *)self)->draining;
}

static void service_metrics(void *self, FILE *out)
{
    (void)self;
    fprintf(out,
            "# HELP anomalyd_jobs Jobs by state.\n# TYPE anomalyd_jobs gauge\nanomalyd_jobs{state=\"queued\"} 2\n");
}

static void say(void *self, const char *level, const char *format, ...) __attribute__((format(printf, 3, 4)));
static void say(void *self, const char *level, const char *format, ...)
{
    (void)level, (void)format;
    ((fake *)self)->lines_logged++;
}

void fake_answers(service *s)
{
    s->dataset_list = dataset_list;
    s->dataset_get = dataset_get;
    s->dataset_import = dataset_import_;
    s->job_submit = job_submit;
    s->job_cancel = job_cancel;
    s->job_get = job_get;
    s->job_list = job_list;
    s->job_watch = job_watch;
    s->job_unwatch = job_unwatch;
    fake_experiments(s);
    s->model_list = model_list;
    s->model_get = model_get;
    s->model_versions = model_versions;
    s->run_list = run_list;
    s->run_get = run_get;
    s->run_import = run_import_;
    s->run_test = run_test_;
    s->score = score;
    s->score_cancel = score_cancel;
    s->ready = ready;
    s->metrics = service_metrics;
    s->host.upload_path = upload_path;
    s->host.draining = draining;
    s->host.log = say;
}
