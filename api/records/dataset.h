/* SPDX-License-Identifier: MIT */
/* dataset.h — an imported data set as the registry lists it. */
#ifndef ANOMALYD_API_RECORDS_DATASET_H
#define ANOMALYD_API_RECORDS_DATASET_H

#include "api/records/record.h"
#include "data/dataset.h"

typedef struct dataset_row {
    char name[RECORD_NAME_MAX];
    record_time created;
    uint64_t bytes;
    dataset_info info;
    bool copies_counted; /* false: an earlier program imported it, so info->copies, conflicting, left_out are 0 */
} dataset_row;

static const struct field dataset_fields[] = {
    FIELD(FIELD_TEXT, dataset_row, name, "name", "name"),
    FIELD(FIELD_TIME, dataset_row, created, "created", "created"),
    FIELD(FIELD_TEXT, dataset_row, info.format, "format", "format"),
    FIELD(FIELD_INTEGER, dataset_row, info.image.n, NULL, "images"),
    FIELD(FIELD_INTEGER, dataset_row, info.image.w, "image/width", "width"),
    FIELD(FIELD_INTEGER, dataset_row, info.image.h, "image/height", "height"),
    FIELD(FIELD_INTEGER, dataset_row, info.image.c, "image/channels", "channels"),
    {.type = FIELD_BESIDE, .path = "images"},
    {.type = FIELD_BESIDE, .path = "classes"},
    FIELD(FIELD_INTEGER, dataset_row, info.duplicates, "duplicates", "duplicates"),
    {.type = FIELD_BESIDE, .path = "copies"},
    FIELD(FIELD_TEXT, dataset_row, info.digest, "digest", "digest"),
    FIELD(FIELD_INTEGER, dataset_row, bytes, "bytes", "bytes"),
};
static const struct record dataset_record = RECORD("dataset", "datasets", dataset_fields);

#endif
