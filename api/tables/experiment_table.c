/* SPDX-License-Identifier: MIT */
/* experiment_table.c — see experiment_table.h. */
#include "api/tables/experiment_table.h"

#include "api/json/json.h"

#include <stdlib.h>

/* Borrowed from axes. */
static const char **texts_of(const json_t *axes, const char *key, int *count)
{
    const json_t *list = json_object_get(axes, key);
    *count = (int)json_array_size(list);
    const char **texts = calloc((size_t)*count + 1, sizeof *texts);
    for (int i = 0; texts && i < *count; i++)
        texts[i] = json_string_value(json_array_get(list, (size_t)i));
    return texts;
}

static uint64_t *seeds_of(const json_t *axes, int *count)
{
    const json_t *list = json_object_get(axes, "seeds");
    *count = (int)json_array_size(list);
    uint64_t *seeds = calloc((size_t)*count + 1, sizeof *seeds);
    for (int i = 0; seeds && i < *count; i++)
        seeds[i] = (uint64_t)json_integer_value(json_array_get(list, (size_t)i));
    return seeds;
}

/* Cells lie by seeds, then classes, then methods. Returns new. */
static table *work_out(const experiment_row *row, const result_table *t, error *e)
{
    if (t->method_count * t->class_count * t->seed_count != row->cell_count || row->cell_count == 0) {
        error_set(e, ERROR_CORRUPT, "experiment %s: %d cells do not fill its table", row->id, row->cell_count);
        return NULL;
    }
    table *figures = table_new(t->method_count, t->class_count, t->seed_count, e);
    for (int i = 0; figures && i < row->cell_count; i++)
        table_put(figures, i % t->method_count, i / t->method_count % t->class_count,
                  i / (t->method_count * t->class_count), row->cells[i].auroc);
    if (figures)
        table_finish(figures);
    return figures;
}

bool experiment_table_make(experiment_table *t, const experiment_row *row, const published_row *published, int count,
                           error *e)
{
    result_table *own = &t->table;
    *own = (result_table){.dataset = row->dataset,
                          .protocol = row->protocol,
                          .score = row->score[0] ? row->score : NULL,
                          .all_classes = row->all_classes,
                          .cells = row->cells,
                          .published = published,
                          .published_count = count};
    t->axes = json_embedded(row->axes);
    own->methods = t->methods = texts_of(t->axes, "methods", &own->method_count);
    own->classes = t->classes = texts_of(t->axes, "classes", &own->class_count);
    own->seeds = t->seeds = seeds_of(t->axes, &own->seed_count);
    if (!t->axes || !t->methods || !t->classes || !t->seeds)
        return error_memory(e, "a table");
    own->figures = t->figures = work_out(row, own, e);
    return t->figures != NULL;
}

void experiment_table_free(experiment_table *t)
{
    table_free(t->figures);
    free(t->methods);
    free(t->classes);
    free(t->seeds);
    json_decref(t->axes);
    *t = (experiment_table){0};
}

char *experiment_table_write(const experiment_table *t, enum table_format format, size_t *size)
{
    switch (format) {
    case TABLE_JSON:
        return json_write(result_table_json(&t->table), size);
    case TABLE_CSV:
        return result_table_csv(&t->table, size);
    case TABLE_MARKDOWN:
        return result_table_markdown(&t->table, size);
    case TABLE_FORMATS:
        break;
    }
    return NULL;
}
