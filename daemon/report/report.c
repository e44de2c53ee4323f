/* SPDX-License-Identifier: MIT */
/* report.c — what a report is made of, and its table and runs. */
#include "daemon/report/report.h"

#include "api/json/json.h"
#include "api/json/run_json.h"
#include "base/file.h"

#include <stdlib.h>
#include <string.h>

/* ---- reading */

static bool load_dataset(report *r, store_reader *reader, error *e)
{
    const experiment_row *x = &r->experiment;
    error reason = {0};
    r->dataset = calloc(1, sizeof *r->dataset);
    if (!r->dataset)
        return error_memory(e, "the data set's facts");
    bool found = store_dataset_get(reader, x->dataset, r->dataset, &reason);
    if (!found && reason.code != ERROR_NOT_FOUND) {
        *e = reason;
        return false;
    }
    if (!found || strcmp(r->dataset->info.digest, x->dataset_digest) != 0) {
        free(r->dataset);
        r->dataset = NULL;
    }
    return true;
}

static bool load_table(report *r, store_reader *reader, error *e)
{
    const experiment_row *x = &r->experiment;
    r->published = calloc(EXPERIMENT_PUBLISHED_MAX, sizeof *r->published);
    if (!r->published)
        return error_memory(e, "published figures");
    return store_published_list(reader, x->dataset_digest, x->protocol, r->published, EXPERIMENT_PUBLISHED_MAX,
                                &r->published_count, e) &&
           experiment_table_make(&r->tabulated, x, r->published, r->published_count, e);
}

static bool load_runs(report *r, store_reader *reader, error *e)
{
    const experiment_row *x = &r->experiment;
    r->runs = calloc((size_t)x->cell_count + 1, sizeof *r->runs);
    if (!r->runs)
        return error_memory(e, "an experiment's runs");
    for (r->run_count = 0; r->run_count < x->cell_count; r->run_count++) {
        const char *id = x->cells[r->run_count].run;
        if (*id && !store_run_get(reader, id, &r->runs[r->run_count], e))
            return false;
    }
    return true;
}

/* Makes the name of a class in names of files: of letters that every file system allows, and different from the names
 * before it even where upper and lower case are the same. */
static void make_slug(const report *r, int column)
{
    static const char plain[] = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789._-";
    char *slug = r->slugs[column];
    bool other = false;
    snprintf(slug, sizeof *r->slugs, "%s", r->tabulated.table.classes[column]);
    for (char *at = slug; *at; at++)
        if (!strchr(plain, *at) || *slug == '.') {
            *at = '_';
            other = true;
        }
    for (int i = 0; i < column; i++)
        other = other || !strcasecmp(r->slugs[i], slug);
    if (other)
        snprintf(slug + strlen(slug), sizeof *r->slugs - strlen(slug), "~%d", column);
}

static bool make_slugs(report *r, error *e)
{
    r->slugs = calloc((size_t)r->tabulated.table.class_count, sizeof *r->slugs);
    if (!r->slugs)
        return error_memory(e, "names of files");
    for (int c = 0; c < r->tabulated.table.class_count; c++)
        make_slug(r, c);
    return true;
}

/* Reads everything except images and models. Call report_free afterwards, also after a failure. */
static bool report_load(report *r, store_reader *reader, const char *id, error *e)
{
    *r = (report){0};
    return store_experiment_get(reader, id, &r->experiment, e) && load_dataset(r, reader, e) &&
           load_table(r, reader, e) && load_runs(r, reader, e) && make_slugs(r, e);
}

static void report_free(report *r)
{
    while (r->run_count)
        run_row_free(&r->runs[--r->run_count]);
    free(r->runs);
    free(r->slugs);
    free(r->sheets);
    experiment_table_free(&r->tabulated);
    free(r->published);
    free(r->dataset);
    experiment_row_free(&r->experiment);
    *r = (report){0};
}

/* ---- names */

int report_cell(const report *r, int row, int column, int seed)
{
    const result_table *t = &r->tabulated.table;
    return (seed * t->class_count + column) * t->method_count + row;
}

void report_name(const report *r, const char *folder, int row, int column, const char *type, char out[REPORT_NAME_MAX])
{
    snprintf(out, REPORT_NAME_MAX, "%s/%s-%s.%s", folder, r->tabulated.table.methods[row], r->slugs[column], type);
}

int report_run_line(const report *r, int cell)
{
    int line = 0;
    for (int i = 0; i <= cell; i++)
        line += r->runs[i].id[0] != 0;
    return line;
}

bool report_has_roc(const report *r, int column)
{
    bool has = false;
    for (int m = 0; !r->brief && m < r->tabulated.table.method_count; m++)
        has = has || r->runs[report_cell(r, m, column, 0)].id[0];
    return has;
}

void report_roc_name(const report *r, int column, char out[REPORT_NAME_MAX])
{
    snprintf(out, REPORT_NAME_MAX, "roc/%s.svg", r->slugs[column]);
}

/* ---- the table and the runs */

static bool write_table(const report *r, report_folder *to, error *e)
{
    static const char *const names[TABLE_FORMATS] = {"table.json", "table.csv", "table.md"};
    bool good = true;
    for (int f = 0; good && f < TABLE_FORMATS; f++) {
        size_t size = 0;
        char *text = experiment_table_write(&r->tabulated, (enum table_format)f, &size);
        good = (text || error_memory(e, names[f])) && report_folder_put(to, names[f], text, &size, e);
    }
    return good;
}

static bool write_runs(const report *r, report_folder *to, error *e)
{
    path_text path;
    file_output *o = report_folder_place(to, REPORT_RUNS, &path, e) ? file_output_new(path.text, e) : NULL;
    bool good = o != NULL;
    for (int i = 0; good && i < r->run_count; i++) {
        size_t size = 0;
        if (!r->runs[i].id[0])
            continue;
        char *text = json_write(run_json(&r->runs[i], RECORD_WHOLE), &size);
        good = text ? file_output_append(o, text, size, e) : error_memory(e, REPORT_RUNS);
        free(text);
    }
    if (good)
        return file_output_commit(o, e);
    file_output_abandon(o);
    return false;
}

static bool write_all(report *r, store_reader *reader, const report_request *q, report_folder *to, error *e)
{
    r->brief = q->brief;
    return write_table(r, to, e) && write_runs(r, to, e) && report_write_charts(r, reader, to, e) &&
           report_write_sheets(r, reader, q->state, q->sheet_classes, to, e) && report_write_page(r, to, e) &&
           report_folder_commit(to, e);
}

bool report_make(const report_request *q, error *e)
{
    path_text registry;
    report r = {0};
    report_folder *to = NULL;
    store_reader *reader =
        path_format(&registry, e, "%s/anomalyd.db", q->state) ? store_reader_open_at(registry.text, e) : NULL;
    bool good = reader && report_load(&r, reader, q->experiment, e) &&
                (to = report_folder_open(q->folder, q->force, e)) && write_all(&r, reader, q, to, e);
    report_folder_free(to);
    report_free(&r);
    store_reader_close(reader);
    return good;
}
