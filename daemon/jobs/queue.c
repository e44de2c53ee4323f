/* SPDX-License-Identifier: MIT */
/* queue.c — once a turn of the loop, when something has changed: timers that are due, which jobs start, and how the
 * running ones share memory and CPUs. Nobody else starts a job. */
#include "daemon/jobs/job.h"
#include "daemon/platform/log.h"
#include "daemon/worker/wire.h"

#include <stdlib.h>
#include <string.h>

/* ---- memory */

/* Bytes that running jobs plan, without b's; *count: how many they are. */
static uint64_t planned_beside(const job *b, int *count)
{
    uint64_t sum = 0;
    *count = 0;
    for (const job *at = b->owner->first; at; at = at->next)
        if (at != b && machine_runs(&at->machine)) {
            sum += at->planned;
            ++*count;
        }
    return sum;
}

static bool same_work(const job_spec *a, const job_spec *b)
{
    return !strcmp(a->subject.method, b->subject.method) && !strcmp(a->subject.dataset, b->subject.dataset) &&
           !strcmp(a->subject.protocol, b->subject.protocol) && !strcmp(a->hyperparameters, b->hyperparameters);
}

static enum admission judge(const job *b)
{
    int others;
    uint64_t beside = planned_beside(b, &others);
    return admission_judge(&b->owner->c.memory, b->planned, beside, others);
}

enum admission queue_admit(job *b, uint64_t planned)
{
    b->planned = planned;
    /* What one job of a sweep plans, the others will plan nearly: until they say it themselves. */
    for (job *at = b->owner->first; at; at = at->next)
        if (at->row.state == JOB_QUEUED && !at->planned && same_work(&at->row.spec, &b->row.spec))
            at->planned = planned;
    return judge(b);
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

/* ---- CPUs */

static int count_running(const jobs *j)
{
    int n = 0;
    for (const job *b = j->first; b; b = b->next)
        n += machine_runs(&b->machine);
    return n;
}

int queue_share(const jobs *j)
{
    int running = count_running(j);
    return cpus_share(&j->c.cpus, running, running - 1);
}

/* Gives every worker its share of the CPUs, and the older ones what does not divide. */
static void divide_cpus(jobs *j)
{
    int place = 0, running = count_running(j);
    for (job *b = j->first; b; b = b->next) {
        if (!b->child)
            continue;
        int share = cpus_share(&j->c.cpus, running, place++);
        if (share == b->row.threads)
            continue;
        char command[WIRE_COMMAND_MAX];
        snprintf(command, sizeof command, "threads %d", share);
        worker_send(b->child, command);
        b->row.threads = share;
        log_line(LOG_LEVEL_DEBUG, "job %s: goes on with %d thread(s)", b->row.id, share);
    }
}

/* ---- a turn */

static void post_due(jobs *j, uint64_t now_ms)
{
    for (job *b = j->first, *next; b; b = next) {
        next = b->next;
        if (b->due_ms && b->due_ms <= now_ms) {
            b->due_ms = 0;
            job_post(b, EVENT_TIMER);
        }
    }
}

/* After a restart a job whose worker died with the daemon is about to be queued again, in front of younger ones. */
static bool comes_back(const machine *m)
{
    return m->recovered && (m->phase == PHASE_FINISHING || m->phase == PHASE_REQUEUEING);
}

/* The oldest first. One whose plan fits nowhere is started, so that it says so. */
static void start_jobs(jobs *j)
{
    job *waits = NULL;
    int running = count_running(j);
    for (job *b = j->first, *next; b && running < cpus_workers(&j->c.cpus) && !comes_back(&b->machine); b = next) {
        next = b->next;
        if (b->machine.phase != PHASE_QUEUED || b->due_ms)
            continue;
        if (judge(b) == ADMISSION_WAIT) {
            waits = waits ? waits : b;
            continue;
        }
        running++;
        job_post(b, EVENT_START);
    }
    if (waits)
        say_waits(waits);
}

static void turn(uv_timer_t *clock)
{
    jobs *j = clock->data;
    uint64_t now_ms = uv_now(clock->loop), next_ms = 0;
    post_due(j, now_ms);
    if (!j->stopping)
        start_jobs(j);
    divide_cpus(j);
    for (const job *b = j->first; b; b = b->next)
        if (b->due_ms && (!next_ms || b->due_ms < next_ms))
            next_ms = b->due_ms;
    if (next_ms && !uv_is_active((uv_handle_t *)clock)) /* else what has just changed makes for another turn at once */
        uv_timer_start(clock, turn, next_ms > now_ms ? next_ms - now_ms : 0, 0);
}

void queue_wake(jobs *j)
{
    uv_timer_start(&j->clock, turn, 0, 0);
}

void queue_init(jobs *j)
{
    uv_timer_init(loop_uv(j->c.loop), &j->clock);
    j->clock.data = j;
}

static void clock_closed(uv_handle_t *clock)
{
    free(clock->data);
}

void queue_free(jobs *j)
{
    uv_close((uv_handle_t *)&j->clock, clock_closed);
}
