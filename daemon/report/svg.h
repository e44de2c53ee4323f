/* SPDX-License-Identifier: MIT */
/*
 * svg.h — a drawing as SVG text: lines, marks, words. Knows nothing of what is drawn. The same calls make the same
 * bytes; text is escaped, there are no scripts and nothing is fetched; coordinates are pixels, to a hundredth.
 *
 * Nothing fails until the end: what memory was missing for, svg_end says.
 */
#ifndef ANOMALYD_DAEMON_REPORT_SVG_H
#define ANOMALYD_DAEMON_REPORT_SVG_H

#include "base/error.h"

#include <stddef.h>

typedef struct svg svg;

typedef struct svg_point {
    double x, y;
} svg_point;

/* How a thing is drawn. Colours are borrowed constants such as "#0072b2"; NULL: none. */
typedef struct svg_style {
    const char *fill, *stroke;
    double width;     /* of the stroke; 0: 1 */
    const char *dash; /* "4 3"; NULL: a whole line */
    double opacity;   /* of the fill; 0: 1 */
} svg_style;

enum svg_anchor { SVG_START, SVG_MIDDLE, SVG_END };

typedef struct svg_text_style {
    enum svg_anchor anchor;
    double size;        /* of the letters; 0: 12 */
    const char *fill;   /* NULL: that of body text */
    bool bold, upright; /* upright: read from below */
} svg_text_style;

enum svg_mark { SVG_CIRCLE, SVG_SQUARE, SVG_DIAMOND, SVG_TRIANGLE, SVG_MARKS };

/* A white picture of that size; title and description are read out to whoever cannot see it. Returns new. */
svg *svg_begin(double width, double height, const char *title, const char *description, error *e);
/* The text, which is the caller's to free(), and the end of s. NULL: out of memory. */
char *svg_end(svg *s, size_t *size, error *e);

void svg_line(svg *s, svg_point a, svg_point b, const svg_style *style);
/* From one corner to the opposite one. */
void svg_box(svg *s, svg_point a, svg_point b, const svg_style *style);
/* Points that are not finite are left out. */
void svg_path(svg *s, const svg_point *points, size_t count, const svg_style *style);
void svg_mark_at(svg *s, enum svg_mark mark, svg_point at, double radius, const svg_style *style);
void svg_text(svg *s, svg_point at, const svg_text_style *style, const char *text);
/* What follows until svg_group_end has this title, which is shown where the pointer rests on it. */
void svg_group(svg *s, const char *title);
void svg_group_end(svg *s);

/* About how wide a text is, for there is nothing to measure it with. */
double svg_text_width(const char *text, double size);

#endif
