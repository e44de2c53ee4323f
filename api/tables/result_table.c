/* SPDX-License-Identifier: MIT */
/* result_table.c — see result_table.h. */
#include "api/tables/result_table.h"

#include "api/json/json.h"
#include "api/tables/csv.h"
#include "api/tables/markdown.h"
#include "api/tables/result_notes.h"
#include "base/file.h"

#include <inttypes.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

/* ---- published rows */

/* The rows of one method in one place of one source. */
typedef struct group {
    const published_row *rows;
    int count;
} group;

static bool same_group(const published_row *a, const published_row *b)
{
    return !strcmp(a->method, b->method) && !strcmp(a->source, b->source) && !strcmp(a->place, b->place) &&
           !strcmp(a->protocol, b->protocol);
}

static const published_row *group_find(const group *g, const char *class_name)
{
    for (int i = 0; i < g->count; i++)
        if (!strcmp(g->rows[i].class_name, class_name))
            return &g->rows[i];
    return NULL;
}

/* Does the group have a figure for this table: of a class in it, or a mean over all classes where all are in it? */
static bool group_applies(const result_table *t, const group *g)
{
    for (int c = 0; c < t->class_count; c++)
        if (group_find(g, t->classes[c]))
            return true;
    return t->all_classes && group_find(g, "");
}

/* The group of method `of` after g (an empty one: the first). False: there is none. */
static bool next_group(const result_table *t, const char *of, group *g)
{
    int at = g->rows ? (int)(g->rows - t->published) + g->count : 0;
    for (; at < t->published_count; at += g->count) {
        g->rows = &t->published[at];
        for (g->count = 1; at + g->count < t->published_count && same_group(g->rows, &g->rows[g->count]);)
            g->count++;
        if (!strcmp(g->rows->method, of) && !strcmp(g->rows->protocol, t->protocol) && group_applies(t, g))
            return true;
    }
    return false;
}

/* A group's row, by the same arithmetic as ours. */
typedef struct published_figures {
    table_figure mean, median;
    const char *note; /* of the mean, where it was not worked out here */
} published_figures;

static bool work_out(const result_table *t, const group *g, published_figures *out)
{
    table *row = table_new(1, t->class_count, 1, NULL);
    if (!row)
        return false;
    for (int c = 0; c < t->class_count; c++) {
        const published_row *p = group_find(g, t->classes[c]);
        table_put(row, 0, c, 0, p ? p->auroc : NAN);
    }
    table_finish(row);
    *out = (published_figures){.mean = table_row_mean(row, 0), .median = table_row_median(row, 0), .note = ""};
    table_free(row);
    const published_row *stated = group_find(g, "");
    if (isnan(out->mean.mean) && stated && t->all_classes) {
        out->mean = (table_figure){.count = 1, .mean = stated->auroc, .deviation = NAN};
        out->note = stated->note;
    }
    return true;
}

/* ---- JSON */

static json_t *figure_json(table_figure f)
{
    return json_pack("{s:o, s:o, s:i, s:b}", "auroc", json_number(f.mean), "deviation", json_number(f.deviation),
                     "count", f.count, "best", f.best);
}

static json_t *named_figure(const char *class_name, table_figure f)
{
    json_t *o = figure_json(f);
    if (o)
        json_object_set_new(o, "class", json_text(class_name));
    return o;
}

static json_t *group_json(const result_table *t, const group *g)
{
    published_figures f;
    if (!work_out(t, g, &f))
        return NULL;
    json_t *cells = json_array();
    for (int c = 0; c < t->class_count; c++) {
        const published_row *p = group_find(g, t->classes[c]);
        json_array_append_new(cells, json_pack("{s:o, s:o, s:s}", "class", json_text(t->classes[c]), "auroc",
                                               json_number(p ? p->auroc : NAN), "note", p ? p->note : ""));
    }
    return json_pack("{s:s, s:s, s:o, s:o, s:o, s:s}", "source", g->rows->source, "place", g->rows->place, "cells",
                     cells, "mean", json_number(f.mean.mean), "median", json_number(f.median.mean), "mean_note",
                     f.note);
}

static json_t *row_json(const result_table *t, const result_notes *notes, int row)
{
    char *note = result_notes_text(notes, row, RESULT_NOTES_ALL);
    json_t *cells = json_array(), *published = json_array();
    for (int c = 0; c < t->class_count; c++)
        json_array_append_new(cells, named_figure(t->classes[c], table_cell(t->figures, row, c)));
    for (group g = {0}; next_group(t, t->methods[row], &g);)
        json_array_append_new(published, group_json(t, &g));
    json_t *o = json_pack("{s:s, s:I, s:o, s:o, s:o, s:o, s:o, s:o}", "method", t->methods[row], "test_images",
                          (json_int_t)t->cells[row].test_images, "code_versions",
                          result_notes_versions(notes, row, RESULT_NOTES_ALL), "note", note ? json_text(note) : NULL,
                          "cells", cells, "mean", figure_json(table_row_mean(t->figures, row)), "median",
                          figure_json(table_row_median(t->figures, row)), "published", published);
    free(note);
    return o;
}

json_t *result_table_json(const result_table *t)
{
    result_notes notes;
    if (!result_notes_make(&notes, t))
        return NULL;
    json_t *classes = json_array(), *seeds = json_array(), *rows = json_array();
    for (int c = 0; c < t->class_count; c++)
        json_array_append_new(classes, json_text(t->classes[c]));
    for (int s = 0; s < t->seed_count; s++)
        json_array_append_new(seeds, json_integer((json_int_t)t->seeds[s]));
    for (int m = 0; m < t->method_count; m++)
        json_array_append_new(rows, row_json(t, &notes, m));
    return json_pack("{s:s, s:s, s:s?, s:b, s:o, s:o, s:o, s:o}", "dataset", t->dataset, "protocol", t->protocol,
                     "score", t->score, "same_images", (int)notes.same_images, "code_versions",
                     result_notes_versions(&notes, RESULT_NOTES_ALL, RESULT_NOTES_ALL), "classes", classes, "seeds",
                     seeds, "rows", rows);
}

/* ---- CSV: a line a figure */

static void csv_line(FILE *out, const char *kind, const char *of, const char *source, const char *class_name,
                     table_figure f, const char *note)
{
    fputs(kind, out);
    csv_text(out, of);
    csv_text(out, source);
    csv_text(out, class_name);
    csv_number(out, f.mean);
    csv_number(out, f.deviation);
    fprintf(out, ",%d,%d", f.count, f.best);
    csv_text(out, note);
    fputs("\r\n", out);
}

static void source_text(const group *g, char *text, size_t size)
{
    snprintf(text, size, "%s%s%s", g->rows->source, g->rows->place[0] ? ", " : "", g->rows->place);
}

static bool csv_group(FILE *out, const result_table *t, const group *g)
{
    char source[96];
    published_figures f;
    if (!work_out(t, g, &f))
        return false;
    source_text(g, source, sizeof source);
    for (int c = 0; c < t->class_count; c++) {
        const published_row *p = group_find(g, t->classes[c]);
        table_figure one = {.count = p != NULL, .mean = p ? p->auroc : NAN, .deviation = NAN};
        csv_line(out, "cell", g->rows->method, source, t->classes[c], one, p ? p->note : "");
    }
    csv_line(out, "mean", g->rows->method, source, "", f.mean, f.note);
    csv_line(out, "median", g->rows->method, source, "", f.median, "");
    return true;
}

/* A figure of a row of ours: of a class, or of RESULT_NOTES_ALL. */
static bool csv_own(FILE *out, const result_notes *notes, const char *kind, int row, int column, table_figure f)
{
    const result_table *t = notes->of;
    char *note = result_notes_text(notes, row, column);
    if (note)
        csv_line(out, kind, t->methods[row], "", column == RESULT_NOTES_ALL ? "" : t->classes[column], f, note);
    free(note);
    return note != NULL;
}

char *result_table_csv(const result_table *t, size_t *size)
{
    char *text = NULL;
    bool good = true;
    result_notes notes;
    FILE *out = result_notes_make(&notes, t) ? open_memstream(&text, size) : NULL;
    if (!out)
        return NULL;
    fputs("kind,method,source,class,auroc,deviation,count,best,note\r\n", out);
    for (int m = 0; m < t->method_count; m++) {
        for (int c = 0; c < t->class_count; c++)
            good = csv_own(out, &notes, "cell", m, c, table_cell(t->figures, m, c)) && good;
        good = csv_own(out, &notes, "mean", m, RESULT_NOTES_ALL, table_row_mean(t->figures, m)) && good;
        good = csv_own(out, &notes, "median", m, RESULT_NOTES_ALL, table_row_median(t->figures, m)) && good;
        for (group g = {0}; next_group(t, t->methods[m], &g);)
            good = csv_group(out, t, &g) && good;
    }
    return file_close_text(out, good, &text);
}

/* ---- Markdown */

/* `whole`: how many values a complete figure has; 0: whatever it has. */
static void markdown_figure(FILE *out, table_figure f, int whole)
{
    if (isnan(f.mean)) {
        fputs(" – |", out);
        return;
    }
    const char *mark = f.best ? "**" : "";
    fprintf(out, " %s%.*f%s", mark, TABLE_DIGITS, f.mean, mark);
    if (!isnan(f.deviation))
        fprintf(out, " ± %.*f", TABLE_DIGITS, f.deviation);
    if (whole && f.count < whole)
        fprintf(out, " (%d of %d)", f.count, whole);
    fputs(" |", out);
}

/* Puts the number of a note behind what it is about. `notes` has the texts in order; those alike share a number, and
 * no text is no note. */
static bool put_note(FILE *out, json_t *notes, const char *text)
{
    if (!*text)
        return true;
    size_t i = 0;
    while (i < json_array_size(notes) && strcmp(json_string_value(json_array_get(notes, i)), text) != 0)
        i++;
    if (i == json_array_size(notes) && json_array_append_new(notes, json_text(text)))
        return false;
    fprintf(out, " [%zu]", i + 1);
    return true;
}

static bool markdown_published(FILE *out, double value, const char *note, json_t *notes)
{
    bool good = true;
    if (isnan(value)) {
        fputs(" –", out);
    } else {
        fprintf(out, " %.*f", TABLE_DIGITS, value);
        good = put_note(out, notes, note);
    }
    fputs(" |", out);
    return good;
}

static bool markdown_group(FILE *out, const result_table *t, const group *g, json_t *notes)
{
    char source[96];
    published_figures f;
    bool good = true;
    if (!work_out(t, g, &f))
        return false;
    source_text(g, source, sizeof source);
    fputs("| *", out);
    markdown_text(out, source);
    fputs("* |", out);
    for (int c = 0; c < t->class_count; c++) {
        const published_row *p = group_find(g, t->classes[c]);
        good = markdown_published(out, p ? p->auroc : NAN, p ? p->note : "", notes) && good;
    }
    good = markdown_published(out, f.mean.mean, f.note, notes) && good;
    good = markdown_published(out, f.median.mean, "", notes) && good;
    fputc('\n', out);
    return good;
}

static void markdown_head(FILE *out, const result_notes *notes)
{
    const result_table *t = notes->of;
    fputs("AUROC on ", out);
    markdown_text(out, t->dataset);
    if (t->score) {
        fputs(", score ", out);
        markdown_text(out, t->score);
    }
    fprintf(out, ", %s; mean over seed%s", t->protocol, t->seed_count > 1 ? "s" : "");
    for (int s = 0; s < t->seed_count; s++)
        fprintf(out, "%s %" PRIu64, s ? "," : "", t->seeds[s]);
    fprintf(out, "%s. Best of each column in bold; published rows, in italics, are not compared.%s%s\n\n| method |",
            t->seed_count > 1 ? " ± standard deviation" : "",
            notes->same_images ? "" : " Not all rows were tested on the same images: see the notes.",
            notes->versions > 1 ? " Not all cells were made by the same version of the program: see the notes." : "");
    for (int c = 0; c < t->class_count; c++) {
        fputc(' ', out);
        markdown_text(out, t->classes[c]);
        fputs(" |", out);
    }
    fputs(" mean | median |\n| --- |", out);
    for (int c = 0; c < t->class_count + 2; c++)
        fputs(" ---: |", out);
    fputc('\n', out);
}

static bool markdown_rows(FILE *out, const result_notes *of, json_t *notes)
{
    const result_table *t = of->of;
    bool good = true;
    for (int m = 0; good && m < t->method_count; m++) {
        char *note = result_notes_text(of, m, RESULT_NOTES_ALL);
        fprintf(out, "| %s", t->methods[m]);
        good = note && put_note(out, notes, note);
        free(note);
        fputs(" |", out);
        for (int c = 0; c < t->class_count; c++)
            markdown_figure(out, table_cell(t->figures, m, c), t->seed_count);
        markdown_figure(out, table_row_mean(t->figures, m), 0);
        markdown_figure(out, table_row_median(t->figures, m), 0);
        fputc('\n', out);
        for (group g = {0}; next_group(t, t->methods[m], &g);)
            good = markdown_group(out, t, &g, notes) && good;
    }
    return good;
}

static void markdown_notes(FILE *out, const json_t *notes)
{
    for (size_t i = 0; i < json_array_size(notes); i++) {
        fprintf(out, "%s[%zu] ", i ? "" : "\n", i + 1);
        markdown_text(out, json_string_value(json_array_get(notes, i)));
        fputs("  \n", out);
    }
}

char *result_table_markdown(const result_table *t, size_t *size)
{
    char *text = NULL;
    result_notes of;
    FILE *out = open_memstream(&text, size);
    json_t *notes = json_array();
    bool good = out && notes && result_notes_make(&of, t);
    if (good) {
        markdown_head(out, &of);
        good = markdown_rows(out, &of, notes);
        markdown_notes(out, notes);
    }
    json_decref(notes);
    return file_close_text(out, good, &text);
}
