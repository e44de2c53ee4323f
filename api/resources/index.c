/* SPDX-License-Identifier: MIT */
/* index.c — GET /: where everything is. GET /openapi.yaml: the contract, as it was when the program was built. */
#include "api/resources/routes.h"

#include "base/file.h"
#include "base/version.h"

#include <stdio.h>
#include <string.h>

static json_t *list_paths(void)
{
    json_t *paths = json_array();
    for (const route *line = resource_routes; line->pattern; line++)
        json_array_append_new(paths, json_sprintf("%s %s", line->verb, line->pattern));
    return paths;
}

/* A GET without a parameter is a link. Patterns need no escaping: they hold nothing that has a meaning in HTML. */
static void answer_html(exchange *x)
{
    char *text = NULL;
    size_t size = 0;
    FILE *out = open_memstream(&text, &size);
    if (out) {
        fprintf(out,
                "<!doctype html>\n<html lang=\"en\">\n<meta charset=\"utf-8\">\n<title>anomalyd</title>\n"
                "<h1>anomalyd %s</h1>\n<ul>\n",
                version_text());
        for (const route *line = resource_routes; line->pattern; line++) {
            bool link = !strcmp(line->verb, "GET") && !strchr(line->pattern, '{');
            if (link)
                fprintf(out, "<li>%s <a href=\"%s\">%s</a>\n", line->verb, line->pattern, line->pattern);
            else
                fprintf(out, "<li>%s %s\n", line->verb, line->pattern);
        }
        fprintf(out, "</ul>\n</html>\n");
    }
    text = file_close_text(out, true, &text);
    response a = response_bytes(200, "text/html; charset=utf-8", text, size);
    response_add_header(&a, "Content-Security-Policy", "default-src 'none'; frame-ancestors 'none'");
    exchange_answer(x, &a);
}

void get_index(exchange *x)
{
    exchange_vary(x);
    if (media_prefers(request_header(exchange_request(x), "Accept"), "text/html", "application/json")) {
        answer_html(x);
        return;
    }
    exchange_answer_json(
        x, 200, json_pack("{s:s, s:s, s:o}", "name", "anomalyd", "version", version_text(), "paths", list_paths()));
}

void get_openapi(exchange *x)
{
    exchange_answer(
        x,
        &(response){.status = 200, .media_type = "application/yaml", .bytes = openapi_yaml, .size = openapi_yaml_size});
}
