/* SPDX-License-Identifier: MIT */
/* wire_result.c — result.json: what a worker found, written by it and read by the daemon. */
#include "daemon/worker/wire.h"

#include "api/json/record_json.h"
#include "base/file.h"
#include "base/version.h"

#include <math.h>
#include <sodium.h>
#include <stdlib.h>
#include <string.h>

_Static_assert((int)RECORD_SCORES_MAX >= (int)TRAIN_SCORES_MAX, "a run has room for every variant of its score");

enum {
    RESULT_BYTES_MAX = 16 << 20, /* every image of the largest data set tested on: 11 MiB of scores */
    REAL_DIGITS = 17
};

/* ---- writing */

/* All options of a method, of which `count` are given, as JSON values of their own types. */
static json_t *all_options(const method *m, const struct train_option *given, size_t count)
{
    void *self = calloc(1, m->size);
    json_t *o = self ? json_object() : NULL;
    if (o) {
        options_preset(m->options, self);
        for (size_t i = 0; i < count; i++)
            options_set(m->options, self, given[i].name, given[i].value, NULL);
        for (const option *at = m->options; at->name; at++) {
            char text[OPTION_VALUE_MAX];
            options_get(at, self, text);
            json_t *value = at->type == OPTION_INT    ? json_integer(strtoll(text, NULL, 10))
                            : at->type == OPTION_REAL ? json_real(strtod(text, NULL))
                            : at->type == OPTION_FLAG ? json_boolean(!strcmp(text, "true"))
                                                      : json_string(text);
            json_object_set_new(o, at->name, value);
        }
    }
    free(self);
    return o;
}

/* Takes ownership of o. */
static char *text_of(json_t *o)
{
    char *text = o ? record_object_text(o) : NULL;
    json_decref(o);
    return text;
}

char *wire_options(const wire_plan *p)
{
    return text_of(all_options(p->train.method, p->options, p->train.option_count));
}

char *wire_presets(const method *m)
{
    return text_of(all_options(m, NULL, 0));
}

static json_t *floats(const float *values, size_t n)
{
    json_t *list = json_array();
    for (size_t i = 0; list && i < n; i++)
        json_array_append_new(list, json_real((double)values[i]));
    return list;
}

static json_t *counts(const uint32_t *values, size_t n)
{
    json_t *list = json_array();
    for (size_t i = 0; list && i < n; i++)
        json_array_append_new(list, json_integer(values[i]));
    return list;
}

static json_t *detail(const train_result *r)
{
    return json_pack(
        "{s:{s:o, s:o}, s:{s:o, s:o, s:o, s:o}}", "roc", "false_positive", floats(r->roc_false_positive, r->roc_count),
        "true_positive", floats(r->roc_true_positive, r->roc_count), "histogram", "low", json_number(r->histogram_low),
        "high", json_number(r->histogram_high), "normal", counts(r->histogram_normal, TRAIN_HISTOGRAM_BINS),
        "anomalous", counts(r->histogram_anomalous, TRAIN_HISTOGRAM_BINS));
}

/* What the worker knows of the model's row; the daemon adds names, ids and times. */
static bool fill_model(const wire_plan *p, const train_result *r, const scorer *s, model_row *m)
{
    const scorer_facts *f = scorer_describe(s);
    float threshold = NAN;
    *m = (model_row){.data = f->data,
                     .input = f->input,
                     .parameters = f->parameters,
                     .calibration_count = (uint32_t)f->calibration_count,
                     .false_alarm_rate = WIRE_FALSE_ALARM_RATE,
                     .auroc = r->auroc.value,
                     .hyperparameters = wire_options(p)};
    m->threshold = scorer_threshold(s, WIRE_FALSE_ALARM_RATE, &threshold) ? (double)threshold : NAN;
    snprintf(m->digest, sizeof m->digest, "%s", r->model_digest);
    snprintf(m->code_version, sizeof m->code_version, "%s", version_text());
    return m->hyperparameters != NULL;
}

static void fill_scores(const train_result *r, run_row *run)
{
    run->score_count = (int)r->score_count;
    for (size_t i = 0; i < r->score_count; i++) {
        const train_score *s = &r->scores[i];
        run->scores[i] = (run_score){.auroc = s->auroc.value,
                                     .auroc_low = s->auroc.low,
                                     .auroc_high = s->auroc.high,
                                     .average_precision = s->average_precision};
        snprintf(run->scores[i].name, sizeof run->scores[i].name, "%s", s->name);
    }
}

/* What the worker knows of the run's row. */
static bool fill_run(const wire_plan *p, const train_result *r, const model_row *m, run_row *run)
{
    *run = (run_row){.auroc = r->auroc.value,
                     .auroc_low = r->auroc.low,
                     .auroc_high = r->auroc.high,
                     .auroc_deviation = r->auroc.deviation,
                     .average_precision = r->average_precision,
                     .train_count = (uint32_t)r->train_count,
                     .validation_count = (uint32_t)r->validation_count,
                     .calibration_count = (uint32_t)r->calibration_count,
                     .test_normals = (uint32_t)r->test_normals,
                     .test_anomalies = (uint32_t)r->test_anomalies,
                     .left_out_count = (uint32_t)r->left_out_count,
                     .epochs = r->epochs,
                     .chosen_epoch = r->chosen_epoch,
                     .train_s = r->train_s,
                     .score_s = r->score_s,
                     .parameters = m->parameters,
                     .threads = r->threads,
                     .hyperparameters = wire_options(p),
                     .detail = text_of(detail(r))};
    memcpy(run->training_digest, r->training_digest, sizeof run->training_digest);
    memcpy(run->weights_digest, r->weights_digest, sizeof run->weights_digest);
    memcpy(run->code_version, m->code_version, sizeof run->code_version);
    snprintf(run->blas_core, sizeof run->blas_core, "%s", r->blas_kernel);
    fill_scores(r, run);
    return run->hyperparameters && run->detail;
}

static json_t *pack_run(const run_row *run)
{
    json_t *packed = record_pack(&run_record, run), *scores = json_array();
    for (int i = 0; i < run->score_count; i++)
        json_array_append_new(scores, record_pack(&run_score_record, &run->scores[i]));
    if (!json_object_set_new(packed, "scores", scores) &&
        !json_object_set_new(packed, "detail", json_embedded(run->detail)))
        return packed;
    json_decref(packed);
    return NULL;
}

static json_t *test_json(const tested *t)
{
    if (!t->bytes)
        return json_null();
    size_t size = sodium_base64_encoded_len(t->size, sodium_base64_VARIANT_ORIGINAL);
    char *text = malloc(size);
    json_t *o = NULL;
    if (text) {
        sodium_bin2base64(text, size, t->bytes, t->size, sodium_base64_VARIANT_ORIGINAL);
        o = json_pack("{s:s, s:I, s:s}", "images", t->images, "count", (json_int_t)t->count, "packed", text);
    }
    free(text);
    return o;
}

/* The text of result.json; returned new, NULL: out of memory. */
static char *result_text(const wire_plan *p, const wire_found *f)
{
    model_row m;
    run_row run = {0};
    json_t *o = NULL;
    if (fill_model(p, f->result, f->scorer, &m) && fill_run(p, f->result, &m, &run))
        o = json_pack("{s:o, s:o, s:o}", "model", record_pack(&model_record, &m), "run", pack_run(&run), "test",
                      test_json(f->tested));
    model_row_free(&m);
    run_row_free(&run);
    char *text = o ? json_dumps(o, JSON_COMPACT | JSON_REAL_PRECISION(REAL_DIGITS)) : NULL;
    json_decref(o);
    return text;
}

bool wire_write_result(const char *path, const wire_plan *p, const wire_found *f, error *e)
{
    char *text = result_text(p, f);
    if (!text)
        return error_memory(e, "a job's result");
    file_part part = {.bytes = text, .size = strlen(text)};
    bool good = file_write_atomic(path, &part, 1, e);
    free(text);
    return good;
}

/* ---- reading */

/* Shapes as an earlier program's worker wrote them: [height, width, channels]. */
static void read_shape(json_t *o, const char *key, shape *s)
{
    s->n = 1;
    if (json_is_array(json_object_get(o, key)))
        json_unpack(json_object_get(o, key), "[iii!]", &s->h, &s->w, &s->c);
}

static bool read_model(json_t *o, model_row *m)
{
    bool good = record_unpack(&model_record, o, m);
    read_shape(o, "data", &m->data);
    read_shape(o, "input", &m->input);
    return good && m->digest[0] && m->hyperparameters && m->data.h && m->input.h;
}

static bool read_scores(json_t *list, run_row *run)
{
    bool good = !list || (json_is_array(list) && json_array_size(list) <= RECORD_SCORES_MAX);
    run->score_count = good ? (int)json_array_size(list) : 0;
    for (int i = 0; good && i < run->score_count; i++)
        good = record_unpack(&run_score_record, json_array_get(list, (size_t)i), &run->scores[i]);
    return good;
}

/* An earlier program's worker wrote some of it with the model only. */
static bool read_run(json_t *o, json_t *of_model, run_row *run)
{
    json_object_update_missing(o, of_model);
    bool good = record_unpack(&run_record, o, run) && read_scores(json_object_get(o, "scores"), run);
    run->detail = record_object_text(json_object_get(o, "detail"));
    return good && run->hyperparameters && run->detail && run->weights_digest[0] && run->code_version[0] &&
           isfinite(run->train_s) && isfinite(run->score_s);
}

static bool read_test(json_t *o, tested *t)
{
    if (!o || json_is_null(o))
        return true;
    const char *text = json_string_value(json_object_get(o, "packed"));
    const char *images = json_string_value(json_object_get(o, "images"));
    size_t length = text ? strlen(text) : 0, size_max = length / 4 * 3;
    if (!length || !images || strlen(images) >= sizeof t->images || !(t->bytes = malloc(size_max + 1)))
        return false;
    memcpy(t->images, images, strlen(images) + 1);
    t->count = (uint32_t)json_integer_value(json_object_get(o, "count"));
    return !sodium_base642bin(t->bytes, size_max, text, length, NULL, &t->size, NULL, sodium_base64_VARIANT_ORIGINAL) &&
           tested_whole(t);
}

/* The scores, kernel, threads, digest of the training images and test may be missing: a worker of an earlier program
 * did not write them. */
bool wire_read_result(const char *path, model_row *m, run_row *run, tested *t, error *e)
{
    void *bytes;
    size_t size;
    if (!file_read(path, RESULT_BYTES_MAX, &bytes, &size, e))
        return false;
    json_error_t bad;
    json_t *o = json_loadb(bytes, size, JSON_REJECT_DUPLICATES, &bad);
    free(bytes);
    json_t *of_model = json_object_get(o, "model");
    bool good = o && read_model(of_model, m) && read_run(json_object_get(o, "run"), of_model, run) &&
                read_test(json_object_get(o, "test"), t);
    m->auroc = run->auroc;
    json_decref(o);
    return good || error_set(e, ERROR_CORRUPT, "%s: not a result that this program wrote", path);
}
