/* SPDX-License-Identifier: MIT */
/* test_result_table.c — a small table in its three formats, with published rows of both protocols. */
#include "tests/api/fake_service.h"

#include "api/tables/markdown.h"
#include "api/tables/result_table.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

static const char *const methods[] = {"kde", "pca"};
static const char *const classes[] = {"0", "a|b"};
static const uint64_t seeds[] = {0, 1};
static const published_row published[] = {
    {"survey", "table 2", "kde", "mnist", "one-class", "0", 0.25, "suspected typo"},
    {"survey", "table 2", "kde", "mnist", "one-class", "a|b", 0.75, ""},
    {"survey", "table 2", "kde", "mnist", "one-vs-rest", "0", 0.125, ""},
    {"a paper", "", "pca", "mnist", "one-class", "", 0.625, "stated"},
    {"a paper", "", "ocgan", "mnist", "one-class", "0", 0.875, ""},
};

typedef struct sample {
    result_table view;
    table *figures;
    experiment_cell cells[8]; /* none has run */
} sample;

/* kde: 0.5 and 0.7, then 0.8 alone; pca whole: 0.4 and 0.4, 0.6 and 0.8. */
static sample *make(void)
{
    error e = {0};
    sample *s = calloc(1, sizeof *s);
    assert_non_null(s);
    s->figures = table_new(2, 2, 2, &e);
    assert_non_null(s->figures);
    table_put(s->figures, 0, 0, 0, 0.5);
    table_put(s->figures, 0, 0, 1, 0.7);
    table_put(s->figures, 0, 1, 0, 0.8);
    table_put(s->figures, 1, 0, 0, 0.4);
    table_put(s->figures, 1, 0, 1, 0.4);
    table_put(s->figures, 1, 1, 0, 0.6);
    table_put(s->figures, 1, 1, 1, 0.8);
    table_finish(s->figures);
    s->view = (result_table){.dataset = "mnist",
                             .protocol = "one-class",
                             .methods = methods,
                             .classes = classes,
                             .seeds = seeds,
                             .method_count = 2,
                             .class_count = 2,
                             .seed_count = 2,
                             .all_classes = true,
                             .figures = s->figures,
                             .cells = s->cells,
                             .published = published,
                             .published_count = sizeof published / sizeof *published};
    return s;
}

static void finish(sample *s)
{
    table_free(s->figures);
    free(s);
}

/* Of method m, which has run; `place` is of classes, then seeds. */
static experiment_cell *ran(sample *s, int m, int place, const char *version, const char *images)
{
    experiment_cell *c = &s->cells[place * 2 + m];
    snprintf(c->run, sizeof c->run, "run");
    snprintf(c->code_version, sizeof c->code_version, "%s", version);
    snprintf(c->images, sizeof c->images, "%s", images);
    return c;
}

static const json_t *at(const json_t *o, const char *key, size_t i)
{
    return json_array_get(json_object_get(o, key), i);
}

static double number(const json_t *o, const char *key)
{
    const json_t *value = json_object_get(o, key);
    assert_non_null(value);
    return json_is_null(value) ? NAN : json_number_value(value);
}

static void the_json_has_figures_and_what_is_published_under_the_protocol(void **state)
{
    (void)state;
    sample *s = make();
    json_t *o = result_table_json(&s->view);
    const json_t *kde = at(o, "rows", 0), *pca = at(o, "rows", 1);
    assert_true(fabs(number(at(kde, "cells", 0), "auroc") - 0.6) < 1e-12);
    assert_true(json_is_true(json_object_get(at(kde, "cells", 0), "best")));
    assert_int_equal(json_integer_value(json_object_get(at(kde, "cells", 1), "count")), 1);
    assert_true(isnan(number(json_object_get(kde, "mean"), "auroc")));
    assert_true(fabs(number(json_object_get(pca, "mean"), "auroc") - 0.55) < 1e-12);
    assert_int_equal(json_array_size(json_object_get(kde, "published")), 1);
    const json_t *survey = at(kde, "published", 0);
    assert_true(number(at(survey, "cells", 0), "auroc") == 0.25);
    assert_true(number(survey, "mean") == 0.5 && number(survey, "median") == 0.5);
    assert_true(number(at(pca, "published", 0), "mean") == 0.625);
    json_decref(o);
    finish(s);
}

static void a_stated_mean_does_not_stand_beside_some_classes(void **state)
{
    (void)state;
    sample *s = make();
    s->view.all_classes = false;
    json_t *o = result_table_json(&s->view);
    assert_int_equal(json_array_size(json_object_get(at(o, "rows", 1), "published")), 0); /* it has nothing else */
    assert_true(number(at(at(o, "rows", 0), "published", 0), "mean") == 0.5); /* over the same classes as ours */
    json_decref(o);
    finish(s);
}

static void a_published_row_stands_where_it_has_a_figure_of_a_class(void **state)
{
    (void)state;
    static const char *const other[] = {"7"};
    sample *s = make();
    s->view.all_classes = false;
    s->view.classes = other;
    s->view.class_count = 1;
    json_t *o = result_table_json(&s->view);
    assert_int_equal(json_array_size(json_object_get(at(o, "rows", 0), "published")), 0);
    json_decref(o);
    s->view.classes = classes + 1;
    o = result_table_json(&s->view);
    assert_true(number(at(at(o, "rows", 0), "published", 0), "mean") == 0.75);
    json_decref(o);
    finish(s);
}

static void the_markdown_marks_the_best_and_numbers_the_notes(void **state)
{
    (void)state;
    sample *s = make();
    size_t size;
    char *text = result_table_markdown(&s->view, &size);
    assert_string_equal(text,
                        "AUROC on mnist, one-class; mean over seeds 0, 1 ± standard deviation. Best of each column in "
                        "bold; published rows, in italics, are not compared.\n\n"
                        "| method | 0 | a\\|b | mean | median |\n"
                        "| --- | ---: | ---: | ---: | ---: |\n"
                        "| kde | **0.600** ± 0.141 | **0.800** (1 of 2) | – | – |\n"
                        "| *survey, table 2* | 0.250 [1] | 0.750 | 0.500 | 0.500 |\n"
                        "| pca | 0.400 ± 0.000 | 0.700 ± 0.141 | 0.550 ± 0.071 | 0.550 |\n"
                        "| *a paper* | – | – | 0.625 [2] | – |\n"
                        "\n[1] suspected typo  \n[2] stated  \n");
    assert_int_equal(size, strlen(text));
    free(text);
    finish(s);
}

static void notes_alike_share_a_number(void **state)
{
    (void)state;
    sample *s = make();
    size_t size;
    published_row alike[sizeof published / sizeof *published];
    memcpy(alike, published, sizeof published);
    for (size_t i = 0; i < sizeof alike / sizeof *alike; i++)
        snprintf(alike[i].note, sizeof alike[i].note, "%s", i == 1 ? "another" : "one half");
    s->view.published = alike;
    char *text = result_table_markdown(&s->view, &size);
    assert_non_null(strstr(text, "| *survey, table 2* | 0.250 [1] | 0.750 [2] |"));
    assert_non_null(strstr(text, "| *a paper* | – | – | 0.625 [1] | – |"));
    assert_non_null(strstr(text, "\n\n[1] one half  \n[2] another  \n"));
    free(text);
    finish(s);
}

static void the_csv_has_a_line_a_figure(void **state)
{
    (void)state;
    sample *s = make();
    size_t size;
    char *text = result_table_csv(&s->view, &size);
    static const char *const lines[] = {
        "kind,method,source,class,auroc,deviation,count,best,note\r\ncell,kde,,0,0.6,",
        "\r\ncell,kde,,a|b,0.8,,1,1,\r\nmean,kde,,,,,0,0,\r\n",
        "\r\ncell,kde,\"survey, table 2\",0,0.25,,1,0,suspected typo\r\n",
        "\r\nmean,kde,\"survey, table 2\",,0.5,,1,0,\r\n",
        "\r\nmean,pca,a paper,,0.625,,1,0,stated\r\n",
    };
    for (size_t i = 0; i < sizeof lines / sizeof *lines; i++)
        if (!strstr(text, lines[i]))
            fail_msg("lacks '%s':\n%s", lines[i], text);
    assert_null(strstr(text, "0.125"));
    assert_null(strstr(text, "ocgan"));
    free(text);
    finish(s);
}

static void names_are_no_markup_in_markdown(void **state)
{
    (void)state;
    char *text = NULL;
    size_t size;
    FILE *out = open_memstream(&text, &size);
    assert_non_null(out);
    markdown_text(out, "<b>a</b> | [x](y) & `z`\n*_~\\");
    assert_int_equal(fclose(out), 0);
    assert_string_equal(text, "\\<b\\>a\\</b\\> \\| \\[x\\](y) \\& \\`z\\` \\*\\_\\~\\\\");
    free(text);
}

static void expect_parts(char *text, const char *const *parts, size_t count)
{
    assert_non_null(text);
    for (size_t i = 0; i < count; i++)
        if (!strstr(text, parts[i]))
            fail_msg("lacks '%s':\n%s", parts[i], text);
    free(text);
}
#define EXPECT_PARTS(text, ...)                            \
    expect_parts(text, (const char *const[]){__VA_ARGS__}, \
                 sizeof((const char *const[]){__VA_ARGS__}) / sizeof(const char *))

static const char *text_at(const json_t *o, const char *key)
{
    const char *text = json_string_value(json_object_get(o, key));
    assert_non_null(text);
    return text;
}

static void rows_tested_on_fewer_images_say_so(void **state)
{
    (void)state;
    sample *s = make();
    size_t size;
    for (int place = 0; place < 4; place++) {
        ran(s, 0, place, "1.0", "");
        ran(s, 1, place, "1.0", "")->test_images = 50;
    }
    json_t *o = result_table_json(&s->view);
    assert_true(json_is_false(json_object_get(o, "same_images")));
    assert_string_equal(text_at(at(o, "rows", 0), "note"), "tested on all test images");
    assert_string_equal(text_at(at(o, "rows", 1), "note"), "tested on 50 of the test images");
    assert_int_equal(json_integer_value(json_object_get(at(o, "rows", 1), "test_images")), 50);
    json_decref(o);
    EXPECT_PARTS(result_table_csv(&s->view, &size), "\r\ncell,kde,,a|b,0.8,,1,1,tested on all test images\r\n",
                 "\r\nmedian,pca,,,0.55,,2,0,tested on 50 of the test images\r\n");
    EXPECT_PARTS(result_table_markdown(&s->view, &size),
                 " Not all rows were tested on the same images: see the notes.\n\n", "| kde [1] | **0.600**",
                 "| pca [3] | 0.400", "\n[1] tested on all test images  \n",
                 "\n[3] tested on 50 of the test images  \n");
    finish(s);
}

static void rows_with_one_note_share_its_number(void **state)
{
    (void)state;
    sample *s = make();
    size_t size;
    for (int i = 0; i < 8; i++)
        ran(s, i % 2, i / 2, "1.0", "digest")->test_images = 50;
    char *text = result_table_markdown(&s->view, &size);
    assert_null(strstr(text, "see the notes"));
    EXPECT_PARTS(text, "| kde [1] |", "| pca [1] |", "\n[1] tested on 50 of the test images  \n[2] suspected typo  \n");
    finish(s);
}

/* Two versions may draw the images otherwise. */
static void rows_tested_on_other_images_say_so(void **state)
{
    (void)state;
    sample *s = make();
    for (int place = 0; place < 4; place++) {
        ran(s, 0, place, "1.0", "one");
        ran(s, 1, place, "1.0", place == 3 ? "other" : "one");
    }
    json_t *o = result_table_json(&s->view);
    assert_true(json_is_false(json_object_get(o, "same_images")));
    assert_string_equal(text_at(at(o, "rows", 1), "note"), "tested on all test images, others than those of kde");
    json_decref(o);
    s->cells[7].run[0] = 0;
    o = result_table_json(&s->view);
    assert_true(json_is_true(json_object_get(o, "same_images")));
    assert_string_equal(text_at(at(o, "rows", 1), "note"), "");
    json_decref(o);
    finish(s);
}

static void cells_of_several_versions_say_so(void **state)
{
    (void)state;
    sample *s = make();
    size_t size;
    for (int place = 0; place < 4; place++) {
        ran(s, 0, place, "1.0", "");
        ran(s, 1, place, place == 1 ? "1.0" : "1.1", "");
    }
    json_t *o = result_table_json(&s->view);
    assert_int_equal(json_array_size(json_object_get(o, "code_versions")), 2);
    assert_int_equal(json_array_size(json_object_get(at(o, "rows", 0), "code_versions")), 1);
    assert_string_equal(json_string_value(at(at(o, "rows", 1), "code_versions", 1)), "1.0");
    assert_string_equal(text_at(at(o, "rows", 1), "note"), "made by 1.1 (3 runs), 1.0 (1 run)");
    json_decref(o);
    EXPECT_PARTS(result_table_csv(&s->view, &size), ",1,made by 1.0 (2 runs)\r\n",
                 "\r\ncell,pca,,0,0.4,0,2,0,made by 1.1 (2 runs)\r\n", "\"made by 1.0 (1 run), 1.1 (1 run)\"\r\n",
                 "\"made by 1.1 (3 runs), 1.0 (1 run)\"\r\n");
    EXPECT_PARTS(result_table_markdown(&s->view, &size),
                 " Not all cells were made by the same version of the program: see the notes.\n\n",
                 "\n[1] made by 1.0 (4 runs)  \n", "| pca [3] |", "\n[3] made by 1.1 (3 runs), 1.0 (1 run)  \n");
    finish(s);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(names_are_no_markup_in_markdown),
        cmocka_unit_test(the_json_has_figures_and_what_is_published_under_the_protocol),
        cmocka_unit_test(a_stated_mean_does_not_stand_beside_some_classes),
        cmocka_unit_test(a_published_row_stands_where_it_has_a_figure_of_a_class),
        cmocka_unit_test(the_markdown_marks_the_best_and_numbers_the_notes),
        cmocka_unit_test(notes_alike_share_a_number),
        cmocka_unit_test(the_csv_has_a_line_a_figure),
        cmocka_unit_test(rows_tested_on_fewer_images_say_so),
        cmocka_unit_test(rows_with_one_note_share_its_number),
        cmocka_unit_test(rows_tested_on_other_images_say_so),
        cmocka_unit_test(cells_of_several_versions_say_so),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
