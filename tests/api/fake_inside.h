/* SPDX-License-Identifier: MIT */
/* fake_inside.h — between the fake's parts. */
#ifndef ANOMALYD_TESTS_API_FAKE_INSIDE_H
#define ANOMALYD_TESTS_API_FAKE_INSIDE_H

#include "tests/api/fake_service.h"

/* Fills the part of the service that answers. */
void fake_answers(service *s);
int64_t fake_now_ms(void);
/* A page of f->rows rows: which is its first, and how many they are. */
bool fake_page(const fake *f, service_page *page, int *first, int *count, error *e);

/* fake_experiments.c: its part of the answers, and the end of a deferred one. */
void fake_experiments(service *s);
void fake_finish_experiment(fake *f);

#endif
