/* SPDX-License-Identifier: MIT */
/* run_json.c — see run_json.h. */
#include "api/json/run_json.h"

#include "api/json/json.h"

json_t *run_json(const run_row *row)
{
    json_t *body =
        json_pack("{s:s, s:o, s:o, s:o, s:s, s:s, s:s, s:s, s:o, s:I, s:f, s:I, s:s, s:i}", "id", row->id, "created",
                  json_time(row->created), "imported", json_time(row->imported), "job", json_name(row->job), "method",
                  row->subject.method, "dataset", row->subject.dataset, "dataset_digest", row->subject.dataset_digest,
                  "protocol", row->subject.protocol, "class", json_name(row->subject.class_name), "seed",
                  (json_int_t)row->subject.seed, "held_out", row->subject.held_out, "test_images",
                  (json_int_t)row->subject.test_images, "model", row->model, "version", row->version);
    json_t *quality =
        json_pack("{s:o, s:o, s:o, s:o, s:o, s:{s:I, s:I, s:I, s:I, s:I, s:o}, s:o}", "auroc", json_number(row->auroc),
                  "auroc_low", json_number(row->auroc_low), "auroc_high", json_number(row->auroc_high),
                  "auroc_deviation", json_number(row->auroc_deviation), "average_precision",
                  json_number(row->average_precision), "images", "train", (json_int_t)row->train_count, "validation",
                  (json_int_t)row->validation_count, "calibration", (json_int_t)row->calibration_count, "test_normals",
                  (json_int_t)row->test_normals, "test_anomalies", (json_int_t)row->test_anomalies,
                  "duplicates_left_out", *row->training_digest ? json_integer(row->left_out_count) : json_null(),
                  "training_digest", json_name(row->training_digest));
    json_t *training = json_pack("{s:i, s:i, s:f, s:f, s:I, s:s, s:s, s:o}", "epochs", row->epochs, "chosen_epoch",
                                 row->chosen_epoch, "train_s", row->train_s, "score_s", row->score_s, "parameters",
                                 (json_int_t)row->parameters, "weights_digest", row->weights_digest, "code_version",
                                 row->code_version, "hyperparameters", json_embedded(row->hyperparameters));
    json_object_set_new(training, "blas_core", json_name(row->blas_core));
    json_object_set_new(training, "threads", json_count(row->threads));
    bool whole = json_object_update_new(body, quality) == 0;
    whole = json_object_update_new(body, training) == 0 && whole;
    if (whole)
        return body;
    json_decref(body);
    return NULL;
}

static json_t *scores_json(const run_row *row)
{
    json_t *scores = json_object();
    for (int i = 0; i < row->score_count; i++) {
        const run_score *s = &row->scores[i];
        json_object_set_new(scores, s->name,
                            json_pack("{s:o, s:o, s:o, s:o}", "auroc", json_number(s->auroc), "auroc_low",
                                      json_number(s->auroc_low), "auroc_high", json_number(s->auroc_high),
                                      "average_precision", json_number(s->average_precision)));
    }
    return scores;
}

json_t *run_whole_json(const run_row *row)
{
    json_t *body = run_json(row);
    if (body) {
        json_object_set_new(body, "test_digest", json_name(row->test_digest));
        json_object_set_new(body, "scores", scores_json(row));
        json_object_set_new(body, "detail", json_embedded(row->detail));
    }
    return body;
}
