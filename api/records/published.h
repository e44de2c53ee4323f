/* SPDX-License-Identifier: MIT */
/* published.h — a figure that others have published. */
#ifndef ANOMALYD_API_RECORDS_PUBLISHED_H
#define ANOMALYD_API_RECORDS_PUBLISHED_H

#include "api/records/subject.h"

/* Of a method on a data set, under the protocol it was really run with. */
typedef struct published_row {
    char source[48], place[32]; /* in the source */
    char method[RECORD_NAME_MAX], dataset[RECORD_NAME_MAX];
    char protocol[RECORD_PROTOCOL_MAX], class_name[DATASET_CLASS_NAME_MAX]; /* empty class: the mean over all */
    double auroc;
    char note[128]; /* what is doubtful about it; empty: nothing */
} published_row;

#endif
