/* SPDX-License-Identifier: MIT */
/* remote.c — see remote.h. */
#include "daemon/client/remote.h"

#include "api/records/record.h"

#include <assert.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { LIST_PRESET = 50 };

const char *const remote_text_json[] = {"text", "json", NULL};
const char *const remote_table_json[] = {"table", "json", NULL};

const flag remote_server[] = {REMOTE_SERVER_FLAG, {0}};
const flag remote_text_json_flags[] = {
    REMOTE_SERVER_FLAG, REMOTE_FORMAT_FLAG(remote_text_json, "text|json", "text"), {0}};
const flag remote_table_json_flags[] = {
    REMOTE_SERVER_FLAG, REMOTE_FORMAT_FLAG(remote_table_json, "table|json", "table"), {0}};

/* ---- the call */

static bool open_client(remote *r, error *e)
{
    const char *url = r->server, *from = "--server";
    if (!url) {
        from = "ANOMALYD_SERVER";
        url = getenv(from);
    }
    r->client = client_new(url && *url ? url : "http://" CONFIG_LISTEN, e);
    return r->client || error_at(e, "%s", from);
}

static int work(remote *r)
{
    error e = {0};
    if (!open_client(r, &e)) {
        fprintf(stderr, "anomalyd %s: %s\n", r->command, e.message);
        return e.code == ERROR_INVALID ? EXIT_USAGE : 1;
    }
    bool good = r->action->work(r, &e);
    if (good && (fflush(stdout) != 0 || ferror(stdout)))
        good = error_system(&e, "standard output");
    if (!good)
        fprintf(stderr, "anomalyd %s: %s\n", r->command, e.message);
    client_free(r->client);
    return good ? r->status : 1;
}

static int call(const remote_action *a, int argc, char **argv)
{
    remote r = {.action = a, .command = a->usage.words};
    error e = {0};
    int status;
    r.own = calloc(1, a->own_size ? a->own_size : sizeof(remote_flags));
    if (!r.own) {
        fprintf(stderr, "anomalyd %s: out of memory\n", r.command);
        return 1;
    }
    if (usage_read(&a->usage, argc, argv, r.own, &r.line, &status)) {
        r.server = ((const remote_flags *)r.own)->server;
        r.format = a->formats ? a->formats[((const remote_flags *)r.own)->format] : NULL;
        status = a->check && !a->check(&r, &e) ? usage_refuse(&a->usage, &e) : work(&r);
    }
    free(r.own);
    return status;
}

/* The second of the two words of an action's usage. */
static const char *name_of(const remote_action *a)
{
    return strchr(a->usage.words, ' ') + 1;
}

static void print_actions(const remote_action *const *actions, FILE *out)
{
    for (int i = 0; actions[i]; i++) {
        fputs(i ? "       " : "usage: ", out);
        usage_print_synopsis(&actions[i]->usage, out);
    }
    fputc('\n', out);
    for (int i = 0; actions[i]; i++)
        fprintf(out, "  %-8s %s\n", name_of(actions[i]), actions[i]->usage.summary);
    fputs("\nAn action's --help lists its options.\n", out);
}

int remote_main(const remote_action *const *actions, int argc, char **argv)
{
    if (argc < 2 || !strcmp(argv[1], "--help")) {
        print_actions(actions, argc < 2 ? stderr : stdout);
        return argc < 2 ? EXIT_USAGE : 0;
    }
    for (int i = 0; actions[i]; i++)
        if (!strcmp(argv[1], name_of(actions[i])))
            return call(actions[i], argc - 1, argv + 1);
    fprintf(stderr, "anomalyd %s: there is no action \"%s\"; there are", argv[0], argv[1]);
    for (int i = 0; actions[i]; i++)
        fprintf(stderr, "%s %s", i ? "," : "", name_of(actions[i]));
    fputc('\n', stderr);
    return EXIT_USAGE;
}

/* ---- answers */

/* The body as it came, with a line's end where it has none. */
static void print_answer(const client_answer *a)
{
    if (!a->size)
        return;
    fwrite(a->text, 1, a->size, stdout);
    if (a->text[a->size - 1] != '\n')
        putchar('\n');
}

bool remote_wants(const remote *r, const char *format)
{
    return r->format && !strcmp(r->format, format);
}

bool remote_show(remote *r, const client_request *q, bool (*print)(json_t *body, error *e), error *e)
{
    client_answer a = {0};
    if (!client_ask(r->client, q, &a, e))
        return false;
    bool as_it_came = !print || remote_wants(r, "json");
    json_t *body = as_it_came ? NULL : client_json(r->client, &a, e);
    bool good = as_it_came || (body && print(body, e));
    if (as_it_came)
        print_answer(&a);
    json_decref(body);
    client_answer_free(&a);
    return good;
}

/* Pages of CSV each begin with the names of the columns; the first one's are enough. */
static void print_csv(client_answer page, bool first)
{
    const char *line = first || !page.text ? NULL : strchr(page.text, '\n');
    if (line) {
        page.size -= (size_t)(line + 1 - page.text);
        page.text += line + 1 - page.text;
    }
    print_answer(&page);
}

/* Handles one page; t: NULL where it is printed as it came. *cursor is the next one's; NULL: that was the last. Owned
 * by the caller. */
static bool put_page(const remote *r, const client_answer *a, bool first, text_table *t, char **cursor, error *e)
{
    bool csv = remote_wants(r, "csv");
    json_t *body = csv ? NULL : client_json(r->client, a, e);
    const json_t *item;
    size_t i;
    if (!body && !csv)
        return false;
    const char *next =
        csv ? client_header(r->client, "X-Next-Cursor") : json_string_value(json_object_get(body, "next_cursor"));
    free(*cursor);
    *cursor = next ? strdup(next) : NULL;
    bool good = !next || *cursor || error_memory(e, "a cursor");
    if (csv)
        print_csv(*a, first);
    else if (!t)
        print_answer(a);
    json_array_foreach(t ? json_object_get(body, "items") : NULL, i, item)
    {
        text_table_item(t, item);
    }
    json_decref(body);
    return good;
}

bool remote_list(remote *r, client_request *q, int limit, const text_column *columns, int count, error *e)
{
    char *cursor = NULL, size[16];
    bool in_columns = remote_wants(r, "table");
    text_table *t = in_columns ? text_table_new(columns, count, e) : NULL;
    bool good = t || !in_columns;
    int at = 0;
    limit = limit ? limit : LIST_PRESET;
    while (q->query[at].name)
        at++;
    assert(at + 2 <= CLIENT_QUERY_MAX);
    for (int left = limit; good && left > 0 && (left == limit || cursor);) {
        int asked = left < RECORD_PAGE_MAX ? left : RECORD_PAGE_MAX;
        client_answer a = {0};
        snprintf(size, sizeof size, "%d", asked);
        q->query[at] = (struct client_parameter){"limit", size};
        q->query[at + 1] = (struct client_parameter){cursor ? "cursor" : NULL, cursor};
        good = client_ask(r->client, q, &a, e) && put_page(r, &a, left == limit, t, &cursor, e);
        client_answer_free(&a);
        left -= asked;
    }
    if (good && cursor)
        fprintf(stderr, "anomalyd %s: there are more than these %d; --limit N lists N\n", r->command, limit);
    free(cursor);
    if (good && t)
        return text_table_print(t, e);
    text_table_free(t);
    return good;
}

const char *remote_text(const json_t *o, const char *name)
{
    const char *text = json_string_value(json_object_get(o, name));
    return text ? text : "";
}

double remote_number(const json_t *o, const char *name)
{
    const json_t *value = json_object_get(o, name);
    return json_is_number(value) ? json_number_value(value) : NAN;
}
