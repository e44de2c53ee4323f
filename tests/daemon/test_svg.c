/* SPDX-License-Identifier: MIT */
/* test_svg.c — the SVG that svg.c writes is well-formed whatever it is given, and the same bytes each time. */
#include "daemon/report/svg.h"

#include "daemon/xml_form.h"

#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>

#include <cmocka.h>

static char *draw(const char *words)
{
    error e = {0};
    size_t size;
    svg *s = svg_begin(200, 100.5, words, words, &e);
    assert_non_null(s);
    const svg_style line = {.stroke = "#0072b2", .width = 1.5, .dash = "4 3"};
    svg_group(s, words);
    svg_line(s, (svg_point){0, 1.0 / 3}, (svg_point){-0.001, 1e-9}, &line);
    svg_box(s, (svg_point){30, 40}, (svg_point){10, 20}, &(svg_style){.fill = "#ffffff", .opacity = 0.5});
    for (int m = 0; m < SVG_MARKS; m++)
        svg_mark_at(s, (enum svg_mark)m, (svg_point){50, 50}, 3, &line);
    svg_path(s, (svg_point[]){{0, 0}, {NAN, 1}, {1, INFINITY}, {2, 2}}, 4, &line);
    svg_path(s, NULL, 0, &line);
    svg_text(s, (svg_point){NAN, INFINITY}, &(svg_text_style){.anchor = SVG_END, .bold = true, .upright = true}, words);
    svg_group_end(s);
    char *text = svg_end(s, &size, &e);
    assert_non_null(text);
    assert_int_equal(strlen(text), size);
    return text;
}

static void a_drawing_is_well_formed(void **state)
{
    (void)state;
    char *text = draw("plain");
    assert_null(xml_fault(text));
    assert_non_null(strstr(text, "<title>plain</title>"));
    assert_non_null(strstr(text, "viewBox=\"0 0 200 100.5\""));
    assert_null(strstr(text, "nan"));
    assert_null(strstr(text, "inf"));
    assert_null(strstr(text, "-0\""));
    free(text);
}

static void markup_in_names_is_text(void **state)
{
    (void)state;
    char *text = draw("</svg><script>\"a\" & 'b'</script>");
    assert_null(xml_fault(text));
    assert_null(strstr(text, "<script"));
    assert_non_null(strstr(text, "&lt;/svg&gt;&lt;script&gt;&quot;a&quot; &amp; 'b'&lt;/script&gt;"));
    free(text);
}

static void bytes_that_are_no_text_become_question_marks(void **state)
{
    (void)state;
    static const struct {
        const char *given, *written;
    } cases[] = {{"caf\xc3\xa9 \xe2\x82\xac \xf0\x9f\x90\x88", "caf\xc3\xa9 \xe2\x82\xac \xf0\x9f\x90\x88"},
                 {"a\x01"
                  "b\n\x7f",
                  "a?b??"},
                 {"\xc3", "?"},
                 {"\xc0\x80", "??"},
                 {"\xed\xa0\x80", "???"},
                 {"\xef\xbf\xbf", "???"},
                 {"\xff\xc3\xa9", "?\xc3\xa9"}};
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        char *text = draw(cases[i].given), title[64];
        snprintf(title, sizeof title, "<title>%s</title>", cases[i].written);
        assert_null(xml_fault(text));
        assert_non_null(strstr(text, title));
        free(text);
    }
}

static void the_same_calls_make_the_same_bytes(void **state)
{
    (void)state;
    char *one = draw("again"), *other = draw("again");
    assert_string_equal(one, other);
    free(one);
    free(other);
}

static void numbers_are_short_and_points_that_are_none_are_left_out(void **state)
{
    (void)state;
    char *text = draw("numbers");
    assert_non_null(strstr(text, "y1=\"0.33\" x2=\"0\" y2=\"0\""));
    assert_non_null(strstr(text, "<polyline points=\"0,0 2,2\""));
    assert_non_null(strstr(text, "<polyline points=\"\""));
    assert_non_null(strstr(text, "<rect x=\"10\" y=\"20\" width=\"20\" height=\"20\" fill=\"#ffffff\""));
    free(text);
}

/* The judge of the others here. */
static void what_is_not_well_formed_is_found(void **state)
{
    (void)state;
    static const char *const faults[] = {
        "<a><b></a></b>\n", "<a>&nbsp;</a>\n", "<a b=\"1\" b=\"2\"/>\n", "<a b=c/>\n", "<a>",
        "<a/><b/>\n",       "<a b=\"<\"/>\n",  "<a>\x01</a>\n"};
    for (size_t i = 0; i < sizeof faults / sizeof *faults; i++)
        assert_non_null(xml_fault(faults[i]));
    assert_null(xml_fault("<a b=\"1\"><c/>text &amp; more</a>\n"));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_drawing_is_well_formed),
        cmocka_unit_test(markup_in_names_is_text),
        cmocka_unit_test(bytes_that_are_no_text_become_question_marks),
        cmocka_unit_test(the_same_calls_make_the_same_bytes),
        cmocka_unit_test(numbers_are_short_and_points_that_are_none_are_left_out),
        cmocka_unit_test(what_is_not_well_formed_is_found),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
