/* SPDX-License-Identifier: MIT */
/* remote.c — see cmd_remote.h. */
#include "daemon/client/remote.h"

#include "api/service.h"
#include "daemon/platform/command.h"
#include "daemon/platform/config.h"

#include <assert.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { LETTER_SERVER = 256, LETTER_FORMAT, LETTER_HELP, OPTIONS_MAX = 32 };

const char *const remote_text_json[] = {"text", "json", NULL};
const char *const remote_table_json[] = {"table", "json", NULL};

/* ---- arguments */

static bool take_format(remote *r, const char *text)
{
    const char *const *formats = r->action->formats;
    for (int i = 0; formats[i]; i++)
        if (!strcmp(text, formats[i])) {
            r->format = formats[i];
            return true;
        }
    fprintf(stderr, "anomalyd %s: --format: \"%s\" is none of", r->command, text);
    for (int i = 0; formats[i]; i++)
        fprintf(stderr, "%s %s", i ? "," : "", formats[i]);
    fputc('\n', stderr);
    return false;
}

static void list_options(const remote_action *a, struct option all[OPTIONS_MAX])
{
    size_t n = 0;
    all[n++] = (struct option){"server", required_argument, NULL, LETTER_SERVER};
    all[n++] = (struct option){"help", no_argument, NULL, LETTER_HELP};
    if (a->formats)
        all[n++] = (struct option){"format", required_argument, NULL, LETTER_FORMAT};
    for (int i = 0; a->options && a->options[i].name; i++) {
        assert(n < OPTIONS_MAX - 1);
        all[n++] = a->options[i];
    }
    all[n] = (struct option){0};
}

static bool take_operands(remote *r, int count, char **given)
{
    const char *const *names = r->action->operands;
    int expected = 0;
    while (expected < REMOTE_OPERANDS_MAX && names[expected])
        expected++;
    if (count > expected && !r->action->rest) {
        fprintf(stderr, "anomalyd %s: \"%s\" is one argument too many\n", r->command, given[expected]);
        return false;
    }
    for (int i = 0; i < expected; i++) {
        if (i >= count || !*given[i]) {
            fprintf(stderr, "anomalyd %s: %s is missing\n", r->command, names[i]);
            return false;
        }
        r->operands[i] = given[i];
    }
    r->rest = given + expected;
    r->rest_count = count - expected;
    if (!r->action->rest || r->rest_count > 0)
        return true;
    fprintf(stderr, "anomalyd %s: %s is missing\n", r->command, r->action->rest);
    return false;
}

static bool read_arguments(remote *r, const char *help, int argc, char **argv)
{
    struct option all[OPTIONS_MAX];
    char called[80];
    list_options(r->action, all);
    snprintf(called, sizeof called, "anomalyd %s", r->command);
    argv[0] = called; /* what getopt's messages begin with */
    for (int letter; (letter = getopt_long(argc, argv, "", all, NULL)) != -1;) {
        bool good = letter != '?';
        if (letter == LETTER_HELP) {
            fputs(help, stdout);
            exit(0);
        }
        if (letter == LETTER_SERVER)
            r->server = optarg;
        else if (letter == LETTER_FORMAT)
            good = take_format(r, optarg);
        else if (good)
            good = r->action->take(r, letter);
        if (!good)
            return false;
    }
    return take_operands(r, argc - optind, argv + optind) && (!r->action->check || r->action->check(r));
}

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

static int call(const remote_action *a, const char *help, int argc, char **argv)
{
    remote r = {.action = a, .format = a->formats ? a->formats[0] : NULL};
    int status = EXIT_USAGE;
    snprintf(r.command, sizeof r.command, "%s %s", argv[0], a->name);
    r.own = calloc(1, a->own_size ? a->own_size : 1);
    if (!r.own) {
        fprintf(stderr, "anomalyd %s: out of memory\n", r.command);
        return 1;
    }
    if (read_arguments(&r, help, argc - 1, argv + 1))
        status = work(&r);
    else
        fprintf(stderr, "`anomalyd %s --help` lists the options.\n", argv[0]);
    free(r.own);
    return status;
}

int remote_main(const char *help, const remote_action *actions, size_t count, int argc, char **argv)
{
    if (argc < 2) {
        fputs(help, stderr);
        return EXIT_USAGE;
    }
    if (!strcmp(argv[1], "--help")) {
        fputs(help, stdout);
        return 0;
    }
    for (size_t i = 0; i < count; i++)
        if (!strcmp(argv[1], actions[i].name))
            return call(&actions[i], help, argc, argv);
    fprintf(stderr, "anomalyd %s: there is no action \"%s\"; there are", argv[0], argv[1]);
    for (size_t i = 0; i < count; i++)
        fprintf(stderr, "%s %s", i ? "," : "", actions[i].name);
    fputc('\n', stderr);
    return EXIT_USAGE;
}

/* ---- answers */

void remote_print(const client_answer *a)
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

/* Handles one page. *cursor is the next one's; NULL: that was the last. Owned by the caller. */
static bool put_page(const remote *r, remote_page *p, void (*put)(void *, const remote_page *), void *context,
                     char **cursor, error *e)
{
    json_t *body = remote_wants(r, "csv") ? NULL : client_json(r->client, p->answer, e);
    if (!body && !remote_wants(r, "csv"))
        return false;
    const char *next =
        body ? json_string_value(json_object_get(body, "next_cursor")) : client_header(r->client, "X-Next-Cursor");
    free(*cursor);
    *cursor = next ? strdup(next) : NULL;
    bool good = !next || *cursor || error_memory(e, "a cursor");
    p->json = body;
    put(context, p);
    json_decref(body);
    return good;
}

bool remote_list(remote *r, client_request *q, int limit, void (*put)(void *context, const remote_page *p),
                 void *context, error *e)
{
    char *cursor = NULL, size[16];
    bool good = true;
    int left = limit, at = 0;
    while (q->query[at].name)
        at++;
    assert(at + 2 <= CLIENT_QUERY_MAX);
    for (bool first = true; good && left > 0 && (first || cursor); first = false) {
        int count = left < SERVICE_PAGE_MAX ? left : SERVICE_PAGE_MAX;
        client_answer a = {0};
        snprintf(size, sizeof size, "%d", count);
        q->query[at] = (struct client_parameter){"limit", size};
        q->query[at + 1] = (struct client_parameter){cursor ? "cursor" : NULL, cursor};
        good = client_ask(r->client, q, &a, e) &&
               put_page(r, &(remote_page){.answer = &a, .first = first}, put, context, &cursor, e);
        client_answer_free(&a);
        left -= count;
    }
    if (good && cursor)
        fprintf(stderr, "anomalyd %s: there are more than these %d; --limit N lists N\n", r->command, limit);
    free(cursor);
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
