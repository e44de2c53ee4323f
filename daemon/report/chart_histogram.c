/* SPDX-License-Identifier: MIT */
/* chart_histogram.c — see charts.h. */
#include "daemon/report/charts.h"

#include "daemon/report/chart.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>

enum { LEFT = 58, WIDTH = 420, HEIGHT = 230, LEGEND_HEIGHT = 22, BELOW = 48, MARGIN = 18, SWATCH = 12 };

typedef struct kind {
    const char *name, *colour;
    const double *counts;
} kind;

static double sum_of(const double *counts, size_t n)
{
    double sum = 0;
    for (size_t i = 0; i < n; i++)
        sum += counts[i] > 0 ? counts[i] : 0;
    return sum;
}

static double highest_share(const histogram_chart *c, const kind kinds[2])
{
    double highest = 0;
    for (int k = 0; k < 2; k++) {
        double sum = sum_of(kinds[k].counts, c->bins);
        for (size_t i = 0; sum > 0 && i < c->bins; i++)
            highest = fmax(highest, kinds[k].counts[i] / sum);
    }
    return highest;
}

static void put_legend(svg *s, const histogram_chart *c, const kind kinds[2])
{
    double x = LEFT, y = CHART_TITLE_HEIGHT + 2;
    for (int k = 0; k < 2; k++) {
        char text[CHART_LABEL_MAX];
        snprintf(text, sizeof text, "%s, %.0f images", kinds[k].name, sum_of(kinds[k].counts, c->bins));
        svg_box(s, (svg_point){x, y}, (svg_point){x + SWATCH, y + SWATCH},
                &(svg_style){.fill = kinds[k].colour, .opacity = 0.45, .stroke = kinds[k].colour});
        svg_text(s, (svg_point){x + SWATCH + 6, y + 10}, &(svg_text_style){0}, text);
        x += SWATCH + 30 + svg_text_width(text, 12);
    }
}

/* The steps of one kind, as an area and its outline. */
static bool put_steps(svg *s, const histogram_chart *c, const chart_frame *f, const kind *k, error *e)
{
    size_t n = 2 * c->bins + 2;
    svg_point *points = calloc(n, sizeof *points);
    if (!points)
        return error_memory(e, "a chart's points");
    double sum = sum_of(k->counts, c->bins), width = (c->high - c->low) / (double)c->bins;
    points[0] = chart_at(f, c->low, 0);
    points[n - 1] = chart_at(f, c->high, 0);
    for (size_t i = 0; i < c->bins; i++) {
        double left = c->low + width * (double)i, share = sum > 0 ? k->counts[i] / sum : 0;
        points[2 * i + 1] = chart_at(f, left, share);
        points[2 * i + 2] = chart_at(f, left + width, share);
    }
    svg_group(s, k->name);
    svg_path(s, points, n, &(svg_style){.fill = k->colour, .opacity = 0.35, .stroke = k->colour, .width = 1.4});
    svg_group_end(s);
    free(points);
    return true;
}

char *chart_histogram(const histogram_chart *c, size_t *size, error *e)
{
    const kind kinds[2] = {{"normal", "#0072b2", c->normal}, {"anomalous", "#d55e00", c->anomalous}};
    double highest = c->bins ? highest_share(c, kinds) : 0;
    bool some = highest > 0 && isfinite(c->high - c->low) && c->high > c->low;
    const chart_frame f = {.corner = {LEFT, CHART_TITLE_HEIGHT + LEGEND_HEIGHT},
                           .width = WIDTH,
                           .height = HEIGHT,
                           .x_low = some ? c->low : 0,
                           .x_high = some ? c->high : 1,
                           .y_high = some ? highest * 1.05 : 1};
    double width = fmax(LEFT + WIDTH + MARGIN, LEFT + chart_titles_width(c->title, c->subtitle) + MARGIN);
    svg *s = svg_begin(width, f.corner.y + HEIGHT + BELOW, c->title, c->subtitle, e);
    if (!s)
        return NULL;
    bool good = true;
    chart_titles(s, LEFT, c->title, c->subtitle);
    if (some) {
        put_legend(s, c, kinds);
        chart_x_axis(s, &f, "score");
        chart_y_axis(s, &f, "share of images");
        for (int k = 0; k < 2; k++)
            good = put_steps(s, c, &f, &kinds[k], e) && good;
    } else {
        svg_text(s, (svg_point){LEFT + WIDTH / 2.0, f.corner.y + HEIGHT / 2.0},
                 &(svg_text_style){.anchor = SVG_MIDDLE, .fill = CHART_FAINT}, "no scores to show");
    }
    chart_outline(s, &f);
    char *text = svg_end(s, size, good ? e : NULL);
    if (good)
        return text;
    free(text);
    return NULL;
}
