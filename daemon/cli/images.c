/* SPDX-License-Identifier: MIT */
/* images.c — `anomalyd images`: writes images of a data set as PNG files, to look at them or to score them by
 * hand. Knows no registry and no daemon. */
#include "base/error.h"
#include "daemon/cli/source.h"
#include "daemon/platform/command.h"
#include "data/image.h"

#include <ctype.h>
#include <errno.h>
#include <getopt.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

typedef struct images_options {
    const char *source, *folder;
    const char *class_name;   /* NULL: every class */
    enum dataset_split split; /* SPLIT_COUNT: both */
    size_t limit;             /* images of each class of each split; 0: all */
} images_options;

static const char help[] =
    "usage: anomalyd images SOURCE [--split train|test] [--class NAME] [--limit N] -o FOLDER\n"
    "\n"
    "Writes images of a data set (a file, an archive or a folder, as POST /datasets takes them) as PNG files named\n"
    "SPLIT-CLASS-NUMBER.png into FOLDER, and prints the path of each.\n"
    "\n"
    "  -s, --split train|test  only this part\n"
    "  -c, --class NAME        only this class\n"
    "  -n, --limit N           at most N images of each class\n"
    "  -o, --output FOLDER     where to; made when it does not exist\n";

static bool parse_limit(const char *text, size_t *out, error *e)
{
    char *end;
    errno = 0;
    unsigned long value = strtoul(text, &end, 10);
    if (!isdigit((unsigned char)*text) || *end || errno || value < 1 || value > DATASET_IMAGES_MAX)
        return error_set(e, ERROR_INVALID, "--limit: expected 1 to %d, got \"%s\"", DATASET_IMAGES_MAX, text);
    *out = value;
    return true;
}

static bool parse_split(const char *text, enum dataset_split *out, error *e)
{
    if (strcmp(text, "train") == 0)
        *out = SPLIT_TRAIN;
    else if (strcmp(text, "test") == 0)
        *out = SPLIT_TEST;
    else
        return error_set(e, ERROR_INVALID, "--split: expected \"train\" or \"test\", got \"%s\"", text);
    return true;
}

static bool parse(int argc, char **argv, images_options *o, error *e)
{
    static const struct option names[] = {
        {"split", required_argument, NULL, 's'}, {"class", required_argument, NULL, 'c'},
        {"limit", required_argument, NULL, 'n'}, {"output", required_argument, NULL, 'o'},
        {"help", no_argument, NULL, 'h'},        {NULL, 0, NULL, 0}};
    int c;
    while ((c = getopt_long(argc, argv, "s:c:n:o:h", names, NULL)) != -1) {
        if (c == 's' && !parse_split(optarg, &o->split, e))
            return false;
        if (c == 'n' && !parse_limit(optarg, &o->limit, e))
            return false;
        if (c == 'c')
            o->class_name = optarg;
        if (c == 'o')
            o->folder = optarg;
        if (c == 'h') {
            fputs(help, stdout);
            exit(0);
        }
        if (c == '?')
            return error_set(e, ERROR_INVALID, "see anomalyd images --help");
    }
    if (argc - optind != 1)
        return error_set(e, ERROR_INVALID, "expected one SOURCE, got %d; see anomalyd images --help", argc - optind);
    o->source = argv[optind];
    if (!o->folder)
        return error_set(e, ERROR_INVALID, "-o FOLDER is missing; see anomalyd images --help");
    return true;
}

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
        if ((o->split != SPLIT_COUNT && split != o->split) || (only >= 0 && label != only))
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
    error e = {0};
    if (!parse(argc, argv, &o, &e)) {
        fprintf(stderr, "anomalyd images: %s\n", e.message);
        return EXIT_USAGE;
    }
    dataset *d = source_open(o.source, &e);
    bool done = d && write_images(d, &o, &e);
    dataset_free(d);
    if (done && fflush(stdout) != 0)
        done = error_system(&e, "standard output");
    if (!done)
        fprintf(stderr, "anomalyd images: %s\n", e.message);
    return done ? 0 : 1;
}

const command command_images = {.name = "images", .summary = "write images of a data set as PNG files", .run = run};
