/* SPDX-License-Identifier: MIT */
/*
 * selection.h — chooses an epoch without labels: by how well held-out normals are told from pseudo-anomalies, which are
 * made from them once for the whole run. Private to train.
 */
#ifndef ANOMALYD_TRAIN_SELECTION_H
#define ANOMALYD_TRAIN_SELECTION_H

#include "train/scoring.h"

typedef struct selection_state {
    float *rows; /* validation normals, then as many pseudo-anomalies */
    float *scores;
    uint8_t *anomalous;
    int best_epoch; /* of the member under way, counted through all members; 0: none yet */
    double best;    /* its AUROC */
} selection;

/* Prepares the validation images and their pseudo-anomalies; does nothing when the run does not select. Free with
 * selection_free, also after a failure. */
bool selection_init(selection *s, const train_context *c, error *e);
/* Releases what it owns. */
void selection_free(selection *s);
/* Forgets the best epoch: another member begins. */
void selection_begin(selection *s);

/* Judges an epoch by the weights now in use, which `with` scores by: *value is their AUROC. When it beats every epoch
 * before, a copy of the weights is kept; the earlier wins a tie. ERROR_CANCELLED when the run is cancelled in a search.
 */
bool selection_judge(selection *s, scoring *with, model *of, int epoch, double *value, error *e);

void selection_put(const selection *s, bundle *b);
bool selection_get(selection *s, const bundle *b, int epochs_max, error *e);

#endif
