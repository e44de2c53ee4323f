/* SPDX-License-Identifier: MIT */
/* connection.c — see connection.h. */
#include "api/http/connection.h"

#include "base/clock.h"

#include <assert.h>
#include <stdlib.h>
#include <sys/socket.h>

connection *connection_add(connection_list *list, int socket)
{
    connection *c = calloc(1, sizeof *c);
    if (!c)
        return NULL;
    c->socket = socket;
    c->next = list->first;
    if (c->next)
        c->next->previous = c;
    list->first = c;
    list->count++;
    return c;
}

void connection_remove(connection_list *list, connection *c)
{
    if (!c)
        return;
    assert(!c->exchange);
    if (c->next)
        c->next->previous = c->previous;
    if (c->previous)
        c->previous->next = c->next;
    else
        list->first = c->next;
    list->count--;
    free(c);
}

void connection_set_deadline(connection *c, int64_t ms)
{
    c->deadline_ms = clock_now_ms() + ms;
}

void connection_cut(connection *c)
{
    shutdown(c->socket, SHUT_RDWR);
}
