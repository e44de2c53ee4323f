/* SPDX-License-Identifier: MIT */
/*
 * collapse.h — notices a run that goes on without learning: a discriminator that has won or lost for good, or a
 * generator or decoder whose images are all the same. Private to train. Knows losses and spreads by name (method.h says
 * which), not what they mean.
 */
#ifndef ANOMALYD_TRAIN_COLLAPSE_H
#define ANOMALYD_TRAIN_COLLAPSE_H

#include "train/run.h"

/* Finds what is to be watched among the tally's names. */
void collapse_suspects(run *r);

/* Measures the training images' spread, of which generated images' spreads are shares. */
bool collapse_measure(run *r, error *e);

/* The value of a tallied output: a spread becomes a share of the training images'. */
double collapse_value(const run *r, const char *name, double value);

/* After each step, with the tally's latest values: ERROR_DIVERGED when one of them has been beyond its limit for as
 * many steps in succession as the method's options say. */
bool collapse_check(run *r, error *e);

/* True when a value is beyond its limit, be it for one step: it may be the beginning. */
bool collapse_looms(const run *r);

/* The state of all this, for checkpoints. */
void collapse_put(const run *r, bundle *b);
bool collapse_get(run *r, const bundle *b, error *e);

#endif
