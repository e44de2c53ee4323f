/* SPDX-License-Identifier: MIT */
/*
 * machine.h — the life of one job as a table: phase and event give the next phase and one action. Pure: it performs
 * nothing, waits for nothing and knows neither registry nor worker. The runner performs the action and posts an event
 * for what came of it. Why so: docs/decisions/0016-jobs-are-a-state-machine.md.
 */
#ifndef ANOMALYD_DAEMON_JOBS_MACHINE_H
#define ANOMALYD_DAEMON_JOBS_MACHINE_H

#include "api/records/job.h"

#include <stddef.h>
#include <stdint.h>

enum { MACHINE_DEATHS_MAX = 3 }; /* of workers, without a checkpoint between them */

enum phase {
    PHASE_QUEUED,      /* nothing is under way, and it may be started */
    PHASE_DROPPING,    /* it was queued, and that it is cancelled is being written */
    PHASE_CLAIMING,    /* the claim of an attempt is being written */
    PHASE_STARTING,    /* claimed; its worker is being started */
    PHASE_RUNNING,     /* its worker works */
    PHASE_STOPPING,    /* its worker was told to stop */
    PHASE_MARKING,     /* its worker was told to stop, and that it is being cancelled is being written */
    PHASE_CANCELLING,  /* its worker was told to stop, and that it is being cancelled is written */
    PHASE_REAPED,      /* its worker ended before the write of MARKING did */
    PHASE_FINISHING,   /* it has no worker; its result is being checked and registered */
    PHASE_FINISH_WAIT, /* its result is registered when the timer is due */
    PHASE_RESTING,     /* it goes back to the queue when the timer is due */
    PHASE_REQUEUEING,  /* that it is queued is being written */
    PHASE_ENDING,      /* that it failed or was cancelled is being written */
    PHASE_END_WAIT,    /* that is written again when the timer is due */
    PHASE_LEFT,        /* the daemon stops; the next start takes it up as the registry and its files have it */
    PHASE_ENDED,       /* nothing happens to it any more */
    PHASES
};

/* STORED, STORE_FAILED and STORE_REFUSED answer whatever is being written, or in FINISHING checked and written. */
enum machine_event {
    EVENT_NONE,
    EVENT_START,         /* the queue chose it */
    EVENT_STORED,        /* what was being written is durable */
    EVENT_STORE_FAILED,  /* it is not, for a reason that passes, as a full disk does */
    EVENT_STORE_REFUSED, /* it is not and never will be; there is no valid result */
    EVENT_SPAWNED,
    EVENT_SPAWN_FAILED,
    EVENT_SAID_CHECKPOINT, /* its worker has written a checkpoint */
    EVENT_SAID_DONE,       /* its worker has left a result */
    EVENT_SAID_FAILED,     /* its worker gave a reason that another attempt would meet too */
    EVENT_SAID_STUCK,      /* its worker gave a reason that passes */
    EVENT_DOES_NOT_FIT,    /* its plan does not fit beside those that run */
    EVENT_NEVER_FITS,      /* its plan fits nowhere */
    EVENT_EXITED,          /* its worker has ended */
    EVENT_CANCEL,          /* a client asks */
    EVENT_TIMER,           /* what STOP, WAIT or REST started is due */
    EVENT_SHUTDOWN,        /* the daemon stops */
    EVENTS
};

enum machine_action {
    ACTION_NOTHING,
    ACTION_CLAIM,      /* write the claim of an attempt */
    ACTION_SPAWN,      /* start its worker */
    ACTION_STOP,       /* ask its worker to stop, and start the timer of its grace */
    ACTION_KILL,       /* kill its worker */
    ACTION_FINISH,     /* check its result and register it */
    ACTION_WAIT,       /* start the timer of what is tried again */
    ACTION_REST,       /* start a timer, longer each time */
    ACTION_REQUEUE,    /* write that it is queued */
    ACTION_BURY,       /* tell how its worker died, and write that the job is queued */
    ACTION_GIVE_UP,    /* tell how its worker died, and write that the job failed by that */
    ACTION_FAIL,       /* write that it failed */
    ACTION_CANCEL,     /* write that it is cancelled; whoever asks is answered now */
    ACTION_DROP,       /* the same; whoever asks is answered when it is durable */
    ACTION_MARK,       /* STOP, and write that it is being cancelled; whoever asks is answered when that is durable */
    ACTION_REWRITE,    /* write once more what could not be written */
    ACTION_CLOSE,      /* forget the job, which ended, and remove its files */
    ACTION_ABANDON,    /* forget the job; a restart takes it up again, so its files stay */
    ACTION_NOTE,       /* the request to cancel is remembered; whoever asks is answered now */
    ACTION_REFUSE,     /* the request to cancel comes too late */
    ACTION_IMPOSSIBLE, /* the event cannot come in this phase: a programming error */
    ACTIONS
};

/* What its worker said of its end. */
enum last_word { WORD_NONE, WORD_FAILED, WORD_STUCK };

/* Changed by machine_step only. */
typedef struct machine {
    enum phase phase;
    enum job_state state;  /* what the registry has, and clients see */
    enum job_state target; /* of the write that is under way, or waits for the timer */
    bool cancel;           /* a client was told that it will be cancelled */
    bool shutdown;         /* the daemon stops */
    bool recovered;        /* a former daemon's: true until its first claim by this one */
    bool goes_back;        /* of this attempt: it is to be queued again when its worker ends */
    bool done;             /* of this attempt: its worker has left a result */
    enum last_word word;   /* of this attempt */
    int deaths, rests;     /* since the last checkpoint */
} machine;

/* A job as the registry has it: queued, or running or cancelling under a daemon that is gone. Such a one is in
 * FINISH_WAIT, and EVENT_TIMER makes it look for its result. */
machine machine_of(enum job_state state, int deaths);
enum machine_action machine_step(machine *m, enum machine_event event);

/* It counts among the running jobs: from its claim to the end of its worker. */
bool machine_runs(const machine *m);
/* Something is under way that a stopping daemon waits for. */
bool machine_busy(const machine *m);
/* A timer may be running. */
bool machine_is_timed(const machine *m);

/* The table: the first rule with this phase, this event and a condition that holds. */
enum condition {
    ALWAYS,
    IF_DONE,
    IF_CANCELLED, /* a client asked, whether that is written or not */
    IF_FAILED,
    IF_GOES_BACK, /* or the daemon stops */
    IF_STUCK,
    IF_WORN, /* this death is one too many */
    IF_SHUTDOWN,
    CONDITIONS
};

typedef struct machine_rule {
    uint32_t phases, events; /* bit sets */
    enum condition when;
    enum phase next; /* PHASES: the same */
    enum machine_action action;
} machine_rule;

extern const machine_rule machine_rules[];
extern const size_t machine_rule_count;
/* machine_step by another table, for the tests. */
enum machine_action machine_follow(machine *m, enum machine_event event, const machine_rule *rules, size_t count);

#endif
