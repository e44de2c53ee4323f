/* SPDX-License-Identifier: MIT */
/* chart_roc.c — see charts.h. */
#include "daemon/report/charts.h"

#include "daemon/report/chart.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>

enum { LEFT = 58, SIDE = 340, BELOW = 48, LEGEND_GAP = 20, SWATCH = 26, MARGIN = 14, NAME_LETTERS = 24 };

static void legend_text(const roc_curve *c, char out[CHART_LABEL_MAX])
{
    char name[CHART_LABEL_MAX];
    chart_label(name, c->name, NAME_LETTERS);
    if (!c->count)
        snprintf(out, CHART_LABEL_MAX, "%.120s: no run", name);
    else if (isnan(c->auroc))
        snprintf(out, CHART_LABEL_MAX, "%.120s", name);
    else if (isnan(c->low) || isnan(c->high))
        snprintf(out, CHART_LABEL_MAX, "%.120s  %.3f", name, c->auroc);
    else
        snprintf(out, CHART_LABEL_MAX, "%.120s  %.3f (%.3f to %.3f)", name, c->auroc, c->low, c->high);
}

static double legend_width(const roc_chart *c)
{
    double widest = svg_text_width("AUROC (95% interval)", 12);
    for (int i = 0; i < c->count; i++) {
        char text[CHART_LABEL_MAX];
        legend_text(&c->curves[i], text);
        widest = fmax(widest, SWATCH + 6 + svg_text_width(text, 12));
    }
    return widest;
}

static void put_legend(svg *s, const roc_chart *c, svg_point at)
{
    svg_text(s, (svg_point){at.x, at.y + 4}, &(svg_text_style){.bold = true}, "AUROC (95% interval)");
    for (int i = 0; i < c->count; i++) {
        char text[CHART_LABEL_MAX];
        double y = at.y + CHART_LEGEND_LINE * (i + 1.2);
        bool has = c->curves[i].count > 0;
        legend_text(&c->curves[i], text);
        if (has)
            svg_line(s, (svg_point){at.x, y}, (svg_point){at.x + SWATCH, y},
                     &(svg_style){.stroke = chart_colour(i), .width = 2.5, .dash = chart_dash(i)});
        svg_text(s, (svg_point){at.x + SWATCH + 6, y + 4}, &(svg_text_style){.fill = has ? NULL : CHART_FAINT}, text);
    }
}

/* Memory for the points of the longest curve is the caller's. */
static void put_curve(svg *s, const chart_frame *f, const roc_curve *c, int index, svg_point *points)
{
    for (size_t i = 0; i < c->count; i++)
        points[i] = chart_at(f, c->false_positive[i], c->true_positive[i]);
    char text[CHART_LABEL_MAX];
    legend_text(c, text);
    svg_group(s, text);
    svg_path(s, points, c->count, &(svg_style){.stroke = chart_colour(index), .width = 1.8, .dash = chart_dash(index)});
    svg_group_end(s);
}

static svg_point *points_for(const roc_chart *c, error *e)
{
    size_t most = 1;
    for (int i = 0; i < c->count; i++)
        if (c->curves[i].count > most)
            most = c->curves[i].count;
    svg_point *points = calloc(most, sizeof *points);
    if (!points)
        error_memory(e, "a chart's points");
    return points;
}

char *chart_roc(const roc_chart *c, size_t *size, error *e)
{
    const chart_frame f = {
        .corner = {LEFT, CHART_TITLE_HEIGHT}, .width = SIDE, .height = SIDE, .x_high = 1, .y_high = 1};
    double legend = LEFT + SIDE + LEGEND_GAP;
    double width = fmax(legend + legend_width(c) + MARGIN, LEFT + chart_titles_width(c->title, c->subtitle) + MARGIN);
    double height = fmax(f.corner.y + SIDE + BELOW, f.corner.y + CHART_LEGEND_LINE * (c->count + 2));
    svg_point *points = points_for(c, e);
    svg *s = points ? svg_begin(width, height, c->title, c->subtitle, e) : NULL;
    char *text = NULL;
    if (s) {
        chart_titles(s, LEFT, c->title, c->subtitle);
        chart_x_axis(s, &f, "normal images called anomalous");
        chart_y_axis(s, &f, "anomalous images found");
        svg_line(s, chart_at(&f, 0, 0), chart_at(&f, 1, 1), &(svg_style){.stroke = "#8a8a8a", .dash = "4 4"});
        chart_outline(s, &f);
        for (int i = 0; i < c->count; i++)
            if (c->curves[i].count)
                put_curve(s, &f, &c->curves[i], i, points);
        put_legend(s, c, (svg_point){legend, f.corner.y + 8});
        text = svg_end(s, size, e);
    }
    free(points);
    return text;
}
