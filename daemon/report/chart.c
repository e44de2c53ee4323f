/* SPDX-License-Identifier: MIT */
/* chart.c — see chart.h. */
#include "daemon/report/chart.h"

#include <assert.h>
#include <math.h>
#include <stdio.h>
#include <string.h>

enum { COLOURS = 8, TITLE_SIZE = 14, TITLE_LETTERS = 80, TICK_SIZE = 11, SUBTITLE_LETTERS = 110, DECIMALS_MAX = 6 };

const char *chart_colour(int index)
{
    static const char *const colours[COLOURS] = {"#0072b2", "#d55e00", "#009e73", "#cc79a7",
                                                 "#e69f00", "#56b4e9", "#000000", "#b8a800"};
    return colours[index % COLOURS];
}

const char *chart_dash(int index)
{
    static const char *const dashes[] = {NULL, "7 3", "2 3"};
    return dashes[index / COLOURS % 3];
}

static double round_step(double width, int most)
{
    double power = pow(10, floor(log10(width / most)));
    static const double steps[] = {1, 2, 5, 10, 20};
    for (size_t i = 0; i < sizeof steps / sizeof *steps; i++)
        if (floor(width / (steps[i] * power) + 1e-9) + 1 <= most)
            return steps[i] * power;
    return 50 * power;
}

static void tick_label(char label[24], double value, double step, double largest)
{
    int decimals = (int)fmax(0, ceil(-log10(step) - 1e-9));
    if (decimals <= DECIMALS_MAX && largest < 1e6)
        snprintf(label, 24, "%.*f", decimals, value);
    else
        snprintf(label, 24, "%.4g", value);
}

void chart_ticks_find(chart_ticks *t, double low, double high, int most)
{
    assert(most >= 3 && most <= CHART_TICKS_MAX);
    t->count = 0;
    double width = high - low;
    if (!isfinite(width) || width <= 0 || width <= 1e-12 * fmax(fabs(low), fabs(high)))
        return;
    double step = round_step(width, most), largest = fmax(fabs(low), fabs(high));
    double first = ceil(low / step - 1e-9);
    for (int i = 0; t->count < most && (first + i) * step <= high + 1e-9 * step; i++) {
        double value = (first + i) * step;
        t->values[t->count] = value == 0 ? 0 : value; /* no minus before a nought */
        tick_label(t->labels[t->count], t->values[t->count], step, largest);
        t->count++;
    }
}

svg_point chart_at(const chart_frame *f, double x, double y)
{
    return (svg_point){f->corner.x + (x - f->x_low) / (f->x_high - f->x_low) * f->width,
                       f->corner.y + f->height - (y - f->y_low) / (f->y_high - f->y_low) * f->height};
}

double chart_titles_width(const char *title, const char *subtitle)
{
    char label[CHART_LABEL_MAX];
    double width = svg_text_width(chart_label(label, title, TITLE_LETTERS), TITLE_SIZE) * 1.1; /* it is bold */
    return fmax(width, svg_text_width(chart_label(label, subtitle, SUBTITLE_LETTERS), TICK_SIZE));
}

void chart_titles(svg *s, double left, const char *title, const char *subtitle)
{
    char label[CHART_LABEL_MAX];
    svg_text(s, (svg_point){left, 20}, &(svg_text_style){.size = TITLE_SIZE, .bold = true},
             chart_label(label, title, TITLE_LETTERS));
    svg_text(s, (svg_point){left, 37}, &(svg_text_style){.size = TICK_SIZE, .fill = CHART_FAINT},
             chart_label(label, subtitle, SUBTITLE_LETTERS));
}

void chart_x_axis(svg *s, const chart_frame *f, const char *name)
{
    chart_ticks t;
    double bottom = f->corner.y + f->height;
    chart_ticks_find(&t, f->x_low, f->x_high, 8);
    for (int i = 0; i < t.count; i++) {
        double x = chart_at(f, t.values[i], f->y_low).x;
        svg_line(s, (svg_point){x, f->corner.y}, (svg_point){x, bottom}, &(svg_style){.stroke = CHART_GRID});
        svg_text(s, (svg_point){x, bottom + 16}, &(svg_text_style){.anchor = SVG_MIDDLE, .size = TICK_SIZE},
                 t.labels[i]);
    }
    svg_text(s, (svg_point){f->corner.x + f->width / 2, bottom + 35}, &(svg_text_style){.anchor = SVG_MIDDLE}, name);
}

void chart_y_axis(svg *s, const chart_frame *f, const char *name)
{
    chart_ticks t;
    double right = f->corner.x + f->width;
    chart_ticks_find(&t, f->y_low, f->y_high, 6);
    for (int i = 0; i < t.count; i++) {
        double y = chart_at(f, f->x_low, t.values[i]).y;
        svg_line(s, (svg_point){f->corner.x, y}, (svg_point){right, y}, &(svg_style){.stroke = CHART_GRID});
        svg_text(s, (svg_point){f->corner.x - 7, y + 4}, &(svg_text_style){.anchor = SVG_END, .size = TICK_SIZE},
                 t.labels[i]);
    }
    svg_text(s, (svg_point){f->corner.x - 43, f->corner.y + f->height / 2},
             &(svg_text_style){.anchor = SVG_MIDDLE, .upright = true}, name);
}

void chart_outline(svg *s, const chart_frame *f)
{
    svg_box(s, f->corner, (svg_point){f->corner.x + f->width, f->corner.y + f->height},
            &(svg_style){.stroke = "#8a8a8a"});
}

const char *chart_label(char out[CHART_LABEL_MAX], const char *text, int letters)
{
    static const char ellipsis[] = "…";
    size_t used = 0, cut = 0; /* cut: where the last letter that has a place begins */
    int count = 0;
    for (const char *at = text; *at && used < CHART_LABEL_MAX - sizeof ellipsis; at++, used++) {
        if (((unsigned char)*at & 0xc0) != 0x80) {
            if (count == letters)
                break;
            cut = used;
            count++;
        }
        out[used] = *at;
    }
    out[used] = 0;
    if (text[used])
        memcpy(out + cut, ellipsis, sizeof ellipsis);
    return out;
}
