/* SPDX-License-Identifier: MIT */
/* manual.c — `anomalyd manual` and `anomalyd completion`: the manual page and the completion for bash, made from the
 * same usages that the commands read their arguments by. */
#include "base/version.h"
#include "daemon/cli/commands.h"

#include <string.h>

/* ---- the manual page */

/* Prints text for troff, in which a backslash, and a dot at the start of a line, would mean something else. */
static void print_roff(const char *text)
{
    bool fresh = true;
    for (const char *at = text; *at; at++) {
        if (fresh && (*at == '.' || *at == '\''))
            fputs("\\&", stdout);
        fresh = *at == '\n';
        if (*at == '\\' || *at == '-')
            putchar('\\');
        putchar(*at == '\\' ? 'e' : *at);
    }
}

static void print_flags(const flag *flags)
{
    for (const flag *f = flags; f && f->name; f++) {
        fputs(".TP\n\\fB", stdout);
        if (f->letter)
            printf("\\-%c\\fR, \\fB", f->letter);
        fputs("\\-\\-", stdout);
        print_roff(f->name);
        fputs("\\fR", stdout);
        if (f->value)
            printf(" \\fI%s\\fR", f->value);
        putchar('\n');
        print_roff(f->help);
        if (f->preset) {
            fputs(" (default ", stdout);
            print_roff(f->preset);
            putchar(')');
        }
        putchar('\n');
    }
}

static void print_section(const usage *u)
{
    fputs(".SS ", stdout);
    usage_print_synopsis(u, stdout);
    const char *const texts[] = {u->summary, u->about};
    for (int i = 0; i < 2; i++)
        if (texts[i]) {
            puts(".PP");
            print_roff(texts[i]);
            putchar('\n');
        }
    print_flags(u->flags);
    print_flags(u->shared);
    if (u->after) {
        puts(".PP");
        print_roff(u->after);
        putchar('\n');
    }
}

static int run_manual(int argc, char **argv);
static int run_completion(int argc, char **argv);

static const usage manual_usage = {
    .words = "manual", .summary = "print the manual page", .about = "In troff: `anomalyd manual | man -l -`."};
static const usage completion_usage = {.words = "completion",
                                       .summary = "print the completion for bash",
                                       .about = "To be read by the shell: `eval \"$(anomalyd completion)\"`."};

const command command_manual = {.name = "manual",
                                .summary = "print the manual page",
                                .usages = (const usage *const[]){&manual_usage, NULL},
                                .run = run_manual};
const command command_completion = {.name = "completion",
                                    .summary = "print the completion for bash",
                                    .usages = (const usage *const[]){&completion_usage, NULL},
                                    .run = run_completion};

static int run_manual(int argc, char **argv)
{
    command_line a;
    int status;
    if (!usage_read(&manual_usage, argc, argv, NULL, &a, &status))
        return status;
    printf(".TH ANOMALYD 1 \"\" \"anomalyd %s\" \"User Commands\"\n"
           ".SH NAME\nanomalyd \\- scores images for anomalies\n.SH SYNOPSIS\n"
           ".B anomalyd\n\\fICOMMAND\\fR [\\fIOPTION\\fR...]\n.SH COMMANDS\n",
           version_text());
    for (int i = 0; commands[i]; i++)
        for (int k = 0; !commands[i]->hidden && commands[i]->usages[k]; k++)
            print_section(commands[i]->usages[k]);
    return fflush(stdout) || ferror(stdout) ? 1 : 0;
}

/* ---- completion */

static void print_flag_names(const flag *flags)
{
    for (const flag *f = flags; f && f->name; f++)
        printf(" --%s", f->name);
}

/* The words of one command: the names of its actions and the flags of each, or its flags. */
static void print_cases(const command *c)
{
    bool has_actions = strchr(c->usages[0]->words, ' ') != NULL;
    if (has_actions) {
        printf("    2:%s:*) words='", c->name);
        for (int k = 0; c->usages[k]; k++)
            printf("%s ", strchr(c->usages[k]->words, ' ') + 1);
        puts("--help' ;;");
    }
    for (int k = 0; c->usages[k]; k++) {
        printf("    *:%s:%s) words='--help", c->name, has_actions ? strchr(c->usages[k]->words, ' ') + 1 : "*");
        print_flag_names(c->usages[k]->flags);
        print_flag_names(c->usages[k]->shared);
        puts("' ;;");
    }
}

static int run_completion(int argc, char **argv)
{
    command_line a;
    int status;
    if (!usage_read(&completion_usage, argc, argv, NULL, &a, &status))
        return status;
    fputs("_anomalyd() {\n    local words=\n    case \"$COMP_CWORD:${COMP_WORDS[1]:-}:${COMP_WORDS[2]:-}\" in\n"
          "    1:*) words='",
          stdout);
    for (int i = 0; commands[i]; i++)
        if (!commands[i]->hidden)
            printf("%s ", commands[i]->name);
    puts("--help --version' ;;");
    for (int i = 0; commands[i]; i++)
        if (!commands[i]->hidden)
            print_cases(commands[i]);
    puts("    esac\n    mapfile -t COMPREPLY < <(compgen -W \"$words\" -- \"${COMP_WORDS[COMP_CWORD]}\")\n}\n"
         "complete -o default -F _anomalyd anomalyd");
    return fflush(stdout) || ferror(stdout) ? 1 : 0;
}
