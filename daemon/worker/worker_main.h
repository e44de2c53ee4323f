/* SPDX-License-Identifier: MIT */
/* worker_main.h — the child's side of a training job: reads one job from stdin, trains, leaves result.json. */
#ifndef ANOMALYD_DAEMON_WORKER_WORKER_MAIN_H
#define ANOMALYD_DAEMON_WORKER_WORKER_MAIN_H

/* Exit statuses; what happened is told on stdout before. */
enum { WORKER_DONE = 0, WORKER_FAILED = 1, WORKER_STOPPED = 3 };

int worker_main(void);

#endif
