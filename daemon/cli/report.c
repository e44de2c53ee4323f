/* SPDX-License-Identifier: MIT */
/* report.c — `anomalyd report`: a stored experiment as a folder of files, straight from the state folder. */
#include "daemon/report/report.h"
#include "daemon/cli/commands.h"
#include "daemon/cli/values.h"
#include "daemon/platform/config.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { SHEETS_PRESET = 3 };

typedef struct options {
    report_request report;
    const char *config_file;
} options;

#define AT(member_) offsetof(options, member_)

static const flag report_flags[] = {
    FLAG("output", 'o', TEXT, AT(report.folder), "FOLDER",
         "where to: a new folder, an empty one, or that of an earlier report, which is replaced", .required = true),
    FLAG("state", 'S', TEXT, AT(report.state), "FOLDER", "the daemon's state folder", .variable = true,
         .preset = "as `anomalyd serve` finds it"),
    FLAG("config", 'c', TEXT, AT(config_file), "FILE", "the daemon's settings, for its state folder", .variable = true),
    FLAG("sheets", 'n', INT, AT(report.sheet_classes), "N",
         "sheets of the first N classes; methods that search take their time", .max = DATASET_CLASSES_MAX,
         .preset = "3"),
    FLAG("brief", 'b', SWITCH, AT(report.brief), NULL, "no ROC curves and histograms, of which there are many"),
    FLAG("force", 'f', SWITCH, AT(report.force), NULL, "also into a folder that holds other files; those stay"),
    {0}};

static const usage report_usage = {
    .words = "report",
    .summary = "a stored experiment as a page with charts",
    .operands = {"EXPERIMENT"},
    .about = "Writes what the registry has of the experiment (its id, as POST /experiments answers it) into a folder:\n"
             "README.md, the page that links the rest; table.md, .csv and .json; auroc.svg, roc/, histograms/;\n"
             "runs.jsonl, a run on each line; sheets/, what the models make of test images. What is not there yet\n"
             "is shown as missing. The command reads the state folder itself, whether a daemon runs on it or not,\n"
             "and changes nothing there. It prints the path of the page.",
    .flags = report_flags};

static int run(int argc, char **argv)
{
    options o = {.report = {.sheet_classes = SHEETS_PRESET}};
    config c = {0};
    command_line a;
    error e = {0};
    int status;
    if (!usage_read(&report_usage, argc, argv, &o, &a, &status))
        return status;
    o.report.experiment = a.operands[0];
    if (!config_find(&c, o.config_file, o.report.state, &e)) {
        config_free(&c);
        return usage_refuse(&report_usage, &e);
    }
    o.report.state = c.state;
    bool done = report_make(&o.report, &e);
    if (done)
        printf("%s/README.md\n", o.report.folder);
    config_free(&c);
    return end_command("report", done, &e);
}

const command command_report = {.name = "report",
                                .summary = "a stored experiment as a page with charts",
                                .usages = (const usage *const[]){&report_usage, NULL},
                                .run = run};
