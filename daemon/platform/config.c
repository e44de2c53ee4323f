/* SPDX-License-Identifier: MIT */
/* config.c — reads settings from file, environment and flags by one table. */
#include "daemon/platform/config.h"

#include "base/team.h"
#include "daemon/platform/log.h"

#include <arpa/inet.h>
#include <ctype.h>
#include <ini.h>
#include <limits.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

static bool set_roots(void *at, char *text, error *e);

#define AT(member_) offsetof(config, member_)
#define SETTING(name_, kind_, member_, value_, help_, ...) \
    FLAG(name_, 0, kind_, AT(member_), value_, help_, .variable = true, __VA_ARGS__)
#define INT(name_, member_, min_, max_, preset_, value_, help_) \
    SETTING(name_, INT, member_, value_, help_, .min = min_, .max = max_, .preset = preset_)
#define AUTO(name_, member_, max_, value_, help_) \
    SETTING(name_, AUTO_INT, member_, value_, help_, .max = max_, .preset = "auto")
#define BUFFER(name_, member_, preset_, value_, help_) \
    SETTING(name_, BUFFER, member_, value_, help_, .size = CONFIG_TEXT_MAX, .preset = preset_)

static const flag settings[] = {
    BUFFER("state", state, "state", "FOLDER", "where everything is kept (under systemd: StateDirectory)"),
    BUFFER("listen", listen, CONFIG_LISTEN, "ADDRESS:PORT", "loopback only; port 0: any free one"),
    FLAG("import-root", 0, PARSED, 0, "FOLDER",
         "a folder that data sets may be imported from; repeatable (file and environment: separated by ':')",
         .parse = set_roots, .variable = true),
    AUTO("workers", workers, 64, "N",
         "training jobs that run at once; auto: as many as there are CPUs for their threads; 0: none start"),
    AUTO("threads", threads, TEAM_THREADS_MAX, "N",
         "threads of a training job; auto: the CPUs are divided among the running ones; 0: one a CPU"),
    INT("score-threads", score_threads, 0, TEAM_THREADS_MAX, "0", "N", "threads that score; 0: one a CPU"),
    INT("score-queue", score_queue, 1, 65536, "256", "IMAGES",
        "a request is taken while fewer images than this wait for its model"),
    INT("score-batch", score_batch, 1, 256, "64", "IMAGES", "images scored together at most"),
    INT("memory-budget", memory_budget_mib, 1, INT_MAX, "1024", "MIB", "memory for resident models"),
    AUTO("job-memory", job_memory_mib, INT_MAX, "MIB",
         "memory all running jobs may plan together, and each may take; auto: half of what there is, and a job that "
         "runs alone any; 0: no limit"),
    INT("checkpoint", checkpoint_s, 0, 86400, "10", "SECONDS", "least time between a job's checkpoints"),
    INT("header-deadline", header_deadline_ms, 100, 600000, "10000", "MS",
        "from the start of a connection or request to the end of its headers"),
    INT("request-deadline", request_deadline_ms, 100, 3600000, "60000", "MS", "for a whole request"),
    INT("stop-deadline", stop_deadline_s, 0, 3600, "30", "SECONDS", "for stopping in good order"),
    SETTING("log-level", CHOICE, log_level, "LEVEL", "debug, info, warn or error", .choices = log_level_names,
            .preset = "info"),
    SETTING("log-json", SWITCH, log_json, NULL, "log one JSON object a line"),
    {0}};

/* Not a setting: it says where settings are. */
static const flag config_flags[] = {FLAG("config", 0, TEXT, 0, "FILE", "settings from a file", .variable = true), {0}};

const usage config_usage = {
    .words = "serve",
    .summary = "run the daemon: HTTP API, training jobs, scoring",
    .about = "Defaults are overridden by --config FILE (`key = value` lines), that by the environment, that by flags.",
    .flags = settings,
    .shared = config_flags};

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

/* Of the file or the environment: replaces what an earlier source gave. */
static bool set_roots(void *at, char *text, error *e)
{
    config *c = at;
    clear_roots(c);
    for (const char *from = text; *from;) {
        size_t size = strcspn(from, ":");
        if (!add_root(c, from, size, e))
            return false;
        from += size + (from[size] == ':');
    }
    return true;
}

/* flag_set keeps the text of no setting, so that constant text may be read. */
static bool set(config *c, const flag *f, const char *text, error *e)
{
    return flag_set(f, c, (char *)(uintptr_t)text, e);
}

static bool read_presets(config *c, error *e)
{
    for (const flag *f = settings; f->name; f++)
        if (f->preset && !set(c, f, f->preset, e))
            return error_at(e, "%s", f->name);
    const char *folder = getenv("STATE_DIRECTORY");
    return !folder || !*folder || set(c, &settings[0], folder, e);
}

struct reading {
    config *into;
    error *e;
    bool failed;
};

static bool set_key(config *c, const char *section, const char *name, const char *value, error *e)
{
    if (*section)
        return error_set(e, ERROR_INVALID, "section [%s]: settings stand without sections", section);
    for (const flag *f = settings; f->name; f++)
        if (!strcmp(name, f->name))
            return set(c, f, value, e) || error_at(e, "%s", f->name);
    return error_set(e, ERROR_INVALID, "there is no setting \"%s\"", name);
}

static int on_key(void *user, const char *section, const char *name, const char *value)
{
    struct reading *r = user;
    r->failed = r->failed || !set_key(r->into, section, name, value, r->e);
    return !r->failed;
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
    for (const flag *f = settings; f->name; f++) {
        char name[FLAG_VARIABLE_MAX];
        flag_variable(f, name);
        const char *value = getenv(name);
        if (value && !set(c, f, value, e))
            return error_at(e, "%s", name);
    }
    return true;
}

/* Of the command line. Each --import-root is one folder, and the first replaces those of the other sources. */
static bool read_flags(config *c, const command_line *a, error *e)
{
    bool own_roots = false;
    for (int i = 0; i < a->given_count; i++) {
        const flag *f = a->given[i].flag;
        const char *text = f->kind == FLAG_SWITCH ? "true" : a->given[i].text;
        bool is_root = f->parse == set_roots, good = true;
        if (is_root && !own_roots)
            clear_roots(c);
        own_roots = own_roots || is_root;
        if (is_root)
            good = add_root(c, text, strlen(text), e);
        else if (f != config_flags)
            good = set(c, f, text, e);
        if (!good)
            return error_at(e, "--%s", f->name);
    }
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

static const char *config_path(const command_line *a)
{
    const char *path = getenv("ANOMALYD_CONFIG");
    for (int i = 0; i < a->given_count; i++)
        if (a->given[i].flag == config_flags)
            path = a->given[i].text;
    return path;
}

bool config_read(config *c, const command_line *a, error *e)
{
    const char *path = config_path(a);
    memset(c, 0, sizeof *c);
    if (!read_presets(c, e) || (path && !read_file(c, path, e)) || !read_environment(c, e) || !read_flags(c, a, e) ||
        !config_parse_listen(c->listen, c->address, &c->port, e))
        return false;
    if (!c->threads)
        c->threads = team_default_threads();
    if (!c->score_threads)
        c->score_threads = team_default_threads();
    return true;
}

bool config_find(config *c, const char *file, const char *state, error *e)
{
    command_line a = {0};
    if (file)
        a.given[a.given_count++] = (struct given_flag){config_flags, (char *)(uintptr_t)file};
    if (state)
        a.given[a.given_count++] = (struct given_flag){settings, (char *)(uintptr_t)state};
    return config_read(c, &a, e);
}

void config_free(config *c)
{
    clear_roots(c);
}
