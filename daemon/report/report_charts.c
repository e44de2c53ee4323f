/* SPDX-License-Identifier: MIT */
/* report_charts.c — the charts of a report, from what its runs keep of their tests. */
#include "daemon/report/report.h"

#include "api/json/json.h"
#include "daemon/report/charts.h"
#include "eval/metric.h"
#include "train/train.h"

#include <inttypes.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

enum { TITLE_MAX = 256 };

/* The numbers of a list; NaN for an element that is no number. Returns new. */
static double *numbers_of(const json_t *list, size_t *count, error *e)
{
    *count = json_array_size(list);
    double *all = calloc(*count + 1, sizeof *all);
    if (!all)
        error_memory(e, "a chart's numbers");
    for (size_t i = 0; all && i < *count; i++) {
        const json_t *value = json_array_get(list, i);
        all[i] = json_is_number(value) ? json_number_value(value) : NAN;
    }
    return all;
}

static void subtitle_of(const report *r, char out[TITLE_MAX])
{
    const result_table *t = &r->tabulated.table;
    snprintf(out, TITLE_MAX, "%s, %s, seed %" PRIu64, t->dataset, t->protocol, t->seeds[0]);
}

/* ---- ROC curves */

static bool read_curve(const run_row *run, const char *name, roc_curve *out, error *e)
{
    size_t positives = 0;
    *out = (roc_curve){.name = name, .auroc = NAN, .low = NAN, .high = NAN};
    if (!run->id[0])
        return true;
    json_t *detail = json_embedded(run->detail);
    const json_t *roc = json_object_get(detail, "roc");
    double *false_positive = numbers_of(json_object_get(roc, "false_positive"), &out->count, e);
    double *true_positive = numbers_of(json_object_get(roc, "true_positive"), &positives, e);
    out->false_positive = false_positive;
    out->true_positive = true_positive;
    if (positives < out->count)
        out->count = positives;
    out->auroc = run->auroc;
    out->low = run->auroc_low;
    out->high = run->auroc_high;
    json_decref(detail);
    return false_positive && true_positive;
}

static bool write_roc(const report *r, int column, roc_curve *curves, report_folder *to, error *e)
{
    const result_table *t = &r->tabulated.table;
    char title[TITLE_MAX], subtitle[TITLE_MAX], name[REPORT_NAME_MAX];
    bool good = true;
    int read = 0;
    while (good && read < t->method_count) {
        good = read_curve(&r->runs[report_cell(r, read, column, 0)], t->methods[read], &curves[read], e);
        read++;
    }
    snprintf(title, sizeof title, "ROC: class %s", t->classes[column]);
    subtitle_of(r, subtitle);
    report_roc_name(r, column, name);
    size_t size = 0;
    const roc_chart chart = {.title = title, .subtitle = subtitle, .curves = curves, .count = t->method_count};
    good = good && report_folder_put(to, name, chart_roc(&chart, &size, e), &size, e);
    while (read) {
        read--;
        free((void *)(uintptr_t)curves[read].false_positive);
        free((void *)(uintptr_t)curves[read].true_positive);
    }
    return good;
}

static bool write_rocs(const report *r, report_folder *to, error *e)
{
    const result_table *t = &r->tabulated.table;
    roc_curve *curves = calloc((size_t)t->method_count, sizeof *curves);
    bool good = curves || error_memory(e, "a chart's curves");
    for (int c = 0; good && c < t->class_count; c++)
        if (report_has_roc(r, c))
            good = write_roc(r, c, curves, to, e);
    free(curves);
    return good;
}

/* ---- histograms */

enum { BINS = TRAIN_HISTOGRAM_BINS };

typedef struct histogram {
    double low, high;
    double normal[BINS], anomalous[BINS];
    size_t bins;   /* 0: there is none */
    size_t beyond; /* images outside low … high, which the outermost bins hold */
} histogram;

/* The histogram that the run keeps, over the whole range of its scores. */
static void read_kept_bins(const run_row *run, histogram *h)
{
    json_t *detail = json_embedded(run->detail);
    const json_t *o = json_object_get(detail, "histogram");
    const json_t *normal = json_object_get(o, "normal"), *anomalous = json_object_get(o, "anomalous");
    size_t bins = json_array_size(normal);
    h->low = json_number_value(json_object_get(o, "low"));
    h->high = json_number_value(json_object_get(o, "high"));
    h->bins = bins == json_array_size(anomalous) && bins <= BINS ? bins : 0;
    for (size_t i = 0; i < h->bins; i++) {
        h->normal[i] = json_number_value(json_array_get(normal, i));
        h->anomalous[i] = json_number_value(json_array_get(anomalous, i));
    }
    json_decref(detail);
}

static int ascending(const void *a, const void *b)
{
    float x = *(const float *)a, y = *(const float *)b;
    return (x > y) - (x < y);
}

/* A few far scores would squeeze all others into one bin: where the middle 99% take up less than two thirds of the
 * range, scores beyond them are moved to its ends. */
static bool move_far_scores(run_test *t, size_t *beyond, error *e)
{
    float *sorted = malloc(t->count * sizeof *sorted);
    if (!sorted)
        return error_memory(e, "a chart's scores");
    memcpy(sorted, t->scores, t->count * sizeof *sorted);
    qsort(sorted, t->count, sizeof *sorted, ascending);
    size_t tail = t->count / 200;
    float low = sorted[tail], high = sorted[t->count - 1 - tail];
    bool far = high > low && (high - low) < (sorted[t->count - 1] - sorted[0]) * 2 / 3;
    free(sorted);
    for (size_t i = 0; far && i < t->count; i++) {
        *beyond += t->scores[i] < low || t->scores[i] > high;
        t->scores[i] = fminf(fmaxf(t->scores[i], low), high);
    }
    return true;
}

static bool count_scores(run_test *t, histogram *h, error *e)
{
    uint32_t normal[BINS], anomalous[BINS];
    if (!move_far_scores(t, &h->beyond, e) ||
        !metric_histogram(t->scores, t->anomalous, t->count, BINS, &h->low, &h->high, normal, anomalous, e))
        return false;
    h->bins = BINS;
    for (size_t i = 0; i < BINS; i++) {
        h->normal[i] = normal[i];
        h->anomalous[i] = anomalous[i];
    }
    return true;
}

/* From the scores of the test; from the kept histogram for runs of earlier programs, which keep no scores. */
static bool read_histogram(const run_row *run, store_reader *reader, histogram *h, error *e)
{
    run_test test;
    error reason = {0};
    *h = (histogram){0};
    if (store_run_test(reader, run->id, &test, &reason)) {
        bool good = count_scores(&test, h, e);
        run_test_free(&test);
        return good;
    }
    if (reason.code != ERROR_CONFLICT) {
        *e = reason;
        return false;
    }
    read_kept_bins(run, h);
    return true;
}

static bool write_histogram(const report *r, store_reader *reader, int row, int column, report_folder *to, error *e)
{
    const result_table *t = &r->tabulated.table;
    char title[TITLE_MAX], subtitle[TITLE_MAX + 80], name[REPORT_NAME_MAX];
    histogram h;
    if (!read_histogram(&r->runs[report_cell(r, row, column, 0)], reader, &h, e))
        return false;
    snprintf(title, sizeof title, "Scores of %s: class %s", t->methods[row], t->classes[column]);
    subtitle_of(r, subtitle);
    size_t used = strlen(subtitle), size = 0;
    if (h.beyond)
        snprintf(subtitle + used, sizeof subtitle - used, "; %zu images beyond are in the outer bars", h.beyond);
    report_name(r, "histograms", row, column, "svg", name);
    const histogram_chart chart = {.title = title,
                                   .subtitle = subtitle,
                                   .low = h.low,
                                   .high = h.high,
                                   .normal = h.normal,
                                   .anomalous = h.anomalous,
                                   .bins = h.bins};
    return report_folder_put(to, name, chart_histogram(&chart, &size, e), &size, e);
}

static bool write_histograms(const report *r, store_reader *reader, report_folder *to, error *e)
{
    const result_table *t = &r->tabulated.table;
    bool good = true;
    for (int m = 0; m < t->method_count; m++)
        for (int c = 0; good && c < t->class_count; c++)
            if (r->runs[report_cell(r, m, c, 0)].id[0])
                good = write_histogram(r, reader, m, c, to, e);
    return good;
}

/* ---- the overview */

/* The bar of a dot is the interval of the only seed, or reaches from the lowest to the highest of several seeds. */
static dot dot_of(const report *r, int row, int column)
{
    const result_table *t = &r->tabulated.table;
    const run_row *first = &r->runs[report_cell(r, row, column, 0)];
    dot d = {table_cell(t->figures, row, column).mean, NAN, NAN};
    if (t->seed_count == 1 && first->id[0]) {
        d.low = first->auroc_low;
        d.high = first->auroc_high;
    }
    for (int s = 0; t->seed_count > 1 && s < t->seed_count; s++) {
        double value = r->experiment.cells[report_cell(r, row, column, s)].auroc;
        d.low = fmin(d.low, value); /* which passes NaN over */
        d.high = fmax(d.high, value);
    }
    return d;
}

static int place_of(const char *const *list, int count, const char *text)
{
    for (int i = 0; i < count; i++)
        if (!strcmp(list[i], text))
            return i;
    return -1;
}

typedef struct others {
    dot_other *all;
    char (*texts)[96]; /* of sources */
    const char **sources;
    int count, source_count;
} others;

static int source_of(others *o, const published_row *p)
{
    char text[sizeof *o->texts];
    snprintf(text, sizeof text, "%s%s%s", p->source, p->place[0] ? ", " : "", p->place);
    int at = place_of(o->sources, o->source_count, text);
    if (at < 0) {
        at = o->source_count++;
        memcpy(o->texts[at], text, sizeof text);
        o->sources[at] = o->texts[at];
    }
    return at;
}

static bool collect_published(const report *r, others *o, error *e)
{
    const result_table *t = &r->tabulated.table;
    size_t max = (size_t)t->published_count + 1;
    o->all = calloc(max, sizeof *o->all);
    o->texts = calloc(max, sizeof *o->texts);
    o->sources = calloc(max, sizeof *o->sources);
    if (!o->all || !o->texts || !o->sources)
        return error_memory(e, "published figures");
    for (int i = 0; i < t->published_count; i++) {
        const published_row *p = &t->published[i];
        int row = place_of(t->methods, t->method_count, p->method);
        int column = place_of(t->classes, t->class_count, p->class_name);
        if (row >= 0 && column >= 0 && !strcmp(p->protocol, t->protocol))
            o->all[o->count++] = (dot_other){row, column, source_of(o, p), p->auroc};
    }
    return true;
}

static bool write_dots(const report *r, dot *dots, const others *o, report_folder *to, error *e)
{
    const result_table *t = &r->tabulated.table;
    char title[TITLE_MAX], subtitle[TITLE_MAX];
    for (int c = 0; c < t->class_count; c++)
        for (int m = 0; m < t->method_count; m++)
            dots[c * t->method_count + m] = dot_of(r, m, c);
    snprintf(title, sizeof title, "AUROC on %s, %s", t->dataset, t->protocol);
    if (t->seed_count == 1)
        snprintf(subtitle, sizeof subtitle, "seed %" PRIu64 ", with 95%% intervals over the test images", t->seeds[0]);
    else
        snprintf(subtitle, sizeof subtitle, "mean over %d seeds, with the lowest and the highest", t->seed_count);
    size_t size = 0;
    const dot_chart chart = {.title = title,
                             .subtitle = subtitle,
                             .methods = t->methods,
                             .classes = t->classes,
                             .method_count = t->method_count,
                             .class_count = t->class_count,
                             .dots = dots,
                             .others = o->all,
                             .other_count = o->count,
                             .sources = o->sources,
                             .source_count = o->source_count};
    return report_folder_put(to, "auroc.svg", chart_dots(&chart, &size, e), &size, e);
}

static bool write_overview(const report *r, report_folder *to, error *e)
{
    const result_table *t = &r->tabulated.table;
    others o = {0};
    dot *dots = calloc((size_t)t->class_count * (size_t)t->method_count, sizeof *dots);
    bool good =
        (dots || error_memory(e, "a chart's dots")) && collect_published(r, &o, e) && write_dots(r, dots, &o, to, e);
    free(dots);
    free(o.all);
    free(o.texts);
    free(o.sources);
    return good;
}

bool report_write_charts(const report *r, store_reader *reader, report_folder *to, error *e)
{
    return write_overview(r, to, e) && (r->brief || (write_rocs(r, to, e) && write_histograms(r, reader, to, e)));
}
