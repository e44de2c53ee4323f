# SPDX-License-Identifier: MIT
"""Prints where two folders of records differ: of each exchange the first difference, with what stands around it."""
import difflib
import os

AROUND, SHOWN = 60, 30


def lines_of(path):
    with open(path, encoding="utf-8") as file:
        return file.read().split("\n")


def exchange_at(lines, at):
    """What the line belongs to."""
    for line in reversed(lines[:at + 1]):
        if line[:2] in ("= ", "$ ", "--") or line.startswith("# report"):
            return line
    return ""


def excerpt(line, at):
    begin = max(0, at - AROUND)
    return ("…" if begin else "") + line[begin:at + AROUND] + ("…" if len(line) > at + AROUND else "")


def print_pair(old, new):
    at = len(os.path.commonprefix([old or "", new or ""]))
    for sign, line in (("-", old), ("+", new)):
        if line is not None:
            print("  %s %s" % (sign, excerpt(line, at)))


def print_file(name, old, new):
    print("\n== " + name)
    shown = 0
    for kind, a, b, c, d in difflib.SequenceMatcher(None, old, new, False).get_opcodes():
        if kind == "equal":
            continue
        shown += 1
        if shown > SHOWN:
            print("and more")
            return
        print(exchange_at(new, c))
        for i in range(min(max(b - a, d - c), 12)):
            print_pair(old[a + i] if a + i < b else None, new[c + i] if c + i < d else None)


def print_differences(recorded, answered):
    """Returns whether there are any."""
    names, differ = sorted(set(os.listdir(recorded)) | set(os.listdir(answered))), False
    for name in names:
        paths = [os.path.join(folder, name) for folder in (recorded, answered)]
        old, new = (lines_of(path) if os.path.exists(path) else [] for path in paths)
        if old != new:
            differ = True
            print_file(name, old, new)
    return differ
