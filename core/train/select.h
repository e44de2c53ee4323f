/* SPDX-License-Identifier: MIT */
/*
 * select.h — chooses an epoch without labels: by how well held-out normals are told from pseudo-anomalies that are made
 * from them, once for the whole run. Private to train.
 */
#ifndef ANOMALYD_TRAIN_SELECT_H
#define ANOMALYD_TRAIN_SELECT_H

#include "train/run.h"

/* Prepares the validation images and their pseudo-anomalies; nothing when the run does not select. */
bool select_start(run *r, error *e);

/* AUROC of the weights now in use; ERROR_CANCELLED when the run is cancelled in a search. */
bool select_judge(run *r, double *value, error *e);

/* Keeps a copy of the weights now in use when `value` beats every epoch before; the earlier wins a tie. */
bool select_keep(run *r, int epoch, double value, error *e);

#endif
