/* SPDX-License-Identifier: MIT */
/*
 * report.h — a stored experiment as files: a page, the table, runs, charts, reconstruction sheets. All of it comes from
 * the registry and the stored data set; what is missing there is shown as missing. Knows no HTTP: what is also a
 * resource has the resource's bytes.
 */
#ifndef ANOMALYD_DAEMON_REPORT_REPORT_H
#define ANOMALYD_DAEMON_REPORT_REPORT_H

#include "api/tables/experiment_table.h"
#include "daemon/report/report_folder.h"
#include "daemon/store/store.h"

enum { REPORT_SHEET_IMAGES = 4 /* of either kind */, REPORT_NAME_MAX = 192 };
#define REPORT_RUNS "runs.jsonl" /* every run on a line of its own, as GET /runs/{id} answers it */

/* A sheet of one method on one class. */
typedef struct report_sheet {
    bool made;
    char reason[ERROR_MESSAGE_MAX]; /* why it was not made */
} report_sheet;

/* What a report is made of. Cells, and what goes with them, lie by seeds, then classes, then methods. */
typedef struct report {
    experiment_row experiment;
    dataset_row *dataset; /* NULL: the registry no longer has it under the experiment's digest */
    published_row *published;
    int published_count;
    experiment_table tabulated;
    run_row *runs; /* one a cell; id empty: none yet */
    int run_count;
    char (*slugs)[DATASET_CLASS_NAME_MAX + 8]; /* one a class: its name in names of files */
    report_sheet *sheets;                      /* of the first sheet_classes classes, by classes, then methods */
    int sheet_classes;
    bool brief; /* no ROC curves and histograms */
} report;

/* The place of a cell in `runs`. */
int report_cell(const report *r, int row, int column, int seed);
/* "FOLDER/METHOD-CLASS.TYPE", safe as a path and the same for no two. */
void report_name(const report *r, const char *folder, int row, int column, const char *type, char out[REPORT_NAME_MAX]);
/* The line of REPORT_RUNS, from 1, that holds the cell's run. The cell must have one. */
int report_run_line(const report *r, int cell);
/* Whether there is a ROC chart of that class: the report is not brief, and the first seed has a run of it. */
bool report_has_roc(const report *r, int column);
void report_roc_name(const report *r, int column, char out[REPORT_NAME_MAX]);

/* auroc.svg and, unless the report is brief, roc/ and histograms/. */
bool report_write_charts(const report *r, store_reader *reader, report_folder *to, error *e);
/* sheets/ of the first `classes` classes; 0: none. A sheet that cannot be made is a reason in r->sheets; false is only
 * where it cannot be written, or memory is out. */
bool report_write_sheets(report *r, store_reader *reader, const char *state, int classes, report_folder *to, error *e);
/* An AUROC as tables show it; a dash where there is none. */
void report_put_figure(FILE *out, double value);
/* A section of the page: every score of the runs; nothing where they have their own only. */
bool report_put_scores(FILE *out, const report *r, error *e);
/* README.md. */
bool report_write_page(const report *r, report_folder *to, error *e);
/* All of it, in this order; what is under `state` is only read. */
typedef struct report_request {
    const char *state, *experiment, *folder;
    int sheet_classes;
    bool brief, force;
} report_request;
bool report_make(const report_request *q, error *e);

#endif
