/* SPDX-License-Identifier: MIT */
/* runner.c — performs what the machine of a job decides, and posts what came of it. The only one who claims a job,
 * writes its state, and starts, stops or kills its worker. */
#include "daemon/jobs/job.h"
#include "daemon/platform/log.h"
#include "daemon/worker/wire.h"

#include <assert.h>
#include <stdlib.h>
#include <string.h>

/* ---- timers */

static void start_timer(job *b, uint64_t ms)
{
    b->due_ms = uv_now(loop_uv(b->owner->c.loop)) + ms;
}

static void wait_a_while(job *b)
{
    start_timer(b, JOBS_RETRY_MS);
    job_event_log(b, "%s; tried again in %d s", b->why.message, JOBS_RETRY_MS / 1000);
}

static void rest(job *b)
{
    enum { DOUBLINGS_MAX = 6 };
    int doublings = b->machine.rests - 1;
    uint64_t ms = (uint64_t)JOBS_RETRY_MS << (doublings < DOUBLINGS_MAX ? doublings : DOUBLINGS_MAX);
    start_timer(b, ms);
    job_event_log(b, "its worker %s: %s; tried again in %d s",
                  b->said.code ? "could not go on" : "could not be started",
                  b->said.code ? b->said.message : b->why.message, (int)(ms / 1000));
}

/* ---- writes */

static void written(void *context, const store_answer *answer, const error *failure)
{
    job *b = context;
    if (failure) {
        job_post_failure(b, failure);
        return;
    }
    if (b->machine.phase == PHASE_CLAIMING) {
        b->token = answer->token;
        b->row.attempt = answer->attempt;
        b->row.started = b->row.started ? b->row.started : time_now();
    }
    job_post(b, EVENT_STORED);
}

static void claim(job *b)
{
    record_time now = time_now();
    store_claim c = {.id = b->row.id, .worker = b->owner->worker_name, .now = now, .lease_until = now + JOBS_LEASE_MS};
    error e = {0};
    b->said = (error){0};
    b->kept_step = 0;
    b->finished = 0;
    if (!store_job_claim(b->owner->c.store, &c, (store_reply){.done = written, .context = b}, &e))
        job_post_failure(b, &e);
}

static void rewrite_state(job *b)
{
    /* The number of the event that tells of this state, which is published once the state is durable. */
    store_move m = {.id = b->row.id,
                    .token = b->token,
                    .to = b->machine.target,
                    .failure = b->failure,
                    .deaths = b->machine.deaths,
                    .finished = b->finished,
                    .events = events_last(b->log) + 1};
    error e = {0};
    if (!store_job_move(b->owner->c.store, &m, (store_reply){.done = written, .context = b}, &e))
        job_post_failure(b, &e);
}

static void write_new_state(job *b, const char *failure)
{
    enum job_state to = b->machine.target;
    free(b->failure);
    b->failure = failure ? strdup(failure) : NULL;
    b->finished = to == JOB_FAILED || to == JOB_CANCELLED ? time_now() : 0;
    rewrite_state(b);
}

static void write_state(job *b)
{
    write_new_state(b, NULL);
}

static void write_failed(job *b)
{
    char text[2 * ERROR_MESSAGE_MAX];
    int n = snprintf(text, sizeof text, "%s", b->said.code ? b->said.message : b->why.message);
    if (b->kept_step)
        snprintf(text + n, sizeof text - (size_t)n,
                 ". The checkpoint of step %llu, from before that, is kept in jobs/%s/%s",
                 (unsigned long long)b->kept_step, b->row.id, PATH_KEPT);
    write_new_state(b, text);
}

/* Whoever asks now is answered now: the write is tried until it succeeds. */
static void cancel(job *b)
{
    cancel_answer(b);
    write_state(b);
}

/* ---- obituaries */

/* Of a former daemon's worker nothing was heard. */
static const char *last_words(const job *b, const char *none)
{
    return b->why.message[0] && !b->machine.recovered ? b->why.message : none;
}

static void tell_death(job *b)
{
    job_event_log(b, "its worker %s; %s", b->how, last_words(b, "it left no word"));
}

static void bury(job *b)
{
    tell_death(b);
    write_state(b);
}

static void give_up(job *b)
{
    char text[ERROR_MESSAGE_MAX];
    tell_death(b);
    snprintf(text, sizeof text, "the worker died %d times without a checkpoint in between; the last one %s: %.300s",
             b->machine.deaths, b->how, last_words(b, "(no last words)"));
    write_new_state(b, text);
}

/* ---- its worker */

static void worker_gone(void *context, const worker_end *w)
{
    job *b = context;
    b->child = NULL;
    b->row.threads = 0;
    b->row.scored = b->row.to_score = 0;
    b->pace = job_pace_unknown;
    if (w->signal)
        snprintf(b->how, sizeof b->how, "was killed by signal %d (%s)", w->signal, strsignal(w->signal));
    else
        snprintf(b->how, sizeof b->how, "exited with status %lld without a result", (long long)w->status);
    error_set(&b->why, ERROR_INTERNAL, "%s", w->last_words);
    job_post(b, EVENT_EXITED);
}

static bool start_worker(job *b, error *e)
{
    const jobs_config *c = &b->owner->c;
    wire_job w = {.threads = cpus_max_threads(&c->cpus),
                  .share = queue_share(b->owner),
                  .checkpoint_s = c->checkpoint_s,
                  .memory = c->memory.strict ? c->memory.bytes : 0,
                  .spec = b->row.spec};
    memcpy(w.id, b->row.id, sizeof w.id);
    if (!job_folder(b, &w.folder, e) || !folder_make(w.folder.text, e) ||
        !path_packed(&w.dataset, c->state, w.spec.subject.dataset, w.spec.subject.dataset_digest, e))
        return false;
    char *line = wire_write_job(&w);
    if (!line)
        return error_memory(e, "a job's line");
    worker_host host = {.context = b, .line = progress_read, .gone = worker_gone};
    b->child = worker_start(loop_uv(c->loop), line, &host, e);
    free(line);
    if (b->child)
        b->row.threads = w.share;
    return b->child;
}

static void spawn(job *b)
{
    if (!start_worker(b, &b->why)) {
        job_post(b, EVENT_SPAWN_FAILED);
        return;
    }
    log_line(LOG_LEVEL_INFO, "job %s: attempt %d runs as process %d", b->row.id, b->row.attempt, worker_pid(b->child));
    job_post(b, EVENT_SPAWNED);
}

static void stop(job *b)
{
    worker_send(b->child, "stop");
    if (!b->due_ms)
        start_timer(b, JOBS_GRACE_MS);
}

static void mark(job *b)
{
    stop(b);
    write_state(b);
}

static void kill_worker(job *b)
{
    log_line(LOG_LEVEL_WARN, "job %s: its worker did not stop in %d s", b->row.id, JOBS_GRACE_MS / 1000);
    worker_kill(b->child);
}

/* ---- steps */

static void nothing(job *b)
{
    (void)b;
}

static void forget(job *b)
{
    const job_row *r = &b->row;
    if (r->state != JOB_SUCCEEDED)
        log_line(LOG_LEVEL_INFO, "job %s: %s%s%s", r->id, job_state_name(r->state), r->failure ? ": " : "",
                 r->failure ? r->failure : "");
    job_close(b);
}

/* Its files go only now that the registry has how it ended: until then a restart would have needed them. */
static void forget_files_too(job *b)
{
    jobs *j = b->owner;
    bool keeps_checkpoint = b->row.state == JOB_FAILED && b->kept_step;
    char id[RECORD_ID_MAX];
    memcpy(id, b->row.id, sizeof id);
    forget(b);
    if (keeps_checkpoint)
        folders_prune(j);
    else
        folders_remove(j, id);
}

static void (*const performers[ACTIONS])(job *b) = {
    [ACTION_NOTHING] = nothing,
    [ACTION_CLAIM] = claim,
    [ACTION_SPAWN] = spawn,
    [ACTION_STOP] = stop,
    [ACTION_KILL] = kill_worker,
    [ACTION_FINISH] = result_register,
    [ACTION_WAIT] = wait_a_while,
    [ACTION_REST] = rest,
    [ACTION_REQUEUE] = write_state,
    [ACTION_BURY] = bury,
    [ACTION_GIVE_UP] = give_up,
    [ACTION_FAIL] = write_failed,
    [ACTION_CANCEL] = cancel,
    [ACTION_DROP] = write_state,
    [ACTION_MARK] = mark,
    [ACTION_REWRITE] = rewrite_state,
    [ACTION_CLOSE] = forget_files_too,
    [ACTION_ABANDON] = forget,
    [ACTION_NOTE] = cancel_answer,
    [ACTION_REFUSE] = cancel_refuse,
};

/* The one place that changes the state that clients see. */
static void show_state(job *b)
{
    b->row.state = b->machine.state;
    free(b->row.failure);
    b->row.failure = b->failure;
    b->failure = NULL;
    b->row.finished = b->finished;
    job_event_state(b->log, &b->row);
}

static bool is_failure(enum machine_event event)
{
    return event == EVENT_STORE_FAILED || event == EVENT_STORE_REFUSED;
}

/* Some failures are told as an event of the job. */
static void log_failure(const job *b, enum phase before, enum machine_action action)
{
    bool told = action == ACTION_WAIT || (before == PHASE_FINISHING && b->machine.phase != PHASE_LEFT);
    if (!told)
        log_line(LOG_LEVEL_ERROR, "job %s: %s", b->row.id, b->why.message);
}

/* One event and its action. False: the job is gone. */
static bool step(job *b, enum machine_event event)
{
    enum phase before = b->machine.phase;
    enum machine_action action = machine_step(&b->machine, event);
    assert(action != ACTION_IMPOSSIBLE);
    bool ends = b->machine.phase == PHASE_ENDED;
    if (b->machine.state != b->row.state)
        show_state(b);
    if (is_failure(event))
        log_failure(b, before, action);
    if (event == EVENT_STORED || is_failure(event))
        cancel_answer_written(b, is_failure(event) ? &b->why : NULL);
    if (!machine_is_timed(&b->machine))
        b->due_ms = 0;
    if (b->machine.phase != before)
        queue_wake(b->owner);
    performers[action](b);
    return !ends;
}

void job_post(job *b, enum machine_event event)
{
    if (b->performs) {
        assert(b->posted == EVENT_NONE);
        b->posted = event;
        return;
    }
    b->performs = true;
    while (step(b, event)) {
        event = b->posted;
        b->posted = EVENT_NONE;
        if (event == EVENT_NONE) {
            b->performs = false;
            return;
        }
    }
}

void job_post_failure(job *b, const error *failure)
{
    b->why = *failure;
    bool passes = failure->code == ERROR_IO || failure->code == ERROR_MEMORY;
    job_post(b, passes ? EVENT_STORE_FAILED : EVENT_STORE_REFUSED);
}

/* ---- the daemon stops */

void jobs_stop(jobs *j)
{
    j->stopping = true;
    for (job *b = j->first, *next; b; b = next) {
        next = b->next;
        job_post(b, EVENT_SHUTDOWN);
    }
}

size_t jobs_active(const jobs *j)
{
    size_t n = 0;
    for (const job *b = j->first; b; b = b->next)
        n += machine_busy(&b->machine);
    return n;
}

void jobs_kill(jobs *j)
{
    for (job *b = j->first; b; b = b->next)
        if (b->child)
            worker_kill(b->child);
}
