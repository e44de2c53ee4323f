/* SPDX-License-Identifier: MIT */
/*
 * worker_main.c — trains one job as a child of the daemon. It never opens the registry: what it makes are files in the
 * job's folder, and the last of them, result.json, makes the others count.
 */
#include "api/json/json.h"
#include "base/blas.h"
#include "base/clock.h"
#include "base/file.h"
#include "base/version.h"
#include "daemon/worker/wire.h"

#include <errno.h>
#include <fcntl.h>
#include <math.h>
#include <pthread.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <unistd.h>

enum { NICE = 10, CAP_SLACK_BYTES = 256 << 20 };

/* The number of threads that the daemon allows, which the reader of stdin sets before or after there is a team. */
typedef struct share {
    pthread_mutex_t lock;
    team *team; /* borrowed; NULL: there is none yet, or no longer */
    int threads;
    double begin_s, since_s; /* when the work began; when `threads` was set */
    double sum;              /* thread-seconds before since_s */
} share;

typedef struct child {
    wire_job job;
    dataset *data;
    team *team;
    wire_plan plan;
    tested tested;
    path_text model, checkpoint, kept, result;
    int lock;
    uint64_t kept_step; /* of the checkpoint that outlives this job's failure; 0: there is none */
    /* Set once by the reader of stdin, polled by the trainer; nothing else is published by it. */
    atomic_bool stop;
    share share;
} child;

/* ---- events for the daemon */

static bool write_all(const char *bytes, size_t size)
{
    while (size) {
        ssize_t n = write(STDOUT_FILENO, bytes, size);
        if (n < 0 && errno == EINTR)
            continue;
        if (n <= 0)
            return false;
        bytes += n;
        size -= (size_t)n;
    }
    return true;
}

/* Takes ownership of o and writes it as one line. Where nobody reads any more the daemon has died: time to stop. */
static void send_event(child *c, json_t *o)
{
    char *line = o ? json_dumps(o, JSON_COMPACT | JSON_REAL_PRECISION(9)) : NULL;
    json_decref(o);
    if (!line)
        return;
    size_t size = strlen(line);
    if (size < WIRE_LINE_MAX) {
        line[size] = '\n';
        if (!write_all(line, size + 1))
            atomic_store_explicit(&c->stop, true, memory_order_relaxed);
    }
    free(line);
}

static int fail(child *c, const error *e)
{
    send_event(c, json_pack("{s:s, s:i, s:o, s:I}", "event", "failed", "code", (int)e->code, "message",
                            json_text(e->message), "kept", (json_int_t)c->kept_step));
    return e->code == ERROR_CANCELLED ? WORKER_STOPPED : WORKER_FAILED;
}

/* ---- commands from the daemon */

/* Reads one line of fewer than `max` bytes, byte by byte: what follows it belongs to whoever reads next. */
static bool read_line(char *line, size_t max, error *e)
{
    size_t size = 0;
    for (;;) {
        ssize_t n = read(STDIN_FILENO, line + size, 1);
        if (n < 0 && errno == EINTR)
            continue;
        if (n <= 0)
            return error_set(e, ERROR_INVALID, "stdin: ended before a line did");
        if (line[size] == '\n')
            break;
        if (++size == max)
            return error_set(e, ERROR_LIMIT, "stdin: a line of more than %zu bytes", max);
    }
    line[size] = 0;
    return true;
}

static void share_begin(share *s, int threads)
{
    pthread_mutex_init(&s->lock, NULL);
    s->threads = threads;
    s->begin_s = s->since_s = clock_now_s();
}

/* Adds the thread-seconds up to now. Call under the lock. */
static void share_add(share *s)
{
    double now = clock_now_s();
    s->sum += s->threads * (now - s->since_s);
    s->since_s = now;
}

static void share_set(share *s, int threads)
{
    pthread_mutex_lock(&s->lock);
    share_add(s);
    s->threads = threads;
    if (s->team)
        team_limit(s->team, threads);
    pthread_mutex_unlock(&s->lock);
}

/* t: NULL when the team is about to be freed. */
static void share_join(share *s, team *t)
{
    pthread_mutex_lock(&s->lock);
    s->team = t;
    if (t)
        team_limit(t, s->threads);
    pthread_mutex_unlock(&s->lock);
}

static int share_threads(share *s)
{
    pthread_mutex_lock(&s->lock);
    int threads = s->threads;
    pthread_mutex_unlock(&s->lock);
    return threads;
}

/* The mean number of threads so far, rounded. */
static int share_mean(share *s)
{
    pthread_mutex_lock(&s->lock);
    share_add(s);
    double spent = s->since_s - s->begin_s;
    int mean = spent > 0 ? (int)lround(s->sum / spent) : s->threads;
    pthread_mutex_unlock(&s->lock);
    return mean;
}

/* There are two commands: "threads N" sets the number of threads, "stop" asks for a checkpoint and the end. The end of
 * stdin means "stop" too: the daemon has died. */
static void *read_commands(void *context)
{
    static const char threads[] = "threads ";
    child *c = context;
    char line[WIRE_COMMAND_MAX];
    error e = {0};
    while (read_line(line, sizeof line, &e) && !strncmp(line, threads, sizeof threads - 1)) {
        long n = strtol(line + sizeof threads - 1, NULL, 10);
        if (n >= 1 && n <= c->job.threads)
            share_set(&c->share, (int)n);
    }
    atomic_store_explicit(&c->stop, true, memory_order_relaxed);
    return NULL;
}

static bool start_reading(child *c, error *e)
{
    pthread_t thread;
    if (pthread_create(&thread, NULL, read_commands, c))
        return error_set(e, ERROR_MEMORY, "no thread to read stdin");
    pthread_detach(thread); /* it sleeps in read until the process ends */
    return true;
}

/* ---- what the trainer calls */

static void on_event(void *context, const train_event *ev)
{
    static const char *const names[] = {[TRAIN_STARTED] = "started",
                                        [TRAIN_PROGRESS] = "progress",
                                        [TRAIN_EPOCH] = "epoch",
                                        [TRAIN_CHECKPOINT] = "checkpoint",
                                        [TRAIN_EVALUATING] = "evaluating"};
    child *c = context;
    json_t *values = json_object();
    for (int i = 0; values && i < ev->value_count; i++)
        json_object_set_new(values, ev->values[i].name, json_number(ev->values[i].value));
    send_event(c,
               json_pack("{s:s, s:i, s:i, s:I, s:I, s:I, s:I, s:o, s:o, s:i, s:I, s:o}", "event", names[ev->kind],
                         "epoch", ev->epoch, "epochs", ev->epochs, "step", (json_int_t)ev->step, "steps",
                         (json_int_t)ev->steps, "scored", (json_int_t)ev->scored, "to_score", (json_int_t)ev->to_score,
                         "images_s", json_number(ev->images_s), "eta_s", json_number(ev->eta_s), "threads",
                         share_threads(&c->share), "plan_bytes", (json_int_t)ev->footprint_bytes, "values", values));
}

static bool is_cancelled(void *context)
{
    return atomic_load_explicit(&((child *)context)->stop, memory_order_relaxed);
}

static bool on_tested(void *context, const train_test *t, error *e)
{
    return tested_pack(t, &((child *)context)->tested, e);
}

/* ---- its place among other processes */

static void lower_priority(void)
{
    /* When memory runs out, the kernel should kill this process and not the daemon. */
    int fd = open("/proc/self/oom_score_adj", O_WRONLY | O_CLOEXEC);
    if (fd >= 0) {
        ssize_t n = write(fd, "500", 3);
        (void)n; /* where that is forbidden, nothing changes */
        close(fd);
    }
    setpriority(PRIO_PROCESS, 0, NICE);
}

/* Caps the address space at what is mapped now and `bytes` more, with room for what is reserved but never used
 * (malloc's arenas): against a leak or a plan that lied, not to count bytes. After the warm-up only: OpenBLAS 0.3.21
 * never comes back from a first call whose mmap fails. */
static void cap_memory(uint64_t bytes)
{
    unsigned long pages = 0;
    FILE *f = fopen("/proc/self/statm", "re");
    if (!f || fscanf(f, "%lu", &pages) != 1)
        pages = 0;
    if (f)
        fclose(f);
    if (!bytes || !pages)
        return;
    rlim_t max = (rlim_t)pages * (rlim_t)sysconf(_SC_PAGESIZE) + bytes + CAP_SLACK_BYTES;
    setrlimit(RLIMIT_AS, &(struct rlimit){.rlim_cur = max, .rlim_max = max});
}

/* ---- the work */

static bool open_all(child *c, error *e)
{
    path_text lock;
    const char *folder = c->job.folder.text;
    if (!path_format(&c->model, e, "%s/model", folder) || !path_format(&c->checkpoint, e, "%s/checkpoint", folder) ||
        !path_format(&c->kept, e, "%s/" PATH_KEPT, folder) || !path_format(&c->result, e, "%s/result.json", folder) ||
        !path_format(&lock, e, "%s/lock", folder))
        return false;
    /* A worker of a former daemon may still be writing its checkpoint. */
    if ((c->lock = lock_take(lock.text, true, e)) < 0)
        return false;
    if (!(c->team = team_new(c->job.threads, e)))
        return false;
    blas_warm(c->team);
    share_join(&c->share, c->team);
    if (!(c->data = dataset_open(c->job.dataset.text, e)))
        return false;
    cap_memory(c->job.memory);
    return wire_plan_make(&c->plan, &c->job.spec, dataset_facts(c->data), e);
}

static bool train(child *c, error *e)
{
    c->plan.train.model_path = c->model.text;
    c->plan.train.checkpoint_path = c->checkpoint.text;
    c->plan.train.checkpoint_s = c->job.checkpoint_s;
    train_watch watch = {.context = c, .event = on_event, .cancelled = is_cancelled, .tested = on_tested};
    train_result *result = calloc(1, sizeof *result);
    if (!result)
        return error_memory(e, "a training result");
    file_map file = {0};
    scorer *s = NULL;
    bool good = train_run(&c->plan.train, c->data, c->team, &watch, result, e);
    result->threads = share_mean(&c->share);
    /* The model is opened as the daemon will open it to score: what cannot be loaded is no result. */
    good = good && file_map_open(c->model.text, &file, e) && (s = scorer_open(file.bytes, file.size, c->team, e)) &&
           wire_write_result(c->result.text, &c->plan, &(wire_found){result, &c->tested, s}, e);
    scorer_free(s);
    file_map_close(&file);
    if (!good && result->checkpoint_step && !rename(c->checkpoint.text, c->kept.text))
        c->kept_step = result->checkpoint_step;
    free(result);
    return good;
}

static int run(child *c)
{
    error e = {0};
    char *line = malloc(WIRE_LINE_MAX);
    bool good = line && read_line(line, WIRE_LINE_MAX, &e) && wire_read_job(line, &c->job, &e);
    share_begin(&c->share, c->job.share);
    good = good && start_reading(c, &e);
    free(line);
    if (!good)
        return fail(c, &e);
    send_event(c, json_pack("{s:s, s:i, s:s}", "event", "hello", "pid", (int)getpid(), "version", version_text()));
    if (!open_all(c, &e))
        return fail(c, &e);
    if (access(c->result.text, F_OK) && !train(c, &e))
        return fail(c, &e);
    send_event(c, json_pack("{s:s}", "event", "done"));
    return WORKER_DONE;
}

int worker_main(void)
{
    signal(SIGPIPE, SIG_IGN);
    signal(SIGXFSZ, SIG_IGN);
    /* A terminal and a service manager signal the whole group, but only the daemon decides when this process stops. */
    signal(SIGINT, SIG_IGN);
    signal(SIGTERM, SIG_IGN);
    signal(SIGHUP, SIG_IGN);
    lower_priority();
    child *c = calloc(1, sizeof *c); /* never freed: the thread that reads stdin uses it until the process ends */
    if (!c)
        return WORKER_FAILED;
    c->lock = -1;
    int status = run(c);
    wire_plan_free(&c->plan);
    tested_free(&c->tested);
    dataset_free(c->data);
    share_join(&c->share, NULL);
    team_free(c->team);
    free(c->job.spec.hyperparameters);
    return status;
}
