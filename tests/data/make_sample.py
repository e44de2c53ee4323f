#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""Cuts mnist-sample/ from the four official MNIST files: the first so many images of each digit, in official order.

Usage: make_sample.py FOLDER_WITH_THE_OFFICIAL_FILES
"""
import gzip
import os
import struct
import sys

EACH = {"train": 400, "t10k": 100}


def cut(source, target, split):
    images_name, labels_name = f"{split}-images-idx3-ubyte.gz", f"{split}-labels-idx1-ubyte.gz"
    labels = gzip.open(os.path.join(source, labels_name)).read()[8:]
    images = gzip.open(os.path.join(source, images_name)).read()[16:]
    seen, kept = [0] * 10, []
    for i, label in enumerate(labels):
        if seen[label] < EACH[split]:
            seen[label] += 1
            kept.append(i)
    write(os.path.join(target, images_name), struct.pack(">IIII", 0x803, len(kept), 28, 28)
          + b"".join(images[784 * i:784 * (i + 1)] for i in kept))
    write(os.path.join(target, labels_name), struct.pack(">II", 0x801, len(kept)) + bytes(labels[i] for i in kept))


def write(path, content):
    # As gzip -9 -n: no name and no time, so that the same cut is the same file.
    with open(path, "wb") as f, gzip.GzipFile(filename="", mode="wb", compresslevel=9, fileobj=f, mtime=0) as g:
        g.write(content)


target = os.path.join(os.path.dirname(os.path.abspath(__file__)), "mnist-sample")
os.makedirs(target, exist_ok=True)
for split in EACH:
    cut(sys.argv[1], target, split)
