/* SPDX-License-Identifier: MIT */
/* page.h — what lists have in common: the page that a request asks for, and the answer with the next page's cursor. */
#ifndef ANOMALYD_API_RESOURCES_PAGE_H
#define ANOMALYD_API_RESOURCES_PAGE_H

#include "api/http/exchange.h"
#include "api/service.h"

/* Reads ?limit= and ?cursor=. False when one is out of range; then the exchange is answered. */
bool page_read(exchange *x, record_page *page);
/* Answers with the items, which are freed; the cursor is empty, or NULL, at the end. */
void page_answer(exchange *x, json_t *items, const char *cursor);

#endif
