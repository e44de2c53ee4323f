/* SPDX-License-Identifier: MIT */
/* keys.c — Idempotency-Keys: a table for those of jobs, and one for those of experiments. */
#include "daemon/store/internal.h"

#include <string.h>

static const struct {
    enum sql purge, get, add;
} tables[] = {[STORE_KEY_OF_JOB] = {SQL_KEY_PURGE, SQL_KEY_GET, SQL_KEY_ADD},
              [STORE_KEY_OF_EXPERIMENT] = {SQL_EXPERIMENT_KEY_PURGE, SQL_EXPERIMENT_KEY_GET, SQL_EXPERIMENT_KEY_ADD}};

bool key_find(connection *c, const key_use *k, char id[RECORD_ID_MAX], bool *known, error *e)
{
    *known = false;
    if (!k->key[0])
        return true;
    query purge = query_begin(c, tables[k->of].purge);
    query_put_int(&purge, k->created - STORE_KEY_AGE_MS);
    if (!query_run(&purge, e))
        return false;
    query q = query_begin(c, tables[k->of].get);
    query_put_text(&q, k->key);
    char fingerprint[DATASET_DIGEST_TEXT] = "";
    *known = query_step(&q);
    if (*known) {
        query_get_text(&q, fingerprint, sizeof fingerprint);
        query_get_text(&q, id, RECORD_ID_MAX);
    }
    if (!query_end(&q, e))
        return false;
    return !*known || !strcmp(fingerprint, k->fingerprint) ||
           error_set(e, ERROR_CONFLICT, "Idempotency-Key: it was used for another request");
}

bool key_add(connection *c, const key_use *k, const char *id, error *e)
{
    if (!k->key[0])
        return true;
    query q = query_begin(c, tables[k->of].add);
    query_put_text(&q, k->key);
    query_put_text(&q, k->fingerprint);
    query_put_text(&q, id);
    query_put_int(&q, k->created);
    return query_run(&q, e);
}

bool store_key_known(store_reader *r, enum store_key_of of, const char *key)
{
    error e = {0};
    query q = query_begin(&r->on, tables[of].get);
    query_put_text(&q, key);
    bool known = query_step(&q);
    return query_end(&q, &e) && known;
}
