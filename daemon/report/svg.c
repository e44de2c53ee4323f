/* SPDX-License-Identifier: MIT */
/* svg.c — see svg.h. */
#include "daemon/report/svg.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define TEXT_FILL "#333333"
enum { TEXT_SIZE = 12 };

struct svg {
    FILE *out;
    char *text;
    size_t size;
};

/* ---- pieces */

/* Bytes of a well-formed UTF-8 sequence that XML allows at `at`; 0: none. */
static size_t sequence(const unsigned char *at)
{
    size_t more = at[0] < 0x80 ? 0 : at[0] >= 0xc2 && at[0] < 0xe0 ? 1 : (at[0] & 0xf0) == 0xe0 ? 2 : 3;
    if (at[0] < 0x80)
        return at[0] >= 0x20 && at[0] != 0x7f;
    if (at[0] < 0xc2 || at[0] > 0xf4)
        return 0;
    for (size_t i = 1; i <= more; i++)
        if ((at[i] & 0xc0) != 0x80)
            return 0;
    bool overlong = (at[0] == 0xe0 && at[1] < 0xa0) || (at[0] == 0xf0 && at[1] < 0x90);
    bool beyond = (at[0] == 0xed && at[1] > 0x9f) || (at[0] == 0xf4 && at[1] > 0x8f) ||
                  (at[0] == 0xef && at[1] == 0xbf && at[2] > 0xbd);
    return overlong || beyond ? 0 : more + 1;
}

static void escaped(FILE *out, const char *text)
{
    for (const unsigned char *at = (const unsigned char *)text; *at;) {
        size_t bytes = sequence(at);
        if (*at == '<')
            fputs("&lt;", out);
        else if (*at == '>')
            fputs("&gt;", out);
        else if (*at == '&')
            fputs("&amp;", out);
        else if (*at == '"')
            fputs("&quot;", out);
        else if (bytes)
            fwrite(at, 1, bytes, out);
        else
            fputc('?', out);
        at += bytes ? bytes : 1;
    }
}

/* The shortest decimal to a hundredth. */
static void number(FILE *out, double value)
{
    char text[40];
    snprintf(text, sizeof text, "%.2f", isfinite(value) && fabs(value) < 1e9 ? value : 0);
    char *end = text + strlen(text);
    while (end[-1] == '0')
        *--end = 0;
    if (end[-1] == '.')
        *--end = 0;
    fputs(!strcmp(text, "-0") ? "0" : text, out);
}

static void attribute(FILE *out, const char *name, double value)
{
    fprintf(out, " %s=\"", name);
    number(out, value);
    fputc('"', out);
}

static void styled(FILE *out, const svg_style *s)
{
    fprintf(out, " fill=\"%s\"", s->fill ? s->fill : "none");
    if (s->fill && s->opacity > 0)
        attribute(out, "fill-opacity", s->opacity);
    if (s->stroke) {
        fprintf(out, " stroke=\"%s\"", s->stroke);
        if (s->width > 0)
            attribute(out, "stroke-width", s->width);
        if (s->dash)
            fprintf(out, " stroke-dasharray=\"%s\"", s->dash);
    }
    fputs("/>\n", out);
}

static void element(FILE *out, const char *name, const char *text)
{
    fprintf(out, "<%s>", name);
    escaped(out, text);
    fprintf(out, "</%s>\n", name);
}

/* ---- the drawing */

svg *svg_begin(double width, double height, const char *title, const char *description, error *e)
{
    svg *s = calloc(1, sizeof *s);
    if (!s || !(s->out = open_memstream(&s->text, &s->size))) {
        free(s);
        error_memory(e, "a drawing");
        return NULL;
    }
    fputs("<svg xmlns=\"http://www.w3.org/2000/svg\"", s->out);
    attribute(s->out, "width", width);
    attribute(s->out, "height", height);
    fputs(" viewBox=\"0 0 ", s->out);
    number(s->out, width);
    fputc(' ', s->out);
    number(s->out, height);
    fputs("\" role=\"img\" font-family=\"system-ui, 'DejaVu Sans', Helvetica, Arial, sans-serif\">\n", s->out);
    element(s->out, "title", title);
    element(s->out, "desc", description);
    svg_box(s, (svg_point){0, 0}, (svg_point){width, height}, &(svg_style){.fill = "#ffffff"});
    return s;
}

char *svg_end(svg *s, size_t *size, error *e)
{
    fputs("</svg>\n", s->out);
    bool good = !ferror(s->out);
    good = fclose(s->out) == 0 && good;
    char *text = s->text;
    *size = s->size;
    free(s);
    if (good)
        return text;
    free(text);
    error_memory(e, "a drawing");
    return NULL;
}

void svg_line(svg *s, svg_point a, svg_point b, const svg_style *style)
{
    fputs("<line", s->out);
    attribute(s->out, "x1", a.x);
    attribute(s->out, "y1", a.y);
    attribute(s->out, "x2", b.x);
    attribute(s->out, "y2", b.y);
    styled(s->out, style);
}

void svg_box(svg *s, svg_point a, svg_point b, const svg_style *style)
{
    fputs("<rect", s->out);
    attribute(s->out, "x", fmin(a.x, b.x));
    attribute(s->out, "y", fmin(a.y, b.y));
    attribute(s->out, "width", fabs(a.x - b.x));
    attribute(s->out, "height", fabs(a.y - b.y));
    styled(s->out, style);
}

static void put_points(svg *s, const char *element, const svg_point *points, size_t count)
{
    const char *separator = "";
    fprintf(s->out, "<%s points=\"", element);
    for (size_t i = 0; i < count; i++) {
        if (!isfinite(points[i].x) || !isfinite(points[i].y))
            continue;
        fputs(separator, s->out);
        number(s->out, points[i].x);
        fputc(',', s->out);
        number(s->out, points[i].y);
        separator = " ";
    }
    fputc('"', s->out);
}

void svg_path(svg *s, const svg_point *points, size_t count, const svg_style *style)
{
    put_points(s, "polyline", points, count);
    fputs(" stroke-linejoin=\"round\"", s->out);
    styled(s->out, style);
}

static void polygon(svg *s, const svg_point *corners, size_t count, const svg_style *style)
{
    put_points(s, "polygon", corners, count);
    styled(s->out, style);
}

void svg_mark_at(svg *s, enum svg_mark mark, svg_point at, double radius, const svg_style *style)
{
    double x = at.x, y = at.y, r = radius, wide = 1.25 * radius;
    switch (mark) {
    case SVG_CIRCLE:
        fputs("<circle", s->out);
        attribute(s->out, "cx", x);
        attribute(s->out, "cy", y);
        attribute(s->out, "r", r);
        styled(s->out, style);
        break;
    case SVG_SQUARE:
        svg_box(s, (svg_point){x - r, y - r}, (svg_point){x + r, y + r}, style);
        break;
    case SVG_DIAMOND:
        polygon(s, (svg_point[]){{x, y - wide}, {x + wide, y}, {x, y + wide}, {x - wide, y}}, 4, style);
        break;
    case SVG_TRIANGLE:
        polygon(s, (svg_point[]){{x, y - wide}, {x + wide, y + r}, {x - wide, y + r}}, 3, style);
        break;
    case SVG_MARKS:
        break;
    }
}

void svg_text(svg *s, svg_point at, const svg_text_style *style, const char *text)
{
    static const char *const anchors[] = {"start", "middle", "end"};
    fputs("<text", s->out);
    attribute(s->out, "x", at.x);
    attribute(s->out, "y", at.y);
    attribute(s->out, "font-size", style->size > 0 ? style->size : TEXT_SIZE);
    fprintf(s->out, " fill=\"%s\"", style->fill ? style->fill : TEXT_FILL);
    if (style->anchor != SVG_START)
        fprintf(s->out, " text-anchor=\"%s\"", anchors[style->anchor]);
    if (style->bold)
        fputs(" font-weight=\"bold\"", s->out);
    if (style->upright) {
        fputs(" transform=\"rotate(-90 ", s->out);
        number(s->out, at.x);
        fputc(' ', s->out);
        number(s->out, at.y);
        fputs(")\"", s->out);
    }
    fputc('>', s->out);
    escaped(s->out, text);
    fputs("</text>\n", s->out);
}

void svg_group(svg *s, const char *title)
{
    fputs("<g>\n", s->out);
    element(s->out, "title", title);
}

void svg_group_end(svg *s)
{
    fputs("</g>\n", s->out);
}

double svg_text_width(const char *text, double size)
{
    size_t letters = 0;
    for (; *text; text++)
        letters += ((unsigned char)*text & 0xc0) != 0x80;
    return (double)letters * 0.58 * size;
}
