/* SPDX-License-Identifier: MIT */
/* sheet.h — small pictures side by side on a white one, each pixel enlarged to a square, for people to look at. */
#ifndef ANOMALYD_DAEMON_REPORT_SHEET_H
#define ANOMALYD_DAEMON_REPORT_SHEET_H

#include "data/image.h"

typedef struct sheet {
    int rows, columns;
    int split;         /* the columns from here on stand apart; 0: none */
    int width, height; /* of a small picture */
    int factor;        /* side of an enlarged pixel */
    image picture;     /* owned */
} sheet;

/* Sets the picture up from the fields above it. ERROR_LIMIT when a side would have more than IMAGE_SIDE_MAX pixels. */
bool sheet_begin(sheet *s, error *e);
/* Puts a picture of the sheet's width and height, grey or RGB, into its place. */
void sheet_put(sheet *s, int row, int column, const image *small);
void sheet_free(sheet *s);

#endif
