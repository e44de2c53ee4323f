#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""Writes png/*.png, the golden files of test_image.c, without libpng, so that reader and writer share no code.

Every file is 13x9. Its samples follow the formulas below, which test_image.c repeats to know what to expect.
"""
import os
import struct
import zlib

WIDTH, HEIGHT = 13, 9
GREY, RGB, PALETTE, GREY_ALPHA, RGBA = 0, 2, 3, 4, 6
ADAM7 = [(0, 0, 8, 8), (4, 0, 8, 8), (0, 4, 4, 8), (2, 0, 4, 4), (0, 2, 2, 4), (1, 0, 2, 2), (0, 1, 1, 2)]


def value(x, y, c=0):
    return (37 * x + 59 * y + 101 * c + 11) % 256


def alpha(x, y):
    return (20 * x + 3 * y) % 256


def deep(x, y, c=0):
    return (4099 * x + 7919 * y + 23 * c + 11) % 65536


def chunk(kind, body):
    return struct.pack(">I", len(body)) + kind + body + struct.pack(">I", zlib.crc32(kind + body))


def row(xs, y, depth, pixel):
    bits = "".join(format(sample, f"0{depth}b") for x in xs for sample in pixel(x, y))
    bits += "0" * (-len(bits) % 8)
    return b"\0" + bytes(int(bits[i:i + 8], 2) for i in range(0, len(bits), 8))


def write(name, colour, depth, pixel, interlaced=False, before=b""):
    passes = ADAM7 if interlaced else [(0, 0, 1, 1)]
    raw = b"".join(row(range(x0, WIDTH, dx), y, depth, pixel) for x0, y0, dx, dy in passes for y in range(y0, HEIGHT, dy))
    header = struct.pack(">IIBBBBB", WIDTH, HEIGHT, depth, colour, 0, 0, int(interlaced))
    with open(os.path.join(os.path.dirname(os.path.abspath(__file__)), "png", name + ".png"), "wb") as f:
        f.write(b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", header) + before + chunk(b"IDAT", zlib.compress(raw, 9)) + chunk(b"IEND", b""))


palette = chunk(b"PLTE", b"".join(bytes((16 * k, 255 - 16 * k, 7 * k)) for k in range(16)))
palette_alpha = chunk(b"tRNS", bytes(17 * k for k in range(16)))
# An ancillary chunk that would change pixels if it were obeyed: gamma 1.0.
gamma = chunk(b"gAMA", struct.pack(">I", 100000))

write("grey", GREY, 8, lambda x, y: [value(x, y)], before=gamma)
write("grey-1-bit", GREY, 1, lambda x, y: [value(x, y) >> 7])
write("grey-16-bit", GREY, 16, lambda x, y: [deep(x, y)])
write("grey-alpha", GREY_ALPHA, 8, lambda x, y: [value(x, y), alpha(x, y)])
write("grey-interlaced", GREY, 8, lambda x, y: [value(x, y)], interlaced=True)
write("rgb", RGB, 8, lambda x, y: [value(x, y, c) for c in range(3)])
write("rgb-16-bit", RGB, 16, lambda x, y: [deep(x, y, c) for c in range(3)])
write("rgb-interlaced", RGB, 8, lambda x, y: [value(x, y, c) for c in range(3)], interlaced=True)
write("rgba", RGBA, 8, lambda x, y: [value(x, y, c) for c in range(3)] + [alpha(x, y)], before=gamma)
write("rgba-interlaced", RGBA, 8, lambda x, y: [value(x, y, c) for c in range(3)] + [alpha(x, y)], interlaced=True)
write("palette", PALETTE, 4, lambda x, y: [value(x, y) % 16], before=palette)
write("palette-alpha", PALETTE, 4, lambda x, y: [value(x, y) % 16], before=palette + palette_alpha)
# The colour of the pixel at (0, 0) is the transparent one.
write("rgb-key", RGB, 8, lambda x, y: [value(x, y, c) for c in range(3)],
      before=chunk(b"tRNS", struct.pack(">HHH", *(value(0, 0, c) for c in range(3)))))
