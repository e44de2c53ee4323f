/* SPDX-License-Identifier: MIT */
/* page.c — see page.h. */
#include "api/resources/page.h"

#include <stdlib.h>
#include <string.h>

enum { PAGE_LIMIT_PRESET = 50 };

bool page_read(exchange *x, record_page *page)
{
    const request *r = exchange_request(x);
    const char *limit = request_query(r, "limit"), *cursor = request_query(r, "cursor");
    problem p = {0};
    *page = (record_page){.limit = PAGE_LIMIT_PRESET};
    if (limit) {
        char *end;
        long value = strtol(limit, &end, 10);
        if (*end || !*limit || value < 1 || value > RECORD_PAGE_MAX)
            problem_set(&p, 400, "limit: '%.32s' is not an integer in 1 ... %d", limit, RECORD_PAGE_MAX);
        else
            page->limit = (int)value;
    }
    if (!p.status && cursor) {
        if (!*cursor || strlen(cursor) >= sizeof page->cursor)
            problem_set(&p, 400, "cursor: not one of ours");
        else
            memcpy(page->cursor, cursor, strlen(cursor) + 1);
    }
    if (!p.status)
        return true;
    exchange_answer_problem(x, &p);
    return false;
}

void page_answer(exchange *x, json_t *items, const char *cursor)
{
    json_t *next = cursor && cursor[0] ? json_string(cursor) : json_null();
    exchange_answer_json(x, 200, json_pack("{s:o, s:o}", "items", items, "next_cursor", next));
}

void page_answer_rows(exchange *x, const struct list *l, list_rows *read, const void *filter, record_page *page)
{
    error e = {0};
    int count = 0;
    char *rows = calloc((size_t)page->limit, l->row_size);
    if (!rows)
        error_memory(&e, l->page);
    if (!rows || !read(exchange_service(x)->self, filter, page, rows, &count, &e)) {
        exchange_answer_error(x, &e, PROBLEM_REQUEST);
        free(rows);
        return;
    }
    if (l->varies)
        exchange_vary(x);
    json_t *items = l->answer ? NULL : json_array();
    for (int i = 0; items && i < count; i++)
        json_array_append_new(items, l->item(rows + (size_t)i * l->row_size));
    if (l->answer)
        l->answer(x, rows, count, page->cursor);
    else
        page_answer(x, items, page->cursor);
    for (int i = 0; i < count; i++)
        record_free(l->record, rows + (size_t)i * l->row_size);
    free(rows);
}
