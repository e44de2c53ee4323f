/* SPDX-License-Identifier: MIT */
/* published.c — what others have published, which migrations put there. */
#include "daemon/store/internal.h"

static void read_row(query *q, published_row *row)
{
    query_get_text(q, row->source, sizeof row->source);
    query_get_text(q, row->place, sizeof row->place);
    query_get_text(q, row->method, sizeof row->method);
    query_get_text(q, row->dataset, sizeof row->dataset);
    query_get_text(q, row->protocol, sizeof row->protocol);
    query_get_text(q, row->class_name, sizeof row->class_name);
    row->auroc = query_get_real(q);
    query_get_text(q, row->note, sizeof row->note);
}

bool store_published_list(store_reader *r, const char *dataset_digest, const char *protocol, published_row *rows,
                          int limit, int *count, error *e)
{
    *count = 0;
    query q = query_begin(&r->on, SQL_PUBLISHED_LIST);
    query_put_text(&q, dataset_digest);
    query_put_text(&q, protocol);
    query_put_int(&q, limit);
    while (*count < limit && query_step(&q))
        read_row(&q, &rows[(*count)++]);
    return query_end(&q, e);
}
