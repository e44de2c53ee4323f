/* SPDX-License-Identifier: MIT */
/* wire_result.c — result.json: what a worker found, written by it and read by the daemon. */
#include "daemon/worker/wire.h"

#include "api/json/json.h"
#include "base/file.h"
#include "base/version.h"

#include <math.h>
#include <sodium.h>
#include <stdlib.h>
#include <string.h>

_Static_assert((int)SERVICE_SCORES_MAX >= (int)TRAIN_SCORES_MAX, "a run has room for every variant of its score");

enum {
    RESULT_BYTES_MAX = 16 << 20, /* every image of the largest data set tested on: 11 MiB of scores */
    REAL_DIGITS = 17
};

/* ---- writing */

/* How a run's row has its options: equal options are equal text. */
static char *options_text(const json_t *o)
{
    return json_dumps(o, JSON_COMPACT | JSON_REAL_PRECISION(9));
}

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

static json_t *plan_options(const wire_plan *p)
{
    return all_options(p->train.method, p->options, p->train.option_count);
}

/* Takes o. */
static char *text_of(json_t *o)
{
    char *text = o ? options_text(o) : NULL;
    json_decref(o);
    return text;
}

char *wire_options(const wire_plan *p)
{
    return text_of(plan_options(p));
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

static json_t *model_json(const wire_plan *p, const train_result *r, const scorer *s)
{
    const scorer_facts *f = scorer_describe(s);
    float threshold = NAN;
    bool has = scorer_threshold(s, WIRE_FALSE_ALARM_RATE, &threshold);
    return json_pack("{s:s, s:s, s:[iii], s:[iii], s:I, s:I, s:o, s:f, s:s, s:o}", "digest", r->model_digest,
                     "weights_digest", r->weights_digest, "data", f->data.h, f->data.w, f->data.c, "input", f->input.h,
                     f->input.w, f->input.c, "parameters", (json_int_t)f->parameters, "calibration_count",
                     (json_int_t)f->calibration_count, "threshold", json_number(has ? (double)threshold : NAN),
                     "false_alarm_rate", WIRE_FALSE_ALARM_RATE, "code_version", version_text(), "hyperparameters",
                     plan_options(p));
}

static json_t *scores(const train_result *r)
{
    json_t *list = json_array();
    for (size_t i = 0; list && i < r->score_count; i++) {
        const train_score *s = &r->scores[i];
        json_array_append_new(list, json_pack("{s:s, s:o, s:o, s:o, s:o}", "name", s->name, "auroc",
                                              json_number(s->auroc.value), "auroc_low", json_number(s->auroc.low),
                                              "auroc_high", json_number(s->auroc.high), "average_precision",
                                              json_number(s->average_precision)));
    }
    return list;
}

static json_t *run_json(const train_result *r)
{
    return json_pack(
        "{s:o, s:o, s:o, s:o, s:o, s:o, s:I, s:I, s:I, s:I, s:I, s:i, s:i, s:f, s:f, s:s, s:i, s:I, s:s, s:o}",
        "scores", scores(r), "auroc", json_number(r->auroc.value), "auroc_low", json_number(r->auroc.low), "auroc_high",
        json_number(r->auroc.high), "auroc_deviation", json_number(r->auroc.deviation), "average_precision",
        json_number(r->average_precision), "train_count", (json_int_t)r->train_count, "validation_count",
        (json_int_t)r->validation_count, "calibration_count", (json_int_t)r->calibration_count, "test_normals",
        (json_int_t)r->test_normals, "test_anomalies", (json_int_t)r->test_anomalies, "epochs", r->epochs,
        "chosen_epoch", r->chosen_epoch, "train_s", r->train_s, "score_s", r->score_s, "blas_core", r->blas_core,
        "threads", r->threads, "left_out_count", (json_int_t)r->left_out_count, "training_digest", r->training_digest,
        "detail", detail(r));
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

bool wire_write_result(const char *path, const wire_plan *p, const wire_found *f, error *e)
{
    json_t *o = json_pack("{s:o, s:o, s:o}", "model", model_json(p, f->result, f->scorer), "run", run_json(f->result),
                          "test", test_json(f->tested));
    char *text = o ? json_dumps(o, JSON_COMPACT | JSON_REAL_PRECISION(REAL_DIGITS)) : NULL;
    json_decref(o);
    if (!text)
        return error_memory(e, "a job's result");
    file_part part = {.bytes = text, .size = strlen(text)};
    bool good = file_write_atomic(path, &part, 1, e);
    free(text);
    return good;
}

/* ---- reading */

/* A number, or NaN for null. */
static double get_real(json_t *o, const char *key)
{
    json_t *value = json_object_get(o, key);
    return json_is_number(value) ? json_number_value(value) : NAN;
}

static uint32_t get_count(json_t *o, const char *key)
{
    return (uint32_t)json_integer_value(json_object_get(o, key));
}

static bool get_text(json_t *o, const char *key, char *out, size_t size)
{
    const char *text = json_string_value(json_object_get(o, key));
    if (!text || strlen(text) >= size)
        return false;
    memcpy(out, text, strlen(text) + 1);
    return true;
}

static bool get_shape(json_t *o, const char *key, shape *s)
{
    s->n = 1;
    return !json_unpack(json_object_get(o, key), "[iii!]", &s->h, &s->w, &s->c);
}

static bool read_model(json_t *o, model_row *m, run_row *run)
{
    m->parameters = run->parameters = (uint64_t)json_integer_value(json_object_get(o, "parameters"));
    m->calibration_count = get_count(o, "calibration_count");
    m->threshold = get_real(o, "threshold");
    m->false_alarm_rate = get_real(o, "false_alarm_rate");
    m->hyperparameters = options_text(json_object_get(o, "hyperparameters"));
    run->hyperparameters = m->hyperparameters ? strdup(m->hyperparameters) : NULL;
    return run->hyperparameters && get_text(o, "digest", m->digest, sizeof m->digest) &&
           get_text(o, "weights_digest", run->weights_digest, sizeof run->weights_digest) &&
           get_text(o, "code_version", m->code_version, sizeof m->code_version) &&
           get_text(o, "code_version", run->code_version, sizeof run->code_version) && get_shape(o, "data", &m->data) &&
           get_shape(o, "input", &m->input);
}

static bool read_scores(json_t *list, run_row *run)
{
    json_t *o;
    size_t i;
    if (list && (!json_is_array(list) || json_array_size(list) > SERVICE_SCORES_MAX))
        return false;
    run->score_count = (int)json_array_size(list);
    json_array_foreach(list, i, o)
    {
        run_score *s = &run->scores[i];
        s->auroc = get_real(o, "auroc");
        s->auroc_low = get_real(o, "auroc_low");
        s->auroc_high = get_real(o, "auroc_high");
        s->average_precision = get_real(o, "average_precision");
        if (!get_text(o, "name", s->name, sizeof s->name))
            return false;
    }
    return true;
}

static bool read_run(json_t *o, model_row *m, run_row *run)
{
    run->auroc = m->auroc = get_real(o, "auroc");
    run->auroc_low = get_real(o, "auroc_low");
    run->auroc_high = get_real(o, "auroc_high");
    run->auroc_deviation = get_real(o, "auroc_deviation");
    run->average_precision = get_real(o, "average_precision");
    run->train_count = get_count(o, "train_count");
    run->validation_count = get_count(o, "validation_count");
    run->calibration_count = get_count(o, "calibration_count");
    run->test_normals = get_count(o, "test_normals");
    run->test_anomalies = get_count(o, "test_anomalies");
    run->epochs = (int)get_count(o, "epochs");
    run->chosen_epoch = (int)get_count(o, "chosen_epoch");
    run->train_s = get_real(o, "train_s");
    run->score_s = get_real(o, "score_s");
    run->threads = (int)get_count(o, "threads");
    run->left_out_count = get_count(o, "left_out_count");
    run->detail = json_dumps(json_object_get(o, "detail"), JSON_COMPACT | JSON_REAL_PRECISION(9));
    return run->detail && isfinite(run->train_s) && isfinite(run->score_s) &&
           (!json_object_get(o, "blas_core") || get_text(o, "blas_core", run->blas_core, sizeof run->blas_core)) &&
           (!json_object_get(o, "training_digest") ||
            get_text(o, "training_digest", run->training_digest, sizeof run->training_digest)) &&
           read_scores(json_object_get(o, "scores"), run);
}

static bool read_test(json_t *o, tested *t)
{
    if (!o || json_is_null(o))
        return true;
    const char *text = json_string_value(json_object_get(o, "packed"));
    size_t length = text ? strlen(text) : 0, most = length / 4 * 3;
    t->count = get_count(o, "count");
    return length && get_text(o, "images", t->images, sizeof t->images) && (t->bytes = malloc(most + 1)) &&
           !sodium_base642bin(t->bytes, most, text, length, NULL, &t->size, NULL, sodium_base64_VARIANT_ORIGINAL) &&
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
    bool good = o && read_model(json_object_get(o, "model"), m, run) && read_run(json_object_get(o, "run"), m, run) &&
                read_test(json_object_get(o, "test"), t);
    json_decref(o);
    return good || error_set(e, ERROR_CORRUPT, "%s: not a result that this program wrote", path);
}
