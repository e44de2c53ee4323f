/* SPDX-License-Identifier: MIT */
/*
 * header.h — what a model's file says beside the weights, and what a checkpoint says of its run: the one place that
 * writes and reads these keys and tensors. Private to train.
 */
#ifndef ANOMALYD_TRAIN_HEADER_H
#define ANOMALYD_TRAIN_HEADER_H

#include "train/joint.h"

/* What identifies a run: in its checkpoints, and in its model. All borrowed. */
typedef struct header_run {
    const method *method;
    const void *options; /* the method's struct */
    const char *dataset_digest, *training_digest, *protocol;
    const char *class_name; /* NULL: the protocol has none */
    bool has_copies;        /* whether the data set has images with the same pixels */
    uint64_t seed;
    double held_out;
    shape data, input;
} header_run;

/* Puts all of it. */
void header_put_run(const header_run *r, bundle *b);
/* Checks that a checkpoint is one, and of this run; else ERROR_CONFLICT names what differs. */
bool header_same_run(const header_run *r, const bundle *checkpoint, error *e);

/* What a model's file says. All is borrowed except `options`. */
typedef struct header {
    header_run run; /* reading fills method, options, data and input alone */
    void *options;  /* those of `run` after reading; owned */
    /* Read by people only. */
    const char *dataset; /* NULL: left out */
    int epochs, chosen_epoch;
    size_t parameters;
    /* Read by the scorer. */
    int members;
    double error_scale;       /* of heat maps; 0: none */
    const float *calibration; /* scores, ascending */
    size_t calibration_count;
    refinement refinement; /* count is 0 where the option `refine` asks for none */
    joint_scales scales;   /* of the members' scores */
    int score_count;       /* of each of several members; the scales are for so many. 0: it has one member */
    /* The two above as they are in the file. */
    float packed_refinement[REFINE_COMPONENTS_MAX * REFINE_VALUES];
    float packed_scales[JOINT_SCORES_MAX * MEMBERS_MAX * REFINE_VALUES];
} header;

/* Puts the keys; then, to be called after the weights were put, the tensors. The bundle borrows *h until it is written.
 */
void header_put(const header *h, bundle *b);
void header_put_tensors(header *h, bundle *b);

/* Reads and checks all of it; *h then borrows from the bundle. ERROR_CORRUPT, or ERROR_UNSUPPORTED of a method that is
 * not known. Free with header_free, also after a failure. */
bool header_read(const bundle *b, header *h, error *e);
/* Checks what only the rebuilt model tells: that there are scales for so many scores of each member. */
bool header_fits(const header *h, size_t scores, error *e);
/* Releases what header_read allocated. */
void header_free(header *h);

/* Puts and reads a whole number. One that an earlier program did not write is 0. */
void header_put_whole(bundle *b, const char *key, uint64_t value);
bool header_read_count(const bundle *b, const char *key, uint64_t max, uint64_t *out, error *e);

#endif
