/* SPDX-License-Identifier: MIT */
/*
 * result_notes.h — what a table's reader must know beyond its figures: which images its rows were tested on, and which
 * versions of the program made them.
 */
#ifndef ANOMALYD_API_TABLES_RESULT_NOTES_H
#define ANOMALYD_API_TABLES_RESULT_NOTES_H

#include "api/tables/result_table.h"

enum { RESULT_NOTES_ALL = -1 };

typedef struct result_notes {
    const result_table *of; /* borrowed */
    /* Whether all methods were tested on the same images, for every class and seed; of what has run, and where a run
     * keeps no digest of its images by how many it was to be tested on. */
    bool same_images;
    int versions; /* of the program; 0: nothing has run */
} result_notes;

/* False: out of memory. Owns nothing. */
bool result_notes_make(result_notes *n, const result_table *of);

/* The versions that made the cells of a row and a column (or of RESULT_NOTES_ALL), in the order of the cells. Returns
 * new; NULL: out of memory. */
json_t *result_notes_versions(const result_notes *n, int row, int column);

/* A row's note, about one column of it or RESULT_NOTES_ALL; empty where the figures can stand alone. Returns new; NULL:
 * out of memory. */
char *result_notes_text(const result_notes *n, int row, int column);

#endif
