/* SPDX-License-Identifier: MIT */
/* run_read.h — a run as run_whole_json writes it, read back. */
#ifndef ANOMALYD_API_JSON_RUN_READ_H
#define ANOMALYD_API_JSON_RUN_READ_H

#include "api/json/json.h"
#include "api/service.h"

/* Fills *row, for run_row_free; `imported` stays 0. What is wrong with it is in *p: every field that is missing or
 * out of range. Whether the ids are ids, and the class one of the data set's, is left to the service. */
void run_read(json_t *body, run_row *row, problem *p);

#endif
