/* SPDX-License-Identifier: MIT */
/* dataset.h — an imported data set as the registry lists it. */
#ifndef ANOMALYD_API_RECORDS_DATASET_H
#define ANOMALYD_API_RECORDS_DATASET_H

#include "api/records/record.h"
#include "data/dataset.h"

typedef struct dataset_row {
    char name[SERVICE_NAME_MAX];
    service_time created;
    uint64_t bytes;
    dataset_info info;
    bool copies_counted; /* false: an earlier program imported it, so info->copies, conflicting, left_out are 0 */
} dataset_row;

#endif
