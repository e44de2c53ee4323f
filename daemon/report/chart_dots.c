/* SPDX-License-Identifier: MIT */
/* chart_dots.c — see charts.h. */
#include "daemon/report/charts.h"

#include "daemon/report/chart.h"

#include <math.h>
#include <stdio.h>

enum {
    LEFT_MIN = 44,
    WIDTH = 480,
    ROW = 12, /* of a method within its class */
    BAND_PAD = 6,
    BELOW = 48,
    LEGEND_GAP = 20,
    MARGIN = 14,
    CLASS_LETTERS = 22,
    NAME_LETTERS = 28
};

#define DOT_RADIUS 3.2
#define OTHER_RADIUS 4.4

typedef struct layout {
    chart_frame frame;
    double band, legend, width, height;
} layout;

/* The range that holds every number, from a round value to 1. */
static double lowest(const dot_chart *c)
{
    double low = 1;
    for (int i = 0; i < c->method_count * c->class_count; i++)
        low = fmin(low, fmin(c->dots[i].value, c->dots[i].low)); /* fmin passes NaN over */
    for (int i = 0; i < c->other_count; i++)
        low = fmin(low, c->others[i].value);
    return fmax(0, fmin(0.9, floor(low * 20 - 0.1) / 20));
}

static double widest(const char *const *texts, int count, int letters)
{
    double width = 0;
    for (int i = 0; i < count; i++) {
        char label[CHART_LABEL_MAX];
        width = fmax(width, svg_text_width(chart_label(label, texts[i], letters), 12));
    }
    return width;
}

static layout lay_out(const dot_chart *c)
{
    layout l = {.band = ROW * c->method_count + 2 * BAND_PAD};
    l.band = fmax(l.band, 24);
    double left = fmax(LEFT_MIN, widest(c->classes, c->class_count, CLASS_LETTERS) + 24);
    int lines = c->method_count + (c->source_count ? c->source_count + 2 : 0);
    l.frame = (chart_frame){.corner = {left, CHART_TITLE_HEIGHT},
                            .width = WIDTH,
                            .height = l.band * c->class_count,
                            .x_low = lowest(c),
                            .x_high = 1,
                            .y_high = c->class_count};
    l.legend = left + WIDTH + LEGEND_GAP;
    double names =
        fmax(widest(c->methods, c->method_count, NAME_LETTERS), widest(c->sources, c->source_count, NAME_LETTERS));
    l.width = fmax(l.legend + 20 + fmax(names, svg_text_width("published", 12)) + MARGIN,
                   left + chart_titles_width(c->title, c->subtitle) + MARGIN);
    l.height = fmax(CHART_TITLE_HEIGHT + l.frame.height + BELOW, CHART_TITLE_HEIGHT + CHART_LEGEND_LINE * (lines + 1));
    return l;
}

static void put_bands(svg *s, const dot_chart *c, const layout *l)
{
    const chart_frame *f = &l->frame;
    for (int i = 0; i < c->class_count; i++) {
        char label[CHART_LABEL_MAX];
        double top = f->corner.y + l->band * i;
        if (i % 2 == 0)
            svg_box(s, (svg_point){f->corner.x, top}, (svg_point){f->corner.x + f->width, top + l->band},
                    &(svg_style){.fill = "#f6f6f6"});
        svg_text(s, (svg_point){f->corner.x - 8, top + l->band / 2 + 4}, &(svg_text_style){.anchor = SVG_END},
                 chart_label(label, c->classes[i], CLASS_LETTERS));
    }
}

static double row_of(const dot_chart *c, const layout *l, int column, int method)
{
    double rows = ROW * c->method_count, top = l->frame.corner.y + l->band * column;
    return top + (l->band - rows) / 2 + ROW * (method + 0.5);
}

static double across(const layout *l, double value)
{
    return chart_at(&l->frame, value, 0).x;
}

static void put_dot(svg *s, const dot_chart *c, const layout *l, int column, int method)
{
    const dot *d = &c->dots[column * c->method_count + method];
    if (isnan(d->value))
        return;
    char title[2 * CHART_LABEL_MAX];
    double y = row_of(c, l, column, method);
    const char *colour = chart_colour(method);
    snprintf(title, sizeof title, "%.64s, class %.64s: %.3f", c->methods[method], c->classes[column], d->value);
    svg_group(s, title);
    if (!isnan(d->low) && !isnan(d->high))
        svg_line(s, (svg_point){across(l, d->low), y}, (svg_point){across(l, d->high), y},
                 &(svg_style){.stroke = colour, .width = 1.6});
    svg_mark_at(s, SVG_CIRCLE, (svg_point){across(l, d->value), y}, DOT_RADIUS, &(svg_style){.fill = colour});
    svg_group_end(s);
}

static void put_other(svg *s, const dot_chart *c, const layout *l, const dot_other *o)
{
    if (isnan(o->value))
        return;
    char title[2 * CHART_LABEL_MAX];
    snprintf(title, sizeof title, "%.64s, class %.64s, published (%.96s): %.3f", c->methods[o->method],
             c->classes[o->column], c->sources[o->source], o->value);
    svg_group(s, title);
    svg_mark_at(s, (enum svg_mark)(o->source % SVG_MARKS),
                (svg_point){across(l, o->value), row_of(c, l, o->column, o->method)}, OTHER_RADIUS,
                &(svg_style){.stroke = chart_colour(o->method), .width = 1.3});
    svg_group_end(s);
}

static void put_legend(svg *s, const dot_chart *c, const layout *l)
{
    char label[CHART_LABEL_MAX];
    double y = l->frame.corner.y + 8;
    for (int m = 0; m < c->method_count; m++) {
        svg_mark_at(s, SVG_CIRCLE, (svg_point){l->legend + 6, y}, 4, &(svg_style){.fill = chart_colour(m)});
        svg_text(s, (svg_point){l->legend + 18, y + 4}, &(svg_text_style){0},
                 chart_label(label, c->methods[m], NAME_LETTERS));
        y += CHART_LEGEND_LINE;
    }
    if (!c->source_count)
        return;
    y += CHART_LEGEND_LINE / 2.0;
    svg_text(s, (svg_point){l->legend, y + 4}, &(svg_text_style){.bold = true}, "published");
    for (int i = 0; i < c->source_count; i++) {
        y += CHART_LEGEND_LINE;
        svg_mark_at(s, (enum svg_mark)(i % SVG_MARKS), (svg_point){l->legend + 6, y}, 4,
                    &(svg_style){.stroke = CHART_INK, .width = 1.4});
        svg_text(s, (svg_point){l->legend + 18, y + 4}, &(svg_text_style){0},
                 chart_label(label, c->sources[i], NAME_LETTERS));
    }
}

char *chart_dots(const dot_chart *c, size_t *size, error *e)
{
    const layout l = lay_out(c);
    svg *s = svg_begin(l.width, l.height, c->title, c->subtitle, e);
    if (!s)
        return NULL;
    chart_titles(s, l.frame.corner.x, c->title, c->subtitle);
    put_bands(s, c, &l);
    chart_x_axis(s, &l.frame, "AUROC");
    if (l.frame.x_low < 0.5)
        svg_line(s, chart_at(&l.frame, 0.5, 0), chart_at(&l.frame, 0.5, c->class_count),
                 &(svg_style){.stroke = "#8a8a8a", .dash = "4 4"});
    chart_outline(s, &l.frame);
    for (int column = 0; column < c->class_count; column++)
        for (int method = 0; method < c->method_count; method++)
            put_dot(s, c, &l, column, method);
    for (int i = 0; i < c->other_count; i++) /* over the dots, around one of the same value */
        put_other(s, c, &l, &c->others[i]);
    put_legend(s, c, &l);
    return svg_end(s, size, e);
}
