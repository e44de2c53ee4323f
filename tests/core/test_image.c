/* SPDX-License-Identifier: MIT */
/* test_image.c — PNG of every kind decode to the right bytes, hostile ones are refused, resizing is PyTorch's. */
#include "data/image.h"

#include "base/file.h"

#include <setjmp.h>
#include <stdarg.h>

#include <cmocka.h>

#include <math.h>
#include <png.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <zlib.h>

enum { WIDTH = 13, HEIGHT = 9 };

/* The formulas of tests/data/make_png.py. */
static int value(int x, int y, int c)
{
    return (37 * x + 59 * y + 101 * c + 11) % 256;
}

static int alpha(int x, int y)
{
    return (20 * x + 3 * y) % 256;
}

static int deep(int x, int y, int c)
{
    return (4099 * x + 7919 * y + 23 * c + 11) % 65536;
}

static int scaled(int part, int whole, int of)
{
    return (2 * part * of + whole) / (2 * whole);
}

static int palette(int k, int c)
{
    return c == 0 ? 16 * k : c == 1 ? 255 - 16 * k : 7 * k;
}

static int expect_plain(int x, int y, int c)
{
    return value(x, y, c);
}

static int expect_one_bit(int x, int y, int c)
{
    return value(x, y, c) >= 128 ? 255 : 0;
}

static int expect_deep(int x, int y, int c)
{
    return scaled(deep(x, y, c), 65535, 255);
}

static int expect_on_black(int x, int y, int c)
{
    return scaled(alpha(x, y), 255, value(x, y, c));
}

static int expect_palette(int x, int y, int c)
{
    return palette(value(x, y, 0) % 16, c);
}

static int expect_palette_on_black(int x, int y, int c)
{
    int k = value(x, y, 0) % 16;
    return scaled(17 * k, 255, palette(k, c));
}

static int expect_key_black(int x, int y, int c)
{
    bool transparent = value(x, y, 0) == value(0, 0, 0);
    return transparent ? 0 : value(x, y, c);
}

static void *golden(const char *name, size_t *size)
{
    char path[512];
    snprintf(path, sizeof path, "%s/png/%s.png", getenv("ANOMALYD_TEST_DATA"), name);
    void *bytes;
    error e = {0};
    if (!file_read(path, 1 << 20, &bytes, size, &e))
        fail_msg("%s", e.message);
    return bytes;
}

static void golden_files_decode_to_their_formulas(void **state)
{
    (void)state;
    static const struct {
        const char *name;
        int channels;
        int (*expect)(int, int, int);
    } cases[] = {
        {"grey", 1, expect_plain},
        {"grey-1-bit", 1, expect_one_bit},
        {"grey-16-bit", 1, expect_deep},
        {"grey-alpha", 1, expect_on_black},
        {"grey-interlaced", 1, expect_plain},
        {"rgb", 3, expect_plain},
        {"rgb-16-bit", 3, expect_deep},
        {"rgb-interlaced", 3, expect_plain},
        {"rgb-key", 3, expect_key_black},
        {"rgba", 3, expect_on_black},
        {"rgba-interlaced", 3, expect_on_black},
        {"palette", 3, expect_palette},
        {"palette-alpha", 3, expect_palette_on_black},
    };
    for (size_t k = 0; k < sizeof cases / sizeof *cases; k++) {
        size_t size;
        void *bytes = golden(cases[k].name, &size);
        image i;
        error e = {0};
        if (!image_decode_png(bytes, size, &i, &e))
            fail_msg("%s: %s", cases[k].name, e.message);
        assert_int_equal(i.width, WIDTH);
        assert_int_equal(i.height, HEIGHT);
        assert_int_equal(i.channels, cases[k].channels);
        for (int n = 0; n < WIDTH * HEIGHT * i.channels; n++) {
            int c = n % i.channels, x = n / i.channels % WIDTH, y = n / i.channels / WIDTH;
            int expected = cases[k].expect(x, y, c);
            if (i.pixels[n] != expected)
                fail_msg("%s at %d,%d,%d: %d, expected %d", cases[k].name, x, y, c, i.pixels[n], expected);
        }
        image_free(&i);
        free(bytes);
    }
}

static void every_truncation_is_refused_as_such(void **state)
{
    (void)state;
    size_t size;
    uint8_t *bytes = golden("rgb-interlaced", &size);
    for (size_t n = 0; n < size; n++) {
        /* A copy of exactly this length lets the address sanitizer see a read past the end. */
        uint8_t *part = malloc(n ? n : 1);
        memcpy(part, bytes, n);
        image i;
        error e = {0};
        assert_false(image_decode_png(part, n, &i, &e));
        assert_null(i.pixels);
        assert_int_equal(e.code, n ? ERROR_CORRUPT : ERROR_UNSUPPORTED);
        if (n)
            assert_non_null(strstr(e.message, "truncated PNG"));
        free(part);
    }
    free(bytes);
}

static void what_is_not_a_png_is_unsupported(void **state)
{
    (void)state;
    image i;
    error e = {0};
    assert_false(image_decode_png("\xff\xd8\xff\xe0JFIF and more bytes than a PNG header", 40, &i, &e));
    assert_int_equal(e.code, ERROR_UNSUPPORTED);
    assert_non_null(strstr(e.message, "not a PNG"));
}

static void size_is_refused_from_the_header_alone(void **state)
{
    (void)state;
    size_t size;
    uint8_t *bytes = golden("grey", &size);
    png_save_uint_32(bytes + 16, 40000);
    png_save_uint_32(bytes + 20, 40000);
    image i;
    error e = {0};
    assert_false(image_decode_png(bytes, size, &i, &e));
    assert_int_equal(e.code, ERROR_LIMIT);
    assert_string_equal(e.message, "PNG is 40000 x 40000 pixels; at most 4096 x 4096 are accepted");
    free(bytes);
}

static void too_many_bytes_are_refused(void **state)
{
    (void)state;
    size_t size;
    uint8_t *bytes = golden("grey", &size);
    bytes = realloc(bytes, IMAGE_FILE_BYTES_MAX + 1);
    image i;
    error e = {0};
    assert_false(image_decode_png(bytes, IMAGE_FILE_BYTES_MAX + 1, &i, &e));
    assert_int_equal(e.code, ERROR_LIMIT);
    free(bytes);
}

static void damaged_pixels_are_refused(void **state)
{
    (void)state;
    size_t size;
    uint8_t *bytes = golden("grey", &size);
    bytes[size - 20] ^= 1; /* within IDAT: its checksum no longer holds */
    image i;
    error e = {0};
    assert_false(image_decode_png(bytes, size, &i, &e));
    assert_int_equal(e.code, ERROR_CORRUPT);
    assert_non_null(strstr(e.message, "damaged PNG: IDAT"));
    free(bytes);
}

/* Appends a zTXt chunk whose text inflates to `inflated` bytes. */
static size_t put_bomb(uint8_t *to, size_t inflated)
{
    uint8_t *zeros = calloc(1, inflated);
    uLongf packed = compressBound(inflated);
    uint8_t *body = to + 8;
    memcpy(body, "key\0\0", 5);
    assert_int_equal(compress2(body + 5, &packed, zeros, inflated, 9), Z_OK);
    free(zeros);
    size_t length = packed + 5;
    png_save_uint_32(to, (png_uint_32)length);
    memcpy(to + 4, "zTXt", 4);
    png_save_uint_32(body + length, (png_uint_32)crc32(0, to + 4, (uInt)length + 4));
    return length + 12;
}

/* 200 text chunks of 7.9 MB each cost libpng's simplified interface 1.5 GB. Here they are skipped unread. */
static void text_bomb_costs_no_memory(void **state)
{
    (void)state;
    enum { BOMBS = 200, AFTER_IHDR = 33 };
    const size_t inflated = 7900000;
    size_t size;
    uint8_t *plain = golden("grey", &size);
    uint8_t *bytes = malloc(size + BOMBS * (size_t)20000);
    uint8_t *bomb = malloc(compressBound(inflated) + 64);
    size_t bomb_size = put_bomb(bomb, inflated);
    assert_true(bomb_size < 20000);
    memcpy(bytes, plain, AFTER_IHDR);
    size_t at = AFTER_IHDR;
    for (int k = 0; k < BOMBS; k++, at += bomb_size)
        memcpy(bytes + at, bomb, bomb_size);
    memcpy(bytes + at, plain + AFTER_IHDR, size - AFTER_IHDR);
    at += size - AFTER_IHDR;
    struct rusage before, after;
    getrusage(RUSAGE_SELF, &before);
    image i;
    error e = {0};
    bool decoded = image_decode_png(bytes, at, &i, &e);
    getrusage(RUSAGE_SELF, &after);
    if (!decoded)
        fail_msg("%s", e.message);
    assert_int_equal(i.pixels[1], value(1, 0, 0));
    assert_true(after.ru_maxrss - before.ru_maxrss < 4096); /* KiB */
    image_free(&i);
    free(bomb);
    free(bytes);
    free(plain);
}

static uint32_t next(uint32_t *seed)
{
    *seed = *seed * 1664525u + 1013904223u;
    return *seed >> 8;
}

/* Also with the checksums made right again, so that the damage gets past them. */
static void flipped_bytes_never_break_the_decoder(void **state)
{
    (void)state;
    static const char *const names[] = {"palette-alpha", "rgba-interlaced", "grey-16-bit", "rgb-key"};
    uint32_t seed = 7;
    int refused = 0;
    for (int round = 0; round < 2000; round++) {
        size_t size;
        uint8_t *bytes = golden(names[round % 4], &size);
        for (uint32_t k = 1 + next(&seed) % 4; k; k--)
            bytes[8 + next(&seed) % (size - 8)] ^= (uint8_t)(1u << next(&seed) % 8);
        if (round % 8 >= 4) {
            for (size_t at = 8; at + 12 <= size;) {
                size_t length = png_get_uint_32(bytes + at);
                if (length > size - at - 12)
                    break;
                png_save_uint_32(bytes + at + 8 + length, (png_uint_32)crc32(0, bytes + at + 4, (uInt)length + 4));
                at += length + 12;
            }
        }
        image i;
        error e = {0};
        if (image_decode_png(bytes, size, &i, &e)) {
            assert_true(i.width <= IMAGE_SIDE_MAX && i.height <= IMAGE_SIDE_MAX);
        } else {
            assert_null(i.pixels);
            assert_true(strlen(e.message) > 0);
            refused++;
        }
        image_free(&i);
        free(bytes);
    }
    assert_true(refused > 1000);
}

static void encoding_then_decoding_gives_the_same_pixels(void **state)
{
    (void)state;
    for (int channels = 1; channels <= 3; channels += 2) {
        image i = {.width = 57, .height = 31, .channels = channels, .pixels = malloc((size_t)(57 * 31 * channels))};
        for (int n = 0; n < 57 * 31 * channels; n++)
            i.pixels[n] = (uint8_t)(n * n * 31 >> 3);
        void *bytes;
        size_t size;
        image back;
        error e = {0};
        assert_true(image_encode_png(&i, &bytes, &size, &e));
        assert_true(image_decode_png(bytes, size, &back, &e));
        assert_int_equal(back.width, 57);
        assert_int_equal(back.height, 31);
        assert_int_equal(back.channels, channels);
        assert_memory_equal(back.pixels, i.pixels, (size_t)(57 * 31 * channels));
        image_free(&back);
        image_free(&i);
        free(bytes);
    }
}

static void fill(float *pixels, shape s)
{
    for (int y = 0; y < s.h; y++)
        for (int x = 0; x < s.w; x++)
            for (int k = 0; k < s.c; k++)
                *pixels++ = (float)((y * 37 + x * 59 + k * 101 + x * y % 7) % 256) / 255.0f;
}

static void assert_near(double got, double expected, double tolerance)
{
    if (!(fabs(got - expected) <= tolerance))
        fail_msg("%.9g, expected %.9g", got, expected);
}

/* Expected: torch.nn.functional.interpolate(mode="bilinear", align_corners=False), PyTorch 1.13. */
static void growing_is_bilinear_with_half_pixel_centres(void **state)
{
    (void)state;
    static const struct {
        int y, x;
        float value;
    } expected[] = {
        {0, 0, 0.0f},         {0, 31, 0.22352941f},  {31, 0, 0.90588236f}, {31, 31, 0.12941177f},
        {5, 17, 0.23923101f}, {16, 16, 0.23138788f}, {29, 3, 0.26106006f}, {13, 30, 0.69214153f},
    };
    shape from = {1, 28, 28, 1}, target = {1, 32, 32, 1};
    float in[28 * 28], out[32 * 32];
    float *work = malloc(image_work(from, target) * sizeof *work);
    fill(in, from);
    image_resize(in, from, target, out, work);
    for (size_t k = 0; k < sizeof expected / sizeof *expected; k++)
        assert_near(out[expected[k].y * 32 + expected[k].x], expected[k].value, 1e-6);
    double sum = 0;
    for (int k = 0; k < 32 * 32; k++)
        sum += out[k];
    assert_near(sum, 512.4698624238372, 1e-4);
    free(work);
}

static void growing_keeps_channels_apart(void **state)
{
    (void)state;
    static const float expected[48] = {
        0.0f,        0.39607844f, 0.79215688f, 0.03305322f, 0.42913166f, 0.68179274f, 0.13221289f, 0.52829134f,
        0.35070026f, 0.23137255f, 0.627451f,   0.01960785f, 0.33053222f, 0.72661066f, 0.11876752f, 0.42969188f,
        0.82577032f, 0.21792719f, 0.4627451f,  0.85882354f, 0.25098041f, 0.06348039f, 0.45955884f, 0.85563725f,
        0.09677871f, 0.49285716f, 0.74551821f, 0.19667368f, 0.59275216f, 0.41516104f, 0.29656863f, 0.6926471f,
        0.08480392f, 0.3964636f,  0.6043067f,  0.18469889f, 0.49635857f, 0.51596642f, 0.28459385f, 0.52965689f,
        0.4865196f,  0.31789216f, 0.15416667f, 0.55024511f, 0.88357842f, 0.18781513f, 0.5838936f,  0.78277314f,
    };
    shape from = {1, 5, 3, 3}, target = {1, 8, 7, 3};
    float in[5 * 3 * 3], out[8 * 7 * 3], work[5 * 3 * 3 + 5 * 7 * 3];
    assert_int_equal(image_work(from, target), 5 * 3 * 3 + 5 * 7 * 3);
    fill(in, from);
    image_resize(in, from, target, out, work);
    for (int k = 0; k < 48; k++)
        assert_near(out[k], expected[k], 1e-6);
}

/* Expected: the same with mode="area". */
static void shrinking_is_the_mean_of_what_a_pixel_covers(void **state)
{
    (void)state;
    static const float expected[36] = {
        0.38039216f, 0.55337697f, 0.39172113f, 0.41089323f, 0.47233117f, 0.53376907f, 0.65533769f, 0.38213512f,
        0.55511981f, 0.59825706f, 0.43660131f, 0.60958606f, 0.51590413f, 0.57734203f, 0.41568628f, 0.4244009f,
        0.59738559f, 0.54727668f, 0.36078432f, 0.53376907f, 0.48366019f, 0.50021791f, 0.45010898f, 0.62309366f,
        0.52200431f, 0.47189543f, 0.42178652f, 0.57559919f, 0.52549016f, 0.47538126f, 0.38213503f, 0.66666669f,
        0.39346406f, 0.51416123f, 0.46405232f, 0.6370371f,
    };
    shape from = {1, 12, 9, 3}, target = {1, 4, 3, 3};
    float in[12 * 9 * 3], out[36], work[12 * 9 * 3 + 12 * 3 * 3];
    fill(in, from);
    image_resize(in, from, target, out, work);
    for (int k = 0; k < 36; k++)
        assert_near(out[k], expected[k], 1e-6);
}

static void partly_covered_pixels_weigh_their_part(void **state)
{
    (void)state;
    /* 5 to 2: outputs cover [0, 2.5) and [2.5, 5). Rows grow by copying an only row. */
    const float in[5] = {1, 2, 4, 8, 16};
    float out[4], work[2];
    image_resize(in, (shape){1, 1, 5, 1}, (shape){1, 2, 2, 1}, out, work);
    for (int row = 0; row < 2; row++) {
        assert_near(out[2 * row], (1 + 2 + 0.5 * 4) / 2.5, 1e-6);
        assert_near(out[2 * row + 1], (0.5 * 4 + 8 + 16) / 2.5, 1e-6);
    }
}

static void constant_images_stay_constant_at_any_size(void **state)
{
    (void)state;
    uint8_t pixels[11 * 7 * 3];
    memset(pixels, 200, sizeof pixels);
    for (int h = 1; h < 20; h += 3) {
        for (int w = 1; w < 20; w += 2) {
            shape from = {1, 11, 7, 3}, target = {1, h, w, 1};
            float out[20 * 20], *work = malloc(image_work(from, target) * sizeof *work);
            image_convert(pixels, from, target, out, work);
            for (int k = 0; k < h * w; k++)
                assert_near(out[k], 200.0 / 255, 1e-6);
            free(work);
        }
    }
}

static void channels_convert_by_luma_and_by_copying(void **state)
{
    (void)state;
    const uint8_t rgb[6] = {255, 0, 0, 10, 200, 30}, grey[2] = {51, 255};
    float out[6];
    image_convert(rgb, (shape){1, 1, 2, 3}, (shape){1, 1, 2, 1}, out, NULL);
    assert_near(out[0], 0.299, 1e-6);
    assert_near(out[1], (0.299 * 10 + 0.587 * 200 + 0.114 * 30) / 255, 1e-6);
    image_convert(grey, (shape){1, 1, 2, 1}, (shape){1, 1, 2, 3}, out, NULL);
    for (int k = 0; k < 6; k++)
        assert_near(out[k], k < 3 ? 0.2 : 1.0, 1e-7);
    image_convert(rgb, (shape){1, 1, 2, 3}, (shape){1, 1, 2, 3}, out, NULL);
    for (int k = 0; k < 6; k++)
        assert_true(out[k] == (float)rgb[k] / 255.0f);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(text_bomb_costs_no_memory), /* first: it reads the peak of the process's memory */
        cmocka_unit_test(golden_files_decode_to_their_formulas),
        cmocka_unit_test(every_truncation_is_refused_as_such),
        cmocka_unit_test(what_is_not_a_png_is_unsupported),
        cmocka_unit_test(size_is_refused_from_the_header_alone),
        cmocka_unit_test(too_many_bytes_are_refused),
        cmocka_unit_test(damaged_pixels_are_refused),
        cmocka_unit_test(flipped_bytes_never_break_the_decoder),
        cmocka_unit_test(encoding_then_decoding_gives_the_same_pixels),
        cmocka_unit_test(growing_is_bilinear_with_half_pixel_centres),
        cmocka_unit_test(growing_keeps_channels_apart),
        cmocka_unit_test(shrinking_is_the_mean_of_what_a_pixel_covers),
        cmocka_unit_test(partly_covered_pixels_weigh_their_part),
        cmocka_unit_test(constant_images_stay_constant_at_any_size),
        cmocka_unit_test(channels_convert_by_luma_and_by_copying),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
