/* SPDX-License-Identifier: MIT */
/*
 * headers.c — refuses requests that two servers could read in two ways (request smuggling). libmicrohttpd 0.9.75
 * is lenient with all of them, so they are looked for here, before anything else is done with a request.
 */
#include "api/http/headers.h"

#include "api/http/media.h"

#include <ctype.h>
#include <microhttpd.h>
#include <string.h>
#include <strings.h>

enum { HEADERS_COUNT_MAX = 64 };

typedef struct survey {
    int count, hosts, lengths, encodings;
    bool chunked;
    const char *fault;
    const char *line_end; /* one past the last line's text: where its CR LF stood */
    size_t header_bytes;  /* of the whole head; bounds how far the next line can be */
    bool adjacency;       /* this MHD keeps the lines where they arrived */
} survey;

static bool key_sound(const char *key, size_t size)
{
    for (size_t i = 0; i < size; i++)
        if (!media_is_token(key[i]))
            return false;
    return size > 0;
}

static bool value_sound(const char *value, size_t size)
{
    for (size_t i = 0; i < size; i++) {
        unsigned char c = (unsigned char)value[i];
        if ((c < 0x20 && c != '\t') || c == 0x7f)
            return false;
    }
    return true;
}

static bool digits_only(const char *value, size_t size)
{
    for (size_t i = 0; i < size; i++)
        if (!isdigit((unsigned char)value[i]))
            return false;
    return size > 0;
}

/*
 * MHD cuts a value at its first NUL and ends lines at a bare LF, without telling. But it leaves the lines where they
 * arrived and overwrites each CR LF with two zeroes, so the lines of a sound head lie exactly two bytes apart. A gap
 * that leads out of the head comes from a line that MHD has moved, and proves nothing.
 */
static bool gap_sound(const survey *s, const char *next)
{
    if (!s->adjacency || !s->line_end || next <= s->line_end || (size_t)(next - s->line_end) > s->header_bytes)
        return true;
    return next - s->line_end == 2;
}

static enum MHD_Result look(void *context, enum MHD_ValueKind kind, const char *key, size_t key_size, const char *value,
                            size_t value_size)
{
    (void)kind;
    survey *s = context;
    s->count++;
    if (!s->fault && !key_sound(key, key_size))
        s->fault = "a header's name is not a token";
    else if (!s->fault && (!value || !value_sound(value, value_size)))
        s->fault = "a header's value holds a control character";
    else if (!s->fault && !gap_sound(s, key))
        s->fault = "a header line holds a NUL, is folded, or does not end in CR LF";
    if (s->fault)
        return MHD_NO;
    s->line_end = value + value_size;
    if (!strcasecmp(key, MHD_HTTP_HEADER_HOST)) {
        s->hosts++;
    } else if (!strcasecmp(key, MHD_HTTP_HEADER_CONTENT_LENGTH)) {
        s->lengths++;
        if (!digits_only(value, value_size))
            s->fault = "Content-Length is not a number";
    } else if (!strcasecmp(key, MHD_HTTP_HEADER_TRANSFER_ENCODING)) {
        s->encodings++;
        s->chunked = !strcasecmp(value, "chunked");
    }
    return MHD_YES;
}

static bool target_sound(const char *target)
{
    for (; *target; target++)
        if (*target <= 0x20 || *target >= 0x7f)
            return false;
    return true;
}

bool headers_check(struct MHD_Connection *c, const char *const line[3], problem *p)
{
    if (!target_sound(line[1]))
        return problem_set(p, 400, "the path holds a byte that must be percent-encoded");
    survey s = {.line_end = line[2] + strlen(line[2])};
    const union MHD_ConnectionInfo *info = MHD_get_connection_info(c, MHD_CONNECTION_INFO_REQUEST_HEADER_SIZE);
    s.header_bytes = info ? info->header_size : 0;
    /* Later versions keep their lines otherwise, and refuse these heads themselves. */
    s.adjacency = !strncmp(MHD_get_version(), "0.9.75", 6);
    MHD_get_connection_values_n(c, MHD_HEADER_KIND, look, &s);
    if (!s.fault && s.count && s.header_bytes && !gap_sound(&s, line[0] + s.header_bytes - 2))
        s.fault = "the last header line holds a NUL or does not end in CR LF";
    if (s.fault)
        return problem_set(p, 400, "%s", s.fault);
    if (s.count > HEADERS_COUNT_MAX)
        return problem_set(p, 400, "%d headers; at most %d are accepted", s.count, HEADERS_COUNT_MAX);
    if (s.hosts > 1)
        return problem_set(p, 400, "more than one Host header");
    if (s.lengths > 1)
        return problem_set(p, 400, "more than one Content-Length header");
    if (s.encodings && s.lengths)
        return problem_set(p, 400, "both Content-Length and Transfer-Encoding");
    if (s.encodings > 1 || (s.encodings && !s.chunked))
        return problem_set(p, 501, "only the transfer encoding 'chunked' is understood");
    if (s.encodings && strcmp(line[2], MHD_HTTP_VERSION_1_1) != 0)
        return problem_set(p, 400, "Transfer-Encoding needs HTTP/1.1");
    return true;
}
