/* SPDX-License-Identifier: MIT */
/* fake_inside.h — what the files of the fake share. */
#ifndef ANOMALYD_TESTS_API_FAKE_INSIDE_H
#define ANOMALYD_TESTS_API_FAKE_INSIDE_H

#include "tests/api/fake_service.h"

/* Sets the functions of the service that give answers. */
void fake_answers(service *s);
/* Works out a page of f->rows rows: the number of its first row, and how many it has. */
bool fake_page(const fake *f, record_page *page, int *first, int *count, error *e);

/* True when an asynchronous call is to be answered at the next turn, which fake_answer does. */
bool fake_answer_is_due(const fake *f);

/* fake_experiments.c: its part of the service, and its part of fake_answer. */
void fake_experiments(service *s);
void fake_answer_experiment(fake *f);

#endif
