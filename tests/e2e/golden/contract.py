# SPDX-License-Identifier: MIT
"""What openapi.yaml declares: its operations and their statuses, read by its indentation."""
import re


def operations(path):
    """{(method, path): [status, …]}; "default" is left out."""
    found, at, method, inside = {}, None, None, False
    with open(path, encoding="utf-8") as lines:
        for line in lines:
            line = line.rstrip()
            if not line.startswith(" ") and line:
                inside = line == "paths:"
            elif inside and (match := re.fullmatch(r"  (/\S*):", line)):
                at = match[1]
            elif inside and (match := re.fullmatch(r"    (get|post|put|delete|patch):", line)):
                method = match[1].upper()
                found[method, at] = []
            elif inside and (match := re.match(r"        '(\d{3})':", line)):
                found[method, at].append(int(match[1]))
    return found


def pattern_of(found, target):
    """The path of the contract that a request's target stands for."""
    path = target.partition("?")[0]
    for _, known in found:
        if path == known:
            return known
    for _, known in sorted(found, key=lambda pair: -len(pair[1])):
        if re.fullmatch(re.sub(r"\\{\w+\\}", "[^/]+", re.escape(known)), path):
            return known
    return None
