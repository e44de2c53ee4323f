/* SPDX-License-Identifier: MIT */
/*
 * image_png.c — PNG by libpng's low-level interface: only there can limits be set before anything is read (the
 * simplified interface inflates every text chunk first). Knows nothing of where the bytes came from.
 *
 * libpng reports errors by longjmp. Everything that changes while it runs therefore lives in a struct of the
 * caller; the function that calls setjmp has no variables of its own.
 */
#include "data/image.h"

#include <assert.h>
#include <png.h>
#include <stdlib.h>
#include <string.h>

enum { CHUNK_BYTES_MAX = 64 << 10, CHUNKS_KEPT_MAX = 16, IHDR_END = 24, FAILURE_MAX = 160 };

/* The error for which libpng called longjmp. */
struct failure {
    enum error_code code;
    char text[FAILURE_MAX];
};

_Noreturn static void fail(png_structp png, struct failure *f, enum error_code code, const char *text)
{
    f->code = code;
    snprintf(f->text, sizeof f->text, "%s", text);
    png_longjmp(png, 1);
}

_Noreturn static void on_error(png_structp png, png_const_charp text)
{
    fail(png, png_get_error_ptr(png), ERROR_CORRUPT, text);
}

/* Warnings concern ancillary chunks, which are ignored anyway. */
static void on_warning(png_structp png, png_const_charp text)
{
    (void)png;
    (void)text;
}

struct decoder {
    png_structp png;
    png_infop info;
    const uint8_t *bytes;
    size_t size, at;
    bool truncated;
    image result;
    struct failure failure;
};

static void on_read(png_structp png, png_bytep to, size_t n)
{
    struct decoder *d = png_get_io_ptr(png);
    if (n > d->size - d->at) {
        d->truncated = true;
        png_error(png, "the data end");
    }
    memcpy(to, d->bytes + d->at, n);
    d->at += n;
}

/* Asks for 8-bit grey or RGB whatever the file has. */
static void set_transforms(struct decoder *d)
{
    int colour = png_get_color_type(d->png, d->info);
    bool transparent = png_get_valid(d->png, d->info, PNG_INFO_tRNS) != 0;
    png_set_expand(d->png); /* palette to RGB, fewer than 8 bits to 8, tRNS to alpha */
    if (png_get_bit_depth(d->png, d->info) == 16)
        png_set_scale_16(d->png);
    if (transparent || (colour & PNG_COLOR_MASK_ALPHA)) {
        const png_color_16 black = {0};
        png_set_background(d->png, &black, PNG_BACKGROUND_GAMMA_SCREEN, 0, 1.0);
    }
}

static void read_pixels(struct decoder *d)
{
    png_read_info(d->png, d->info);
    set_transforms(d);
    int passes = png_set_interlace_handling(d->png);
    png_read_update_info(d->png, d->info);
    image *out = &d->result;
    out->width = (int)png_get_image_width(d->png, d->info);
    out->height = (int)png_get_image_height(d->png, d->info);
    out->channels = png_get_channels(d->png, d->info);
    size_t row = (size_t)out->width * (size_t)out->channels;
    if ((out->channels != 1 && out->channels != 3) || png_get_rowbytes(d->png, d->info) != row)
        fail(d->png, &d->failure, ERROR_INTERNAL, "libpng did not convert it to 8-bit grey or RGB");
    out->pixels = malloc(row * (size_t)out->height);
    if (!out->pixels)
        fail(d->png, &d->failure, ERROR_MEMORY, "out of memory for its pixels");
    for (int pass = 0; pass < passes; pass++)
        for (int y = 0; y < out->height; y++)
            png_read_row(d->png, out->pixels + (size_t)y * row, NULL);
    png_read_end(d->png, NULL);
}

static bool read_guarded(struct decoder *d)
{
    if (setjmp(png_jmpbuf(d->png)))
        return false;
    read_pixels(d);
    return true;
}

/* Checks what needs no decoder, so that the messages can give figures. */
static bool check_header(const uint8_t *bytes, size_t size, error *e)
{
    static const uint8_t signature[8] = {0x89, 'P', 'N', 'G', '\r', '\n', 0x1a, '\n'};
    size_t seen = size < sizeof signature ? size : sizeof signature;
    if (!seen || memcmp(bytes, signature, seen))
        return error_set(e, ERROR_UNSUPPORTED, "not a PNG: it does not begin with the PNG signature");
    if (size > IMAGE_FILE_BYTES_MAX)
        return error_set(e, ERROR_LIMIT, "PNG has %zu bytes; at most %d are accepted", size, IMAGE_FILE_BYTES_MAX);
    if (size < IHDR_END)
        return error_set(e, ERROR_CORRUPT, "truncated PNG: it has %zu bytes, less than its header", size);
    uint32_t width = png_get_uint_32(bytes + 16), height = png_get_uint_32(bytes + 20);
    if (width > IMAGE_SIDE_MAX || height > IMAGE_SIDE_MAX)
        return error_set(e, ERROR_LIMIT, "PNG is %u x %u pixels; at most %d x %d are accepted", width, height,
                         IMAGE_SIDE_MAX, IMAGE_SIDE_MAX);
    return true;
}

static void set_limits(png_structp png)
{
    png_set_user_limits(png, IMAGE_SIDE_MAX, IMAGE_SIDE_MAX);
    png_set_chunk_malloc_max(png, CHUNK_BYTES_MAX);
    png_set_chunk_cache_max(png, CHUNKS_KEPT_MAX);
    /* A negative count means every chunk but IHDR, PLTE, tRNS, IDAT and IEND: those are skipped unread. tRNS
     * stays because it changes pixels: it is the alpha of palette images and the transparent colour of others. */
    png_set_keep_unknown_chunks(png, PNG_HANDLE_CHUNK_NEVER, NULL, -1);
}

bool image_decode_png(const void *bytes, size_t size, image *out, error *e)
{
    *out = (image){0};
    if (!check_header(bytes, size, e))
        return false;
    struct decoder d = {.bytes = bytes, .size = size};
    d.png = png_create_read_struct(PNG_LIBPNG_VER_STRING, &d.failure, on_error, on_warning);
    d.info = d.png ? png_create_info_struct(d.png) : NULL;
    if (!d.info) {
        png_destroy_read_struct(&d.png, NULL, NULL);
        return error_memory(e, "a PNG decoder");
    }
    set_limits(d.png);
    png_set_read_fn(d.png, &d, on_read);
    bool decoded = read_guarded(&d);
    png_destroy_read_struct(&d.png, &d.info, NULL);
    if (decoded) {
        *out = d.result;
        return true;
    }
    image_free(&d.result);
    if (d.truncated)
        return error_set(e, ERROR_CORRUPT, "truncated PNG: it ends after %zu bytes, before its end mark", size);
    const char *kind = d.failure.code == ERROR_CORRUPT ? "damaged PNG" : "PNG";
    return error_set(e, d.failure.code, "%s: %s", kind, d.failure.text);
}

void image_free(image *i)
{
    free(i->pixels);
    *i = (image){0};
}

struct encoder {
    png_structp png;
    png_infop info;
    const image *source;
    uint8_t *bytes;
    size_t size, capacity;
    struct failure failure;
};

static void on_write(png_structp png, png_bytep from, size_t n)
{
    struct encoder *w = png_get_io_ptr(png);
    if (n > w->capacity - w->size) {
        size_t capacity = (w->size + n) * 2;
        uint8_t *bytes = realloc(w->bytes, capacity);
        if (!bytes)
            fail(png, &w->failure, ERROR_MEMORY, "out of memory for the encoded bytes");
        w->bytes = bytes;
        w->capacity = capacity;
    }
    memcpy(w->bytes + w->size, from, n);
    w->size += n;
}

/* Memory has nothing to flush, and NULL would mean libpng's own for a FILE. */
static void on_flush(png_structp png)
{
    (void)png;
}

static void write_pixels(struct encoder *w)
{
    const image *i = w->source;
    int colour = i->channels == 1 ? PNG_COLOR_TYPE_GRAY : PNG_COLOR_TYPE_RGB;
    png_set_IHDR(w->png, w->info, (png_uint_32)i->width, (png_uint_32)i->height, 8, colour, PNG_INTERLACE_NONE,
                 PNG_COMPRESSION_TYPE_DEFAULT, PNG_FILTER_TYPE_DEFAULT);
    png_write_info(w->png, w->info);
    size_t row = (size_t)i->width * (size_t)i->channels;
    for (int y = 0; y < i->height; y++)
        png_write_row(w->png, i->pixels + (size_t)y * row);
    png_write_end(w->png, w->info);
}

static bool write_guarded(struct encoder *w)
{
    if (setjmp(png_jmpbuf(w->png)))
        return false;
    write_pixels(w);
    return true;
}

bool image_encode_png(const image *i, void **bytes, size_t *size, error *e)
{
    assert(i->pixels && i->width > 0 && i->height > 0);
    assert(i->channels == 1 || i->channels == 3);
    struct encoder w = {.source = i};
    w.png = png_create_write_struct(PNG_LIBPNG_VER_STRING, &w.failure, on_error, on_warning);
    w.info = w.png ? png_create_info_struct(w.png) : NULL;
    if (!w.info) {
        png_destroy_write_struct(&w.png, NULL);
        return error_memory(e, "a PNG encoder");
    }
    png_set_write_fn(w.png, &w, on_write, on_flush);
    bool encoded = write_guarded(&w);
    png_destroy_write_struct(&w.png, &w.info);
    if (!encoded) {
        free(w.bytes);
        enum error_code code = w.failure.code == ERROR_CORRUPT ? ERROR_INTERNAL : w.failure.code;
        return error_set(e, code, "cannot encode a PNG: %s", w.failure.text);
    }
    *bytes = w.bytes;
    *size = w.size;
    return true;
}
