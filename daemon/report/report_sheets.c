/* SPDX-License-Identifier: MIT */
/* report_sheets.c — a report's reconstruction sheets: the models that the runs made, on images of the stored data set.
 */
#include "daemon/report/report.h"

#include "base/blas.h"
#include "daemon/report/explain_sheet.h"

#include <stdlib.h>

/* What all sheets need. */
typedef struct bench {
    const report *report;
    store_reader *reader;
    team *team;
    dataset *images;
} bench;

static bool make_sheet(const bench *b, const run_row *run, explain_sheet *out, error *e)
{
    void *bytes;
    size_t size;
    const explain_request q = {
        .source = b->report->experiment.dataset, .count = REPORT_SHEET_IMAGES, .seed = run->subject.seed};
    if (!store_model_file(b->reader, run->model, run->version, &bytes, &size, e))
        return false;
    scorer *s = scorer_open(bytes, size, b->team, e);
    bool good = s && explain_sheet_make(out, &q, s, b->images, e);
    scorer_free(s);
    free(bytes);
    return good;
}

/* Of the first seed whose model is here; else the first seed's run. */
static const run_row *run_of_sheet(const report *r, int row, int column)
{
    for (int seed = 0; seed < r->tabulated.table.seed_count; seed++) {
        const run_row *run = &r->runs[report_cell(r, row, column, seed)];
        if (run->id[0] && !run->imported)
            return run;
    }
    return &r->runs[report_cell(r, row, column, 0)];
}

static bool write_sheet(const bench *b, int row, int column, report_sheet *out, report_folder *to, error *e)
{
    const report *r = b->report;
    const run_row *run = run_of_sheet(r, row, column);
    error reason = {0};
    explain_sheet made = {0};
    if (!run->id[0])
        error_set(&reason, ERROR_NOT_FOUND, "there is no run");
    else if (run->imported)
        error_set(&reason, ERROR_NOT_FOUND, "the run was imported, without its model");
    else if (make_sheet(b, run, &made, &reason))
        out->made = true;
    bool good = true;
    if (out->made) {
        char name[REPORT_NAME_MAX];
        path_text path;
        report_name(r, "sheets", row, column, "png", name);
        good = report_folder_place(to, name, &path, e) && explain_sheet_write(&made, path.text, e);
    } else if (reason.code == ERROR_MEMORY) {
        *e = reason;
        good = false;
    } else {
        snprintf(out->reason, sizeof out->reason, "%s", reason.message);
    }
    explain_sheet_free(&made);
    return good;
}

/* A method that never reconstructs says so without its model. */
static bool write_each(const bench *b, report_sheet *sheets, int classes, report_folder *to, error *e)
{
    const result_table *t = &b->report->tabulated.table;
    bool good = true;
    for (int c = 0; c < classes; c++)
        for (int m = 0; good && m < t->method_count; m++) {
            report_sheet *sheet = &sheets[c * t->method_count + m];
            const method *known = method_find(t->methods[m]);
            if (!known || known->unexplained)
                snprintf(sheet->reason, sizeof sheet->reason, "%s",
                         known ? known->unexplained : "this program has no such method");
            else
                good = write_sheet(b, m, c, sheet, to, e);
        }
    return good;
}

static void give_reason(report *r, const error *reason)
{
    int count = r->sheet_classes * r->tabulated.table.method_count;
    for (int i = 0; i < count; i++)
        snprintf(r->sheets[i].reason, sizeof r->sheets[i].reason, "%s", reason->message);
}

bool report_write_sheets(report *r, store_reader *reader, const char *state, int classes, report_folder *to, error *e)
{
    const result_table *t = &r->tabulated.table;
    path_text packed;
    error reason = {0};
    if (classes > t->class_count)
        classes = t->class_count;
    if (classes == 0)
        return true;
    r->sheets = calloc((size_t)classes * (size_t)t->method_count, sizeof *r->sheets);
    if (!r->sheets)
        return error_memory(e, "sheets");
    r->sheet_classes = classes;
    if (!path_packed(&packed, state, r->experiment.dataset, r->experiment.dataset_digest, e))
        return false;
    bench b = {.report = r, .reader = reader, .team = team_new(team_default_threads(), e)};
    if (!b.team)
        return false;
    blas_warm(b.team);
    b.images = dataset_open(packed.text, &reason);
    bool good = true;
    if (b.images)
        good = write_each(&b, r->sheets, classes, to, e);
    else
        give_reason(r, &reason);
    dataset_free(b.images);
    team_free(b.team);
    return good;
}
