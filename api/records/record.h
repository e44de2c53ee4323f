/* SPDX-License-Identifier: MIT */
/* record.h — what all records have in common: the sizes of their texts, and how they tell time. */
#ifndef ANOMALYD_API_RECORDS_RECORD_H
#define ANOMALYD_API_RECORDS_RECORD_H

#include "api/records/name.h"

#include <stdbool.h>
#include <stdint.h>

enum {
    SERVICE_NAME_MAX = NAME_SIZE,
    SERVICE_ID_MAX = 40, /* UUIDv7 text and a NUL */
    SERVICE_PAGE_MAX = 500,
    SERVICE_SCORES_MAX = 12, /* variants of a method's score */
    SERVICE_CURSOR_MAX = 128,
    SERVICE_PROTOCOL_MAX = 16,
    SERVICE_VERSION_MAX = 48 /* version_text with its NUL */
};

typedef int64_t service_time; /* milliseconds since 1970, UTC; 0: not yet */

#endif
