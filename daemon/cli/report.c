/* SPDX-License-Identifier: MIT */
/* report.c — `anomalyd report`: a stored experiment as a folder of files, straight from the state folder. */
#include "daemon/report/report.h"
#include "daemon/platform/command.h"
#include "daemon/platform/config.h"

#include <getopt.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { SHEETS_PRESET = 3 };

static const char help[] =
    "usage: anomalyd report EXPERIMENT -o FOLDER [--state FOLDER] [--config FILE] [--sheets N] [--force]\n"
    "\n"
    "Writes what the registry has of the experiment (its id, as POST /experiments answers it) into a folder: "
    "README.md,\n"
    "the page that ties all together; table.md, .csv and .json; auroc.svg, roc/, histograms/; runs/, a JSON file "
    "each;\n"
    "sheets/, what the models make of test images. What is not there yet is shown as missing. It reads the state "
    "folder\n"
    "itself, whether a daemon runs on it or not, and changes nothing there. Prints where the page is.\n"
    "\n"
    "  -o, --output FOLDER  where to: a new folder, an empty one, or that of an earlier report, which is replaced\n"
    "  -S, --state FOLDER   the daemon's state folder (default: as `anomalyd serve` finds it: ANOMALYD_STATE, …)\n"
    "  -c, --config FILE    the daemon's settings, for its state folder (ANOMALYD_CONFIG)\n"
    "  -n, --sheets N       sheets of the first N classes, 0 to 256 (default 3); methods that search take their time\n"
    "  -f, --force          also into a folder that holds other files; those stay\n";

typedef struct options {
    report_request report;
    const char *config_file;
} options;

static bool parse_count(const char *text, int *out, error *e)
{
    char *end;
    long value = strtol(text, &end, 10);
    if (*text < '0' || *text > '9' || *end || value > DATASET_CLASSES_MAX)
        return error_set(e, ERROR_INVALID, "--sheets: expected 0 to %d, got \"%s\"", DATASET_CLASSES_MAX, text);
    *out = (int)value;
    return true;
}

static bool parse(int argc, char **argv, options *o, error *e)
{
    static const struct option names[] = {{"output", required_argument, NULL, 'o'},
                                          {"state", required_argument, NULL, 'S'},
                                          {"config", required_argument, NULL, 'c'},
                                          {"sheets", required_argument, NULL, 'n'},
                                          {"force", no_argument, NULL, 'f'},
                                          {"help", no_argument, NULL, 'h'},
                                          {NULL, 0, NULL, 0}};
    int c;
    while ((c = getopt_long(argc, argv, "o:S:c:n:fh", names, NULL)) != -1) {
        if (c == 'h') {
            fputs(help, stdout);
            exit(0);
        }
        if (c == '?' || (c == 'n' && !parse_count(optarg, &o->report.sheet_classes, e)))
            return c != '?' ? false : error_set(e, ERROR_INVALID, "see anomalyd report --help");
        if (c == 'o')
            o->report.folder = optarg;
        if (c == 'S')
            o->report.state = optarg;
        if (c == 'c')
            o->config_file = optarg;
        if (c == 'f')
            o->report.force = true;
    }
    if (argc - optind != 1 || !o->report.folder || !*o->report.folder)
        return error_set(e, ERROR_INVALID, "expected EXPERIMENT -o FOLDER; see anomalyd report --help");
    o->report.experiment = argv[optind];
    return true;
}

/* The settings as the daemon would have them, with our two flags. */
static bool find_state(const options *o, config *c, error *e)
{
    char name[] = "report", config_flag[] = "--config", state_flag[] = "--state";
    char *flags[6] = {name};
    int count = 1;
    enum config_wish wish;
    if (o->config_file) {
        flags[count++] = config_flag;
        flags[count++] = (char *)(uintptr_t)o->config_file;
    }
    if (o->report.state) {
        flags[count++] = state_flag;
        flags[count++] = (char *)(uintptr_t)o->report.state;
    }
    return config_read(c, count, flags, &wish, e);
}

static int run(int argc, char **argv)
{
    options o = {.report = {.sheet_classes = SHEETS_PRESET}};
    config c = {0};
    error e = {0};
    if (!parse(argc, argv, &o, &e) || !find_state(&o, &c, &e)) {
        fprintf(stderr, "anomalyd report: %s\n", e.message);
        config_free(&c);
        return EXIT_USAGE;
    }
    o.report.state = c.state;
    bool done = report_make(&o.report, &e);
    if (done && (printf("%s/README.md\n", o.report.folder) < 0 || fflush(stdout) != 0))
        done = error_system(&e, "standard output");
    if (!done)
        fprintf(stderr, "anomalyd report: %s\n", e.message);
    config_free(&c);
    return done ? 0 : 1;
}

const command command_report = {.name = "report", .summary = "a stored experiment as a page with charts", .run = run};
