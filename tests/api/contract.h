/* SPDX-License-Identifier: MIT */
/* contract.h — openapi.yaml as the tests read it: its operations, and answers checked against its schemas. */
#ifndef ANOMALYD_TESTS_API_CONTRACT_H
#define ANOMALYD_TESTS_API_CONTRACT_H

#include <jansson.h>

/* The document embedded in the program, as JSON. Borrowed: made once, freed at exit. */
const json_t *contract(void);

/* Fails the test unless the contract lists this answer to `verb` `target`, with this media type and, for JSON, a body
 * of this schema. Answers of paths and verbs it does not know must be problems. */
void contract_check(const char *verb, const char *target, int status, const char *media_type, const json_t *body);

/* Writes why `value` is not of `schema` into `why`; empty when it is. */
void contract_validate(const json_t *schema, const json_t *value, char why[512]);

/* Follows a "$ref"; else the value itself. */
const json_t *contract_resolve(const json_t *value);

#endif
