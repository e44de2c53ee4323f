/* SPDX-License-Identifier: MIT */
/* run_json.h — a run as answers have it. */
#ifndef ANOMALYD_API_JSON_RUN_JSON_H
#define ANOMALYD_API_JSON_RUN_JSON_H

#include "api/service.h"

#include <jansson.h>

/* Each returns new; NULL: out of memory. */
json_t *run_json(const run_row *row);       /* an item of GET /runs */
json_t *run_whole_json(const run_row *row); /* GET /runs/{id}, of a row of run_get */

#endif
