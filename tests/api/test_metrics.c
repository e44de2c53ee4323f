/* SPDX-License-Identifier: MIT */
/* test_metrics.c — GET /metrics, read by a parser as strict as Prometheus' own. */
#include "tests/api/fake_service.h"

#include <ctype.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { NAME_MAX_ = 96, SERIES_MAX = 512 };

typedef struct sample {
    char name[NAME_MAX_];
    char labels[256]; /* as written, without "le" */
    double bound;     /* of "le"; NaN: none */
    double value;
} sample;

typedef struct scrape {
    sample samples[SERIES_MAX];
    int count;
    char families[64][NAME_MAX_], types[64][16];
    int family_count;
} scrape;

static const char *read_name(const char *at, char name[NAME_MAX_])
{
    size_t n = 0;
    assert_true(isalpha((unsigned char)*at) || *at == '_' || *at == ':');
    while (isalnum((unsigned char)at[n]) || at[n] == '_' || at[n] == ':')
        n++;
    assert_true(n < NAME_MAX_);
    memcpy(name, at, n);
    name[n] = '\0';
    return at + n;
}

static const char *read_labels(const char *at, sample *s)
{
    size_t used = 0;
    while (*at != '}') {
        char label[NAME_MAX_], value[128];
        size_t n = 0;
        at = read_name(at, label);
        assert_true(at[0] == '=' && at[1] == '"');
        for (at += 2; *at != '"'; at++) {
            assert_true(*at >= ' ' && n + 1 < sizeof value);
            if (*at == '\\')
                assert_non_null(strchr("\\\"n", *++at));
            value[n++] = *at;
        }
        value[n] = '\0';
        at++;
        if (!strcmp(label, "le"))
            s->bound = !strcmp(value, "+Inf") ? INFINITY : strtod(value, NULL);
        else
            used += (size_t)snprintf(s->labels + used, sizeof s->labels - used, "%s=%s;", label, value);
        if (*at == ',')
            at++;
        else
            assert_true(*at == '}');
    }
    return at + 1;
}

/* The family a sample belongs to: its own name, or without the suffix of a histogram. */
static bool belongs(const sample *s, const char *family, const char *type)
{
    size_t length = strlen(family);
    if (!strcmp(type, "histogram"))
        return !strncmp(s->name, family, length) &&
               (!strcmp(s->name + length, "_bucket") || !strcmp(s->name + length, "_sum") ||
                !strcmp(s->name + length, "_count"));
    return !strcmp(s->name, family);
}

static void read_comment(scrape *all, const char *line)
{
    char name[NAME_MAX_];
    if (!strncmp(line, "# HELP ", 7)) {
        assert_true(*read_name(line + 7, name) == ' ');
        for (int i = 0; i < all->family_count; i++)
            assert_string_not_equal(all->families[i], name); /* each family once, in one piece */
        snprintf(all->families[all->family_count++], NAME_MAX_, "%s", name);
        return;
    }
    assert_true(!strncmp(line, "# TYPE ", 7));
    const char *type = read_name(line + 7, name) + 1;
    assert_string_equal(all->families[all->family_count - 1], name);
    assert_true(!strcmp(type, "counter") || !strcmp(type, "gauge") || !strcmp(type, "histogram"));
    if (!strcmp(type, "counter"))
        assert_string_equal(name + strlen(name) - 6, "_total");
    snprintf(all->types[all->family_count - 1], sizeof all->types[0], "%s", type);
}

static void read_line(scrape *all, const char *line)
{
    if (line[0] == '#') {
        read_comment(all, line);
        return;
    }
    sample *s = &all->samples[all->count++];
    assert_true(all->count < SERIES_MAX);
    s->bound = NAN;
    const char *at = read_name(line, s->name);
    if (*at == '{')
        at = read_labels(at + 1, s);
    assert_true(*at == ' ');
    char *end;
    s->value = strtod(at + 1, &end);
    assert_true(*end == '\0' && end > at + 1);
    if (!belongs(s, all->families[all->family_count - 1], all->types[all->family_count - 1]))
        fail_msg("%s stands outside its family", s->name);
    for (sample *other = all->samples; other < s; other++)
        assert_false(!strcmp(other->name, s->name) && !strcmp(other->labels, s->labels) &&
                     (isnan(s->bound) || other->bound == s->bound));
}

static scrape *read_metrics(fake *f)
{
    scrape *all = calloc(1, sizeof *all);
    reply r = get(f, "/metrics");
    assert_status(&r, 200);
    assert_string_equal(reply_header(&r, "Content-Type"), "text/plain; version=0.0.4; charset=utf-8");
    assert_true(r.body[r.body_size - 1] == '\n');
    char *rest = r.body;
    for (char *line = strsep(&rest, "\n"); line && *line; line = strsep(&rest, "\n"))
        read_line(all, line);
    reply_free(&r);
    return all;
}

static double value_of(const scrape *all, const char *name, const char *labels)
{
    for (int i = 0; i < all->count; i++)
        if (!strcmp(all->samples[i].name, name) && !strcmp(all->samples[i].labels, labels))
            return all->samples[i].value;
    return NAN;
}

static void the_text_is_valid_and_counts_are_right(void **state)
{
    fake *f = *state;
    for (int i = 0; i < 3; i++) {
        reply r = get(f, "/jobs/job-1");
        reply_free(&r);
    }
    reply r = get(f, "/jobs/none");
    reply_free(&r);
    scrape *all = read_metrics(f);
    assert_true(value_of(all, "anomalyd_http_requests_total", "route=/jobs/{id};method=GET;code=200;") == 3);
    assert_true(value_of(all, "anomalyd_http_requests_total", "route=/jobs/{id};method=GET;code=404;") == 1);
    assert_true(value_of(all, "anomalyd_http_request_duration_seconds_count", "route=/jobs/{id};method=GET;") == 4);
    assert_true(value_of(all, "anomalyd_http_requests_in_progress", "") == 1);
    assert_true(value_of(all, "anomalyd_jobs", "state=queued;") == 2);
    free(all);
}

static void histograms_rise_to_their_count(void **state)
{
    fake *f = *state;
    reply r = get(f, "/healthz");
    reply_free(&r);
    scrape *all = read_metrics(f);
    double last = 0, bound = -1;
    int buckets = 0;
    for (int i = 0; i < all->count; i++) {
        const sample *s = &all->samples[i];
        if (strcmp(s->name, "anomalyd_http_request_duration_seconds_bucket") != 0)
            continue;
        assert_true(s->bound > bound && s->value >= last);
        bound = s->bound;
        last = s->value;
        buckets++;
    }
    assert_true(buckets == 15 && isinf(bound) && last == 1);
    free(all);
}

static void hostile_paths_make_no_series(void **state)
{
    fake *f = *state;
    for (int i = 0; i < 20; i++) {
        char target[64];
        snprintf(target, sizeof target, "/x%d%%22%%0a\"", i);
        reply r = get(f, target);
        assert_status(&r, 404);
        reply_free(&r);
    }
    scrape *all = read_metrics(f);
    assert_true(value_of(all, "anomalyd_http_requests_total", "route=none;method=any;code=404;") == 20);
    free(all);
}

int main(void)
{
#define CASE(name) cmocka_unit_test_setup_teardown(name, fake_set_up, fake_tear_down)
    const struct CMUnitTest tests[] = {
        CASE(the_text_is_valid_and_counts_are_right),
        CASE(histograms_rise_to_their_count),
        CASE(hostile_paths_make_no_series),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
