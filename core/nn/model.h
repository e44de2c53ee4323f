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
    float clip; /* a gradient with |g|₂ above it, over all that one objective moves, is scaled down to it; 0: none is */
};

/* Borrows the team: the threads its programs run on. Returns new; model_free(NULL) is fine. */
model *model_new(uint64_t seed, team *t, error *e);
void model_free(model *m);
team *model_team(const model *m);
uint64_t model_seed(const model *m);

/* Each returns the thing of that name, made on first call; owned by the model. The first failure of making one is kept
 * and reported by every later program_compile. model_net never returns NULL, so callers need not check it: after a
 * failure it returns a spare net, on which layers can be recorded but nothing can be run. The others return NULL after
 * a failure; minimise and minimise_at accept that as an optimiser. */
net *model_net(model *m, const char *name);
array *model_array(model *m, const char *name, shape s);
optim *model_adam(model *m, const char *name, struct adam a);
optim *model_sgd(model *m, const char *name, float rate);
graph *model_graph(model *m, enum mode mode);

/* Returns the array of that name, or NULL. */
array *model_find_array(const model *m, const char *name);
float *array_values(array *a);
shape array_shape(const array *a);
/* Borrows the gradient that the latest run found of a program that moves or differentiates by the array. NULL when
 * there is no such program. */
const float *array_gradient(const array *a);

/* Forgets an optimiser's moments and step (for an input array that starts afresh). */
void optim_reset(optim *o);

/* Return the number of parameters as papers count them: weights, biases, γ and β, but not running statistics. */
size_t net_parameters(const net *n);
size_t model_parameters(const model *m);
/* Draws the net's weights anew and resets its running statistics. */
void net_reset(net *n);
/* Returns how often that was done, including the times before the weights were read from a checkpoint. */
uint64_t net_resets(const net *n);
/* Returns the bytes of weights, gradients, moments and arrays. */
size_t model_bytes(const model *m);
/* Returns the bytes of the weights and running statistics alone. */
size_t model_weights_bytes(const model *m);
/* Prints the number of parameters of each net, and what the model's bytes are used for. */
void model_describe(const model *m, FILE *out);

/* False when a weight or a statistic is not finite. */
bool model_finite(const model *m);

/* Exponential moving average of all weights and running statistics: θ̄ ← d·θ̄ + (1-d)·θ with
 * d = min(decay, (1+t)/(10+t)). Started by the first call. Call once after each step. */
bool model_average(model *m, float decay, uint64_t step, error *e);
/* Exchanges the average with the weights in use; call it before scoring, and again afterwards. It first settles the
 * average's spectral norms, since the average of power-iteration vectors is not the vector of the average. */
void model_average_swap(model *m);

/* Keep a copy of all weights and statistics, and return to it (for the best epoch). A model has one such copy. */
bool model_keep(model *m, error *e);
void model_restore(model *m);
bool model_has_kept(const model *m);
/* Return by how many bytes model_bytes will grow with the first model_average and the first model_keep; 0 afterwards.
 */
size_t model_average_bytes(const model *m);
size_t model_keep_bytes(const model *m);

/* Sets the prefix of the model's tensor names and header keys in a file, for several models in one file. At first it is
 * empty; a longer one than fits is cut. */
void model_set_prefix(model *m, const char *prefix);

enum model_content {
    MODEL_WEIGHTS = 1, /* nets' weights and statistics; arrays marked as saved */
    MODEL_TRAINING = 2 /* moments and steps of optimisers, averages, the kept copy */
};
/* Marks an array as saved with the model (such as a fitted basis). Other arrays are batches and are not saved. */
void array_save(array *a);
/* Puts tensors into the bundle, which borrows them until it is written. `content` is a set of enum model_content. */
void model_write(const model *m, bundle *b, unsigned content);
/* Copies the bundle's tensors into this model's nets (names and shapes must agree) and makes the saved arrays. False
 * and *e set where one is missing or has another shape. */
bool model_read(model *m, const bundle *b, unsigned content, error *e);

/* Writes the SHA-256 over all weights and statistics, as 64 hexadecimal digits and a NUL. */
void model_digest(const model *m, char out[65]);

#endif
