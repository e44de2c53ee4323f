/* SPDX-License-Identifier: MIT */
/* page.h — what lists have in common: the page that a request asks for, and the answer with the next page's cursor. */
#ifndef ANOMALYD_API_RESOURCES_PAGE_H
#define ANOMALYD_API_RESOURCES_PAGE_H

#include "api/http/exchange.h"
#include "api/service.h"

/* How the rows of a record are listed. */
struct list {
    const char *page; /* what memory is needed for: "a page of jobs" */
    const struct record *record;
    size_t row_size;
    json_t *(*item)(const void *row); /* returns new */
    /* Answers in another format than JSON; NULL: in JSON. */
    void (*answer)(exchange *x, const void *rows, int count, const char *cursor);
    bool varies; /* with the Accept header */
};

/* Reads ?limit= and ?cursor=. False when one is out of range; then the exchange is answered. */
bool page_read(exchange *x, record_page *page);
/* Answers with the items, which are freed; the cursor is empty, or NULL, at the end. */
void page_answer(exchange *x, json_t *items, const char *cursor);
/* Answers with the rows of a page that page_read has read; `filter` is handed to `read`. */
void page_answer_rows(exchange *x, const struct list *l, list_rows *read, const void *filter, record_page *page);

#endif
