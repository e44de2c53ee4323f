/* SPDX-License-Identifier: MIT */
/* training.h — what requests for one job and for many have in common. */
#ifndef ANOMALYD_API_JSON_TRAINING_H
#define ANOMALYD_API_JSON_TRAINING_H

#include "api/json/json.h"
#include "api/records/subject.h"
#include "methods/method.h"

#define TRAINING_HELD_OUT_PRESET 0.1

/* Tries every value on a method's struct that is thrown away. Complaints are below `pointer`. */
bool training_check_options(const method *m, json_t *values, const char *pointer, problem *p);
/* Complains of an id that no method has, and lists those there are. */
void training_complain_method(const fields *f, const char *field, const char *id);
/* A name of ours; out stays as it is when the field is absent or bad. */
void training_read_name(const fields *f, const char *field, char out[RECORD_NAME_MAX]);
uint32_t training_read_test_images(const fields *f, uint32_t preset);

#endif
