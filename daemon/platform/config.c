/* SPDX-License-Identifier: MIT */
/* config.c — reads settings from file, environment and flags by one table. */
#include "daemon/platform/config.h"

#include "base/team.h"
#include "daemon/platform/log.h"

#include <arpa/inet.h>
#include <ctype.h>
#include <errno.h>
#include <getopt.h>
#include <ini.h>
#include <limits.h>
#include <stdlib.h>
#include <string.h>

enum kind { KIND_TEXT, KIND_INT, KIND_AUTO /* a number or "auto" */, KIND_CHOICE, KIND_FLAG, KIND_LIST };

typedef struct setting {
    const char *name;
    enum kind kind;
    size_t offset;
    const char *preset; /* as text; NULL: empty, false or none */
    int least, most;    /* of a number */
    const char *const *choices;
    const char *value, *help;
} setting;

#define AT(field_) offsetof(config, field_)

static const setting settings[] = {
    {"state", KIND_TEXT, AT(state), "state", 0, 0, NULL, "FOLDER",
     "where everything is kept (under systemd: StateDirectory)"},
    {"listen", KIND_TEXT, AT(listen), CONFIG_LISTEN, 0, 0, NULL, "ADDRESS:PORT", "loopback only; port 0: any free one"},
    {"import-root", KIND_LIST, AT(import_roots), NULL, 0, 0, NULL, "FOLDER",
     "a folder that data sets may be imported from; repeatable (file and environment: separated by ':')"},
    {"workers", KIND_AUTO, AT(workers), "auto", 0, 64, NULL, "N",
     "training jobs that run at once; auto: as many as there are CPUs for their threads; 0: none start"},
    {"threads", KIND_AUTO, AT(threads), "auto", 0, TEAM_THREADS_MAX, NULL, "N",
     "threads of a training job; auto: the CPUs are divided among the running ones; 0: one a CPU"},
    {"score-threads", KIND_INT, AT(score_threads), "0", 0, TEAM_THREADS_MAX, NULL, "N",
     "threads that score; 0: one a CPU"},
    {"score-queue", KIND_INT, AT(score_queue), "256", 1, 65536, NULL, "IMAGES",
     "a request is taken while fewer images than this wait for its model"},
    {"score-batch", KIND_INT, AT(score_batch), "64", 1, 256, NULL, "IMAGES", "images scored together at most"},
    {"memory-budget", KIND_INT, AT(memory_budget_mib), "1024", 1, INT_MAX, NULL, "MIB", "memory for resident models"},
    {"job-memory", KIND_AUTO, AT(job_memory_mib), "auto", 0, INT_MAX, NULL, "MIB",
     "memory all running jobs may plan together, and each may take; auto: half of what there is, and a job that runs "
     "alone any; 0: no limit"},
    {"checkpoint", KIND_INT, AT(checkpoint_s), "10", 0, 86400, NULL, "SECONDS",
     "least time between a job's checkpoints"},
    {"header-deadline", KIND_INT, AT(header_deadline_ms), "10000", 100, 600000, NULL, "MS",
     "from the start of a connection or request to the end of its headers"},
    {"request-deadline", KIND_INT, AT(request_deadline_ms), "60000", 100, 3600000, NULL, "MS", "for a whole request"},
    {"stop-deadline", KIND_INT, AT(stop_deadline_s), "30", 0, 3600, NULL, "SECONDS", "for stopping in good order"},
    {"log-level", KIND_CHOICE, AT(log_level), "info", 0, 0, log_level_names, "LEVEL", "debug, info, warn or error"},
    {"log-json", KIND_FLAG, AT(log_json), NULL, 0, 0, NULL, NULL, "log one JSON object a line"},
};
enum { SETTINGS = sizeof settings / sizeof *settings };

static void *field(config *c, const setting *s)
{
    return (char *)c + s->offset;
}

static bool set_int(config *c, const setting *s, const char *text, error *e)
{
    bool takes_auto = s->kind == KIND_AUTO;
    if (takes_auto && !strcmp(text, "auto")) {
        *(int *)field(c, s) = CONFIG_AUTO;
        return true;
    }
    char *end;
    errno = 0;
    long long value = strtoll(text, &end, 10);
    if (end == text || *end)
        return error_set(e, ERROR_INVALID, "%s: expected a whole number%s, found \"%s\"", s->name,
                         takes_auto ? " or auto" : "", text);
    if (errno || value < s->least || value > s->most)
        return error_set(e, ERROR_INVALID, "%s: %s is not within %d … %d", s->name, text, s->least, s->most);
    *(int *)field(c, s) = (int)value;
    return true;
}

static bool set_choice(config *c, const setting *s, const char *text, error *e)
{
    for (int i = 0; s->choices[i]; i++)
        if (!strcmp(text, s->choices[i])) {
            *(int *)field(c, s) = i;
            return true;
        }
    return error_set(e, ERROR_INVALID, "%s: expected %s, found \"%s\"", s->name, s->help, text);
}

static bool set_flag(config *c, const setting *s, const char *text, error *e)
{
    bool yes = !strcmp(text, "true") || !strcmp(text, "yes") || !strcmp(text, "1");
    if (!yes && strcmp(text, "false") && strcmp(text, "no") && strcmp(text, "0"))
        return error_set(e, ERROR_INVALID, "%s: expected true or false, found \"%s\"", s->name, text);
    *(bool *)field(c, s) = yes;
    return true;
}

static bool add_root(config *c, const char *text, size_t size, error *e)
{
    if (!size)
        return true;
    if (c->import_root_count == CONFIG_ROOTS_MAX)
        return error_set(e, ERROR_LIMIT, "import-root: more than %d of them", CONFIG_ROOTS_MAX);
    char *copy = strndup(text, size);
    if (!copy)
        return error_memory(e, "a setting");
    c->import_roots[c->import_root_count++] = copy;
    return true;
}

static void clear_roots(config *c)
{
    while (c->import_root_count)
        free(c->import_roots[--c->import_root_count]);
}

/* A list from a later source replaces the earlier one's. */
static bool set_list(config *c, const char *text, error *e)
{
    clear_roots(c);
    while (*text) {
        size_t size = strcspn(text, ":");
        if (!add_root(c, text, size, e))
            return false;
        text += size + (text[size] == ':');
    }
    return true;
}

static bool set(config *c, const setting *s, const char *text, error *e)
{
    switch (s->kind) {
    case KIND_TEXT:
        if (!*text || strlen(text) >= CONFIG_TEXT_MAX)
            return error_set(e, ERROR_INVALID, "%s: expected 1 to %d bytes, found %zu", s->name, CONFIG_TEXT_MAX - 1,
                             strlen(text));
        memcpy(field(c, s), text, strlen(text) + 1);
        return true;
    case KIND_INT:
    case KIND_AUTO:
        return set_int(c, s, text, e);
    case KIND_CHOICE:
        return set_choice(c, s, text, e);
    case KIND_FLAG:
        return set_flag(c, s, text, e);
    case KIND_LIST:
        return set_list(c, text, e);
    }
    return false;
}

static void variable_name(const setting *s, char *name, size_t size)
{
    snprintf(name, size, "ANOMALYD_%s", s->name);
    for (char *at = name; *at; at++)
        *at = *at == '-' ? '_' : (char)toupper((unsigned char)*at);
}

static bool read_presets(config *c, error *e)
{
    for (int i = 0; i < SETTINGS; i++)
        if (settings[i].preset && !set(c, &settings[i], settings[i].preset, e))
            return false;
    const char *folder = getenv("STATE_DIRECTORY");
    return !folder || !*folder || set(c, &settings[0], folder, e);
}

struct reading {
    config *into;
    error *e;
    bool failed;
};

static int on_key(void *user, const char *section, const char *name, const char *value)
{
    struct reading *r = user;
    if (*section) {
        error_set(r->e, ERROR_INVALID, "section [%s]: settings stand without sections", section);
        r->failed = true;
        return 0;
    }
    for (int i = 0; i < SETTINGS; i++)
        if (!strcmp(name, settings[i].name)) {
            r->failed = r->failed || !set(r->into, &settings[i], value, r->e);
            return !r->failed;
        }
    error_set(r->e, ERROR_INVALID, "there is no setting \"%s\"", name);
    r->failed = true;
    return 0;
}

static bool read_file(config *c, const char *path, error *e)
{
    struct reading r = {.into = c, .e = e};
    int line = ini_parse(path, on_key, &r);
    if (line < 0)
        return error_set(e, ERROR_NOT_FOUND, "config %s: cannot be read", path);
    if (r.failed)
        return error_at(e, "config %s, line %d", path, line);
    if (line > 0)
        return error_set(e, ERROR_INVALID, "config %s, line %d: expected `key = value`", path, line);
    return true;
}

static bool read_environment(config *c, error *e)
{
    for (int i = 0; i < SETTINGS; i++) {
        char name[64];
        variable_name(&settings[i], name, sizeof name);
        const char *value = getenv(name);
        if (value && !set(c, &settings[i], value, e))
            return error_at(e, "%s", name);
    }
    return true;
}

/* getopt's values: the place in the table, after the printable ones. */
enum { OPT_BASE = 256, OPT_HELP = OPT_BASE + SETTINGS, OPT_CONFIG };

static void make_flags(struct option flags[SETTINGS + 3])
{
    for (int i = 0; i < SETTINGS; i++)
        flags[i] = (struct option){.name = settings[i].name,
                                   .has_arg = settings[i].kind == KIND_FLAG ? no_argument : required_argument,
                                   .val = OPT_BASE + i};
    flags[SETTINGS] = (struct option){.name = "help", .val = OPT_HELP};
    flags[SETTINGS + 1] = (struct option){.name = "config", .has_arg = required_argument, .val = OPT_CONFIG};
    flags[SETTINGS + 2] = (struct option){0};
}

/* Goes through the flags. With `c`, applies them; without, only finds --config and --help. */
static bool read_flags(config *c, int argc, char **argv, const char **path, enum config_wish *wish, error *e)
{
    struct option flags[SETTINGS + 3];
    make_flags(flags);
    bool own_roots = false;
    optind = 0; /* GNU: start afresh */
    opterr = 0;
    for (int at; (at = getopt_long(argc, argv, "+:h", flags, NULL)) != -1;) {
        if (at == '?' || at == ':')
            return error_set(e, ERROR_INVALID, at == ':' ? "%s needs a value" : "there is no flag %s",
                             argv[optind > 1 ? optind - 1 : 1]);
        if (at == OPT_HELP || at == 'h') {
            *wish = CONFIG_HELP;
        } else if (at == OPT_CONFIG) {
            *path = optarg;
        } else if (c) {
            const setting *s = &settings[at - OPT_BASE];
            if (s->kind == KIND_LIST) {
                if (!own_roots)
                    clear_roots(c);
                own_roots = true;
                if (!add_root(c, optarg, strlen(optarg), e))
                    return false;
            } else if (!set(c, s, s->kind == KIND_FLAG ? "true" : optarg, e)) {
                return error_at(e, "--%s", s->name);
            }
        }
    }
    if (optind < argc)
        return error_set(e, ERROR_INVALID, "unexpected argument \"%s\"", argv[optind]);
    return true;
}

static bool is_loopback(const char *address)
{
    struct in_addr four;
    struct in6_addr six;
    if (inet_pton(AF_INET, address, &four) == 1)
        return ntohl(four.s_addr) >> 24 == 127;
    return inet_pton(AF_INET6, address, &six) == 1 && IN6_IS_ADDR_LOOPBACK(&six);
}

bool config_parse_listen(const char *text, char address[64], int *port, error *e)
{
    const char *colon = strrchr(text, ':');
    size_t size = colon ? (size_t)(colon - text) : 0;
    const char *start = text;
    if (size >= 2 && *start == '[' && start[size - 1] == ']') {
        start++;
        size -= 2;
    }
    char *end = NULL;
    long value = colon ? strtol(colon + 1, &end, 10) : -1;
    if (!size || size >= 64 || end == colon + 1 || *end || value < 0 || value > 65535 ||
        !isdigit((unsigned char)colon[1]))
        return error_set(e, ERROR_INVALID, "listen: expected ADDRESS:PORT such as 127.0.0.1:8080, found \"%s\"", text);
    memcpy(address, start, size);
    address[size] = 0;
    if (!strcmp(address, "localhost"))
        snprintf(address, 64, "127.0.0.1");
    if (!is_loopback(address))
        return error_set(
            e, ERROR_INVALID,
            "listen: %s is not a loopback address; without access tokens anomalyd serves this machine only "
            "(put a proxy that authenticates in front of it)",
            address);
    *port = (int)value;
    return true;
}

bool config_read(config *c, int argc, char **argv, enum config_wish *wish, error *e)
{
    memset(c, 0, sizeof *c);
    *wish = CONFIG_RUN;
    const char *path = getenv("ANOMALYD_CONFIG");
    if (!read_flags(NULL, argc, argv, &path, wish, e))
        return false;
    if (*wish == CONFIG_HELP)
        return true;
    if (!read_presets(c, e) || (path && !read_file(c, path, e)) || !read_environment(c, e) ||
        !read_flags(c, argc, argv, &path, wish, e) || !config_parse_listen(c->listen, c->address, &c->port, e))
        return false;
    if (!c->threads)
        c->threads = team_default_threads();
    if (!c->score_threads)
        c->score_threads = team_default_threads();
    return true;
}

void config_free(config *c)
{
    clear_roots(c);
}

void config_help(FILE *out)
{
    fputs(
        "usage: anomalyd serve [OPTION...]\n\nDefaults are overridden by --config FILE (`key = value` lines), that by "
        "the environment,\nthat by flags.\n\n",
        out);
    fprintf(out, "  --config FILE (ANOMALYD_CONFIG)\n        settings from a file\n");
    for (int i = 0; i < SETTINGS; i++) {
        const setting *s = &settings[i];
        char name[64];
        variable_name(s, name, sizeof name);
        fprintf(out, "  --%s%s%s (%s)\n        %s", s->name, s->value ? " " : "", s->value ? s->value : "", name,
                s->help);
        if (s->preset)
            fprintf(out, "; default %s", s->preset);
        fputc('\n', out);
    }
}
