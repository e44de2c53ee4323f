/* SPDX-License-Identifier: MIT */
/*
 * service.h — what the api needs from its host, as function pointers. The daemon implements it; tests implement
 * it with a fake. The api never includes uv or sqlite, the daemon never builds an HTTP answer.
 *
 * Everything here is called on the loop thread. Reads answer at once. What takes longer (a commit, an import, a
 * score) is asynchronous: it borrows its request for the call only (copying what it keeps) and later calls `done`
 * exactly once, on the loop thread — also when it fails, and when the daemon stops.
 */
#ifndef ANOMALYD_API_SERVICE_H
#define ANOMALYD_API_SERVICE_H

#include "api/records/name.h"
#include "base/error.h"
#include "data/dataset.h"
#include "methods/method.h"
#include "train/explain.h"

#include <stdint.h>
#include <stdio.h>

enum {
    SERVICE_NAME_MAX = NAME_SIZE,
    SERVICE_ID_MAX = 40, /* UUIDv7 text and a NUL */
    SERVICE_PAGE_MAX = 500,
    SERVICE_SCORES_MAX = 12, /* variants of a method's score */
    SERVICE_CURSOR_MAX = 128
};

typedef int64_t service_time; /* milliseconds since 1970, UTC; 0: not yet */

/* Keyset paging: rows in descending order of creation; `cursor` empty at the start, and on return the place to go on
 * from, empty at the end. A cursor that is not one of ours is ERROR_INVALID. */
typedef struct service_page {
    int limit;
    char cursor[SERVICE_CURSOR_MAX];
} service_page;

typedef struct dataset_row {
    char name[SERVICE_NAME_MAX];
    service_time created;
    uint64_t bytes;
    dataset_info info;
    bool copies_counted; /* false: an earlier program imported it, so info->copies, conflicting, left_out are 0 */
} dataset_row;

typedef struct dataset_request {
    const char *name;
    const char *source; /* a path; checked against the import roots unless `uploaded` */
    bool uploaded;      /* source is a spooled upload, which the service unlinks when done */
} dataset_request;

enum job_state { JOB_QUEUED, JOB_RUNNING, JOB_CANCELLING, JOB_SUCCEEDED, JOB_FAILED, JOB_CANCELLED, JOB_STATES };
const char *job_state_name(enum job_state s); /* "queued", "running", …; defined in api/records/names.c */
bool job_state_find(const char *name, enum job_state *out);

/* What a client asked for, validated by the api as far as the method's option table goes; the rest (data set exists,
 * class exists) by the service before anything is queued. */
typedef struct job_spec {
    char method[SERVICE_NAME_MAX];
    char dataset[SERVICE_NAME_MAX];
    char protocol[16];                       /* "one-class", "one-vs-rest", "unlabelled" */
    char class_name[DATASET_CLASS_NAME_MAX]; /* empty for unlabelled */
    uint64_t seed;
    double held_out;              /* share of the training normals for selection and calibration */
    uint32_t test_images;         /* images to test on, drawn by the seed; 0: all */
    bool trace;                   /* also the test AUROC of each epoch */
    char model[SERVICE_NAME_MAX]; /* name under which the result is registered */
    char *hyperparameters;        /* a JSON object of option values; owned by whoever holds the spec */
} job_spec;

typedef struct job_row {
    char id[SERVICE_ID_MAX];
    enum job_state state;
    job_spec spec;
    int attempt;
    service_time created, started, finished;
    int epoch, epochs;
    uint64_t step, steps;
    uint64_t scored, to_score; /* images, by the finished model; 0: it does not score */
    double images_s, eta_s;
    int threads;              /* that it runs on; 0: it does not run */
    char *values;             /* JSON object: the last losses and metrics by name */
    char *failure;            /* why it failed; NULL otherwise */
    char run[SERVICE_ID_MAX]; /* empty until it succeeded */
    int version;              /* of the model it made; 0 until then */
} job_row;

typedef struct model_row {
    char name[SERVICE_NAME_MAX];
    int version;
    service_time created;
    char method[SERVICE_NAME_MAX];
    char dataset[SERVICE_NAME_MAX], dataset_digest[DATASET_DIGEST_TEXT];
    char protocol[16], class_name[DATASET_CLASS_NAME_MAX];
    uint64_t seed;
    shape data, input;
    uint64_t parameters, bytes;
    char digest[DATASET_DIGEST_TEXT]; /* SHA-256 of the model file */
    uint32_t calibration_count;
    double threshold;        /* NaN: too few calibration scores */
    double false_alarm_rate; /* the threshold's policy */
    char job[SERVICE_ID_MAX], run[SERVICE_ID_MAX];
    double auroc;            /* NaN when it was not evaluated */
    uint64_t resident_bytes; /* in memory; 0: the model is not resident */
    char code_version[48];
    char *hyperparameters; /* JSON object: all of them */
} model_row;

/* A variant of a run's score: what it reached in the run's test; NaN where it was not finite. */
typedef struct run_score {
    char name[SERVICE_NAME_MAX];
    double auroc, auroc_low, auroc_high, average_precision;
} run_score;

typedef struct run_row {
    char id[SERVICE_ID_MAX];
    service_time created;
    service_time imported; /* from another registry, which has its model; 0: it was made here */
    char job[SERVICE_ID_MAX];
    char method[SERVICE_NAME_MAX], dataset[SERVICE_NAME_MAX], dataset_digest[DATASET_DIGEST_TEXT];
    char protocol[16], class_name[DATASET_CLASS_NAME_MAX];
    uint64_t seed;
    double held_out; /* as the job asked, as is test_images */
    uint32_t test_images;
    char model[SERVICE_NAME_MAX];
    int version;
    double auroc, auroc_low, auroc_high, auroc_deviation, average_precision; /* NaN when not evaluated */
    uint32_t train_count, validation_count, calibration_count, test_normals, test_anomalies;
    uint32_t left_out_count;                   /* normals that were not trained on: the test split has them too */
    char training_digest[DATASET_DIGEST_TEXT]; /* see split_training_digest; empty: neither is recorded */
    char test_digest[DATASET_DIGEST_TEXT];     /* see split_test_digest; empty: not tested; only in run_get */
    int epochs, chosen_epoch;
    double train_s, score_s;
    uint64_t parameters;
    char weights_digest[65];
    char code_version[48];
    char blas_core[32];                   /* OpenBLAS's kernel; empty: not recorded */
    int threads;                          /* 0: not recorded */
    char *hyperparameters;                /* JSON object: all of them */
    run_score scores[SERVICE_SCORES_MAX]; /* only in run_get */
    int score_count;
    char *detail; /* JSON object: roc, histogram, epochs (the series by name); only in run_get */
} run_row;

typedef struct experiment_method {
    char method[SERVICE_NAME_MAX];
    char *hyperparameters; /* a JSON object; owned */
    double held_out;       /* in force for this method, as is test_images */
    uint32_t test_images;
    bool overrides_held_out, overrides_test_images; /* it is the method's own, not the experiment's */
} experiment_method;

/* Which cells that succeeded before, with the same images, options and seed, are taken and not run again. */
enum reuse { REUSE_NONE, REUSE_SAME_VERSION, REUSE_ANY_VERSION }; /* kept in registries by number */

/* A sweep: every method on every class with every seed; the rest as in job_spec. */
typedef struct experiment_spec {
    char name[SERVICE_NAME_MAX]; /* may be empty */
    char dataset[SERVICE_NAME_MAX];
    char protocol[16]; /* one with a test: not "unlabelled" */
    double held_out;   /* of methods that do not override it, as is test_images */
    uint32_t test_images;
    bool trace;
    enum reuse reuse;
    int method_count, class_count, seed_count;
    experiment_method *methods;              /* owned, as are the next two */
    char (*classes)[DATASET_CLASS_NAME_MAX]; /* class_count 0: all of the data set */
    uint64_t *seeds;
} experiment_spec;

typedef struct experiment_cell {
    char method[SERVICE_NAME_MAX], class_name[DATASET_CLASS_NAME_MAX];
    uint64_t seed;
    char job[SERVICE_ID_MAX], run[SERVICE_ID_MAX]; /* run: empty until it succeeded */
    enum job_state state;
    bool reused;
    uint32_t test_images;             /* as its job asks; 0: all */
    char images[DATASET_DIGEST_TEXT]; /* which it was tested on, as in run_test; empty: not known */
    char code_version[48];            /* that made the run; empty until it succeeded */
    double auroc, cost_s, score_s;    /* cost_s: of training and scoring; NaN until it succeeded */
    int threads;                      /* on which it cost that; 0: not recorded */
    char *failure;                    /* owned; NULL: none */
} experiment_cell;

typedef struct experiment_row {
    char id[SERVICE_ID_MAX];
    service_time created;
    char name[SERVICE_NAME_MAX], dataset[SERVICE_NAME_MAX], dataset_digest[DATASET_DIGEST_TEXT];
    char protocol[16];
    double held_out;
    uint32_t test_images;
    bool trace, all_classes;
    enum reuse reuse;
    char *axes; /* JSON object: methods, classes, seeds, hyperparameters, overrides where there are any; owned */
    uint64_t counts[JOB_STATES]; /* of cells */
    double eta_s;                /* only in experiment_get; NaN: nothing measured tells it, or nothing is left */
    experiment_cell *cells;      /* only in experiment_get: seeds, then classes, then methods; owned */
    int cell_count;
    char score[SERVICE_NAME_MAX]; /* which of their runs' scores the cells have; empty: each run's own */
} experiment_row;

/* What others have published of a method on a data set, under the protocol it was really run with. */
typedef struct published_row {
    char source[48], place[32]; /* in the source */
    char method[SERVICE_NAME_MAX], dataset[SERVICE_NAME_MAX];
    char protocol[16], class_name[DATASET_CLASS_NAME_MAX]; /* empty class: the mean over all classes */
    double auroc;
    char note[128]; /* what is doubtful about it; empty: nothing */
} published_row;

/* What each test image of a run scored, in the order of the data set. Owns its arrays. */
typedef struct run_test {
    char images[DATASET_DIGEST_TEXT]; /* the same for runs tested on the same images with the same labels */
    size_t count;
    float *scores;
    uint8_t *anomalous; /* 1 is an anomaly */
} run_test;

/* By creation, or by AUROC, the highest first and those without one last. */
enum run_order { RUN_NEWEST, RUN_OLDEST, RUN_BY_AUROC, RUN_ORDERS };

/* Empty strings and NaN are "any"; zero times likewise. */
typedef struct run_filter {
    const char *method, *dataset, *protocol, *class_name, *model, *seed;
    service_time since, until;
    double min_auroc;
    enum run_order order;
} run_filter;
typedef struct job_filter {
    const char *state, *method, *dataset;
} job_filter;

/* Release what a row owns (not the row itself). */
void job_row_free(job_row *row); /* defined in api/records/names.c, as those below */
void model_row_free(model_row *row);
void run_row_free(run_row *row);
void run_test_free(run_test *test);
void experiment_spec_free(experiment_spec *spec);
void experiment_row_free(experiment_row *row);

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
    char model[SERVICE_NAME_MAX];
    int version;
    char method[SERVICE_NAME_MAX];
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

typedef struct service {
    void *self;

    /* data sets */
    bool (*dataset_list)(void *self, service_page *page, dataset_row *rows, int *count, error *e);
    bool (*dataset_get)(void *self, const char *name, dataset_row *row, error *e);
    void (*dataset_import)(void *self, const dataset_request *r, dataset_done *done, void *context);
    /* Where uploads are spooled: a path for a new temporary file, in `path`. */
    bool (*upload_path)(void *self, char *path, size_t size, error *e);

    /* jobs; `key` is the Idempotency-Key or NULL: the same key and request answers the same job, another request under
     * the same key is ERROR_CONFLICT. Durable before done is called. */
    void (*job_submit)(void *self, const job_spec *spec, const char *key, job_done *done, void *context);
    void (*job_cancel)(void *self, const char *id, job_done *done, void *context);
    bool (*job_get)(void *self, const char *id, job_row *row, error *e);
    bool (*job_list)(void *self, const job_filter *f, service_page *page, job_row *rows, int *count, error *e);
    /* Replays events after number `after` (by calling sink before it returns), then delivers new ones as they come.
     * Returns a subscription, which lives until job_unwatch, also after the last event; or NULL and *e. */
    void *(*job_watch)(void *self, const char *id, uint64_t after, event_sink *sink, void *context, error *e);
    void (*job_unwatch)(void *self, void *subscription);

    /* experiments; `key` as in job_submit. Cells are jobs, all of them durable before done is called. */
    void (*experiment_submit)(void *self, const experiment_spec *spec, const char *key, experiment_done *done,
                              void *context);
    /* Cancels every cell that has not ended. */
    void (*experiment_cancel)(void *self, const char *id, experiment_done *done, void *context);
    /* Queues a new job for every cell that failed or was cancelled. */
    void (*experiment_resume)(void *self, const char *id, experiment_done *done, void *context);
    bool (*experiment_get)(void *self, const char *id, experiment_row *row, error *e);
    /* Gives the cells of `row` (from experiment_get) another of their runs' scores: its AUROC in place of the run's
     * own, NaN where the run has none of that name. ERROR_INVALID when none of them has. */
    bool (*experiment_score)(void *self, experiment_row *row, const char *score, error *e);
    bool (*experiment_list)(void *self, service_page *page, experiment_row *rows, int *count, error *e);
    /* What is published on these images under this protocol; at most `limit` rows, a source's in one piece. */
    bool (*published_list)(void *self, const char *dataset_digest, const char *protocol, published_row *rows, int limit,
                           int *count, error *e);

    /* models and runs */
    bool (*model_list)(void *self, service_page *page, model_row *rows, int *count,
                       error *e);                                                           /* newest version of each */
    bool (*model_get)(void *self, const char *name, int version, model_row *row, error *e); /* version 0: newest */
    bool (*model_versions)(void *self, const char *name, int *versions, int limit, int *count,
                           error *e); /* descending */
    bool (*run_list)(void *self, const run_filter *f, service_page *page, run_row *rows, int *count, error *e);
    bool (*run_get)(void *self, const char *id, run_row *row, error *e);
    /* Takes up a run that another registry made. The row is as run_get gives it; of its data set the digest counts, and
     * one with these images must be here. Not fresh: this run was here already; another one of its id is
     * ERROR_CONFLICT. Durable before done is called. */
    void (*run_import)(void *self, const run_row *row, run_done *done, void *context);
    /* ERROR_CONFLICT when the run is there, but no scores of test images. Fills *test, for run_test_free. */
    bool (*run_test)(void *self, const char *id, run_test *test, error *e);

    /* Scores images by a version of model `name` (0: its newest; an empty name: the newest model). Returns a ticket
     * with which score_cancel can be called until done was; NULL when done was called already. With an explanation each
     * result that has no failure has a picture; a model that has no such pictures is ERROR_UNSUPPORTED. */
    void *(*score)(void *self, const char *name, int version, enum explanation explain,
                   const struct score_image *images, size_t count, score_done *done, void *context);
    /* The answer is no longer wanted: drops what has not started. `done` is still called, once, with ERROR_CANCELLED,
     * when nothing reads the images any more; that may be before score_cancel returns. */
    void (*score_cancel)(void *self, void *ticket);

    /* health: true when ready; else the reason in *e */
    bool (*ready)(void *self, error *e);
    bool (*draining)(void *self);
    /* Appends Prometheus text of everything below the api: queues, batches, models, jobs, database. */
    void (*metrics)(void *self, FILE *out);

    /* Runs work(context) on a pool thread, then after(context) on the loop thread. */
    void (*offload)(void *self, void (*work)(void *context), void (*after)(void *context), void *context);
    /* Calls tick(context) on the loop thread after `ms`, once. Returns a handle for timer_stop, which is called at most
     * once and only before it fired; NULL when out of memory. */
    void *(*timer)(void *self, unsigned ms, void (*tick)(void *context), void *context);
    void (*timer_stop)(void *self, void *handle);
    /* Calls gone(context) once when the peer of socket `fd` closes or half-closes; for suspended connections. The
     * handle lives until unwatch_peer, which is always called, from within gone at the earliest. */
    void *(*watch_peer)(void *self, int fd, void (*gone)(void *context), void *context);
    void (*unwatch_peer)(void *self, void *handle);
    /* A line to the daemon's log; level "debug", "info", "warn", "error". */
    void (*log)(void *self, const char *level, const char *format, ...) __attribute__((format(printf, 3, 4)));
} service;

#endif
