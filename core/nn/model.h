/* SPDX-License-Identifier: MIT */
/*
 * model.h — everything a method makes, by name: nets, arrays, optimisers, graphs and programs. The unit of
 * save, load and free; used by one thread at a time (which may be a different one each time).
 */
#ifndef ANOMALYD_NN_MODEL_H
#define ANOMALYD_NN_MODEL_H

#include "base/random.h"
#include "base/team.h"
#include "graph/program.h"
#include "nn/bundle.h"

typedef struct model model;

enum mode { TRAIN, SCORE }; /* batch norm by batch or by running statistics; dropout on or off */

struct adam {
    float rate, beta1, beta2, epsilon;
    float decay; /* rate at step t is rate/(1 + decay·t); 0: constant */
    float clip;  /* the most |g|₂ of all that one objective moves, to which a larger one is scaled down; 0: any */
};

/* Borrows the team: the threads its programs run on. Returns new; model_free(NULL) is fine. */
model *model_new(uint64_t seed, team *t, error *e);
void model_free(model *m);
team *model_team(const model *m);
uint64_t model_seed(const model *m);

/* Each returns the thing of that name, made on first call; owned by the model. The first failure of making one is kept
 * and reported by every later program_compile. model_net never returns NULL: after a failure its net serves to record
 * on, no more. The others then return NULL, which minimise and minimise_at take for an optimiser. */
net *model_net(model *m, const char *name);
array *model_array(model *m, const char *name, shape s);
optim *model_adam(model *m, const char *name, struct adam a);
optim *model_sgd(model *m, const char *name, float rate);
graph *model_graph(model *m, enum mode mode);

/* The array of that name, or NULL. */
array *model_find_array(const model *m, const char *name);
float *array_values(array *a);
shape array_shape(const array *a);
/* What the latest run of a program that moves or differentiates by the array found; NULL when there is none. */
const float *array_gradient(const array *a);

/* Forgets an optimiser's moments and step (for an input array that starts afresh). */
void optim_reset(optim *o);

/* Parameters, counted as papers do: weights, biases, γ and β; not running statistics. */
size_t net_parameters(const net *n);
size_t model_parameters(const model *m);
/* Draws the net's weights afresh, resets its running statistics. */
void net_reset(net *n);
/* How often that was done, also before its weights were read from a checkpoint. */
uint64_t net_resets(const net *n);
/* Bytes of weights, gradients, moments and arrays. */
size_t model_bytes(const model *m);
/* Of the weights and running statistics alone. */
size_t model_weights_bytes(const model *m);
/* Prints each net's parameters, and the bytes of each of those parts. */
void model_describe(const model *m, FILE *out);

/* False when a weight or a statistic is not finite. */
bool model_finite(const model *m);

/* Exponential moving average of all weights and running statistics: θ̄ ← d·θ̄ + (1-d)·θ with
 * d = min(decay, (1+t)/(10+t)). Started by the first call. Call once after each step. */
bool model_average(model *m, float decay, uint64_t step, error *e);
/* Exchanges the average with the weights in use: before scoring, and again after. The average's spectral norms are
 * first brought to its weights: an average of directions is no direction of an average. */
void model_average_swap(model *m);

/* A copy of all weights and statistics, to return to the best epoch. One per model. */
bool model_keep(model *m, error *e);
void model_restore(model *m);
bool model_has_kept(const model *m);
/* Bytes that model_bytes will grow by with the first model_average and the first model_keep; 0 for what is there. */
size_t model_average_bytes(const model *m);
size_t model_keep_bytes(const model *m);

/* What the names of the model's tensors and header keys begin with in a file: of several models in one, each has its
 * own. At first nothing; cut to fit. */
void model_set_prefix(model *m, const char *prefix);

enum model_content {
    MODEL_WEIGHTS = 1, /* nets' weights and statistics; arrays marked as saved */
    MODEL_TRAINING = 2 /* moments and steps of optimisers, averages, the kept copy */
};
/* Marks an array as part of the saved model (a fitted basis, say); plain arrays are batches and not saved. */
void array_save(array *a);
/* Puts tensors into the bundle (which borrows them until written). */
void model_write(const model *m, bundle *b, unsigned content);
/* Reads what the bundle has for this model's nets (names and shapes must agree) and creates saved arrays. */
bool model_read(model *m, const bundle *b, unsigned content, error *e);

/* SHA-256 over all weights and statistics, as 64 hexadecimal digits and a NUL. */
void model_digest(const model *m, char out[65]);

#endif
