/* SPDX-License-Identifier: MIT */
/* experiment.h — what the actions of `anomalyd experiment` share. */
#ifndef ANOMALYD_DAEMON_CLIENT_EXPERIMENT_H
#define ANOMALYD_DAEMON_CLIENT_EXPERIMENT_H

#include "daemon/client/remote.h"

/* Queues a sweep, prints its id, and follows it if it is to. */
extern const remote_action experiment_run;

/* Prints the experiment's progress until nothing of it is left to run; waits for a daemon that is away, if it
 * `answered` before. The status is 0 of a complete experiment, 1 of one with cells that failed or were cancelled, which
 * it names on stderr, and of a SIGINT or SIGTERM the shell's; these leave the experiment alone. */
bool experiment_follow(remote *r, const char *id, bool answered, error *e);

/* "12 of 30 cells done, 1 running, …", of an experiment of any answer. Returns new; NULL and *e. */
char *experiment_progress(const json_t *experiment, error *e);
/* "about 4 min to go"; "" where that is not known. */
void experiment_eta(const json_t *experiment, char *text, size_t size);

#endif
