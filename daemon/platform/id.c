/* SPDX-License-Identifier: MIT */
/* id.c — makes and checks ids. */
#include "daemon/platform/id.h"

#include <sodium.h>
#include <stdio.h>
#include <string.h>
#include <time.h>

enum { SEQUENCE_MAX = 0xfff }; /* rand_a's 12 bits count ids within a millisecond (RFC 9562, 6.2, method 1) */

int64_t time_now(void)
{
    struct timespec now;
    clock_gettime(CLOCK_REALTIME, &now);
    return (int64_t)now.tv_sec * 1000 + now.tv_nsec / 1000000;
}

void id_make(id_source *s, char id[ID_SIZE])
{
    int64_t now = time_now();
    if (now > s->last_ms) {
        s->last_ms = now;
        s->sequence = 0;
    } else if (s->sequence++ == SEQUENCE_MAX) {
        s->last_ms++; /* the next millisecond, a little early */
        s->sequence = 0;
    }
    uint8_t tail[8];
    randombytes_buf(tail, sizeof tail);
    tail[0] = (uint8_t)((tail[0] & 0x3f) | 0x80);
    uint64_t ms = (uint64_t)s->last_ms;
    snprintf(id, ID_SIZE, "%08x-%04x-7%03x-%02x%02x-%02x%02x%02x%02x%02x%02x", (unsigned)(ms >> 16),
             (unsigned)(ms & 0xffff), s->sequence, tail[0], tail[1], tail[2], tail[3], tail[4], tail[5], tail[6],
             tail[7]);
}

bool id_valid(const char *id)
{
    static const char form[] = "xxxxxxxx-xxxx-7xxx-xxxx-xxxxxxxxxxxx";
    if (strlen(id) != sizeof form - 1)
        return false;
    for (size_t i = 0; form[i]; i++)
        if (form[i] == 'x' ? !strchr("0123456789abcdef", id[i]) : form[i] != id[i])
            return false;
    return true;
}
