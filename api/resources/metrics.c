/* SPDX-License-Identifier: MIT */
/* metrics.c — GET /metrics: what the server counts, then what the service appends. */
#include "api/http/server.h"
#include "api/resources/routes.h"
#include "api/service.h"
#include "base/file.h"

void get_metrics(exchange *x)
{
    const service *s = exchange_service(x);
    char *text = NULL;
    size_t size = 0;
    FILE *out = open_memstream(&text, &size);
    if (out) {
        server_print_metrics(exchange_server(x), out);
        s->metrics(s->host.self, out);
    }
    text = file_close_text(out, true, &text);
    response a = response_bytes(200, "text/plain; version=0.0.4; charset=utf-8", text, size);
    exchange_answer(x, &a);
}
