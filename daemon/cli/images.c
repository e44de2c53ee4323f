/* SPDX-License-Identifier: MIT */
/* images.c — `anomalyd images`: writes images of a data set as PNG files, to look at them or to score them by
 * hand. Knows no registry and no daemon. */
#include "base/error.h"
#include "daemon/cli/commands.h"
#include "daemon/cli/values.h"
#include "data/image.h"

#include <ctype.h>
#include <errno.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

typedef struct images_options {
    const char *source, *folder;
    const char *class_name; /* NULL: every class */
    int split;              /* enum dataset_split; SPLIT_COUNT: both */
    uint64_t limit;         /* images of each class of each split; 0: all */
} images_options;

#define AT(member_) offsetof(images_options, member_)

static const char *const splits[SPLIT_COUNT + 1] = {[SPLIT_TRAIN] = "train", [SPLIT_TEST] = "test"};

static const flag images_flags[] = {
    FLAG("split", 's', CHOICE, AT(split), "train|test", "only this part", .choices = splits),
    FLAG("class", 'c', TEXT, AT(class_name), "NAME", "only this class"),
    FLAG("limit", 'n', WHOLE, AT(limit), "N", "at most N images of each class", .min = 1, .max = DATASET_IMAGES_MAX),
    FLAG("output", 'o', TEXT, AT(folder), "FOLDER", "where to; made when it does not exist", .required = true),
    {0}};

static const usage images_usage = {
    .words = "images",
    .summary = "write images of a data set as PNG files",
    .operands = {"SOURCE"},
    .about = "Writes images of a data set (a file, an archive or a folder, as POST /datasets takes them) as PNG files\n"
             "named SPLIT-CLASS-NUMBER.png into FOLDER, and prints the path of each.",
    .flags = images_flags};

static bool write_file(const char *path, const void *bytes, size_t size, error *e)
{
    FILE *f = fopen(path, "wb");
    if (!f)
        return error_system(e, "%s", path);
    bool written = fwrite(bytes, 1, size, f) == size;
    if (!written)
        error_system(e, "%s", path);
    if (fclose(f) != 0 && written) {
        written = false;
        error_system(e, "%s", path);
    }
    return written;
}

static bool write_image(const dataset *d, size_t index, unsigned number, const char *folder, error *e)
{
    const dataset_info *info = dataset_facts(d);
    char class_name[DATASET_CLASS_NAME_MAX], path[4096];
    snprintf(class_name, sizeof class_name, "%s", info->class_names[dataset_label(d, index)]);
    for (char *c = class_name; *c; c++)
        if (!isalnum((unsigned char)*c) && *c != '-' && *c != '_')
            *c = '_';
    const char *split = dataset_split_of(d, index) == SPLIT_TRAIN ? "train" : "test";
    if (snprintf(path, sizeof path, "%s/%s-%s-%05u.png", folder, split, class_name, number) >= (int)sizeof path)
        return error_set(e, ERROR_INVALID, "%s: the path is too long", folder);

    image one = {.width = info->image.w, .height = info->image.h, .channels = info->image.c};
    one.pixels = (uint8_t *)(uintptr_t)dataset_image(d, index); /* only read: image has no const twin */
    void *bytes;
    size_t size;
    if (!image_encode_png(&one, &bytes, &size, e))
        return error_at(e, "%s", path);
    bool written = write_file(path, bytes, size, e);
    free(bytes);
    if (written)
        puts(path);
    return written;
}

static bool write_images(const dataset *d, const images_options *o, error *e)
{
    unsigned written[SPLIT_COUNT][DATASET_CLASSES_MAX] = {{0}};
    const dataset_info *info = dataset_facts(d);
    int only = o->class_name ? dataset_class(info, o->class_name) : -1;
    if (o->class_name && only < 0)
        return error_set(e, ERROR_NOT_FOUND, "%s: no class is called \"%s\"", o->source, o->class_name);
    if (mkdir(o->folder, 0777) != 0 && errno != EEXIST)
        return error_system(e, "%s", o->folder);
    for (size_t i = 0; i < (size_t)info->image.n; i++) {
        enum dataset_split split = dataset_split_of(d, i);
        int label = dataset_label(d, i);
        if ((o->split != SPLIT_COUNT && (int)split != o->split) || (only >= 0 && label != only))
            continue;
        unsigned *number = &written[split][label];
        if (o->limit && *number >= o->limit)
            continue;
        if (!write_image(d, i, *number, o->folder, e))
            return false;
        ++*number;
    }
    return true;
}

static int run(int argc, char **argv)
{
    images_options o = {.split = SPLIT_COUNT};
    command_line a;
    error e = {0};
    int status;
    if (!usage_read(&images_usage, argc, argv, &o, &a, &status))
        return status;
    o.source = a.operands[0];
    dataset *d = source_open(o.source, &e);
    bool done = d && write_images(d, &o, &e);
    dataset_free(d);
    return end_command("images", done, &e);
}

const command command_images = {.name = "images",
                                .summary = "write images of a data set as PNG files",
                                .usages = (const usage *const[]){&images_usage, NULL},
                                .run = run};
