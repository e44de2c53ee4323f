# SPDX-License-Identifier: MIT
"""PNG files and archives of them, the same bytes whenever they are made with the same zlib."""
import io
import struct
import tarfile
import zipfile
import zlib


def _chunk(kind, body):
    return struct.pack(">I", len(body)) + kind + body + struct.pack(">I", zlib.crc32(kind + body))


def png(width, height, pixels):
    """A grey image of width * height bytes."""
    rows = b"".join(b"\0" + bytes(pixels[y * width:(y + 1) * width]) for y in range(height))
    header = struct.pack(">IIBBBBB", width, height, 8, 0, 0, 0, 0)
    return (b"\x89PNG\r\n\x1a\n" + _chunk(b"IHDR", header) + _chunk(b"IDAT", zlib.compress(rows, 9)) +
            _chunk(b"IEND", b""))


def header_only(width, height):
    """A PNG that announces this size and has nothing else."""
    return b"\x89PNG\r\n\x1a\n" + _chunk(b"IHDR", struct.pack(">IIBBBBB", width, height, 8, 0, 0, 0, 0))


def pattern(kind, seed, side=8, depth=120):
    """Bars across or along, with noise of 60 grey levels: classes that are easily told apart where the bars are deep."""
    state, pixels = seed * 2654435761 % 2**32, []
    for at in range(side * side):
        state = (state * 1664525 + 1013904223) % 2**32
        bar = (at // side if kind else at % side) % 4 < 2
        pixels.append(40 + bar * depth + (state >> 24) % 60)
    return png(side, side, pixels)


def folders(classes, train=40, test=30, depth=120):
    """Files by name: train/CLASS/N.png and test/CLASS/N.png."""
    files = {}
    for kind, name in enumerate(classes):
        for split, count in (("train", train), ("test", test)):
            for i in range(count):
                seed = (split == "test") * 1000 + kind * 100 + i
                files["%s/%s/%02d.png" % (split, name, i)] = pattern(kind, seed, depth=depth)
    return files


def as_zip(files):
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, data in files.items():
            archive.writestr(zipfile.ZipInfo(name), data)
    return out.getvalue()


def as_tar(files, mode="w"):
    out = io.BytesIO()
    with tarfile.open(fileobj=out, mode=mode) as archive:
        for name, data in files.items():
            info = tarfile.TarInfo(name)
            info.size = len(data)
            archive.addfile(info, io.BytesIO(data))
    return out.getvalue()
