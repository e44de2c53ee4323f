#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""check_architecture.py [ROOT] — docs/architecture.md names files that are there, and functions that stand in the files
it names them in. In its tables, "`f`, `g` in `folder/file.c`" says that f and g are in that file; a file without a folder
lies in the folder named before it, and one that is not found from the root is looked for in core/."""
import pathlib
import re
import sys

root = pathlib.Path(sys.argv[1] if len(sys.argv) > 1 else pathlib.Path(__file__).parent.parent)
page = root / "docs" / "architecture.md"


def find(name, folder):
    """The path that the page means, or None."""
    for base in (root, root / "core", *([folder] if folder else [])):
        if (base / name).exists():
            return base / name
    return None


failures, checked = [], 0
folder = None
for number, line in enumerate(page.read_text().split("\n"), 1):
    if not line.startswith("| "):
        continue
    names, end = [], 0
    for token in re.finditer(r"`([^`]+)`", line):
        text, between = token.group(1), line[end:token.start()]
        end = token.end()
        if re.search(r"[;.|]", between):
            names = []
        if re.fullmatch(r"[\w/]+\.(c|h|sh|py)|[\w]+(/[\w]+)*/", text):
            path = find(text, folder)
            checked += 1
            if not path:
                failures.append(f"{number}: there is no {text}")
                continue
            folder = path if path.is_dir() else path.parent
            if path.is_file() and re.search(r"\bin $", between):
                source = path.read_text()
                for name in names:
                    checked += 1
                    if not re.search(rf"\b{name}\b", source):
                        failures.append(f"{number}: {text} has no {name}")
            names = []
        elif re.fullmatch(r"[a-z_0-9]+", text):
            names.append(text)

for failure in failures:
    print(f"docs/architecture.md:{failure}")
if failures or checked < 50:
    sys.exit(f"check_architecture: {len(failures)} wrong, {checked} looked at")
print(f"check_architecture: {checked} files and functions are where the page says")
