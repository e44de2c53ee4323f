/* SPDX-License-Identifier: MIT */
/* run_json.h — a run as answers have it, and read back. */
#ifndef ANOMALYD_API_JSON_RUN_JSON_H
#define ANOMALYD_API_JSON_RUN_JSON_H

#include "api/json/record_json.h"
#include "api/records/run.h"

/* Returns new; NULL: out of memory. Listed is an item of GET /runs; whole, of a row of run_get, is GET /runs/{id}. */
json_t *run_json(const run_row *row, enum record_view view);

/* Reads what run_json wrote whole and complains of every fault. Fills *row, for run_row_free also after complaints. */
void run_read(json_t *body, run_row *row, problem *p);

#endif
