/* SPDX-License-Identifier: MIT */
/* report_page.c — a report's README.md: what was run, the figures, and the other files' links. */
#include "daemon/report/report.h"

#include "api/json/json.h"
#include "api/tables/markdown.h"
#include "base/blas.h"

#include <inttypes.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

enum { HISTOGRAM_WIDTH = 400 };

/* ---- pieces */

/* Text of others within an attribute of HTML. */
static void put_attribute(FILE *out, const char *text)
{
    for (; *text; text++) {
        if (strchr("\"<>&", *text))
            fprintf(out, "&#%d;", *text);
        else
            fputc(*text == '\n' || *text == '\r' ? ' ' : *text, out);
    }
}

static void put_time(FILE *out, record_time ms)
{
    time_t seconds = (time_t)(ms / 1000);
    struct tm when;
    char text[40];
    bool good = gmtime_r(&seconds, &when) && strftime(text, sizeof text, "%Y-%m-%d %H:%M UTC", &when);
    fputs(good ? text : "–", out);
}

void report_put_figure(FILE *out, double value)
{
    if (isnan(value))
        fputs("–", out);
    else
        fprintf(out, "%.*f", TABLE_DIGITS, value);
}

static void put_seconds(FILE *out, double s)
{
    if (s < 120)
        fprintf(out, "%.1f s", s);
    else if (s < 7200)
        fprintf(out, "%.1f min", s / 60);
    else
        fprintf(out, "%.1f h", s / 3600);
}

/* `width` in pixels; 0: its own. */
static void put_image(FILE *out, const char *name, int width, const char *says, const char *about)
{
    fprintf(out, "<img src=\"%s\"", name);
    if (width)
        fprintf(out, " width=\"%d\"", width);
    fprintf(out, " alt=\"%s", says);
    put_attribute(out, about);
    fputs("\">\n", out);
}

/* ---- what was run */

static void put_state(FILE *out, const report *r)
{
    const experiment_row *x = &r->experiment;
    fprintf(out, "| cells | %" PRIu64 " of %d succeeded", x->counts[JOB_SUCCEEDED], x->cell_count);
    for (int s = 0; s < JOB_STATES; s++)
        if (s != JOB_SUCCEEDED && x->counts[s])
            fprintf(out, ", %" PRIu64 " %s", x->counts[s], job_state_name((enum job_state)s));
    fputs(" |\n", out);
}

static void put_dataset(FILE *out, const report *r)
{
    fputs("| data set | ", out);
    markdown_text(out, r->experiment.dataset);
    if (r->dataset) {
        const shape s = r->dataset->info.image;
        fprintf(out, ": %d images of %d × %d, %s, from %s", s.n, s.w, s.h, s.c == 1 ? "grey" : "colour",
                r->dataset->info.format);
    }
    fprintf(out, " |\n| its SHA-256 | `%s` |\n", r->experiment.dataset_digest);
}

static void put_test(FILE *out, json_int_t test_images)
{
    if (test_images)
        fprintf(out, "tested on %" JSON_INTEGER_FORMAT " test images drawn by the seed", test_images);
    else
        fputs("tested on all test images", out);
}

static void put_held_out(FILE *out, double held_out)
{
    fprintf(out, "; %g of the training normals held out", held_out);
}

/* Of methods that are not run as the experiment says. */
static void put_overrides(FILE *out, const report *r)
{
    const char *name;
    json_t *own;
    json_object_foreach(json_object_get(r->tabulated.axes, "overrides"), name, own)
    {
        const json_t *images = json_object_get(own, "test_images"), *held_out = json_object_get(own, "held_out");
        fprintf(out, "| but %s | ", name);
        put_test(out, images ? json_integer_value(images) : (json_int_t)r->experiment.test_images);
        put_held_out(out, held_out ? json_number_value(held_out) : r->experiment.held_out);
        fputs(" |\n", out);
    }
}

static void put_protocol(FILE *out, const report *r)
{
    const experiment_row *x = &r->experiment;
    const result_table *t = &r->tabulated.table;
    fprintf(out, "| protocol | %s; ", x->protocol);
    put_test(out, x->test_images);
    put_held_out(out, x->held_out);
    fputs(" |\n", out);
    put_overrides(out, r);
    fputs("| classes | ", out);
    for (int c = 0; c < t->class_count; c++) {
        fputs(c ? ", " : "", out);
        markdown_text(out, t->classes[c]);
    }
    fputs(t->all_classes ? " (all) |\n| seeds | " : " |\n| seeds | ", out);
    for (int s = 0; s < t->seed_count; s++)
        fprintf(out, "%s%" PRIu64, s ? ", " : "", t->seeds[s]);
    fputs(" |\n", out);
}

static void put_dates_and_cost(FILE *out, const report *r)
{
    const experiment_row *x = &r->experiment;
    record_time first = 0, last = 0;
    double cost_s = 0;
    int runs = 0, reused = 0;
    for (int i = 0; i < r->run_count; i++) {
        record_time at = r->runs[i].created;
        if (!r->runs[i].id[0])
            continue;
        runs++;
        reused += x->cells[i].reused;
        cost_s += isnan(x->cells[i].cost_s) ? 0 : x->cells[i].cost_s;
        first = !first || at < first ? at : first;
        last = at > last ? at : last;
    }
    fputs("| asked for | ", out);
    put_time(out, x->created);
    fputs(" |\n", out);
    if (!runs)
        return;
    fputs("| runs ended | ", out);
    put_time(out, first);
    fputs(" to ", out);
    put_time(out, last);
    fputs(" |\n| cost | ", out);
    put_seconds(out, cost_s);
    fputs(" of training and scoring", out);
    if (reused)
        fprintf(out, ", with that of %d earlier run%s taken over", reused, reused > 1 ? "s" : "");
    fputs(" |\n", out);
}

typedef void run_text(const run_row *run, char *out, size_t size);

static void code_of(const run_row *run, char *out, size_t size)
{
    snprintf(out, size, "%s", run->code_version);
}

static void blas_of(const run_row *run, char *out, size_t size)
{
    const char *kernel = record_text(&run_record, run, BLAS_KERNEL_KEY);
    int n = snprintf(out, size, "%s", *kernel ? kernel : "not recorded");
    if (run->threads && n >= 0 && (size_t)n < size)
        snprintf(out + n, size - (size_t)n, ", %d thread%s", run->threads, run->threads > 1 ? "s" : "");
}

/* A line of every text that runs have, each once and with how many runs have it. */
static void put_variety(FILE *out, const report *r, const char *what, run_text *text_of)
{
    int put = 0;
    for (int i = 0; i < r->run_count; i++) {
        char own[96], text[96];
        int same = 0;
        bool before = false;
        if (!r->runs[i].id[0])
            continue;
        text_of(&r->runs[i], own, sizeof own);
        for (int k = 0; k < r->run_count && !before; k++) {
            if (!r->runs[k].id[0])
                continue;
            text_of(&r->runs[k], text, sizeof text);
            before = k < i && !strcmp(own, text);
            same += !strcmp(own, text);
        }
        if (before)
            continue;
        if (put++)
            fputs("; ", out);
        else
            fprintf(out, "| %s | ", what);
        markdown_text(out, own);
        fprintf(out, " (%d run%s)", same, same > 1 ? "s" : "");
    }
    if (put)
        fputs(" |\n", out);
}

static void put_head(FILE *out, const report *r)
{
    const experiment_row *x = &r->experiment;
    fputs("# Report of ", out);
    if (x->name[0])
        markdown_text(out, x->name);
    else
        fprintf(out, "experiment %s", x->id);
    fprintf(out, "\n\n| | |\n| --- | --- |\n| experiment | `%s` |\n", x->id);
    put_state(out, r);
    put_dataset(out, r);
    put_protocol(out, r);
    put_dates_and_cost(out, r);
    put_variety(out, r, "code", code_of);
    put_variety(out, r, "OpenBLAS", blas_of);
}

/* ---- methods and their options */

static bool is_preset(const option *o, const json_t *value)
{
    char text[OPTION_VALUE_MAX];
    options_preset_text(o, text);
    if (json_is_number(value))
        return (float)json_number_value(value) == (float)o->preset;
    if (json_is_boolean(value))
        return json_is_true(value) == (o->preset != 0);
    return json_is_string(value) && !strcmp(json_string_value(value), text);
}

static void put_value(FILE *out, const json_t *value)
{
    if (json_is_integer(value))
        fprintf(out, "%" JSON_INTEGER_FORMAT, json_integer_value(value));
    else if (json_is_real(value))
        fprintf(out, "%.6g", json_real_value(value));
    else if (json_is_boolean(value))
        fputs(json_is_true(value) ? "true" : "false", out);
    else
        markdown_text(out, json_is_string(value) ? json_string_value(value) : "?");
}

static void put_options(FILE *out, const method *m, const json_t *options)
{
    const char *name;
    json_t *value;
    int put = 0;
    json_object_foreach((json_t *)(uintptr_t)options, name, value)
    {
        const option *o = m ? options_find(m->options, name) : NULL;
        if (o && is_preset(o, value))
            continue;
        fputs(put++ ? ", `" : "`", out);
        fprintf(out, "%s` ", name);
        put_value(out, value);
    }
    if (!put)
        fputs("presets", out);
}

/* What a run had; where there is none, what was asked for. */
static json_t *options_of(const report *r, int row)
{
    const result_table *t = &r->tabulated.table;
    for (int i = row; i < r->run_count; i += t->method_count)
        if (r->runs[i].id[0])
            return json_embedded(r->runs[i].hyperparameters);
    const json_t *asked = json_object_get(r->tabulated.axes, "hyperparameters");
    return json_incref(json_object_get(asked, t->methods[row]));
}

static void put_methods(FILE *out, const report *r)
{
    const result_table *t = &r->tabulated.table;
    fputs("\n## Methods\n\n| method | what it is | options other than this program's presets |\n| --- | --- | --- |\n",
          out);
    for (int m = 0; m < t->method_count; m++) {
        const method *known = method_find(t->methods[m]);
        json_t *options = options_of(r, m);
        fprintf(out, "| [%s](#%s) | %s | ", t->methods[m], t->methods[m], known ? known->title : "–");
        put_options(out, known, options);
        fputs(" |\n", out);
        json_decref(options);
    }
}

/* ---- figures */

static bool put_table(FILE *out, const report *r, error *e)
{
    size_t size = 0;
    char *text = experiment_table_write(&r->tabulated, TABLE_MARKDOWN, &size);
    if (!text)
        return error_memory(e, "a table");
    fputs("\n## Table\n\n", out);
    fwrite(text, 1, size, out);
    free(text);
    fputs("\nAs files: [table.md](table.md), [table.csv](table.csv), [table.json](table.json); all runs: "
          "[" REPORT_RUNS "](" REPORT_RUNS ").\n\n",
          out);
    put_image(out, "auroc.svg", 0, "AUROC of every method on every class", "");
    return true;
}

static void put_rocs(FILE *out, const report *r)
{
    const result_table *t = &r->tabulated.table;
    int put = 0;
    for (int c = 0; c < t->class_count; c++) {
        char name[REPORT_NAME_MAX];
        if (!report_has_roc(r, c))
            continue;
        if (!put++)
            fprintf(out, "\n## ROC curves\n\nThese, and the histograms below, are of seed %" PRIu64 ".\n\n",
                    t->seeds[0]);
        report_roc_name(r, c, name);
        put_image(out, name, 0, "ROC curves, class ", t->classes[c]);
    }
}

static void put_cell(FILE *out, const report *r, int cell)
{
    const experiment_cell *c = &r->experiment.cells[cell];
    const run_row *run = &r->runs[cell];
    fputs("| ", out);
    markdown_text(out, c->class_name);
    fprintf(out, " | %" PRIu64 " | ", c->seed);
    if (!run->id[0]) {
        fprintf(out, "missing: %s%s", job_state_name(c->state), c->failure ? ", " : "");
        markdown_text(out, c->failure ? c->failure : "");
        fputs(" | – | – | – | – |\n", out);
        return;
    }
    int line = report_run_line(r, cell);
    report_put_figure(out, run->auroc);
    if (!isnan(run->auroc_low))
        fprintf(out, " (%.3f to %.3f)", run->auroc_low, run->auroc_high);
    fputs(" | ", out);
    report_put_figure(out, run->average_precision);
    if (run->epochs)
        fprintf(out, " | %d of %d | ", run->chosen_epoch, run->epochs);
    else
        fputs(" | – | ", out);
    put_seconds(out, run->train_s);
    fprintf(out, " | [line %d](" REPORT_RUNS "#L%d)%s |\n", line, line, c->reused ? ", taken over" : "");
}

static void put_method(FILE *out, const report *r, int m)
{
    const result_table *t = &r->tabulated.table;
    char name[REPORT_NAME_MAX];
    fprintf(out,
            "\n## %s\n\n| class | seed | AUROC (95%% interval) | average precision | chosen epoch | training | run |\n"
            "| --- | ---: | --- | ---: | ---: | ---: | --- |\n",
            t->methods[m]);
    for (int c = 0; c < t->class_count; c++)
        for (int s = 0; s < t->seed_count; s++)
            put_cell(out, r, report_cell(r, m, c, s));
    if (r->brief)
        return;
    fputc('\n', out);
    for (int c = 0; c < t->class_count; c++) {
        if (!r->runs[report_cell(r, m, c, 0)].id[0])
            continue;
        report_name(r, "histograms", m, c, "svg", name);
        put_image(out, name, HISTOGRAM_WIDTH, "scores of normal and anomalous test images, class ", t->classes[c]);
    }
}

/* ---- sheets */

static void put_sheet(FILE *out, const report *r, int m, int c)
{
    const result_table *t = &r->tabulated.table;
    const report_sheet *sheet = &r->sheets[c * t->method_count + m];
    if (!sheet->made) {
        fprintf(out, "| %s | none: ", t->methods[m]);
        markdown_text(out, sheet->reason);
        fputs(" |\n", out);
        return;
    }
    char name[REPORT_NAME_MAX];
    report_name(r, "sheets", m, c, "png", name);
    fprintf(out, "| %s | ![reconstructions of %s](%s) |\n", t->methods[m], t->methods[m], name);
}

static void put_sheets(FILE *out, const report *r)
{
    const result_table *t = &r->tabulated.table;
    if (!r->sheet_classes)
        return;
    fprintf(out,
            "\n## Reconstructions\n\nThe models of seed %" PRIu64 " on the same test images: %d normal ones on the "
            "left, as many anomalous ones on the right, drawn by the seed. From above: the image, its reconstruction, "
            "the error, in colours of the model's own scale.\n",
            t->seeds[0], REPORT_SHEET_IMAGES);
    for (int c = 0; c < r->sheet_classes; c++) {
        fputs("\n### Class ", out);
        markdown_text(out, t->classes[c]);
        fputs("\n\n| method | sheet |\n| --- | --- |\n", out);
        for (int m = 0; m < t->method_count; m++)
            put_sheet(out, r, m, c);
    }
}

static bool put_page(FILE *out, const report *r, error *e)
{
    put_head(out, r);
    put_methods(out, r);
    if (!put_table(out, r, e))
        return false;
    if (!report_put_scores(out, r, e))
        return false;
    put_rocs(out, r);
    for (int m = 0; m < r->tabulated.table.method_count; m++)
        put_method(out, r, m);
    put_sheets(out, r);
    return true;
}

bool report_write_page(const report *r, report_folder *to, error *e)
{
    char *text = NULL;
    size_t size = 0;
    FILE *out = open_memstream(&text, &size);
    if (!out)
        return error_memory(e, "README.md");
    bool good = put_page(out, r, e);
    if (ferror(out) && good)
        good = error_memory(e, "README.md");
    if (fclose(out) != 0 && good)
        good = error_memory(e, "README.md");
    good = good && report_folder_write(to, "README.md", text, size, e);
    free(text);
    return good;
}
