/* SPDX-License-Identifier: MIT */
/* run.c — the queue and the children: which job starts, what its worker says, and what its end means. */
#include "daemon/jobs/job.h"
#include "daemon/platform/log.h"
#include "daemon/worker/wire.h"

#include <assert.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

/* ---- what a worker says */

static void save_progress(job *b, bool now)
{
    uint64_t ms = uv_now(loop_uv(b->owner->c.loop));
    if (!now && ms - b->saved_ms < JOBS_SAVE_MS)
        return;
    b->saved_ms = ms;
    store_progress p = {.row = &b->row,
                        .token = b->token,
                        .lease_until = time_now() + JOBS_LEASE_MS,
                        .deaths = b->deaths,
                        .events = events_last(b->log)};
    error e = {0};
    if (!store_job_progress(b->owner->c.store, &p, (store_reply){0}, &e))
        log_line(LOG_LEVEL_WARN, "job %s: %s", b->row.id, e.message);
}

static double number(json_t *o, const char *key)
{
    json_t *value = json_object_get(o, key);
    return json_is_number(value) ? json_number_value(value) : NAN;
}

/* Before the first steps, and where there are none, it has no pace; at its last step it says no more what all took. */
static void take_pace(job *b, int threads)
{
    const job_row *r = &b->row;
    if (!(r->images_s > 0) || r->step > r->steps)
        return;
    b->pace.threads = threads;
    if (r->to_score) {
        b->pace.left_s = 0;
        b->pace.scoring_left_s = r->eta_s;
        b->pace.scoring_whole_s = (double)r->to_score / r->images_s;
        return;
    }
    b->pace.left_s = r->eta_s;
    if (r->step < r->steps)
        b->pace.whole_s = r->eta_s * (double)r->steps / (double)(r->steps - r->step);
}

static void take_numbers(job *b, json_t *o)
{
    job_row *r = &b->row;
    r->epoch = (int)json_integer_value(json_object_get(o, "epoch"));
    r->epochs = (int)json_integer_value(json_object_get(o, "epochs"));
    r->step = (uint64_t)json_integer_value(json_object_get(o, "step"));
    r->steps = (uint64_t)json_integer_value(json_object_get(o, "steps"));
    r->scored = (uint64_t)json_integer_value(json_object_get(o, "scored"));
    r->to_score = (uint64_t)json_integer_value(json_object_get(o, "to_score"));
    r->images_s = number(o, "images_s");
    r->eta_s = number(o, "eta_s");
    take_pace(b, (int)json_integer_value(json_object_get(o, "threads")));
    json_t *values = json_object_get(o, "values");
    char *text = json_object_size(values) ? json_dumps(values, JSON_COMPACT | JSON_REAL_PRECISION(9)) : NULL;
    if (text) {
        free(r->values);
        r->values = text;
    }
}

static void on_progress(job *b, json_t *o)
{
    take_numbers(b, o);
    json_object_del(o, "event");
    json_object_del(o, "plan_bytes");
    events_push(b->log, "progress", json_dumps(o, JSON_COMPACT | JSON_REAL_PRECISION(9)), false);
    save_progress(b, false);
}

static void on_epoch(job *b, json_t *o)
{
    enum { VALUES_MAX = TRAIN_VALUES_MAX };
    const char *names[VALUES_MAX], *name;
    double values[VALUES_MAX];
    int count = 0;
    json_t *value;
    json_object_foreach(json_object_get(o, "values"), name, value)
    {
        if (count == VALUES_MAX)
            break;
        names[count] = name;
        values[count++] = json_is_number(value) ? json_number_value(value) : NAN;
    }
    take_numbers(b, o);
    store_epoch m = {
        .id = b->row.id, .token = b->token, .epoch = b->row.epoch, .count = count, .names = names, .values = values};
    error e = {0};
    if (!store_job_epoch(b->owner->c.store, &m, (store_reply){0}, &e))
        log_line(LOG_LEVEL_WARN, "job %s: %s", b->row.id, e.message);
    events_push(b->log, "metrics",
                json_line(json_pack("{s:i, s:O}", "epoch", b->row.epoch, "values", json_object_get(o, "values"))),
                false);
    save_progress(b, false);
}

/* Progress that a death does not take back: earlier deaths no longer count. */
static void on_checkpoint(job *b, json_t *o)
{
    b->deaths = b->rests = 0;
    take_numbers(b, o);
    events_push(b->log, "log",
                json_line(json_pack("{s:s, s:I}", "message", "checkpoint", "step", (json_int_t)b->row.step)), false);
    save_progress(b, true);
}

static bool same_work(const job_spec *a, const job_spec *b)
{
    return !strcmp(a->subject.method, b->subject.method) && !strcmp(a->subject.dataset, b->subject.dataset) &&
           !strcmp(a->subject.protocol, b->subject.protocol) && !strcmp(a->hyperparameters, b->hyperparameters);
}

/* What one job of a sweep plans, the others will plan nearly: until they say it themselves. */
static void expect_the_same(const job *said)
{
    for (job *b = said->owner->first; b; b = b->next)
        if (b->row.state == JOB_QUEUED && !b->planned && same_work(&b->row.spec, &said->row.spec))
            b->planned = said->planned;
}

/* Bytes that running jobs plan, without b's; *count: how many they are. */
static uint64_t planned_beside(const job *b, int *count)
{
    uint64_t sum = 0;
    *count = 0;
    for (const job *at = b->owner->first; at; at = at->next)
        if (at != b && at->runs) {
            sum += at->planned;
            ++*count;
        }
    return sum;
}

/* Admission: a job that does not fit beside the others goes back until one of them ends; one that never fits fails. */
static void on_started(job *b, json_t *o)
{
    const jobs_config *c = &b->owner->c;
    int others;
    take_numbers(b, o);
    b->planned = (uint64_t)json_integer_value(json_object_get(o, "plan_bytes"));
    expect_the_same(b);
    uint64_t beside = planned_beside(b, &others);
    enum admission said = admission_judge(&c->memory, b->planned, beside, others);
    if (said == ADMISSION_YES)
        return;
    b->put_back = said == ADMISSION_WAIT;
    if (said == ADMISSION_NEVER)
        error_set(&b->said, ERROR_LIMIT,
                  "it plans %llu MiB of memory, more than the %llu MiB that jobs may have (job-memory)",
                  (unsigned long long)b->planned >> 20, (unsigned long long)c->memory.bytes >> 20);
    job_stop_child(b);
}

static void on_failed(job *b, json_t *o)
{
    const char *message = json_string_value(json_object_get(o, "message"));
    if (b->said.code)
        return;
    error_set(&b->said, (enum error_code)json_integer_value(json_object_get(o, "code")), "%s", message ? message : "");
    b->kept_step = (uint64_t)json_integer_value(json_object_get(o, "kept"));
}

/* Its worker has said why; a checkpoint that stays is named. */
static void fail_as_said(job *b)
{
    char why[2 * ERROR_MESSAGE_MAX];
    int n = snprintf(why, sizeof why, "%s", b->said.message);
    if (b->kept_step)
        snprintf(why + n, sizeof why - (size_t)n,
                 ". The checkpoint of step %llu, from before that, is kept in jobs/%s/%s",
                 (unsigned long long)b->kept_step, b->row.id, PATH_KEPT);
    job_end(b, JOB_FAILED, why);
}

static void on_line(void *context, const char *line)
{
    job *b = context;
    json_error_t bad;
    json_t *o = json_loads(line, JSON_REJECT_DUPLICATES, &bad);
    const char *event = json_string_value(json_object_get(o, "event"));
    if (!event) {
        log_line(LOG_LEVEL_ERROR, "job %s: its worker said no JSON event: %.200s", b->row.id, line);
    } else if (!strcmp(event, "progress") || !strcmp(event, "evaluating")) {
        on_progress(b, o);
    } else if (!strcmp(event, "epoch")) {
        on_epoch(b, o);
    } else if (!strcmp(event, "started")) {
        on_started(b, o);
    } else if (!strcmp(event, "checkpoint")) {
        on_checkpoint(b, o);
    } else if (!strcmp(event, "failed")) {
        on_failed(b, o);
    } else if (!strcmp(event, "done")) {
        b->said_done = true;
    }
    json_decref(o);
}

/* ---- how it ends */

static void end_turn(job *b)
{
    b->runs = false;
    b->owner->running--;
}

static void describe_end(const worker_end *w, char *how, size_t size)
{
    if (w->signal)
        snprintf(how, size, "was killed by signal %d (%s)", w->signal, strsignal(w->signal));
    else
        snprintf(how, size, "exited with status %lld without a result", (long long)w->status);
}

static void not_finished(job *b, const error *why)
{
    if (b->cancel_wanted || b->row.state == JOB_CANCELLING)
        job_end(b, JOB_CANCELLED, NULL);
    else
        job_died(b, "said it was done, but left no valid result", why->message);
}

static void on_gone(void *context, const worker_end *w)
{
    job *b = context;
    jobs *j = b->owner;
    b->child = NULL;
    b->row.threads = 0;
    b->row.scored = b->row.to_score = 0;
    b->pace = job_pace_unknown;
    end_turn(b);
    if (b->grace)
        loop_timer_stop(b->grace);
    b->grace = NULL;
    bool cancelled = b->cancel_wanted || b->row.state == JOB_CANCELLING;
    char how[128];
    describe_end(w, how, sizeof how);
    if (b->said_done)
        job_finish(b, not_finished);
    else if (cancelled)
        job_end(b, JOB_CANCELLED, NULL);
    else if (b->said.code && b->said.code != ERROR_CANCELLED && b->said.code != ERROR_IO)
        fail_as_said(b);
    else if (b->put_back || j->stopping)
        job_requeue(b);
    else if (b->said.code == ERROR_IO) /* as where a disk is full: its last checkpoint is whole */
        job_rest(b, "could not go on", b->said.message);
    else
        job_died(b, how, w->last_words);
    jobs_pump(j);
}

static void grace_over(void *context)
{
    job *b = context;
    b->grace = NULL;
    log_line(LOG_LEVEL_WARN, "job %s: its worker did not stop in %d s", b->row.id, JOBS_GRACE_MS / 1000);
    worker_kill(b->child);
}

void job_stop_child(job *b)
{
    assert(b->child);
    worker_tell(b->child, "stop");
    if (b->grace)
        return;
    b->grace = loop_timer(b->owner->c.loop, JOBS_GRACE_MS, grace_over, b);
    if (!b->grace)
        worker_kill(b->child);
}

/* ---- starting */

/* Gives every worker its share of the CPUs, the older ones what is over. */
static void divide_cpus(jobs *j)
{
    int place = 0;
    for (job *b = j->first; b; b = b->next) {
        if (!b->child)
            continue;
        int share = cpus_share(&j->c.cpus, j->running, place++);
        if (share == b->row.threads)
            continue;
        char command[WIRE_COMMAND_MAX];
        snprintf(command, sizeof command, "threads %d", share);
        worker_tell(b->child, command);
        b->row.threads = share;
        log_line(LOG_LEVEL_DEBUG, "job %s: goes on with %d thread(s)", b->row.id, share);
    }
}

static bool spawn(job *b, error *e)
{
    const jobs_config *c = &b->owner->c;
    path_text folder;
    wire_job w = {.threads = cpus_most(&c->cpus),
                  .share = cpus_share(&c->cpus, b->owner->running, b->owner->running - 1),
                  .checkpoint_s = c->checkpoint_s,
                  .memory = c->memory.strict ? c->memory.bytes : 0,
                  .spec = b->row.spec};
    memcpy(w.id, b->row.id, sizeof w.id);
    if (!job_folder(b, &folder, e) || !folder_make(folder.text, e))
        return false;
    memcpy(w.folder, folder.text, sizeof w.folder);
    if (!path_packed(&folder, c->state, w.spec.subject.dataset, w.spec.subject.dataset_digest, e))
        return false;
    memcpy(w.dataset, folder.text, sizeof w.dataset);
    char *line = wire_write_job(&w);
    if (!line)
        return error_memory(e, "a job's line");
    worker_host host = {.context = b, .line = on_line, .gone = on_gone};
    b->child = worker_start(loop_uv(c->loop), line, &host, e);
    free(line);
    if (b->child)
        b->row.threads = w.share;
    return b->child;
}

static void claim_again(job *b)
{
    if (job_goes_on(b))
        jobs_pump(b->owner);
}

static void claimed(void *context, const store_answer *answer, const error *failure)
{
    job *b = context;
    jobs *j = b->owner;
    if (failure) {
        end_turn(b);
        if (job_retry(b, failure, claim_again))
            return;
        b->busy = false;
        log_line(LOG_LEVEL_ERROR, "job %s: %s", b->row.id, failure->message);
        if (!j->stopping)
            job_end(b, JOB_FAILED, failure->message);
        return;
    }
    assert(answer);
    b->busy = false;
    b->row.state = JOB_RUNNING;
    b->row.attempt = answer->attempt;
    b->token = answer->token;
    if (!b->row.started)
        b->row.started = time_now();
    b->said = (error){0};
    b->kept_step = 0;
    b->said_done = false;
    job_event_state(b);
    error e = {0};
    bool stays = !b->cancel_wanted && !j->stopping;
    if (stays && spawn(b, &e)) {
        log_line(LOG_LEVEL_INFO, "job %s: attempt %d runs as process %d", b->row.id, b->row.attempt,
                 worker_pid(b->child));
        divide_cpus(j);
        return;
    }
    end_turn(b);
    if (b->cancel_wanted)
        job_end(b, JOB_CANCELLED, NULL);
    else if (j->stopping)
        job_requeue(b);
    else
        job_rest(b, "could not be started", e.message);
}

static bool start_next(job *b)
{
    jobs *j = b->owner;
    service_time now = time_now();
    store_claim c = {.id = b->row.id, .worker = j->worker_name, .now = now, .lease_until = now + JOBS_LEASE_MS};
    error e = {0};
    b->busy = b->runs = true;
    j->running++;
    if (store_job_claim(j->c.store, &c, (store_reply){.done = claimed, .context = b}, &e))
        return true;
    claimed(b, NULL, &e);
    return false;
}

/* One that never fits starts, so that it says so. */
static bool fits(const job *b)
{
    int others;
    uint64_t beside = planned_beside(b, &others);
    return admission_judge(&b->owner->c.memory, b->planned, beside, others) != ADMISSION_WAIT;
}

static void say_waits(job *b)
{
    if (b->told_waits)
        return;
    b->told_waits = true;
    int others;
    uint64_t beside = planned_beside(b, &others);
    job_event_log(b,
                  "waits for memory: it plans %llu MiB, running jobs %llu MiB, and together %llu MiB are for jobs "
                  "(job-memory)",
                  (unsigned long long)b->planned >> 20, (unsigned long long)beside >> 20,
                  (unsigned long long)b->owner->c.memory.bytes >> 20);
}

void jobs_pump(jobs *j)
{
    job *waits = NULL;
    for (job *b = j->first; b && !j->stopping && j->running < cpus_workers(&j->c.cpus); b = b->next) {
        if (b->row.state != JOB_QUEUED || b->busy)
            continue;
        if (!fits(b))
            waits = waits ? waits : b;
        else if (!start_next(b))
            return; /* the job is gone, and what its end lets start was started */
    }
    if (waits)
        say_waits(waits);
    divide_cpus(j);
}

/* ---- stopping */

void jobs_stop(jobs *j)
{
    j->stopping = true;
    for (job *b = j->first; b; b = b->next) {
        if (b->child)
            job_stop_child(b);
        if (!b->again)
            continue;
        loop_timer_stop(b->again); /* the next start takes it up as the registry and its files have it */
        b->again = NULL;
        b->busy = false;
    }
}

size_t jobs_active(const jobs *j)
{
    size_t n = 0;
    for (const job *b = j->first; b; b = b->next)
        n += b->child || b->busy;
    return n;
}

void jobs_kill(jobs *j)
{
    for (job *b = j->first; b; b = b->next)
        if (b->child)
            worker_kill(b->child);
}
