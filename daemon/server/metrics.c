/* SPDX-License-Identifier: MIT */
/* metrics.c — what the daemon counts, as Prometheus text. Totals are never reset; times are in seconds. */
#include "base/blas.h"
#include "base/version.h"
#include "daemon/server/daemon.h"

#include <inttypes.h>
#include <sys/resource.h>

static void head(FILE *out, const char *name, const char *type, const char *help)
{
    fprintf(out, "# HELP %s %s\n# TYPE %s %s\n", name, help, name, type);
}

static void one(FILE *out, const char *name, const char *type, const char *help, double value)
{
    head(out, name, type, help);
    fprintf(out, "%s %.17g\n", name, value);
}

/* By the name that Prometheus' own clients use. */
static void process_metrics(FILE *out)
{
    struct rusage u;
    if (getrusage(RUSAGE_SELF, &u))
        return;
    double cpu_s =
        (double)(u.ru_utime.tv_sec + u.ru_stime.tv_sec) + 1e-6 * (double)(u.ru_utime.tv_usec + u.ru_stime.tv_usec);
    one(out, "process_cpu_seconds_total", "counter", "CPU time of the daemon, its training jobs excepted.", cpu_s);
}

static void job_metrics(anomalyd *d, FILE *out)
{
    uint64_t counts[JOB_STATES];
    error e = {0};
    if (!store_job_counts(d->reader, counts, &e))
        return;
    head(out, "anomalyd_jobs", "gauge", "Jobs in the registry by state.");
    for (int i = 0; i < JOB_STATES; i++)
        fprintf(out, "anomalyd_jobs{state=\"%s\"} %" PRIu64 "\n", job_state_name((enum job_state)i), counts[i]);
}

static void store_metrics(anomalyd *d, FILE *out)
{
    store_numbers n;
    store_measure(d->store, &n);
    one(out, "anomalyd_registry_commits_total", "counter", "Transactions committed.", (double)n.commits);
    one(out, "anomalyd_registry_writes_total", "counter", "Writes in those transactions.", (double)n.writes);
    one(out, "anomalyd_registry_write_failures_total", "counter", "Writes that were refused.", (double)n.failures);
    one(out, "anomalyd_registry_commit_seconds_total", "counter", "Time spent committing.", n.commit_s);
    one(out, "anomalyd_registry_commit_seconds_max", "gauge", "The longest commit.", n.commit_max_s);
    one(out, "anomalyd_registry_writes_waiting", "gauge", "Writes not durable yet.", (double)n.waiting);
    one(out, "anomalyd_registry_file_bytes", "gauge", "Size of the registry.", (double)n.file_bytes);
    one(out, "anomalyd_registry_wal_bytes", "gauge", "Size of its write-ahead log.", (double)n.wal_bytes);
}

static void print_waiting(void *context, const char *name, int version, size_t bytes, size_t waiting)
{
    (void)bytes;
    fprintf(context, "anomalyd_score_queue_depth{model=\"%s\",version=\"%d\"} %zu\n", name, version, waiting);
}

static void print_bytes(void *context, const char *name, int version, size_t bytes, size_t waiting)
{
    (void)waiting;
    fprintf(context, "anomalyd_model_resident_bytes{model=\"%s\",version=\"%d\"} %zu\n", name, version, bytes);
}

static void score_metrics(anomalyd *d, FILE *out)
{
    batcher_numbers n;
    batcher_measure(d->batcher, &n);
    one(out, "anomalyd_score_images_total", "counter", "Images scored.", (double)n.images);
    one(out, "anomalyd_score_refused_total", "counter", "Requests refused because a queue was full.",
        (double)n.refused);
    one(out, "anomalyd_score_expired_total", "counter", "Images that waited too long.", (double)n.expired);
    one(out, "anomalyd_score_compute_seconds_total", "counter", "Time spent scoring.", n.compute_s);
    one(out, "anomalyd_score_decode_seconds_total", "counter", "Time spent decoding images.", d->scoring.decode_s);
    one(out, "anomalyd_score_requests_active", "gauge", "Requests not answered yet.", (double)d->scoring.active);
    head(out, "anomalyd_score_batch_images", "histogram", "Images in a batch.");
    uint64_t sum = 0;
    for (int i = 0; i < BATCHER_SIZES; i++) {
        sum += n.sizes[i];
        fprintf(out, "anomalyd_score_batch_images_bucket{le=\"%d\"} %" PRIu64 "\n", 1 << i, sum);
    }
    fprintf(out, "anomalyd_score_batch_images_bucket{le=\"+Inf\"} %" PRIu64 "\n", sum);
    fprintf(out, "anomalyd_score_batch_images_sum %" PRIu64 "\nanomalyd_score_batch_images_count %" PRIu64 "\n",
            n.images, sum);
    one(out, "anomalyd_models_resident", "gauge", "Models in memory.", (double)n.resident);
    one(out, "anomalyd_model_loads_total", "counter", "Models loaded.", (double)n.loads);
    one(out, "anomalyd_model_evictions_total", "counter", "Models that gave way to others.", (double)n.evictions);
    one(out, "anomalyd_score_queue_limit", "gauge", "Images that may wait for a model.", (double)d->config.score_queue);
    head(out, "anomalyd_score_queue_depth", "gauge", "Images waiting for a model.");
    batcher_each(d->batcher, print_waiting, out);
    head(out, "anomalyd_model_resident_bytes", "gauge", "Memory of a resident model.");
    batcher_each(d->batcher, print_bytes, out);
}

void daemon_metrics(anomalyd *d, FILE *out)
{
    head(out, "anomalyd_build_info", "gauge", "This program; the value is always 1.");
    fprintf(out, "anomalyd_build_info{version=\"%s\",blas=\"%s\",core=\"%s\"} 1\n", version_text(), blas_version(),
            blas_kernel());
    process_metrics(out);
    job_metrics(d, out);
    score_metrics(d, out);
    store_metrics(d, out);
}
