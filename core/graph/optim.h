/* SPDX-License-Identifier: MIT */
/*
 * optim.h — optimisers: a rule, and the moments it keeps for each thing it moves. Internal to graph and nn.
 *
 * Adam (Kingma & Ba, 2015) in PyTorch's form: θ ← θ - rate·m̂/(√v̂ + ε), and plain SGD. Each keeps its own step count.
 * Adam may clip: where |g|₂ over all that a step moves is above `clip`, g is scaled down to it (Pascanu, Mikolov &
 * Bengio, ICML 2013).
 */
#ifndef ANOMALYD_GRAPH_OPTIM_H
#define ANOMALYD_GRAPH_OPTIM_H

#include "base/team.h"
#include "graph/param.h"

enum optim_rule { OPTIM_ADAM, OPTIM_SGD };
enum { OPTIM_SLOTS_MAX = 512 };

/* The moments kept for one movable, identified by where its values live. */
typedef struct optim_slot {
    movable what;
    char name[2 * PARAM_NAME_MAX]; /* of what it moves: stable across runs */
    float *first, *second;         /* NULL where the rule has none */
} optim_slot;

struct optim {
    char name[PARAM_NAME_MAX];
    enum optim_rule rule;
    float rate, beta1, beta2, epsilon, decay;
    float clip;     /* 0: none */
    uint64_t steps; /* taken */
    optim_slot slots[OPTIM_SLOTS_MAX];
    int slot_count;
};

/* Returns the slot for `what`, made on first call; -1 and *e set when memory or slots run out. `owner` is the net's
 * name, or "array". */
int optim_slot_for(optim *o, movable what, const char *owner, error *e);

/* Moves the values of all these slots by one step. Bit-identical at any thread count; it does not allocate. */
void optim_apply(optim *o, team *t, const int *slots, int count);

/* Zeroes moments and the step count. */
void optim_reset(optim *o);
void optim_free(optim *o);

#endif
