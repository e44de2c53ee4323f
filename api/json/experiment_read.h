/* SPDX-License-Identifier: MIT */
/* experiment_read.h — the body of POST /experiments. */
#ifndef ANOMALYD_API_JSON_EXPERIMENT_READ_H
#define ANOMALYD_API_JSON_EXPERIMENT_READ_H

#include "api/json/problem.h"
#include "api/records/experiment.h"

#include <jansson.h>

enum { EXPERIMENT_METHODS_MAX = 64, EXPERIMENT_SEEDS_MAX = 1000 };

/* Checks all that the methods' option tables tell, and complains of every fault. Fills *spec, for
 * experiment_spec_free also after complaints. */
void experiment_read(json_t *body, experiment_spec *spec, problem *p);

/* Its `reuse`: false, true or "any-version". Returns new. */
json_t *experiment_reuse_json(enum reuse reuse);

#endif
