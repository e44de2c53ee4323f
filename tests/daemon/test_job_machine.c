/* SPDX-License-Identifier: MIT */
/*
 * test_job_machine.c — the table of a job's life: every phase with every event, as it is stated here a second time;
 * random lives in a simulated registry and worker, against what must always hold; and that no rule of the table can be
 * changed without notice.
 */
#include "daemon/jobs/machine.h"

#include "base/random.h"
#include "thorough.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include <cmocka.h>

static const char *const phase_names[PHASES] = {
    "queued",    "dropping",    "claiming", "starting",   "running", "stopping", "marking", "cancelling", "reaped",
    "finishing", "finish-wait", "resting",  "requeueing", "ending",  "end-wait", "left",    "ended"};
static const char *const event_names[EVENTS] = {"none",         "start",      "stored", "failed", "refused", "spawned",
                                                "spawn-failed", "checkpoint", "done",   "broken", "stuck",   "no-room",
                                                "never-room",   "exited",     "cancel", "timer",  "shutdown"};
static const char *const action_names[ACTIONS] = {
    "nothing", "claim",  "spawn", "stop", "kill",    "finish", "wait",    "rest", "requeue", "bury",      "give-up",
    "fail",    "cancel", "drop",  "mark", "rewrite", "close",  "abandon", "note", "refuse",  "impossible"};

/* ---- the table, stated again */

/* What is known of a job, in the order of precedence: the first that holds and has an entry for the pair decides. */
enum fact { DONE, CANCELLED, FAILED, BACK, STUCK, WORN, SHUTDOWN, PLAIN, FACTS };

/* Words: EVENT[>PHASE][:ACTION]; the phase it goes to, else it stays; the action, else nothing. Pairs that no line
 * names are impossible. */
static const struct line {
    enum fact fact;
    const char *phase, *words;
} lines[] = {
    {PLAIN, "queued", "start>claiming:claim cancel>dropping:drop timer shutdown"},
    {PLAIN, "dropping", "stored>ended:close failed>queued refused>queued cancel:refuse shutdown"},
    {PLAIN, "claiming", "stored>starting:spawn failed>queued:wait refused>ending:fail cancel:note shutdown"},
    {PLAIN, "starting", "spawned>running spawn-failed>resting:rest cancel:note shutdown"},
    {PLAIN, "running",
     "checkpoint done broken stuck no-room>stopping:stop never-room>stopping:stop "
     "exited>requeueing:bury cancel>marking:mark shutdown>stopping:stop"},
    {PLAIN, "stopping",
     "checkpoint done broken stuck no-room never-room exited>requeueing:bury cancel>marking:mark "
     "timer:kill shutdown"},
    {PLAIN, "marking",
     "checkpoint done broken stuck no-room never-room exited>reaped stored>cancelling "
     "failed>stopping refused>stopping cancel:note timer:kill shutdown"},
    {PLAIN, "cancelling", "checkpoint done broken stuck no-room never-room cancel:note timer:kill shutdown"},
    {PLAIN, "reaped", "stored>ending:cancel failed>ending:cancel refused>ending:cancel cancel:note shutdown"},
    {PLAIN, "finishing", "stored>ended:close failed>finish-wait:wait refused>requeueing:bury cancel:note shutdown"},
    {PLAIN, "finish-wait", "timer>finishing:finish cancel>ending:cancel shutdown>left"},
    {PLAIN, "resting", "timer>requeueing:requeue cancel>ending:cancel shutdown>requeueing:requeue"},
    {PLAIN, "requeueing", "stored>queued failed>resting:wait refused>queued cancel:note shutdown"},
    {PLAIN, "ending", "stored>ended:close failed>end-wait:wait refused>ended:abandon cancel:refuse shutdown"},
    {PLAIN, "end-wait", "timer>ending:rewrite cancel:refuse shutdown>ending:rewrite"},
    {PLAIN, "left", "cancel>ending:cancel shutdown"},
    {PLAIN, "ended",
     "start stored failed refused spawned spawn-failed checkpoint done broken stuck no-room "
     "never-room exited cancel timer shutdown"},

    /* A result counts more than all else. */
    {DONE, "running", "exited>finishing:finish"},
    {DONE, "stopping", "exited>finishing:finish"},
    {DONE, "cancelling", "exited>finishing:finish"},
    {DONE, "reaped", "stored>finishing:finish failed>finishing:finish refused>finishing:finish"},
    /* A client that asks is next. */
    {CANCELLED, "claiming", "stored>ending:cancel failed>ending:cancel refused>ending:cancel"},
    {CANCELLED, "starting", "spawned>stopping:stop spawn-failed>ending:cancel"},
    {CANCELLED, "running", "exited>ending:cancel"},
    {CANCELLED, "stopping", "exited>ending:cancel"},
    {CANCELLED, "cancelling", "exited>ending:cancel"},
    {CANCELLED, "finishing", "failed>ending:cancel refused>ending:cancel"},
    {CANCELLED, "requeueing", "stored>ending:cancel failed>ending:cancel refused>ending:cancel"},
    {FAILED, "running", "exited>ending:fail"},
    {FAILED, "stopping", "exited>ending:fail"},
    {BACK, "running", "exited>requeueing:requeue"},
    {BACK, "stopping", "exited>requeueing:requeue"},
    {STUCK, "running", "exited>resting:rest"},
    {STUCK, "stopping", "exited>resting:rest"},
    {WORN, "running", "exited>ending:give-up"},
    {WORN, "stopping", "exited>ending:give-up"},
    {WORN, "finishing", "refused>ending:give-up"},
    /* A daemon that stops starts nothing, and leaves to the next one what it cannot write. */
    {SHUTDOWN, "claiming", "stored>requeueing:requeue failed>queued refused>queued"},
    {SHUTDOWN, "starting", "spawned>stopping:stop spawn-failed>requeueing:requeue"},
    {SHUTDOWN, "finishing", "failed>left"},
    {SHUTDOWN, "requeueing", "failed>left"},
    {SHUTDOWN, "ending", "failed>left"},
};

typedef struct outcome {
    bool stated;
    enum phase next;
    enum machine_action action;
} outcome;
static outcome stated[FACTS][PHASES][EVENTS];

static int find(const char *const *names, int count, const char *name, size_t size)
{
    for (int i = 0; i < count; i++)
        if (strlen(names[i]) == size && !memcmp(names[i], name, size))
            return i;
    fail_msg("no such name: %.*s", (int)size, name);
    return -1;
}

static void read_word(const struct line *l, enum phase phase, const char *word, size_t size)
{
    size_t event_size = strcspn(word, ">: ");
    enum machine_event event = (enum machine_event)find(event_names, EVENTS, word, event_size);
    outcome o = {.stated = true, .next = phase, .action = ACTION_NOTHING};
    const char *next = memchr(word, '>', size), *action = memchr(word, ':', size);
    if (next)
        o.next = (enum phase)find(phase_names, PHASES, next + 1, strcspn(next + 1, ": "));
    if (action)
        o.action = (enum machine_action)find(action_names, ACTIONS, action + 1, strcspn(action + 1, " "));
    assert_false(stated[l->fact][phase][event].stated);
    stated[l->fact][phase][event] = o;
}

static int read_lines(void **state)
{
    (void)state;
    for (const struct line *l = lines; l < lines + sizeof lines / sizeof *lines; l++) {
        enum phase phase = (enum phase)find(phase_names, PHASES, l->phase, strlen(l->phase));
        for (const char *word = l->words; *word; word += strspn(word, " ")) {
            size_t size = strcspn(word, " ");
            read_word(l, phase, word, size);
            word += size;
        }
    }
    return 0;
}

/* The n-th combination of all facts. */
enum { COMBINATIONS = 2 * 2 * 2 * 2 * 2 * 3 * MACHINE_DEATHS_MAX };
static machine combination(enum phase phase, int n)
{
    machine m = {.phase = phase};
    m.cancel = n % 2, n /= 2;
    m.shutdown = n % 2, n /= 2;
    m.goes_back = n % 2, n /= 2;
    m.done = n % 2, n /= 2;
    m.state = m.target = n % 2 ? JOB_CANCELLING : JOB_RUNNING, n /= 2;
    m.word = (enum last_word)(n % 3), n /= 3;
    m.deaths = n;
    return m;
}

static outcome expected(const machine *m, enum machine_event event)
{
    const bool holds[FACTS] = {[DONE] = m->done,
                               [CANCELLED] = m->cancel || m->state == JOB_CANCELLING,
                               [FAILED] = m->word == WORD_FAILED,
                               [BACK] = m->goes_back || m->shutdown,
                               [STUCK] = m->word == WORD_STUCK,
                               [WORN] = m->deaths == MACHINE_DEATHS_MAX - 1,
                               [SHUTDOWN] = m->shutdown,
                               [PLAIN] = true};
    for (enum fact f = 0; f < FACTS; f++)
        if (holds[f] && stated[f][m->phase][event].stated)
            return stated[f][m->phase][event];
    return (outcome){.next = m->phase, .action = ACTION_IMPOSSIBLE};
}

/* The first pair among these that the table answers otherwise than it is stated; false: none. */
static bool differs(const machine_rule *rules, uint32_t phases, uint32_t events, char *how, size_t size)
{
    for (enum phase p = 0; p < PHASES; p++)
        for (enum machine_event e = EVENT_NONE + 1; e < EVENTS; e++)
            for (int n = 0; n < COMBINATIONS && phases >> p & events >> e & 1; n++) {
                machine m = combination(p, n);
                outcome o = expected(&m, e);
                enum machine_action action = machine_follow(&m, e, rules, machine_rule_count);
                if (m.phase == o.next && action == o.action)
                    continue;
                snprintf(how, size, "%s, %s (facts %d): %s %s instead of %s %s", phase_names[p], event_names[e], n,
                         phase_names[m.phase], action_names[action], phase_names[o.next], action_names[o.action]);
                return true;
            }
    return false;
}

static void every_phase_answers_every_event_as_stated(void **state)
{
    (void)state;
    char how[256];
    if (differs(machine_rules, UINT32_MAX, UINT32_MAX, how, sizeof how))
        fail_msg("%s", how);
}

/* ---- what is remembered from one event to the next */

#define ATTEMPT "start stored spawned "
static const struct course {
    const char *events, *action, *phase; /* the last action, and where it leads */
    enum job_state state;
} courses[] = {
    {"start failed timer " ATTEMPT, "nothing", "running", JOB_RUNNING},
    {ATTEMPT "exited", "bury", "requeueing", JOB_RUNNING},
    {ATTEMPT "exited stored", "nothing", "queued", JOB_QUEUED},
    {ATTEMPT "exited refused", "nothing", "queued", JOB_QUEUED},
    {ATTEMPT "done exited", "finish", "finishing", JOB_RUNNING},
    {ATTEMPT "done exited stored", "close", "ended", JOB_SUCCEEDED},
    {ATTEMPT "broken exited", "fail", "ending", JOB_RUNNING},
    {ATTEMPT "never-room exited", "fail", "ending", JOB_RUNNING},
    {ATTEMPT "never-room exited refused", "abandon", "ended", JOB_FAILED},
    {ATTEMPT "stuck exited", "rest", "resting", JOB_RUNNING},
    {ATTEMPT "no-room exited", "requeue", "requeueing", JOB_RUNNING},
    /* The first reason that a worker gives is the one that counts. */
    {ATTEMPT "stuck broken exited", "rest", "resting", JOB_RUNNING},
    {ATTEMPT "broken stuck exited", "fail", "ending", JOB_RUNNING},
    {ATTEMPT "never-room stuck exited", "fail", "ending", JOB_RUNNING},
    /* The next attempt knows nothing of it. */
    {ATTEMPT "done exited refused stored " ATTEMPT "exited", "bury", "requeueing", JOB_RUNNING},
    {ATTEMPT "stuck exited timer stored " ATTEMPT "exited", "bury", "requeueing", JOB_RUNNING},
    {ATTEMPT "no-room exited stored " ATTEMPT "exited", "bury", "requeueing", JOB_RUNNING},
    /* A request that the registry does not take stops its worker all the same; another one may be taken. */
    {ATTEMPT "cancel failed", "nothing", "stopping", JOB_RUNNING},
    {ATTEMPT "cancel failed exited", "requeue", "requeueing", JOB_RUNNING},
    {ATTEMPT "cancel failed cancel stored exited stored", "close", "ended", JOB_CANCELLED},
    {ATTEMPT "cancel cancel failed exited stored", "close", "ended", JOB_CANCELLED},
    {"cancel failed", "nothing", "queued", JOB_QUEUED},
    {"cancel failed cancel stored", "close", "ended", JOB_CANCELLED},
    {"start cancel failed stored", "close", "ended", JOB_CANCELLED},
    /* Three deaths end a job, unless a checkpoint came in between. */
    {ATTEMPT "exited stored " ATTEMPT "exited stored " ATTEMPT "exited stored", "close", "ended", JOB_FAILED},
    {ATTEMPT "exited stored " ATTEMPT "exited stored " ATTEMPT "checkpoint exited stored", "nothing", "queued",
     JOB_QUEUED},
};

static void a_job_remembers_what_its_attempt_brought(void **state)
{
    (void)state;
    for (const struct course *c = courses; c < courses + sizeof courses / sizeof *courses; c++) {
        machine m = machine_of(JOB_QUEUED, 0);
        enum machine_action action = ACTION_NOTHING;
        for (const char *word = c->events; *word; word += strspn(word, " ")) {
            size_t size = strcspn(word, " ");
            action = machine_step(&m, (enum machine_event)find(event_names, EVENTS, word, size));
            word += size;
        }
        if (strcmp(phase_names[m.phase], c->phase) || strcmp(action_names[action], c->action) || m.state != c->state)
            fail_msg("%s: %s, %s, %s", c->events, action_names[action], phase_names[m.phase], job_state_name(m.state));
    }
}

static void only_an_interrupted_job_is_recovered_until_it_is_claimed(void **state)
{
    (void)state;
    assert_false(machine_of(JOB_QUEUED, 0).recovered);
    static const enum machine_event until_queued[] = {EVENT_TIMER, EVENT_STORE_REFUSED, EVENT_STORED};
    machine m = machine_of(JOB_RUNNING, 1);
    for (size_t i = 0; i < sizeof until_queued / sizeof *until_queued; i++) {
        assert_true(m.recovered);
        machine_step(&m, until_queued[i]);
    }
    assert_int_equal(m.phase, PHASE_QUEUED);
    assert_int_equal(m.deaths, 2);
    machine_step(&m, EVENT_START);
    assert_false(m.recovered);
}

/* ---- a registry and a worker, to live in */

typedef struct world {
    machine m;
    const machine_rule *rules;
    random_key key;
    uint64_t life, draws;
    bool kind;                /* from now on all goes well */
    enum job_state stored;    /* what the registry has */
    bool writes, claims;      /* a write is under way; it is a claim */
    enum job_state to;        /* what it writes, or wrote last */
    bool spawns, works, told; /* a worker is being started; is there; was told to stop */
    bool said_done;
    bool timer;
    bool promised;      /* a client was told that the job will be cancelled */
    bool refused, lost; /* the registry refused a state; it failed while the daemon stopped */
    int deaths, rests;  /* since the last checkpoint */
    bool gone;          /* the job was closed */
    bool seen[ACTIONS];
    const char *complaint;
} world;

static uint32_t draw(world *w, uint32_t bound)
{
    return random_below(w->key, w->life, w->draws++, bound);
}

static void demand(world *w, bool holds, const char *otherwise)
{
    if (!holds && !w->complaint)
        w->complaint = otherwise;
}

/* What clients may see follow what. */
static const bool legal[JOB_STATES][JOB_STATES] = {
    [JOB_QUEUED] = {[JOB_RUNNING] = true, [JOB_CANCELLED] = true, [JOB_FAILED] = true},
    [JOB_RUNNING] = {[JOB_QUEUED] = true,
                     [JOB_CANCELLING] = true,
                     [JOB_CANCELLED] = true,
                     [JOB_SUCCEEDED] = true,
                     [JOB_FAILED] = true},
    [JOB_CANCELLING] = {[JOB_CANCELLED] = true, [JOB_SUCCEEDED] = true},
};

static void begin_write(world *w, enum job_state to)
{
    demand(w, !w->writes, "a write begins while another is under way");
    demand(w, w->m.target == to, "the machine does not know what is being written");
    demand(w, w->stored == to || legal[w->stored][to] || w->refused, "a move that is not legal is written");
    w->writes = true;
    w->claims = to == JOB_RUNNING;
    w->to = to;
}

static void die(world *w, bool last)
{
    w->deaths++;
    demand(w, (w->deaths >= MACHINE_DEATHS_MAX) == last, "it gives up at the wrong death");
}

static void perform(world *w, enum machine_action action, enum machine_event event)
{
    w->seen[action] = true;
    bool tells = action == ACTION_STOP || action == ACTION_MARK;
    if (action == ACTION_CLAIM || action == ACTION_SPAWN || action == ACTION_FINISH || action == ACTION_CLOSE)
        demand(w, !w->works && !w->spawns, "its worker is still there");
    if (tells || action == ACTION_KILL)
        demand(w, w->works, "it has no worker to stop");
    w->told = w->told || tells;
    bool starts_timer = tells || action == ACTION_WAIT || action == ACTION_REST;
    demand(w, !starts_timer || machine_is_timed(&w->m), "a timer is started where none is expected");
    w->timer = w->timer || starts_timer;
    if (action == ACTION_WAIT || action == ACTION_REST)
        demand(w, !w->writes && !w->works, "it waits while something is under way");
    static const enum job_state writes[ACTIONS] = {
        [ACTION_CLAIM] = JOB_RUNNING,    [ACTION_FINISH] = JOB_SUCCEEDED, [ACTION_REQUEUE] = JOB_QUEUED,
        [ACTION_BURY] = JOB_QUEUED,      [ACTION_GIVE_UP] = JOB_FAILED,   [ACTION_FAIL] = JOB_FAILED,
        [ACTION_CANCEL] = JOB_CANCELLED, [ACTION_DROP] = JOB_CANCELLED,   [ACTION_MARK] = JOB_CANCELLING};
    if (writes[action] || action == ACTION_REQUEUE || action == ACTION_BURY)
        begin_write(w, writes[action]);
    if (action == ACTION_REWRITE)
        begin_write(w, w->to);
    w->spawns = w->spawns || action == ACTION_SPAWN;
    w->rests += action == ACTION_REST;
    if (action == ACTION_BURY || action == ACTION_GIVE_UP)
        die(w, action == ACTION_GIVE_UP);
    if (action == ACTION_CLOSE)
        demand(w, !w->writes && w->stored >= JOB_SUCCEEDED, "its files go before the registry has how it ended");
    w->gone = action == ACTION_CLOSE || action == ACTION_ABANDON;
    if (event == EVENT_CANCEL && (action == ACTION_NOTE || action == ACTION_CANCEL))
        w->promised = true;
}

static void post(world *w, enum machine_event event)
{
    enum job_state before = w->m.state;
    enum machine_action action = machine_follow(&w->m, event, w->rules, machine_rule_count);
    demand(w, action != ACTION_IMPOSSIBLE, "an event comes in a phase that does not know it");
    perform(w, action, event);
    if (!machine_is_timed(&w->m))
        w->timer = false;
    demand(w, w->m.state == before || legal[before][w->m.state], "clients see a move that is not legal");
    demand(w, w->m.state == w->stored || w->refused, "clients see what the registry does not have");
    demand(w, w->m.deaths == w->deaths && w->m.rests == w->rests, "deaths or rests are miscounted");
    demand(w, w->m.phase == PHASE_ENDED ? w->gone : !w->gone, "it is not closed when it has ended");
    demand(w, w->gone || machine_runs(&w->m) == ((w->writes && w->claims) || w->spawns || w->works),
           "it counts as running when it does not, or the other way round");
    demand(w, w->gone || machine_busy(&w->m) == (w->writes || w->spawns || w->works),
           "a stopping daemon waits for nothing, or does not wait");
}

/* The registry answers. It takes a claim of what is queued only, and a result where there is one. */
static void answer(world *w)
{
    bool takes = w->to == JOB_RUNNING ? w->stored == JOB_QUEUED : w->to != JOB_SUCCEEDED || w->said_done;
    bool fails = !w->kind && draw(w, 4) == 0, refuses = !takes || (!w->kind && draw(w, 8) == 0);
    bool was_marking = w->to == JOB_CANCELLING;
    w->writes = false;
    if (!fails && !refuses) {
        w->stored = w->to;
        if (w->to == JOB_RUNNING)
            w->said_done = false;
        w->promised = w->promised || was_marking || w->to == JOB_CANCELLED;
    }
    w->refused = w->refused || (!fails && refuses && w->to != JOB_SUCCEEDED && w->to != JOB_RUNNING);
    w->lost = w->lost || ((fails || refuses) && w->m.shutdown);
    post(w, fails ? EVENT_STORE_FAILED : refuses ? EVENT_STORE_REFUSED : EVENT_STORED);
}

static void speak(world *w)
{
    static const enum machine_event said[] = {EVENT_SAID_CHECKPOINT, EVENT_SAID_DONE,    EVENT_SAID_FAILED,
                                              EVENT_SAID_STUCK,      EVENT_DOES_NOT_FIT, EVENT_NEVER_FITS};
    enum machine_event event = w->kind ? EVENT_SAID_DONE : said[draw(w, 6)];
    if (event == EVENT_SAID_CHECKPOINT)
        w->deaths = w->rests = 0;
    w->said_done = w->said_done || event == EVENT_SAID_DONE;
    post(w, event);
}

static void leave(world *w)
{
    w->works = w->told = w->timer = false;
    post(w, EVENT_EXITED);
}

/* The next daemon takes up what the registry has. */
static void restart(world *w)
{
    demand(w, !w->promised || w->lost || w->refused || w->stored >= JOB_CANCELLING || w->stored == JOB_SUCCEEDED,
           "a stop loses a cancellation");
    w->writes = w->claims = w->spawns = w->works = w->told = w->timer = w->refused = w->lost = false;
    w->rests = 0;
    w->promised = w->stored == JOB_CANCELLING;
    w->gone = w->stored >= JOB_SUCCEEDED;
    if (w->gone)
        return;
    w->m = machine_of(w->stored, w->deaths);
    if (w->m.recovered)
        post(w, EVENT_TIMER);
}

/* The daemon is killed: what it was writing may be written or not. */
static void crash(world *w)
{
    if (w->writes && draw(w, 2) && (w->to != JOB_RUNNING || w->stored == JOB_QUEUED) &&
        (w->to != JOB_SUCCEEDED || w->said_done))
        w->stored = w->to;
    w->lost = true;
    restart(w);
}

/* One of the things that may happen now. */
static void live(world *w)
{
    if (!w->kind && draw(w, 12) == 0)
        post(w, EVENT_CANCEL);
    else if (!w->kind && !w->m.shutdown && draw(w, 40) == 0)
        post(w, EVENT_SHUTDOWN);
    else if (!w->kind && draw(w, 100) == 0)
        crash(w);
    else if (w->writes && (w->kind || !w->works || draw(w, 2)))
        answer(w);
    else if (w->spawns) {
        w->spawns = false;
        w->works = w->kind || draw(w, 3);
        post(w, w->works ? EVENT_SPAWNED : EVENT_SPAWN_FAILED);
    } else if (w->works && w->timer && !w->kind && draw(w, 8) == 0) {
        w->timer = false;
        post(w, EVENT_TIMER);
    } else if (w->works && (w->kind ? !w->said_done && !w->told : draw(w, 3)))
        speak(w);
    else if (w->works)
        leave(w);
    else if (w->timer) {
        w->timer = false;
        post(w, EVENT_TIMER);
    } else if (w->m.phase == PHASE_QUEUED && !w->m.shutdown)
        post(w, EVENT_START);
    else if (w->m.shutdown)
        restart(w);
    else
        demand(w, false, "nothing can happen to it any more");
}

static bool keeps_its_promise(const world *w)
{
    return !w->promised || w->m.state == JOB_CANCELLED || w->m.state == JOB_SUCCEEDED || w->refused;
}

/* A closed job does nothing. */
static void disturb(world *w)
{
    for (enum machine_event e = EVENT_NONE + 1; e < EVENTS; e++) {
        machine before = w->m;
        demand(w, w->m.phase != PHASE_ENDED || machine_follow(&w->m, e, w->rules, machine_rule_count) == ACTION_NOTHING,
               "a closed job does something");
        demand(w, w->m.phase == before.phase && w->m.state == before.state, "a closed job changes");
    }
}

/* A whole life: at first anything may happen, and at last all goes well. NULL, or what did not hold. */
static const char *live_through(const machine_rule *rules, random_key key, uint64_t life, bool seen[ACTIONS])
{
    enum { HARD_MAX = 80, KIND_MAX = 60 };
    world w = {.m = machine_of(JOB_QUEUED, 0), .rules = rules, .key = key, .life = life};
    uint32_t hard = draw(&w, HARD_MAX);
    for (uint32_t i = 0; i < hard + KIND_MAX && !w.gone && !w.complaint; i++) {
        w.kind = i >= hard;
        live(&w);
    }
    demand(&w, w.gone, "it does not end");
    demand(&w, keeps_its_promise(&w), "a cancellation is lost");
    if (!w.complaint)
        disturb(&w);
    for (int a = 0; seen && a < ACTIONS; a++)
        seen[a] = seen[a] || w.seen[a];
    return w.complaint;
}

static random_key key_of_this_run(void)
{
    const char *given = getenv("ANOMALYD_TEST_SEED");
    uint64_t seed = given ? strtoull(given, NULL, 10) : (uint64_t)time(NULL);
    print_message("seed %llu (ANOMALYD_TEST_SEED)\n", (unsigned long long)seed);
    return random_stream(seed, "lives");
}

static void a_hundred_thousand_lives_keep_what_must_hold(void **state)
{
    (void)state;
    enum { LIVES = TURNS(100000, 5000) };
    bool seen[ACTIONS] = {false};
    random_key key = key_of_this_run();
    for (uint64_t life = 0; life < LIVES; life++) {
        const char *complaint = live_through(machine_rules, key, life, seen);
        if (complaint)
            fail_msg("life %llu: %s", (unsigned long long)life, complaint);
    }
    for (enum machine_action a = 0; a < ACTION_IMPOSSIBLE; a++)
        if (!seen[a])
            fail_msg("no life came to the action %s", action_names[a]);
}

/* ---- do these tests notice? */

static bool lives_notice(const machine_rule *rules, random_key key)
{
    enum { LIVES = TURNS(2000, 20) };
    for (uint64_t life = 0; life < LIVES; life++)
        if (live_through(rules, key, life, NULL))
            return true;
    return false;
}

/* With another next phase, another action or another condition, one at a time. */
static void every_changed_rule_is_noticed(void **state)
{
    (void)state;
    enum { RULES_MAX = 100 };
    machine_rule rules[RULES_MAX];
    random_key key = random_stream(0, "mutants");
    int mutants = 0, lived = 0;
    char how[256];
    assert_true(machine_rule_count <= RULES_MAX);
    memcpy(rules, machine_rules, machine_rule_count * sizeof *rules);
    for (size_t i = 0; i < machine_rule_count; i++) {
        const machine_rule right = rules[i];
        for (int n = 0; n < PHASES + ACTIONS + CONDITIONS + 1; n++) {
            rules[i] = right;
            if (n <= PHASES)
                rules[i].next = (enum phase)n;
            else if (n <= PHASES + ACTIONS)
                rules[i].action = (enum machine_action)(n - PHASES - 1);
            else
                rules[i].when = (enum condition)(n - PHASES - ACTIONS - 1);
            bool same_phase = right.next == PHASES && right.phases == 1u << rules[i].next;
            if (same_phase || !memcmp(&rules[i], &right, sizeof right))
                continue;
            mutants++;
            if (!differs(rules, right.phases, right.events, how, sizeof how))
                fail_msg("rule %zu, change %d: nobody notices", i, n);
            lived += !lives_notice(rules, key);
        }
        rules[i] = right;
    }
    print_message("%d changed tables: all noticed by the pairs, %d by the random lives alone\n", mutants,
                  mutants - lived);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(every_phase_answers_every_event_as_stated),
        cmocka_unit_test(a_job_remembers_what_its_attempt_brought),
        cmocka_unit_test(only_an_interrupted_job_is_recovered_until_it_is_claimed),
        cmocka_unit_test(a_hundred_thousand_lives_keep_what_must_hold),
        cmocka_unit_test(every_changed_rule_is_noticed),
    };
    return cmocka_run_group_tests(tests, read_lines, NULL);
}
