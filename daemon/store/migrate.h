/* SPDX-License-Identifier: MIT */
/*
 * migrate.h — brings a data base's schema up to this program's, by numbered migrations that are never edited.
 * Internal to store_*.c and its tests.
 */
#ifndef ANOMALYD_DAEMON_STORE_MIGRATE_H
#define ANOMALYD_DAEMON_STORE_MIGRATE_H

#include "base/error.h"

#include <sqlite3.h>
#include <stddef.h>

typedef struct migration {
    const char *name; /* "0001_init": its place in the list is its number */
    const char *sql;
    size_t size; /* bytes of sql */
} migration;

/* Those in the folder migrations/, embedded by the build. */
extern const migration migrations[];
extern const size_t migration_count;

/* Applies what is missing, each in one transaction. Refuses a data base that is not ours, that a newer program wrote,
 * or whose applied migrations are not, byte for byte, the ones in the list. */
bool store_migrate(sqlite3 *db, const migration *list, size_t count, error *e);
/* Changes nothing: the same refusals, and a data base that lacks a migration is ERROR_UNSUPPORTED. */
bool store_migrated(sqlite3 *db, const migration *list, size_t count, error *e);

#endif
