/* SPDX-License-Identifier: MIT */
/* machine.c — the table of a job's life, and the facts that its conditions ask for. */
#include "daemon/jobs/machine.h"

#define P(name_) (1u << PHASE_##name_)
#define E(name_) (1u << EVENT_##name_)
#define SAME PHASES

enum {
    ANY_PHASE = (1 << PHASES) - 1,
    ANY_EVENT = (1 << EVENTS) - 1,
    WITH_WORKER = P(RUNNING) | P(STOPPING) | P(MARKING) | P(CANCELLING),
    SAID = E(SAID_CHECKPOINT) | E(SAID_DONE) | E(SAID_FAILED) | E(SAID_STUCK),
    FAILURE = E(STORE_FAILED) | E(STORE_REFUSED),
    ANSWER = E(STORED) | FAILURE
};

const machine_rule machine_rules[] = {
    /* Its turn. */
    {P(QUEUED), E(START), ALWAYS, PHASE_CLAIMING, ACTION_CLAIM},
    {P(QUEUED), E(TIMER), ALWAYS, SAME, ACTION_NOTHING}, /* the queue sees that it may be started */
    {P(CLAIMING), E(STORED), IF_CANCELLED, PHASE_ENDING, ACTION_CANCEL},
    {P(CLAIMING), E(STORED), IF_SHUTDOWN, PHASE_REQUEUEING, ACTION_REQUEUE},
    {P(CLAIMING), E(STORED), ALWAYS, PHASE_STARTING, ACTION_SPAWN},
    {P(CLAIMING), FAILURE, IF_CANCELLED, PHASE_ENDING, ACTION_CANCEL},
    {P(CLAIMING), FAILURE, IF_SHUTDOWN, PHASE_QUEUED, ACTION_NOTHING},
    {P(CLAIMING), E(STORE_FAILED), ALWAYS, PHASE_QUEUED, ACTION_WAIT},
    {P(CLAIMING), E(STORE_REFUSED), ALWAYS, PHASE_ENDING, ACTION_FAIL},
    {P(STARTING), E(SPAWNED), IF_CANCELLED, PHASE_STOPPING, ACTION_STOP},
    {P(STARTING), E(SPAWNED), IF_SHUTDOWN, PHASE_STOPPING, ACTION_STOP},
    {P(STARTING), E(SPAWNED), ALWAYS, PHASE_RUNNING, ACTION_NOTHING},
    {P(STARTING), E(SPAWN_FAILED), IF_CANCELLED, PHASE_ENDING, ACTION_CANCEL},
    {P(STARTING), E(SPAWN_FAILED), IF_SHUTDOWN, PHASE_REQUEUEING, ACTION_REQUEUE},
    {P(STARTING), E(SPAWN_FAILED), ALWAYS, PHASE_RESTING, ACTION_REST},

    /* While its worker lives. */
    {WITH_WORKER, SAID, ALWAYS, SAME, ACTION_NOTHING},
    {P(RUNNING), E(DOES_NOT_FIT) | E(NEVER_FITS) | E(SHUTDOWN), ALWAYS, PHASE_STOPPING, ACTION_STOP},
    {WITH_WORKER, E(DOES_NOT_FIT) | E(NEVER_FITS), ALWAYS, SAME, ACTION_NOTHING},
    {P(RUNNING) | P(STOPPING), E(CANCEL), ALWAYS, PHASE_MARKING, ACTION_MARK},
    {P(STOPPING) | P(MARKING) | P(CANCELLING), E(TIMER), ALWAYS, SAME, ACTION_KILL},
    {P(MARKING), E(STORED), ALWAYS, PHASE_CANCELLING, ACTION_NOTHING},
    {P(MARKING), FAILURE, ALWAYS, PHASE_STOPPING, ACTION_NOTHING},
    {P(MARKING), E(EXITED), ALWAYS, PHASE_REAPED, ACTION_NOTHING},

    /* What its worker's end means. */
    {P(REAPED), ANSWER, IF_DONE, PHASE_FINISHING, ACTION_FINISH},
    {P(REAPED), ANSWER, ALWAYS, PHASE_ENDING, ACTION_CANCEL},
    {P(RUNNING) | P(STOPPING) | P(CANCELLING), E(EXITED), IF_DONE, PHASE_FINISHING, ACTION_FINISH},
    {P(RUNNING) | P(STOPPING) | P(CANCELLING), E(EXITED), IF_CANCELLED, PHASE_ENDING, ACTION_CANCEL},
    {P(RUNNING) | P(STOPPING), E(EXITED), IF_FAILED, PHASE_ENDING, ACTION_FAIL},
    {P(RUNNING) | P(STOPPING), E(EXITED), IF_GOES_BACK, PHASE_REQUEUEING, ACTION_REQUEUE},
    {P(RUNNING) | P(STOPPING), E(EXITED), IF_STUCK, PHASE_RESTING, ACTION_REST},
    {P(RUNNING) | P(STOPPING), E(EXITED), IF_WORN, PHASE_ENDING, ACTION_GIVE_UP},
    {P(RUNNING) | P(STOPPING), E(EXITED), ALWAYS, PHASE_REQUEUEING, ACTION_BURY},

    /* Its result. */
    {P(FINISHING), E(STORED), ALWAYS, PHASE_ENDED, ACTION_CLOSE},
    {P(FINISHING), FAILURE, IF_CANCELLED, PHASE_ENDING, ACTION_CANCEL},
    {P(FINISHING), E(STORE_FAILED), IF_SHUTDOWN, PHASE_LEFT, ACTION_NOTHING},
    {P(FINISHING), E(STORE_FAILED), ALWAYS, PHASE_FINISH_WAIT, ACTION_WAIT},
    {P(FINISHING), E(STORE_REFUSED), IF_WORN, PHASE_ENDING, ACTION_GIVE_UP},
    {P(FINISHING), E(STORE_REFUSED), ALWAYS, PHASE_REQUEUEING, ACTION_BURY},
    {P(FINISH_WAIT), E(TIMER), ALWAYS, PHASE_FINISHING, ACTION_FINISH},

    /* Back to the queue. */
    {P(RESTING), E(TIMER) | E(SHUTDOWN), ALWAYS, PHASE_REQUEUEING, ACTION_REQUEUE},
    {P(REQUEUEING), ANSWER, IF_CANCELLED, PHASE_ENDING, ACTION_CANCEL},
    {P(REQUEUEING), E(STORED) | E(STORE_REFUSED), ALWAYS, PHASE_QUEUED, ACTION_NOTHING},
    {P(REQUEUEING), E(STORE_FAILED), IF_SHUTDOWN, PHASE_LEFT, ACTION_NOTHING},
    {P(REQUEUEING), E(STORE_FAILED), ALWAYS, PHASE_RESTING, ACTION_WAIT},

    /* To its end. */
    {P(DROPPING), E(STORED), ALWAYS, PHASE_ENDED, ACTION_CLOSE},
    {P(DROPPING), FAILURE, ALWAYS, PHASE_QUEUED, ACTION_NOTHING},
    {P(ENDING), E(STORED), ALWAYS, PHASE_ENDED, ACTION_CLOSE},
    {P(ENDING), E(STORE_REFUSED), ALWAYS, PHASE_ENDED, ACTION_ABANDON},
    {P(ENDING), E(STORE_FAILED), IF_SHUTDOWN, PHASE_LEFT, ACTION_NOTHING},
    {P(ENDING), E(STORE_FAILED), ALWAYS, PHASE_END_WAIT, ACTION_WAIT},
    {P(END_WAIT), E(TIMER) | E(SHUTDOWN), ALWAYS, PHASE_ENDING, ACTION_REWRITE},
    {P(ENDED), ANY_EVENT, ALWAYS, SAME, ACTION_NOTHING},

    /* What comes from outside, in between. */
    {P(QUEUED), E(CANCEL), ALWAYS, PHASE_DROPPING, ACTION_DROP},
    {P(FINISH_WAIT) | P(RESTING) | P(LEFT), E(CANCEL), ALWAYS, PHASE_ENDING, ACTION_CANCEL},
    {P(DROPPING) | P(ENDING) | P(END_WAIT), E(CANCEL), ALWAYS, SAME, ACTION_REFUSE},
    {ANY_PHASE, E(CANCEL), ALWAYS, SAME, ACTION_NOTE},
    {P(FINISH_WAIT), E(SHUTDOWN), ALWAYS, PHASE_LEFT, ACTION_NOTHING},
    {ANY_PHASE, E(SHUTDOWN), ALWAYS, SAME, ACTION_NOTHING},
};
const size_t machine_rule_count = sizeof machine_rules / sizeof *machine_rules;

/* The state that an action writes. */
static const struct {
    bool writes;
    enum job_state state;
} written[ACTIONS] = {
    [ACTION_CLAIM] = {true, JOB_RUNNING},    [ACTION_FINISH] = {true, JOB_SUCCEEDED},
    [ACTION_REQUEUE] = {true, JOB_QUEUED},   [ACTION_BURY] = {true, JOB_QUEUED},
    [ACTION_GIVE_UP] = {true, JOB_FAILED},   [ACTION_FAIL] = {true, JOB_FAILED},
    [ACTION_CANCEL] = {true, JOB_CANCELLED}, [ACTION_DROP] = {true, JOB_CANCELLED},
    [ACTION_MARK] = {true, JOB_CANCELLING},
};

machine machine_of(enum job_state state, int deaths)
{
    bool queued = state == JOB_QUEUED;
    return (machine){
        .phase = queued ? PHASE_QUEUED : PHASE_FINISH_WAIT, .state = state, .recovered = !queued, .deaths = deaths};
}

static void note_answer(machine *m, enum machine_event event)
{
    bool stored = event == EVENT_STORED;
    /* What it refuses it will never take: the job goes on as if it had. */
    if (stored || (event == EVENT_STORE_REFUSED && (m->phase == PHASE_REQUEUEING || m->phase == PHASE_ENDING)))
        m->state = m->target;
    if (!stored && m->phase == PHASE_MARKING) /* whoever asked is told of the failure, and its worker stops already */
        m->goes_back = true;
}

static void note(machine *m, enum machine_event event)
{
    if (ANSWER >> event & 1)
        note_answer(m, event);
    else if (event == EVENT_SHUTDOWN)
        m->shutdown = true;
    else if (event == EVENT_SAID_CHECKPOINT)
        m->deaths = m->rests = 0; /* a death does not take that back */
    else if (event == EVENT_SAID_DONE)
        m->done = true;
    else if (event == EVENT_DOES_NOT_FIT)
        m->goes_back = true;
    else if (m->word == WORD_NONE && (event == EVENT_SAID_FAILED || event == EVENT_NEVER_FITS))
        m->word = WORD_FAILED;
    else if (m->word == WORD_NONE && event == EVENT_SAID_STUCK)
        m->word = WORD_STUCK;
}

/* The conditions that hold, as a bit set. */
static uint32_t conditions(const machine *m)
{
    const bool holds[CONDITIONS] = {[ALWAYS] = true,
                                    [IF_DONE] = m->done,
                                    [IF_CANCELLED] = m->cancel || m->state == JOB_CANCELLING,
                                    [IF_FAILED] = m->word == WORD_FAILED,
                                    [IF_GOES_BACK] = m->goes_back || m->shutdown,
                                    [IF_STUCK] = m->word == WORD_STUCK,
                                    [IF_WORN] = m->deaths + 1 >= MACHINE_DEATHS_MAX,
                                    [IF_SHUTDOWN] = m->shutdown};
    uint32_t set = 0;
    for (int i = 0; i < CONDITIONS; i++)
        set |= (uint32_t)holds[i] << i;
    return set;
}

enum machine_action machine_follow(machine *m, enum machine_event event, const machine_rule *rules, size_t count)
{
    const machine_rule *r = rules, *end = rules + count;
    uint32_t holding = conditions(m);
    while (r < end && !(r->phases >> m->phase & r->events >> event & holding >> r->when & 1))
        r++;
    if (r == end)
        return ACTION_IMPOSSIBLE;
    note(m, event);
    if (r->next != SAME)
        m->phase = r->next;
    if (r->action == ACTION_CLAIM) {
        m->recovered = m->goes_back = m->done = false;
        m->word = WORD_NONE;
    }
    if (written[r->action].writes)
        m->target = written[r->action].state;
    m->cancel = m->cancel || r->action == ACTION_NOTE;
    m->deaths += r->action == ACTION_BURY || r->action == ACTION_GIVE_UP;
    m->rests += r->action == ACTION_REST;
    return r->action;
}

enum machine_action machine_step(machine *m, enum machine_event event)
{
    return machine_follow(m, event, machine_rules, machine_rule_count);
}

static bool is_among(const machine *m, uint32_t phases)
{
    return phases >> m->phase & 1;
}

bool machine_runs(const machine *m)
{
    return is_among(m, P(CLAIMING) | P(STARTING) | WITH_WORKER);
}

bool machine_busy(const machine *m)
{
    return is_among(m, P(DROPPING) | P(REAPED) | P(FINISHING) | P(REQUEUEING) | P(ENDING)) || machine_runs(m);
}

bool machine_is_timed(const machine *m)
{
    uint32_t waiting = P(QUEUED) | P(FINISH_WAIT) | P(RESTING) | P(END_WAIT);
    return is_among(m, waiting | P(STOPPING) | P(MARKING) | P(CANCELLING));
}
