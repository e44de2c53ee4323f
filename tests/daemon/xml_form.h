/* SPDX-License-Identifier: MIT */
/*
 * xml_form.h — whether a text is one well-formed XML element of the kind that svg.c writes: tags that close in order,
 * attributes in double quotes and each once, the four entities it uses, no control characters. What it does not know
 * (comments, CDATA, processing instructions, other entities) it refuses.
 */
#ifndef ANOMALYD_TESTS_DAEMON_XML_FORM_H
#define ANOMALYD_TESTS_DAEMON_XML_FORM_H

#include <ctype.h>
#include <stdbool.h>
#include <stddef.h>
#include <string.h>

enum { XML_DEPTH_MAX = 16, XML_NAME_MAX = 32, XML_ATTRIBUTES_MAX = 24 };

typedef struct xml_form {
    const char *at;
    char open[XML_DEPTH_MAX][XML_NAME_MAX];
    int depth;
} xml_form;

static bool xml_name(xml_form *x, char name[XML_NAME_MAX])
{
    size_t n = 0;
    while (isalnum((unsigned char)x->at[n]) || x->at[n] == '-')
        n++;
    if (n == 0 || n >= XML_NAME_MAX || !isalpha((unsigned char)*x->at))
        return false;
    memcpy(name, x->at, n);
    name[n] = 0;
    x->at += n;
    return true;
}

/* Character data up to `end`. */
static bool xml_text(xml_form *x, char end)
{
    static const char *const entities[] = {"&lt;", "&gt;", "&amp;", "&quot;"};
    for (; *x->at && *x->at != end; x->at++) {
        bool known = *x->at != '&';
        for (size_t i = 0; !known && i < sizeof entities / sizeof *entities; i++)
            known = !strncmp(x->at, entities[i], strlen(entities[i]));
        unsigned char c = (unsigned char)*x->at;
        if (!known || *x->at == '<' || (c < 0x20 && c != '\n'))
            return false;
    }
    return true;
}

static bool xml_attributes(xml_form *x)
{
    char names[XML_ATTRIBUTES_MAX][XML_NAME_MAX];
    for (int count = 0; *x->at == ' '; count++) {
        x->at++;
        if (count == XML_ATTRIBUTES_MAX || !xml_name(x, names[count]) || strncmp(x->at, "=\"", 2) != 0)
            return false;
        for (int i = 0; i < count; i++)
            if (!strcmp(names[i], names[count]))
                return false;
        x->at += 2;
        if (!xml_text(x, '"') || *x->at++ != '"')
            return false;
    }
    return true;
}

/* The tag that begins at `at`. */
static bool xml_tag(xml_form *x)
{
    char name[XML_NAME_MAX];
    x->at++;
    if (*x->at == '/') {
        x->at++;
        return xml_name(x, name) && *x->at++ == '>' && x->depth > 0 && !strcmp(x->open[--x->depth], name);
    }
    if (x->depth == XML_DEPTH_MAX || !xml_name(x, x->open[x->depth]) || !xml_attributes(x))
        return false;
    if (!strncmp(x->at, "/>", 2)) {
        x->at += 2;
        return true;
    }
    x->depth++;
    return *x->at++ == '>';
}

/* The first place where it is not well-formed; NULL: it is. */
static inline const char *xml_fault(const char *text)
{
    xml_form x = {.at = text};
    if (*text != '<')
        return text;
    do {
        if (*x.at == '<' ? !xml_tag(&x) : !xml_text(&x, '<') || !*x.at)
            return x.at;
    } while (x.depth > 0);
    return !strcmp(x.at, "\n") ? NULL : x.at;
}

#endif
