/* SPDX-License-Identifier: MIT */
/*
 * program.h — programs: a recorded graph is differentiated for its objectives, placed in one memory block, and run.
 *
 * An objective is (loss, what it moves, optimiser). Only gradients that reach what is named are computed;
 * all objectives of a program share its forward pass; updates happen after all gradients, so no objective
 * sees half-updated weights. A net may be moved by one objective of a program, and an array moved or differentiated by
 * one: each has one gradient.
 */
#ifndef ANOMALYD_GRAPH_PROGRAM_H
#define ANOMALYD_GRAPH_PROGRAM_H

#include "compute/conv.h"
#include "graph/tensor.h"

#include <stdint.h>
#include <stdio.h>

typedef struct program program;
typedef struct net net;
typedef struct optim optim;

#define NETS(...) ((net *[]){__VA_ARGS__, NULL})

/* Each run of the program moves the weights of the nets down the gradient of `loss` (1×1×1×1). */
void minimise(graph *g, tensor *loss, net **nets, optim *o);
/* Each run moves the values of the array instead; weights stay. */
void minimise_at(graph *g, tensor *loss, array *at, optim *o);

/* Each run computes the gradient of `loss` by the array's values, for array_gradient to read; nothing is moved. */
void differentiate(graph *g, tensor *loss, array *at);

/* Compiles the graph, to which nothing may be added afterwards. Errors of recording are reported here and nowhere else.
 * The program is owned by the graph's model. NULL and *e set on failure. */
program *program_compile(graph *g, error *e);

/* Runs the forward pass, all gradients, then all updates. `step` is the counter of every random draw. It does not
 * allocate; call it on the thread that uses the model. */
void program_run(program *p, uint64_t step);

/* Returns how often the program has run. */
uint64_t program_runs(const program *p);

/* Borrows the values of an output until the next run of p, and sets *s (which may be NULL) to its shape. NULL when
 * there is no output of that name. */
const float *program_output(const program *p, const char *name, shape *s);
size_t program_output_count(const program *p);
const char *program_output_name(const program *p, size_t index);

/* False when an output is not finite; *name then says which. */
bool program_finite(const program *p, const char **name);

/* Return the bytes of the program's memory block, and what they would be if no buffers shared memory. */
size_t program_bytes(const program *p);
size_t program_bytes_unshared(const program *p);

/* Prints one line for each operation: pass, name, shape, MFLOP, offset. */
void program_describe(const program *p, FILE *out);

/* Returns the multiply-accumulates of a run's convolutions and dense layers, times 2. */
double program_flops(const program *p);

typedef void program_product_body(void *context, conv_product product, double flops);
/* Calls `each` for every matrix product that a run computes, with its share of program_flops. */
void program_products(const program *p, program_product_body *each, void *context);

/* Switch profiling on or off (which clears what was measured), and print where the time of the runs since went: a line
 * for each operation and update, with the bytes that it must read or write. */
void program_profile(program *p, bool on);
void program_profile_print(const program *p, FILE *out);

#endif
