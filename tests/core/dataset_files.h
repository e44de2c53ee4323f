/* SPDX-License-Identifier: MIT */
/* dataset_files.h — small data sets on disk, in every format and container the import reads, for its tests. */
#ifndef ANOMALYD_TESTS_CORE_DATASET_FILES_H
#define ANOMALYD_TESTS_CORE_DATASET_FILES_H

#include "data/dataset.h"
#include "data/image.h"

#include "scratch.h"

#include <archive.h>
#include <archive_entry.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <zlib.h>

#include <cmocka.h>

/* Imports `source` to "packed" in the scratch folder, opens that, and finds the facts that the import gave: *info. */
static inline dataset *import_and_open(const scratch *s, const char *source, dataset_info *info)
{
    error e = {0};
    dataset *d = NULL;
    if (!dataset_import(source, scratch_at(s, "packed").text, info, &e) ||
        !(d = dataset_open(scratch_at(s, "packed").text, &e)))
        fail_msg("%s", e.message);
    assert_memory_equal(dataset_facts(d), info, sizeof *info);
    return d;
}

/* A file in memory. */
typedef struct blob {
    uint8_t bytes[40000];
    size_t size;
} blob;

static inline void blob_put(blob *b, const void *bytes, size_t n)
{
    assert(n <= sizeof b->bytes - b->size);
    memcpy(b->bytes + b->size, bytes, n);
    b->size += n;
}

/* The value of a pixel of image i: different for nearly every image. */
static inline uint8_t pixel_value(size_t i, size_t k)
{
    return (uint8_t)(i * 31 + k * 7 + (i * k) % 13);
}

/* n images of 4 rows and 3 columns, the first being number `first`. */
static inline blob idx_images(uint8_t n, size_t first)
{
    blob b = {.size = 0};
    blob_put(&b, (const uint8_t[16]){0, 0, 8, 3, 0, 0, 0, n, 0, 0, 0, 4, 0, 0, 0, 3}, 16);
    for (size_t i = 0; i < n; i++)
        for (size_t k = 0; k < 12; k++)
            b.bytes[b.size++] = pixel_value(first + i, k);
    return b;
}

/* Labels 0, 1, 2, 0, 1, 2, … */
static inline blob idx_labels(uint8_t n)
{
    blob b = {.size = 0};
    blob_put(&b, (const uint8_t[8]){0, 0, 8, 1, 0, 0, 0, n}, 8);
    for (uint8_t i = 0; i < n; i++)
        b.bytes[b.size++] = i % 3;
    return b;
}

static inline blob cifar_batch(uint8_t n, size_t first)
{
    blob b = {.size = 0};
    for (uint8_t i = 0; i < n; i++) {
        b.bytes[b.size++] = (uint8_t)((first + i) % 10);
        for (size_t k = 0; k < 3072; k++)
            b.bytes[b.size++] = pixel_value(first + i, k);
    }
    return b;
}

/* A PNG whose sample k has pixel_value(i, k). */
static inline blob png_file(int height, int width, int channels, size_t i)
{
    size_t n = (size_t)height * (size_t)width * (size_t)channels;
    image source = {.width = width, .height = height, .channels = channels, .pixels = malloc(n)};
    for (size_t k = 0; k < n; k++)
        source.pixels[k] = pixel_value(i, k);
    void *bytes;
    size_t size;
    bool encoded = image_encode_png(&source, &bytes, &size, NULL);
    assert(encoded);
    blob b = {.size = 0};
    blob_put(&b, bytes, size);
    free(bytes);
    image_free(&source);
    return b;
}

static inline blob gzipped(const void *bytes, size_t size)
{
    blob b = {.size = 0};
    z_stream z = {.next_in = (Bytef *)(uintptr_t)bytes, .avail_in = (uInt)size, .next_out = b.bytes};
    z.avail_out = sizeof b.bytes;
    int status = deflateInit2(&z, 9, Z_DEFLATED, 31, 8, Z_DEFAULT_STRATEGY);
    assert(status == Z_OK);
    status = deflate(&z, Z_FINISH);
    assert(status == Z_STREAM_END);
    b.size = z.total_out;
    deflateEnd(&z);
    return b;
}

static inline void write_blob(const scratch *s, const char *name, blob b)
{
    scratch_write(s, name, b.bytes, b.size);
}

/* The four files of a data set of 9 training and 6 test images under `folder`. */
static inline void write_idx(const scratch *s, const char *folder)
{
    char name[128];
    snprintf(name, sizeof name, "%s/train-images-idx3-ubyte", folder);
    write_blob(s, name, idx_images(9, 0));
    snprintf(name, sizeof name, "%s/train-labels-idx1-ubyte", folder);
    write_blob(s, name, idx_labels(9));
    snprintf(name, sizeof name, "%s/t10k-images-idx3-ubyte", folder);
    write_blob(s, name, idx_images(6, 9));
    snprintf(name, sizeof name, "%s/t10k-labels-idx1-ubyte", folder);
    write_blob(s, name, idx_labels(6));
}

/* The path of CIFAR-10's batch k under a folder, the test's for 5. */
static inline scratch_path cifar_name(const char *folder, int k)
{
    scratch_path p;
    if (k < 5)
        snprintf(p.text, sizeof p.text, "%s/data_batch_%d.bin", folder, k + 1);
    else
        snprintf(p.text, sizeof p.text, "%s/test_batch.bin", folder);
    return p;
}

/* CIFAR-10 with n images in each batch under `folder`. */
static inline void write_cifar(const scratch *s, const char *folder, uint8_t n)
{
    for (int k = 0; k < 6; k++)
        write_blob(s, cifar_name(folder, k).text, cifar_batch(n, (size_t)k * n));
}

enum container { CONTAINER_TAR, CONTAINER_TAR_GZ, CONTAINER_ZIP };

/* An archive being written. */
typedef struct packer {
    struct archive *archive;
} packer;

static inline packer packer_open(const scratch *s, const char *name, enum container kind)
{
    packer p = {.archive = archive_write_new()};
    int failed =
        kind == CONTAINER_ZIP ? archive_write_set_format_zip(p.archive) : archive_write_set_format_pax(p.archive);
    if (kind == CONTAINER_TAR_GZ)
        failed |= archive_write_add_filter_gzip(p.archive);
    failed |= archive_write_open_filename(p.archive, scratch_at(s, name).text);
    assert(!failed);
    return p;
}

static inline void packer_put(const packer *p, const char *name, const void *bytes, size_t size)
{
    struct archive_entry *entry = archive_entry_new();
    archive_entry_set_pathname(entry, name);
    archive_entry_set_filetype(entry, AE_IFREG);
    archive_entry_set_perm(entry, 0644);
    archive_entry_set_size(entry, (la_int64_t)size);
    int failed = archive_write_header(p->archive, entry);
    la_ssize_t written = archive_write_data(p->archive, bytes, size);
    assert(!failed && written == (la_ssize_t)size);
    archive_entry_free(entry);
}

/* As write_cifar does, in an order of its own. */
static inline void packer_put_cifar(const packer *p, const char *folder, uint8_t n)
{
    for (int i = 0; i < 6; i++) {
        int k = (i + 5) % 6;
        blob b = cifar_batch(n, (size_t)k * n);
        packer_put(p, cifar_name(folder, k).text, b.bytes, b.size);
    }
}

static inline void packer_put_link(const packer *p, const char *name, const char *target)
{
    struct archive_entry *entry = archive_entry_new();
    archive_entry_set_pathname(entry, name);
    archive_entry_set_filetype(entry, AE_IFLNK);
    archive_entry_set_symlink(entry, target);
    archive_entry_set_perm(entry, 0777);
    int failed = archive_write_header(p->archive, entry);
    assert(!failed);
    archive_entry_free(entry);
}

static inline void packer_close(packer *p)
{
    int failed = archive_write_close(p->archive);
    assert(!failed);
    archive_write_free(p->archive);
}

#endif
