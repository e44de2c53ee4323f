/* SPDX-License-Identifier: MIT */
/* report_scores.c — a report's table of every score that its runs have: their own, the method's others, refined ones.
 */
#include "daemon/report/report.h"

#include "api/tables/markdown.h"
#include "api/tables/result_notes.h"

#include <stdlib.h>
#include <string.h>

/* Names of the other scores of one method's runs, in the order they are met. */
typedef struct names {
    const char *of[RECORD_SCORES_MAX];
    int count;
} names;

static int find(const names *n, const char *name)
{
    int i = 0;
    while (i < n->count && strcmp(n->of[i], name) != 0)
        i++;
    return i;
}

static void meet(names *n, const run_row *run)
{
    for (int i = 0; i < run->score_count; i++)
        if (find(n, run->scores[i].name) == n->count && n->count < RECORD_SCORES_MAX)
            n->of[n->count++] = run->scores[i].name;
}

static names names_of(const report *r, int row)
{
    const result_table *t = &r->tabulated.table;
    names n = {.count = 0};
    for (int i = row; i < r->run_count; i += t->method_count)
        meet(&n, &r->runs[i]);
    return n;
}

/* Row 0: the runs' own score; then the names'. Returns new. */
static table *figures_of(const report *r, int row, const names *n, error *e)
{
    const result_table *t = &r->tabulated.table;
    table *figures = table_new(1 + n->count, t->class_count, t->seed_count, e);
    for (int c = 0; figures && c < t->class_count; c++)
        for (int s = 0; s < t->seed_count; s++) {
            const run_row *run = &r->runs[report_cell(r, row, c, s)];
            if (!run->id[0])
                continue;
            table_put(figures, 0, c, s, run->auroc);
            for (int i = 0; i < run->score_count; i++)
                if (find(n, run->scores[i].name) < n->count)
                    table_put(figures, 1 + find(n, run->scores[i].name), c, s, run->scores[i].auroc);
        }
    if (figures)
        table_finish(figures);
    return figures;
}

static void put_line(FILE *out, const report *r, const table *figures, int line, const char *of, const char *score)
{
    const int classes = r->tabulated.table.class_count;
    fprintf(out, "| %s | ", of);
    markdown_text(out, score);
    for (int c = 0; c < classes; c++) {
        fputs(" | ", out);
        report_put_figure(out, table_cell(figures, line, c).mean);
    }
    fputs(" | ", out);
    report_put_figure(out, table_row_mean(figures, line).mean);
    fputs(" | ", out);
    report_put_figure(out, table_row_median(figures, line).mean);
    fputs(" |\n", out);
}

static bool put_method(FILE *out, const report *r, int row, error *e)
{
    const char *id = r->tabulated.table.methods[row];
    names n = names_of(r, row);
    table *figures = figures_of(r, row, &n, e);
    if (!figures)
        return false;
    put_line(out, r, figures, 0, id, "its own");
    for (int i = 0; i < n.count; i++)
        put_line(out, r, figures, 1 + i, id, n.of[i]);
    table_free(figures);
    return true;
}

/* Whether the table has a note on which images a row was tested on, or which versions made it. */
static bool has_notes(const result_table *t)
{
    result_notes notes;
    bool has = false;
    if (!result_notes_make(&notes, t))
        return false;
    for (int m = 0; m < t->method_count; m++) {
        char *text = result_notes_text(&notes, m, RESULT_NOTES_ALL);
        has = has || (text && *text);
        free(text);
    }
    return has;
}

bool report_put_scores(FILE *out, const report *r, error *e)
{
    const result_table *t = &r->tabulated.table;
    int others = 0;
    for (int m = 0; m < t->method_count; m++)
        others += names_of(r, m).count;
    if (!others)
        return true;
    fputs("\n## Every score\n\nOf the same models in the same tests: each run's own score, the others that its method "
          "knows, and what refining by held-out normals makes of them (`fusion`, `complexity`, `fusion-complexity`). "
          "Figures to compare, not to choose by: the labels of the test decide which is highest.",
          out);
    if (has_notes(t))
        fputs(" The table's notes hold for these rows too.", out);
    fputs("\n\n| method | score |", out);
    for (int c = 0; c < t->class_count; c++) {
        fputc(' ', out);
        markdown_text(out, t->classes[c]);
        fputs(" |", out);
    }
    fputs(" mean | median |\n| --- | --- |", out);
    for (int c = 0; c < t->class_count + 2; c++)
        fputs(" ---: |", out);
    fputc('\n', out);
    for (int m = 0; m < t->method_count; m++)
        if (!put_method(out, r, m, e))
            return false;
    return true;
}
