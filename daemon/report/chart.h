/* SPDX-License-Identifier: MIT */
/*
 * chart.h — what all charts share: round ticks, colours that most colour-blind people tell apart, a frame with axes, a
 * legend beside it. Knows nothing of what the numbers mean.
 */
#ifndef ANOMALYD_DAEMON_REPORT_CHART_H
#define ANOMALYD_DAEMON_REPORT_CHART_H

#include "daemon/report/svg.h"

enum {
    CHART_TICKS_MAX = 12,
    CHART_LABEL_MAX = 200, /* bytes of a label */
    CHART_LEGEND_LINE = 18,
    CHART_TITLE_HEIGHT = 48 /* for title and subtitle */
};
#define CHART_INK "#333333"
#define CHART_FAINT "#767676"
#define CHART_GRID "#e4e4e4"

/* The palette of Okabe and Ito (2008), the colours that stand out least on white last. The dash tells those apart that
 * come round again: NULL for the first of each colour. */
const char *chart_colour(int index);
const char *chart_dash(int index);

/* Numbers at round steps (1, 2 or 5 by a power of ten). */
typedef struct chart_ticks {
    int count;
    double values[CHART_TICKS_MAX];
    char labels[CHART_TICKS_MAX][24];
} chart_ticks;
/* Those within [low, high], 2 to `most` (3 … CHART_TICKS_MAX) of them; none where the range is not finite or empty. */
void chart_ticks_find(chart_ticks *t, double low, double high, int most);

/* Where numbers lie on the picture. */
typedef struct chart_frame {
    svg_point corner; /* upper left, in pixels */
    double width, height;
    double x_low, x_high, y_low, y_high;
} chart_frame;
svg_point chart_at(const chart_frame *f, double x, double y);

/* About how wide the two are. */
double chart_titles_width(const char *title, const char *subtitle);
void chart_titles(svg *s, double left, const char *title, const char *subtitle);
/* Grid lines, tick labels and the axis's name; the frame's outline is chart_outline's. */
void chart_x_axis(svg *s, const chart_frame *f, const char *name);
void chart_y_axis(svg *s, const chart_frame *f, const char *name);
void chart_outline(svg *s, const chart_frame *f);

/* `text` in at most `letters` letters; what is cut off becomes "…". Returns out. */
const char *chart_label(char out[CHART_LABEL_MAX], const char *text, int letters);

#endif
