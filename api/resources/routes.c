/* SPDX-License-Identifier: MIT */
/* routes.c — see routes.h. */
#include "api/resources/routes.h"

#define MIB ((size_t)1024 * 1024)

static const char *const query_page[] = {"limit", "cursor", NULL};
static const char *const query_score[] = {"model", "explain", NULL};
static const char *const query_datasets_post[] = {"name", NULL};
static const char *const query_jobs[] = {"limit", "cursor", "state", "method", "dataset", NULL};
static const char *const query_compare[] = {"a", "b", NULL};
static const char *const query_table[] = {"format", "score", NULL};
static const char *const query_runs[] = {"limit", "cursor", "method", "dataset",   "protocol", "class",  "seed",
                                         "model", "since",  "until",  "min_auroc", "order",    "format", NULL};

static const body_rule body_json[] = {{"application/json", BODY_MEMORY, MIB}, {NULL, 0, 0}};
static const body_rule body_run[] = {{"application/json", BODY_MEMORY, 8 * MIB}, {NULL, 0, 0}};
static const body_rule body_score[] = {{"image/png", BODY_MEMORY, 8 * MIB},
                                       {"multipart/form-data", BODY_FORM, 64 * MIB},
                                       {"application/json", BODY_MEMORY, 8 * MIB},
                                       {NULL, 0, 0}};
static const body_rule body_dataset[] = {{"application/json", BODY_MEMORY, MIB},
                                         {"application/zip", BODY_SPOOL, 1024 * MIB},
                                         {"application/x-tar", BODY_SPOOL, 1024 * MIB},
                                         {"application/gzip", BODY_SPOOL, 1024 * MIB},
                                         {"application/octet-stream", BODY_SPOOL, 1024 * MIB},
                                         {NULL, 0, 0}};

const route resource_routes[] = {
    {.verb = "GET", .pattern = "/", .handle = get_index, .open = true},
    {.verb = "GET", .pattern = "/healthz", .handle = get_healthz, .open = true},
    {.verb = "GET", .pattern = "/readyz", .handle = get_readyz, .open = true},
    {.verb = "GET", .pattern = "/metrics", .handle = get_metrics, .open = true},
    {.verb = "GET", .pattern = "/openapi.yaml", .handle = get_openapi, .open = true},
    {.verb = "GET", .pattern = "/methods", .handle = get_methods},
    {.verb = "POST", .pattern = "/score", .handle = post_score, .query = query_score, .bodies = body_score},
    {.verb = "POST",
     .pattern = "/datasets",
     .handle = post_datasets,
     .query = query_datasets_post,
     .bodies = body_dataset,
     .patient = true},
    {.verb = "GET", .pattern = "/datasets", .handle = get_datasets, .query = query_page},
    {.verb = "GET", .pattern = "/datasets/{name}", .handle = get_dataset},
    {.verb = "POST", .pattern = "/jobs", .handle = post_jobs, .bodies = body_json},
    {.verb = "GET", .pattern = "/jobs", .handle = get_jobs, .query = query_jobs},
    {.verb = "GET", .pattern = "/jobs/{id}", .handle = get_job},
    {.verb = "DELETE", .pattern = "/jobs/{id}", .handle = delete_job},
    {.verb = "GET", .pattern = "/jobs/{id}/events", .handle = get_job_events},
    {.verb = "POST", .pattern = "/experiments", .handle = post_experiments, .bodies = body_json},
    {.verb = "GET", .pattern = "/experiments", .handle = get_experiments, .query = query_page},
    {.verb = "GET", .pattern = "/experiments/{id}", .handle = get_experiment},
    {.verb = "DELETE", .pattern = "/experiments/{id}", .handle = delete_experiment},
    {.verb = "POST", .pattern = "/experiments/{id}/resume", .handle = post_experiment_resume},
    {.verb = "GET", .pattern = "/experiments/{id}/table", .handle = get_experiment_table, .query = query_table},
    {.verb = "GET", .pattern = "/models", .handle = get_models, .query = query_page},
    {.verb = "GET", .pattern = "/models/{name}", .handle = get_model},
    {.verb = "GET", .pattern = "/models/{name}/versions/{version}", .handle = get_model_version},
    {.verb = "POST", .pattern = "/runs", .handle = post_runs, .bodies = body_run},
    {.verb = "GET", .pattern = "/runs", .handle = get_runs, .query = query_runs},
    {.verb = "GET", .pattern = "/runs/{id}", .handle = get_run},
    {.verb = "GET", .pattern = "/compare", .handle = get_compare, .query = query_compare},
    {.pattern = NULL},
};
