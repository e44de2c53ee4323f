/* SPDX-License-Identifier: MIT */
/* run_read.c — see run_read.h. */
#include "api/json/run_read.h"

#include "api/json/training.h"
#include "data/protocol.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

enum { POINTS_MAX = 4096, EPOCHS_MAX = 1000000 };

/* ---- kinds of fields */

/* Optional: may be null, and then out is empty. */
static void take_text(const fields *f, const char *name, char *out, size_t size)
{
    const char *text = fields_text(f, name, "");
    if (strlen(text) < size)
        memcpy(out, text, strlen(text) + 1);
    else
        fields_complain(f, name, "is longer than %zu bytes", size - 1);
}

static void require_text(const fields *f, const char *name, char *out, size_t size)
{
    fields_require(f, name);
    take_text(f, name, out, size);
}

/* SHA-256 as text. */
static void take_digest(const fields *f, const char *name, char out[DATASET_DIGEST_TEXT])
{
    const char *text = fields_text(f, name, NULL);
    if (!text)
        return;
    if (strlen(text) == DATASET_DIGEST_TEXT - 1 && strspn(text, "0123456789abcdef") == DATASET_DIGEST_TEXT - 1)
        memcpy(out, text, DATASET_DIGEST_TEXT);
    else
        fields_complain(f, name, "'%.80s' is not a SHA-256 in lower-case hexadecimal", text);
}

static uint32_t take_count(const fields *f, const char *name)
{
    fields_require(f, name);
    return (uint32_t)fields_integer(f, name, 0, UINT32_MAX, 0);
}

static int take_int(const fields *f, const char *name, int preset)
{
    return (int)fields_integer(f, name, 0, EPOCHS_MAX, preset);
}

/* What was not evaluated is null. */
static double take_share(const fields *f, const char *name)
{
    return fields_number(f, name, 0, 1, NAN);
}

static double take_seconds(const fields *f, const char *name)
{
    fields_require(f, name);
    return fields_number(f, name, 0, 1e12, 0);
}

static void take_time(const fields *f, const char *name, service_time *out)
{
    const char *text = fields_text(f, name, "");
    fields_require(f, name);
    if (*text && !json_parse_time(text, out))
        fields_complain(f, name, "'%.40s' is not a time like 2026-01-31T12:00:00Z", text);
}

/* ---- parts of a run */

static void take_method(const fields *f, run_row *row)
{
    const char *id = fields_text(f, "method", NULL);
    const method *m = id ? method_find(id) : NULL;
    fields_require(f, "method");
    if (m)
        snprintf(row->subject.method, sizeof row->subject.method, "%s", m->id);
    else if (id)
        training_complain_method(f, "method", id);
}

static void take_protocol(const fields *f, run_row *row)
{
    const char *name = fields_text(f, "protocol", NULL);
    enum protocol protocol = PROTOCOL_UNLABELLED;
    error e = {0};
    fields_require(f, "protocol");
    if (!name)
        return;
    if (!protocol_parse(name, &protocol, &e))
        fields_complain(f, "protocol", "%s", e.message);
    snprintf(row->subject.protocol, sizeof row->subject.protocol, "%s", protocol_name(protocol));
    take_text(f, "class", row->subject.class_name, sizeof row->subject.class_name);
    if (!row->subject.class_name[0] && protocol != PROTOCOL_UNLABELLED)
        fields_complain(f, "class", "is missing");
}

/* 5 for 5.0, which some programs write: equal options are equal text in a registry. */
static void restore_reals(const char *id, json_t *values)
{
    const method *m = method_find(id);
    for (const option *o = m ? m->options : NULL; o && o->name; o++) {
        json_t *value = json_object_get(values, o->name);
        if (o->type == OPTION_REAL && json_is_integer(value))
            json_object_set_new(values, o->name, json_real(json_number_value(value)));
    }
}

/* Options of a method as it was then: it may have others by now. */
static void take_options(const fields *f, run_row *row)
{
    json_t *values = fields_value(f, "hyperparameters"), *value;
    const char *name;
    fields_require(f, "hyperparameters");
    if (!values)
        return;
    if (!json_is_object(values))
        fields_complain(f, "hyperparameters", "expected an object");
    json_object_foreach(values, name, value)
    {
        if (json_is_object(value) || json_is_array(value) || json_is_null(value))
            fields_complain(f, "hyperparameters", "'%.64s': expected a number, a string, true or false", name);
    }
    restore_reals(row->subject.method, values);
    row->hyperparameters = json_dumps(values, JSON_COMPACT | JSON_REAL_PRECISION(9));
}

static void take_images(const fields *run, run_row *row)
{
    static const char *const names[] = {"train",          "validation",          "calibration", "test_normals",
                                        "test_anomalies", "duplicates_left_out", NULL};
    fields_require(run, "images");
    json_t *images = fields_value(run, "images");
    if (!images)
        return;
    fields f = fields_of(images, "/images", names, run->problem);
    row->train_count = take_count(&f, "train");
    row->validation_count = take_count(&f, "validation");
    row->calibration_count = take_count(&f, "calibration");
    row->test_normals = take_count(&f, "test_normals");
    row->test_anomalies = take_count(&f, "test_anomalies");
    row->left_out_count = (uint32_t)fields_integer(&f, "duplicates_left_out", 0, UINT32_MAX, 0);
}

static void take_quality(const fields *f, run_row *row)
{
    row->auroc = take_share(f, "auroc");
    row->auroc_low = take_share(f, "auroc_low");
    row->auroc_high = take_share(f, "auroc_high");
    row->auroc_deviation = take_share(f, "auroc_deviation");
    row->average_precision = take_share(f, "average_precision");
}

static void take_scores(const fields *run, run_row *row)
{
    static const char *const names[] = {"auroc", "auroc_low", "auroc_high", "average_precision", NULL};
    json_t *all = fields_value(run, "scores"), *one;
    const char *name;
    if (!all)
        return;
    if (!json_is_object(all) || json_object_size(all) > SERVICE_SCORES_MAX) {
        fields_complain(run, "scores", "expected an object of at most %d scores", SERVICE_SCORES_MAX);
        return;
    }
    json_object_foreach(all, name, one)
    {
        char pointer[JSON_POINTER_MAX];
        json_pointer(pointer, "/scores", name);
        fields f = fields_of(one, pointer, names, run->problem);
        run_score *s = &row->scores[row->score_count++];
        if (!*name || strlen(name) >= sizeof s->name)
            fields_complain(run, "scores", "'%.80s': expected a name of 1 to %zu bytes", name, sizeof s->name - 1);
        snprintf(s->name, sizeof s->name, "%s", name);
        s->auroc = take_share(&f, "auroc");
        s->auroc_low = take_share(&f, "auroc_low");
        s->auroc_high = take_share(&f, "auroc_high");
        s->average_precision = take_share(&f, "average_precision");
    }
}

/* ---- detail */

/* Two lists of as many numbers, not below 0 and at most `most`. */
static void check_pair(const fields *f, const char *first, const char *second, double most)
{
    const char *const names[] = {first, second};
    size_t length = json_array_size(fields_value(f, first));
    for (int i = 0; i < 2; i++) {
        json_t *list = fields_value(f, names[i]), *value;
        size_t at;
        bool good = json_is_array(list) && json_array_size(list) == length && length <= POINTS_MAX;
        json_array_foreach(list, at, value)
        {
            good = good && json_is_number(value) && json_number_value(value) >= 0 && json_number_value(value) <= most;
        }
        if (!good)
            fields_complain(f, names[i], "expected a list of at most %d numbers in 0 ... %g, as many as in the other",
                            POINTS_MAX, most);
    }
}

/* {"epoch": [1, …], NAME: [value or null, …], …} */
static bool series_sound(json_t *series)
{
    json_t *epochs = json_object_get(series, "epoch"), *list, *value;
    const char *name;
    size_t at, count = json_array_size(epochs);
    bool good = json_is_array(epochs) && count <= EPOCHS_MAX;
    json_object_foreach(series, name, list)
    {
        good = good && json_array_size(list) == count && *name && strlen(name) < SERVICE_NAME_MAX;
        json_array_foreach(list, at, value)
        {
            good = good && (list == epochs ? json_is_integer(value) && json_integer_value(value) >= 0 &&
                                                 json_integer_value(value) <= EPOCHS_MAX
                                           : json_is_number(value) || json_is_null(value));
        }
    }
    return good;
}

static void take_detail(const fields *run, run_row *row)
{
    static const char *const names[] = {"roc", "histogram", "epochs", NULL};
    static const char *const of_roc[] = {"false_positive", "true_positive", NULL};
    static const char *const of_histogram[] = {"low", "high", "normal", "anomalous", NULL};
    json_t *detail = fields_value(run, "detail");
    fields f = fields_of(detail ? detail : json_null(), "/detail", names, run->problem);
    json_t *roc = fields_value(&f, "roc"), *histogram = fields_value(&f, "histogram"),
           *epochs = fields_value(&f, "epochs");
    if (roc) {
        fields r = fields_of(roc, "/detail/roc", of_roc, run->problem);
        check_pair(&r, of_roc[0], of_roc[1], 1);
    }
    if (histogram) {
        fields h = fields_of(histogram, "/detail/histogram", of_histogram, run->problem);
        check_pair(&h, of_histogram[2], of_histogram[3], UINT32_MAX);
        fields_number(&h, "low", -HUGE_VAL, HUGE_VAL, 0);
        fields_number(&h, "high", -HUGE_VAL, HUGE_VAL, 0);
    }
    if (epochs && !series_sound(epochs))
        fields_complain(&f, "epochs", "expected lists of numbers by name, each as long as that of \"epoch\"");
    row->detail = detail ? json_dumps(detail, JSON_COMPACT | JSON_REAL_PRECISION(9)) : NULL;
}

/* ---- the whole */

static void take_training(const fields *f, run_row *row)
{
    take_digest(f, "training_digest", row->training_digest);
    take_digest(f, "test_digest", row->test_digest);
    row->epochs = take_int(f, "epochs", 0);
    row->chosen_epoch = take_int(f, "chosen_epoch", 0);
    row->train_s = take_seconds(f, "train_s");
    row->score_s = take_seconds(f, "score_s");
    row->parameters = (uint64_t)fields_integer(f, "parameters", 0, INT64_MAX, 0);
    take_digest(f, "weights_digest", row->weights_digest);
    fields_require(f, "code_version");
    take_text(f, "code_version", row->code_version, sizeof row->code_version);
    take_text(f, "blas_core", row->blas_core, sizeof row->blas_core);
    row->threads = take_int(f, "threads", 0);
}

static const char *const fields_of_run[] = {"id",
                                            "created",
                                            "imported",
                                            "job",
                                            "model",
                                            "version",
                                            "method",
                                            "dataset",
                                            "dataset_digest",
                                            "protocol",
                                            "class",
                                            "seed",
                                            "held_out",
                                            "test_images",
                                            "hyperparameters",
                                            "images",
                                            "training_digest",
                                            "test_digest",
                                            "code_version",
                                            "blas_core",
                                            "threads",
                                            "epochs",
                                            "chosen_epoch",
                                            "train_s",
                                            "score_s",
                                            "parameters",
                                            "weights_digest",
                                            "auroc",
                                            "auroc_low",
                                            "auroc_high",
                                            "auroc_deviation",
                                            "average_precision",
                                            "scores",
                                            "detail",
                                            NULL};

void run_read(json_t *body, run_row *row, problem *p)
{
    *row = (run_row){0};
    fields f = fields_of(body, "", fields_of_run, p);
    if (!f.object)
        return;
    require_text(&f, "id", row->id, sizeof row->id);
    require_text(&f, "job", row->job, sizeof row->job);
    take_time(&f, "created", &row->created);
    take_method(&f, row);
    training_take_name(&f, "dataset", row->subject.dataset);
    fields_require(&f, "dataset_digest");
    take_digest(&f, "dataset_digest", row->subject.dataset_digest);
    take_protocol(&f, row);
    fields_require(&f, "seed");
    row->subject.seed = (uint64_t)fields_integer(&f, "seed", 0, TRAINING_SEED_MAX, 0);
    fields_require(&f, "held_out");
    row->subject.held_out = training_take_held_out(&f, 0);
    row->subject.test_images = training_take_test_images(&f, 0);
    fields_require(&f, "model");
    training_take_name(&f, "model", row->model);
    row->version = take_int(&f, "version", 0);
    take_quality(&f, row);
    take_images(&f, row);
    take_training(&f, row);
    take_options(&f, row);
    take_scores(&f, row);
    take_detail(&f, row);
    if (!p->status && (!row->hyperparameters || !row->detail))
        problem_set(p, 503, "out of memory");
}
