/* SPDX-License-Identifier: MIT */
/* resources.h — the handlers, one resource a file, in the order of the route table. Each replies or waits. */
#ifndef ANOMALYD_API_RESOURCES_RESOURCES_H
#define ANOMALYD_API_RESOURCES_RESOURCES_H

#include "api/http/router.h"

void get_index(request *r);   /* index.c */
void get_openapi(request *r); /* index.c */
void get_healthz(request *r); /* health.c */
void get_readyz(request *r);  /* health.c */
void get_metrics(request *r); /* metrics.c */
void get_methods(request *r); /* methods.c */
void post_score(request *r);  /* scores.c */
void post_datasets(request *r);
void get_datasets(request *r);
void get_dataset(request *r); /* datasets.c */
void post_jobs(request *r);
void get_jobs(request *r);
void get_job(request *r);
void delete_job(request *r);     /* jobs.c */
void get_job_events(request *r); /* events.c */
void post_experiments(request *r);
void get_experiments(request *r);
void get_experiment(request *r);
void delete_experiment(request *r);
void post_experiment_resume(request *r);
void get_experiment_table(request *r); /* experiments.c */
void get_models(request *r);
void get_model(request *r);
void get_model_version(request *r); /* models.c */
void post_runs(request *r);
void get_runs(request *r);
void get_run(request *r);     /* runs.c */
void get_compare(request *r); /* compare.c */

#endif
