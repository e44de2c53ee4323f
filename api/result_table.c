/* SPDX-License-Identifier: MIT */
/* result_table.c — see result_table.h. */
#include "api/result_table.h"

#include "api/csv.h"
#include "api/json.h"
#include "api/markdown.h"

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

/* The group of method `of` after g (an empty one: the first). False: there is none. */
static bool next_group(const result_table *t, const char *of, group *g)
{
    int at = g->rows ? (int)(g->rows - t->published) + g->count : 0;
    for (; at < t->published_count; at += g->count) {
        g->rows = &t->published[at];
        for (g->count = 1; at + g->count < t->published_count && same_group(g->rows, &g->rows[g->count]);)
            g->count++;
        if (!strcmp(g->rows->method, of) && !strcmp(g->rows->protocol, t->protocol))
            return true;
    }
    return false;
}

static const published_row *group_find(const group *g, const char *class_name)
{
    for (int i = 0; i < g->count; i++)
        if (!strcmp(g->rows[i].class_name, class_name))
            return &g->rows[i];
    return NULL;
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
    table_close(row);
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

static json_t *row_json(const result_table *t, int row)
{
    json_t *cells = json_array(), *published = json_array();
    for (int c = 0; c < t->class_count; c++)
        json_array_append_new(cells, named_figure(t->classes[c], table_cell(t->figures, row, c)));
    for (group g = {0}; next_group(t, t->methods[row], &g);)
        json_array_append_new(published, group_json(t, &g));
    return json_pack("{s:s, s:o, s:o, s:o, s:o}", "method", t->methods[row], "cells", cells, "mean",
                     figure_json(table_row_mean(t->figures, row)), "median",
                     figure_json(table_row_median(t->figures, row)), "published", published);
}

json_t *result_table_json(const result_table *t)
{
    json_t *classes = json_array(), *seeds = json_array(), *rows = json_array();
    for (int c = 0; c < t->class_count; c++)
        json_array_append_new(classes, json_text(t->classes[c]));
    for (int s = 0; s < t->seed_count; s++)
        json_array_append_new(seeds, json_integer((json_int_t)t->seeds[s]));
    for (int m = 0; m < t->method_count; m++)
        json_array_append_new(rows, row_json(t, m));
    return json_pack("{s:s, s:s, s:s?, s:o, s:o, s:o}", "dataset", t->dataset, "protocol", t->protocol, "score",
                     t->score, "classes", classes, "seeds", seeds, "rows", rows);
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

/* What `out` holds; NULL when not all of it could be written. */
static char *close_text(FILE *out, bool good, char **text)
{
    good = good && !ferror(out);
    if (fclose(out) == 0 && good)
        return *text;
    free(*text);
    return NULL;
}

char *result_table_csv(const result_table *t, size_t *size)
{
    char *text = NULL;
    bool good = true;
    FILE *out = open_memstream(&text, size);
    if (!out)
        return NULL;
    fputs("kind,method,source,class,auroc,deviation,count,best,note\r\n", out);
    for (int m = 0; m < t->method_count; m++) {
        for (int c = 0; c < t->class_count; c++)
            csv_line(out, "cell", t->methods[m], "", t->classes[c], table_cell(t->figures, m, c), "");
        csv_line(out, "mean", t->methods[m], "", "", table_row_mean(t->figures, m), "");
        csv_line(out, "median", t->methods[m], "", "", table_row_median(t->figures, m), "");
        for (group g = {0}; next_group(t, t->methods[m], &g);)
            good = csv_group(out, t, &g) && good;
    }
    return close_text(out, good, &text);
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

/* Notes are numbered as they come; their texts go to `notes`. */
typedef struct footnotes {
    FILE *out;
    int count;
} footnotes;

static void markdown_published(FILE *out, double value, const char *note, footnotes *notes)
{
    if (isnan(value)) {
        fputs(" – |", out);
        return;
    }
    fprintf(out, " %.*f", TABLE_DIGITS, value);
    if (*note) {
        fprintf(out, " [%d]", ++notes->count);
        fprintf(notes->out, "[%d] ", notes->count);
        markdown_text(notes->out, note);
        fputs("  \n", notes->out);
    }
    fputs(" |", out);
}

static bool markdown_group(FILE *out, const result_table *t, const group *g, footnotes *notes)
{
    char source[96];
    published_figures f;
    if (!work_out(t, g, &f))
        return false;
    source_text(g, source, sizeof source);
    fputs("| *", out);
    markdown_text(out, source);
    fputs("* |", out);
    for (int c = 0; c < t->class_count; c++) {
        const published_row *p = group_find(g, t->classes[c]);
        markdown_published(out, p ? p->auroc : NAN, p ? p->note : "", notes);
    }
    markdown_published(out, f.mean.mean, f.note, notes);
    markdown_published(out, f.median.mean, "", notes);
    fputc('\n', out);
    return true;
}

static void markdown_head(FILE *out, const result_table *t)
{
    fputs("AUROC on ", out);
    markdown_text(out, t->dataset);
    if (t->score) {
        fputs(", score ", out);
        markdown_text(out, t->score);
    }
    fprintf(out, ", %s; mean over seed%s", t->protocol, t->seed_count > 1 ? "s" : "");
    for (int s = 0; s < t->seed_count; s++)
        fprintf(out, "%s %" PRIu64, s ? "," : "", t->seeds[s]);
    fprintf(out, "%s. Best of each column in bold; published rows, in italics, are not compared.\n\n| method |",
            t->seed_count > 1 ? " ± standard deviation" : "");
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

static bool markdown_rows(FILE *out, const result_table *t, footnotes *notes)
{
    bool good = true;
    for (int m = 0; m < t->method_count; m++) {
        fprintf(out, "| %s |", t->methods[m]);
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

char *result_table_markdown(const result_table *t, size_t *size)
{
    char *text = NULL, *below = NULL;
    size_t below_size = 0;
    FILE *out = open_memstream(&text, size);
    footnotes notes = {.out = open_memstream(&below, &below_size)};
    bool good = out && notes.out;
    if (good) {
        markdown_head(out, t);
        good = markdown_rows(out, t, &notes);
    }
    if (notes.out && !(below = close_text(notes.out, good, &below)))
        good = false;
    if (good && *below)
        fprintf(out, "\n%s", below);
    free(below);
    return out ? close_text(out, good, &text) : NULL;
}
