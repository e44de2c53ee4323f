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
