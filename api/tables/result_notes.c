/* SPDX-License-Identifier: MIT */
/* result_notes.c — see result_notes.h. */
#include "api/tables/result_notes.h"

#include "base/file.h"

#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

/* ---- cells */

static int cell_count(const result_table *t)
{
    return t->method_count * t->class_count * t->seed_count;
}

static const experiment_cell *cell_at(const result_table *t, int row, int place)
{
    return &t->cells[place * t->method_count + row];
}

static bool has_run(const experiment_cell *c)
{
    return c->run[0];
}

/* Of one class and seed: by the digests, where both are kept. */
static bool tested_alike(const experiment_cell *a, const experiment_cell *b)
{
    return a->images[0] && b->images[0] ? !strcmp(a->images, b->images) : a->test_images == b->test_images;
}

/* Whether two rows were tested on the same images, as far as both have run. */
static bool rows_alike(const result_table *t, int a, int b)
{
    for (int place = 0; place < t->class_count * t->seed_count; place++) {
        const experiment_cell *one = cell_at(t, a, place), *other = cell_at(t, b, place);
        if (has_run(one) && has_run(other) && !tested_alike(one, other))
            return false;
    }
    return true;
}

static bool all_alike(const result_table *t)
{
    for (int row = 0; row < t->method_count; row++)
        for (int before = 0; before < row; before++)
            if (!rows_alike(t, row, before))
                return false;
    return true;
}

/* ---- versions */

typedef struct version {
    const char *text;
    int runs;
} version;

static void count_version(version *all, int *count, const char *text)
{
    int i = 0;
    while (i < *count && strcmp(all[i].text, text) != 0)
        i++;
    if (i == *count)
        all[(*count)++] = (version){.text = text};
    all[i].runs++;
}

/* Returns new; NULL: out of memory. */
static version *versions_of(const result_table *t, int row, int column, int *count)
{
    version *all = calloc((size_t)cell_count(t) + 1, sizeof *all);
    *count = 0;
    for (int i = 0; all && i < cell_count(t); i++) {
        bool within = (row == RESULT_NOTES_ALL || i % t->method_count == row) &&
                      (column == RESULT_NOTES_ALL || i / t->method_count % t->class_count == column);
        if (within && has_run(&t->cells[i]))
            count_version(all, count, t->cells[i].code_version);
    }
    return all;
}

bool result_notes_make(result_notes *n, const result_table *of)
{
    *n = (result_notes){.of = of, .same_images = all_alike(of)};
    version *all = versions_of(of, RESULT_NOTES_ALL, RESULT_NOTES_ALL, &n->versions);
    free(all);
    return all != NULL;
}

json_t *result_notes_versions(const result_notes *n, int row, int column)
{
    int count;
    version *all = versions_of(n->of, row, column, &count);
    json_t *list = all ? json_array() : NULL;
    for (int i = 0; all && i < count; i++)
        json_array_append_new(list, json_string(all[i].text));
    free(all);
    return list;
}

/* ---- notes */

/* The method of the first row before that was to be tested on as many images, and was tested on others; NULL: none. */
static const char *other_images(const result_table *t, int row)
{
    for (int before = 0; before < row; before++)
        if (cell_at(t, before, 0)->test_images == cell_at(t, row, 0)->test_images && !rows_alike(t, before, row))
            return t->methods[before];
    return NULL;
}

/* What follows in the note comes after a "; " where this put anything. */
static bool put_images(FILE *out, const result_notes *n, int row)
{
    uint32_t images = cell_at(n->of, row, 0)->test_images;
    if (!images && n->same_images)
        return false;
    if (images)
        fprintf(out, "tested on %" PRIu32 " of the test images", images);
    else
        fputs("tested on all test images", out);
    const char *other = other_images(n->of, row);
    if (other)
        fprintf(out, ", others than those of %s", other);
    return true;
}

static void put_versions(FILE *out, const version *all, int count, bool after)
{
    for (int i = 0; i < count; i++)
        fprintf(out, "%s%s (%d run%s)",
                i       ? ", "
                : after ? "; made by "
                        : "made by ",
                all[i].text, all[i].runs, all[i].runs > 1 ? "s" : "");
}

char *result_notes_text(const result_notes *n, int row, int column)
{
    char *text = NULL;
    size_t size = 0;
    int count;
    version *all = versions_of(n->of, row, column, &count);
    FILE *out = all ? open_memstream(&text, &size) : NULL;
    if (out) {
        bool after = put_images(out, n, row);
        if (n->versions > 1)
            put_versions(out, all, count, after);
    }
    free(all);
    return file_close_text(out, true, &text);
}
