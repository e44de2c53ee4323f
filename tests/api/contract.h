/* SPDX-License-Identifier: MIT */
/* contract.h — openapi.yaml as test_contract.c reads it. What is answered is validated by check_contract.py. */
#ifndef ANOMALYD_TESTS_API_CONTRACT_H
#define ANOMALYD_TESTS_API_CONTRACT_H

#include <jansson.h>

/* The document embedded in the program, as JSON. Borrowed: made once, freed at exit. */
const json_t *contract(void);

/* Follows a "$ref"; else the value itself. */
const json_t *contract_resolve(const json_t *value);

#endif
