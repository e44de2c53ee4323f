/* SPDX-License-Identifier: MIT */
/*
 * service.h — what the api needs from its host, as function pointers. The daemon implements it; tests implement it with
 * a fake. The api never includes uv or sqlite, the daemon never builds an HTTP answer.
 *
 * The api makes every call on the loop thread. Reads answer at once. What takes longer (a commit, an import, a score)
 * takes a `done`, and there are two cases:
 * - it returns false (NULL) and *e when it cannot begin. Then `done` is never called.
 * - it has begun. Then done(context, ...) is called exactly once, later, on the loop thread, never from inside the
 *   call; also when it fails, and when the daemon stops.
 * The callee copies what it needs of its arguments, except where an owner is named: `context` is the caller's and stays
 * valid until done; what done is handed is the callee's and stays valid only until done returns.
 */
#ifndef ANOMALYD_API_SERVICE_H
#define ANOMALYD_API_SERVICE_H

#include "api/http/host.h"
#include "api/records/dataset.h"
#include "api/records/experiment.h"
#include "api/records/job.h"
#include "api/records/model.h"
#include "api/records/page.h"
#include "api/records/published.h"
#include "api/records/run.h"
#include "base/error.h"
#include "methods/method.h"
#include "train/explain.h"

#include <stdio.h>

typedef struct dataset_request {
    const char *name;
    const char *source; /* a path; checked against the import roots unless `uploaded` */
    bool uploaded;      /* source is a spooled upload, which the service unlinks when done */
} dataset_request;

typedef struct job_event {
    uint64_t number;  /* 1, 2, … within its job */
    const char *type; /* "state", "progress", "metrics", "log" */
    const char *data; /* one line of JSON */
    bool last;        /* the job has ended: nothing follows */
} job_event;

typedef struct score_result {
    float score;
    bool has_p_value, has_threshold;
    double p_value, percentile;
    double threshold;
    bool anomalous;
    int width, height, channels; /* of the image sent */
    bool converted;              /* it was resized or its channels were changed */
    double error_scale;          /* grey levels that a heat map shows as its last colour */
    struct {
        void *bytes; /* a PNG; NULL: none was asked for */
        size_t size;
        int width, height;
    } picture;
    error failure; /* code ERROR_NONE: scored */
} score_result;

typedef struct score_answer {
    char model[RECORD_NAME_MAX];
    int version;
    char method[RECORD_NAME_MAX];
    const score_result *results; /* one an image, in the order asked; borrowed for the call */
    size_t count;
    double queue_ms, decode_ms, compute_ms;
} score_answer;

struct score_image {
    const void *bytes; /* an encoded image; must stay valid until `done` */
    size_t size;
};

typedef void dataset_done(void *context, const dataset_row *row, const error *failure);
typedef void job_done(void *context, const job_row *row, const error *failure);
typedef void experiment_done(void *context, const char *id, const error *failure);
typedef void run_done(void *context, const char *id, bool fresh, const error *failure);
typedef void score_done(void *context, const score_answer *answer, const error *failure);
typedef void event_sink(void *context, const job_event *event);

/* Reads a page of rows of one record; `filter` is NULL where the list has none. */
typedef bool list_rows(void *self, const void *filter, record_page *page, void *rows, int *count, error *e);

typedef struct service {
    http_host host; /* what the HTTP server needs */
    void *self;     /* the first argument of every function below */

    /* data sets */
    list_rows *dataset_list; /* of dataset_row */
    bool (*dataset_get)(void *self, const char *name, dataset_row *row, error *e);
    /* An uploaded file is the service's from this call on, also when it returns false. */
    bool (*dataset_import)(void *self, const dataset_request *r, dataset_done *done, void *context, error *e);

    /* jobs; `key` is the Idempotency-Key or NULL: the same key and request answers the same job, another request under
     * the same key is ERROR_CONFLICT. Durable before done is called. */
    bool (*job_submit)(void *self, const job_spec *spec, const char *key, job_done *done, void *context, error *e);
    bool (*job_cancel)(void *self, const char *id, job_done *done, void *context, error *e);
    bool (*job_get)(void *self, const char *id, job_row *row, error *e);
    list_rows *job_list; /* of job_row, by a job_filter */
    /* Replays events after number `after` (by calling sink before it returns), then delivers new ones as they come.
     * Returns a subscription, which lives until job_unwatch, also after the last event; or NULL and *e. */
    void *(*job_watch)(void *self, const char *id, uint64_t after, event_sink *sink, void *context, error *e);
    void (*job_unwatch)(void *self, void *subscription);

    /* experiments; `key` as in job_submit. Cells are jobs, all of them durable before done is called. */
    bool (*experiment_submit)(void *self, const experiment_spec *spec, const char *key, experiment_done *done,
                              void *context, error *e);
    /* Cancels every cell that has not ended. */
    bool (*experiment_cancel)(void *self, const char *id, experiment_done *done, void *context, error *e);
    /* Queues a new job for every cell that failed or was cancelled. */
    bool (*experiment_resume)(void *self, const char *id, experiment_done *done, void *context, error *e);
    bool (*experiment_get)(void *self, const char *id, experiment_row *row, error *e);
    /* Gives the cells of `row` (from experiment_get) another of their runs' scores: its AUROC in place of the run's
     * own, NaN where the run has none of that name. ERROR_INVALID when none of them has. */
    bool (*experiment_score)(void *self, experiment_row *row, const char *score, error *e);
    list_rows *experiment_list; /* of experiment_row */
    /* What is published on these images under this protocol; at most `limit` rows, a source's in one piece. */
    bool (*published_list)(void *self, const char *dataset_digest, const char *protocol, published_row *rows, int limit,
                           int *count, error *e);

    /* models and runs */
    list_rows *model_list; /* of model_row: the newest version of each */
    bool (*model_get)(void *self, const char *name, int version, model_row *row, error *e); /* version 0: newest */
    bool (*model_versions)(void *self, const char *name, int *versions, int limit, int *count,
                           error *e); /* descending */
    list_rows *run_list;              /* of run_row, by a run_filter */
    bool (*run_get)(void *self, const char *id, run_row *row, error *e);
    /* Takes up a run that another registry made. The row is as run_get gives it; of its data set the digest counts, and
     * one with these images must be here. Not fresh: this run was here already; another one of its id is
     * ERROR_CONFLICT. Durable before done is called. */
    bool (*run_import)(void *self, const run_row *row, run_done *done, void *context, error *e);
    /* ERROR_CONFLICT when the run is there, but no scores of test images. Fills *test, for run_test_free. */
    bool (*run_test)(void *self, const char *id, run_test *test, error *e);

    /* Scores images by a version of model `name` (0: its newest; an empty name: the newest model). The table `images`
     * is copied; the bytes that it points to are the caller's and stay valid until done. Returns a ticket, valid until
     * done; NULL and *e when it cannot begin. With an explanation each result that has no failure has a picture; a
     * model that has no such pictures is ERROR_UNSUPPORTED. */
    void *(*score)(void *self, const char *name, int version, enum explanation explain,
                   const struct score_image *images, size_t count, score_done *done, void *context, error *e);
    /* The answer is no longer wanted: drops what has not started. `done` is still called, later, with ERROR_CANCELLED,
     * when nothing reads the images any more. */
    void (*score_cancel)(void *self, void *ticket);

    /* health: true when ready; else the reason in *e */
    bool (*ready)(void *self, error *e);
    /* Appends Prometheus text of everything below the api: queues, batches, models, jobs, database. */
    void (*metrics)(void *self, FILE *out);
} service;

#endif
