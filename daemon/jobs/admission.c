/* SPDX-License-Identifier: MIT */
/* admission.c — see admission.h. */
#include "daemon/jobs/admission.h"

enum admission admission_judge(const admission_rule *r, uint64_t planned, uint64_t beside, int others)
{
    if (!r->bytes || (beside <= r->bytes && planned <= r->bytes - beside))
        return ADMISSION_YES;
    if (r->strict && planned > r->bytes)
        return ADMISSION_NEVER;
    return others ? ADMISSION_WAIT : ADMISSION_YES;
}
