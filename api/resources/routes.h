/* SPDX-License-Identifier: MIT */
/*
 * routes.h — the one table of what can be asked for, and the handlers, one resource a file, in the order of the table.
 * A new path is a line in routes.c, a handler, and its part of openapi.yaml; a test compares the two both ways.
 */
#ifndef ANOMALYD_API_RESOURCES_ROUTES_H
#define ANOMALYD_API_RESOURCES_ROUTES_H

#include "api/http/exchange.h"

extern const route resource_routes[]; /* ended by a NULL pattern; for server_config.routes */

/* openapi.yaml, embedded at build time. */
extern const unsigned char openapi_yaml[];
extern const size_t openapi_yaml_size;

void get_index(exchange *x);
void get_openapi(exchange *x); /* index.c */
void get_healthz(exchange *x);
void get_readyz(exchange *x);  /* health.c */
void get_metrics(exchange *x); /* metrics.c */
void get_methods(exchange *x); /* methods.c */
void post_score(exchange *x);  /* scores.c */
void post_datasets(exchange *x);
void get_datasets(exchange *x);
void get_dataset(exchange *x); /* datasets.c */
void post_jobs(exchange *x);
void get_jobs(exchange *x);
void get_job(exchange *x);
void delete_job(exchange *x);     /* jobs.c */
void get_job_events(exchange *x); /* job_events.c */
void post_experiments(exchange *x);
void get_experiments(exchange *x);
void get_experiment(exchange *x);
void delete_experiment(exchange *x);
void post_experiment_resume(exchange *x);
void get_experiment_table(exchange *x); /* experiments.c */
void get_models(exchange *x);
void get_model(exchange *x);
void get_model_version(exchange *x); /* models.c */
void post_runs(exchange *x);
void get_runs(exchange *x);
void get_run(exchange *x);     /* runs.c */
void get_compare(exchange *x); /* compare.c */

#endif
