/* SPDX-License-Identifier: MIT */
/* fake_inside.h — between the fake's two halves. */
#ifndef ANOMALYD_TESTS_API_FAKE_INSIDE_H
#define ANOMALYD_TESTS_API_FAKE_INSIDE_H

#include "tests/api/fake_service.h"

/* Fills the part of the service that answers. */
void fake_answers(service *s);
int64_t fake_now_ms(void);

#endif
