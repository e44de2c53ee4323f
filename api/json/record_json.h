/* SPDX-License-Identifier: MIT */
/* record_json.h — records as JSON: as answers have them, and as they are handed between our own processes. */
#ifndef ANOMALYD_API_JSON_RECORD_JSON_H
#define ANOMALYD_API_JSON_RECORD_JSON_H

#include "api/json/json.h"
#include "api/records/record.h"

enum record_view { RECORD_LISTED, RECORD_WHOLE };

/* A row as answers have it, its keys in the order of the table; null stands where code beside the table is to put
 * something (json_object_set keeps a key's place). Returns new; NULL: out of memory. */
json_t *record_json(const struct record *r, const void *row, enum record_view view);

/* Reads what record_json wrote, found at `pointer` of a request, into `row`: that is all zeros, and owns its strings
 * then, also after complaints. Passes over what code beside the table makes. */
void record_read(const struct record *r, json_t *body, const char *pointer, void *row, problem *p);

/* All stored fields that are not none, by their columns. Returns new; NULL: out of memory. */
json_t *record_pack(const struct record *r, const void *row);
/* Reads that back; what is absent is none, and keys that are no columns are passed over. False: a value is of another
 * type, or memory is out. The row owns its strings then, also after failure. */
bool record_unpack(const struct record *r, json_t *packed, void *row);

/* How a registry keeps JSON as text: equal values are equal text. Returns new; NULL: out of memory. */
char *record_object_text(const json_t *value);

#endif
