/* SPDX-License-Identifier: MIT */
/* datasets.c — rows of imported data sets. */
#include "daemon/store/internal.h"

#include <jansson.h>
#include <stdlib.h>
#include <string.h>

typedef struct dataset_add {
    dataset_row row;
    char *classes, *copies; /* copies: NULL where they were not counted */
} dataset_add;

/* [[name, training images, test images], …]; returned new. */
static char *classes_text(const dataset_info *info)
{
    json_t *list = json_array();
    for (int i = 0; list && i < info->classes; i++) {
        json_t *one = json_pack("[s, I, I]", info->class_names[i], (json_int_t)info->counts[SPLIT_TRAIN][i],
                                (json_int_t)info->counts[SPLIT_TEST][i]);
        if (json_array_append_new(list, one)) {
            json_decref(list);
            list = NULL;
        }
    }
    char *text = list ? json_dumps(list, JSON_COMPACT) : NULL;
    json_decref(list);
    return text;
}

static bool read_classes(const char *text, dataset_info *info, error *e)
{
    json_t *list = json_loads(text, 0, NULL);
    size_t count = json_array_size(list);
    bool good = json_is_array(list) && count <= DATASET_CLASSES_MAX;
    for (size_t i = 0; good && i < count; i++) {
        const char *name;
        json_int_t train, test;
        good = !json_unpack(json_array_get(list, i), "[s, I, I]", &name, &train, &test) &&
               strlen(name) < DATASET_CLASS_NAME_MAX;
        if (good) {
            snprintf(info->class_names[i], DATASET_CLASS_NAME_MAX, "%s", name);
            info->counts[SPLIT_TRAIN][i] = (uint32_t)train;
            info->counts[SPLIT_TEST][i] = (uint32_t)test;
        }
    }
    info->classes = good ? (int)count : 0;
    json_decref(list);
    return good || error_set(e, ERROR_CORRUPT, "registry: the classes of a data set cannot be read");
}

/* [training images, test images, conflicting, [left out of each class, …]]; returned new. */
static char *copies_text(const dataset_info *info)
{
    json_t *left_out = json_array();
    for (int i = 0; left_out && i < info->classes; i++) {
        if (json_array_append_new(left_out, json_integer(info->left_out[i]))) {
            json_decref(left_out);
            left_out = NULL;
        }
    }
    json_t *list = json_pack("[I, I, I, o]", (json_int_t)info->copies[SPLIT_TRAIN],
                             (json_int_t)info->copies[SPLIT_TEST], (json_int_t)info->conflicting, left_out);
    char *text = list ? json_dumps(list, JSON_COMPACT) : NULL;
    json_decref(list);
    return text;
}

static bool read_copies(const char *text, dataset_info *info, error *e)
{
    json_t *list = json_loads(text, 0, NULL), *left_out;
    json_int_t train, test, conflicting;
    bool good = !json_unpack(list, "[I, I, I, o!]", &train, &test, &conflicting, &left_out) &&
                json_array_size(left_out) == (size_t)info->classes;
    if (good) {
        info->copies[SPLIT_TRAIN] = (uint32_t)train;
        info->copies[SPLIT_TEST] = (uint32_t)test;
        info->conflicting = (uint32_t)conflicting;
        for (int i = 0; i < info->classes; i++)
            info->left_out[i] = (uint32_t)json_integer_value(json_array_get(left_out, (size_t)i));
    }
    json_decref(list);
    return good || error_set(e, ERROR_CORRUPT, "registry: the copies in a data set cannot be read");
}

static bool read_lists(query *q, void *to, error *e)
{
    dataset_row *row = to;
    dataset_info *info = &row->info;
    char *classes = query_get_copy(q);
    bool good = classes ? read_classes(classes, info, e) : error_memory(e, "a data set's classes");
    free(classes);
    char *copies = query_get_copy(q);
    row->copies_counted = copies != NULL;
    good = good && (!copies || read_copies(copies, info, e));
    free(copies);
    return good;
}

/* An earlier program imported the same images and did not count. */
static bool add_copies(connection *c, const dataset_add *a, error *e)
{
    query q = query_begin(c, SQL_DATASET_COUNTED);
    query_put_text(&q, a->row.name);
    query_put_text(&q, a->copies);
    return query_run(&q, e);
}

static bool apply(connection *c, void *arguments, store_answer *answer, error *e)
{
    (void)answer;
    const dataset_add *a = arguments;
    query find = query_begin(c, SQL_DATASET_DIGEST);
    query_put_text(&find, a->row.name);
    char digest[DATASET_DIGEST_TEXT] = "";
    bool there = query_step(&find);
    if (there)
        query_get_text(&find, digest, sizeof digest);
    if (!query_end(&find, e))
        return false;
    if (there && strcmp(digest, a->row.info.digest) != 0)
        return error_set(e, ERROR_CONFLICT, "data set %s: there is one of that name with other images", a->row.name);
    if (there)
        return add_copies(c, a, e);
    query add = query_begin(c, SQL_DATASET_ADD);
    query_put_record(&add, &dataset_record, &a->row);
    query_put_text(&add, a->classes);
    query_put_text(&add, a->copies);
    return query_run(&add, e);
}

static const write_kind adding =
    WRITE("a data set's row", apply, dataset_add, WRITE_TEXT(dataset_add, classes), WRITE_TEXT(dataset_add, copies));

bool store_dataset_add(store *s, const dataset_row *row, store_reply reply, error *e)
{
    const dataset_add a = {.row = *row,
                           .classes = classes_text(&row->info),
                           .copies = row->copies_counted ? copies_text(&row->info) : NULL};
    bool good = a.classes && (a.copies || !row->copies_counted);
    good = good ? store_queue(s, &adding, &a, reply, e) : error_memory(e, "a data set's classes");
    free(a.classes);
    free(a.copies);
    return good;
}

static const row_kind rows_of_datasets = {'d', "created", &dataset_record, sizeof(dataset_row), read_lists};

bool store_dataset_list(store_reader *r, record_page *page, dataset_row *rows, int *count, error *e)
{
    int64_t key;
    char id[RECORD_NAME_MAX];
    *count = 0;
    if (!cursor_read(page, &rows_of_datasets, &key, id, e))
        return false;
    query q = query_begin(&r->on, SQL_DATASET_LIST);
    query_put_int(&q, key);
    query_put_text(&q, id);
    query_put_int(&q, page->limit + 1);
    return query_page(page, &rows_of_datasets, &q, rows, count, e);
}

bool store_dataset_get(store_reader *r, const char *name, dataset_row *row, error *e)
{
    bool found;
    query q = query_begin(&r->on, SQL_DATASET_GET);
    query_put_text(&q, name);
    return query_find(&q, &rows_of_datasets, row, &found, e) &&
           (found || error_set(e, ERROR_NOT_FOUND, "there is no data set \"%s\"", name));
}

bool store_dataset_find(store_reader *r, const char *digest, const char *name, dataset_row *row, error *e)
{
    bool found;
    query q = query_begin(&r->on, SQL_DATASET_FIND);
    query_put_text(&q, digest);
    query_put_text(&q, name);
    return query_find(&q, &rows_of_datasets, row, &found, e) &&
           (found || error_set(e, ERROR_NOT_FOUND, "there is no data set of these images (digest %.12s...)", digest));
}
