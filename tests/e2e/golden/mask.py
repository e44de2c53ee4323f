# SPDX-License-Identifier: MIT
"""Replaces what differs between two runs of the same program, and keeps everything else, byte for byte.

Ids and digests of weights become numbers in the order of their first appearance, so that who refers to whom stays
checked; so do figures of float arithmetic, whose last bits depend on the processor: the same figure has the same number
wherever it stands. A masked JSON number stays a number, with a point where it had one, so that a masked answer still
fits its schema.
"""
import json
import re
import struct
import time

UUID = re.compile(r"[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}")
TIME = re.compile(r"(\d{4}-\d\d-\d\d)T\d\d:\d\d:\d\d\.\d{3}Z")
HTTP_DATE = re.compile(r"[A-Z][a-z]{2}, \d\d [A-Z][a-z]{2} \d{4} \d\d:\d\d:\d\d GMT")
REQUEST_ID = re.compile(r"(?<=X-Request-Id: )[0-9a-f]{8}-[0-9a-f]{6}\b")
DIGEST = re.compile(r"\b[0-9a-f]{64}\b")
# The order by AUROC has the figure's bits in its cursors.
CURSOR_BITS = re.compile(r"(?<=\ba\.)\d{19}(?=\.)")
MILLISECONDS = re.compile(r"(?<!\d)\d{13}(?!\d)")
JSON_TOKEN = re.compile(r'\s+|[{}\[\],:]|"(?:[^"\\]|\\.)*"|-?\d+(?:\.\d+)?(?:[eE][-+]?\d+)?|true|false|null')
DECIMAL = re.compile(r"(?<![\w.:])[-+]?\d+\.\d+(?:e[-+]?\d+)?(?![\w.]*\.\d)")

SOME_TIME, SOME_MS = "2026-01-01T00:00:00.000Z", "1767225600000"
SOME_DATE = "Thu, 01 Jan 1970 00:00:00 GMT"
DAY_MS = 24 * 3600 * 1000

# Figures of a run or of an image: numbered.
FIGURES = {"auroc", "auroc_low", "auroc_high", "auroc_deviation", "average_precision", "threshold", "score", "train_s",
           "score_s", "cost_s", "difference", "deviation", "low", "high", "z"}
# Which one answer gives with the digits of single precision, and another with those of double.
SINGLES = {"threshold", "score"}
# Reals whose value says nothing, and which may well be equal by chance.
REALS = {"queue_ms", "decode_ms", "compute_ms", "percentile", "p_value", "scale", "eta_s"}
# Everything below these keys.
REALS_BELOW = {"values", "epochs", "last_values", "histogram"}
# Whole numbers that depend on time or on the processor.
INTEGERS = {"events", "chosen_epoch"}


def zeroes(match):
    sign, places = match[0][:1].strip("0123456789"), match[0].partition("e")[0].partition(".")[2]
    return "%s0.%s" % (sign, "0" * len(places))


class Mask:
    def __init__(self, literals):
        """literals: pairs of a text and what stands for it; longer ones first."""
        self.literals = sorted((pair for pair in literals if pair[0]), key=lambda pair: -len(pair[0]))
        self.ids, self.digests, self.figures, self.kept_digests, self.kept_figures = {}, {}, {}, set(), set()
        now = int(time.time() * 1000)
        self.first_ms, self.last_ms = now - DAY_MS, now + DAY_MS
        self.days = {time.strftime("%Y-%m-%d", time.gmtime(ms / 1000)) for ms in (self.first_ms, now, self.last_ms)}

    # ---- text

    def _id(self, match):
        # What begins with zeroes was made up by the requests.
        if match[0].startswith("00000000"):
            return match[0]
        number = self.ids.setdefault(match[0], len(self.ids) + 1)
        return "01000000-0000-7000-8000-%012d" % number

    def _digest(self, match):
        if match[0] in self.kept_digests:
            return match[0]
        return "%064d" % self.digests.setdefault(match[0], len(self.digests) + 1)

    def _ms(self, match):
        return SOME_MS if self.first_ms < int(match[0]) < self.last_ms else match[0]

    def text(self, text):
        """Any text: ids, times, digests, paths, the version."""
        for literal, name in self.literals:
            text = text.replace(literal, name)
        text = TIME.sub(lambda match: SOME_TIME if match[1] in self.days else match[0], text)
        text = HTTP_DATE.sub(SOME_DATE, text)
        text = REQUEST_ID.sub("id", text)
        text = CURSOR_BITS.sub("0", text)
        text = MILLISECONDS.sub(self._ms, text)
        text = UUID.sub(self._id, text)
        return DIGEST.sub(self._digest, text)

    def printed(self, text):
        """What a command printed for people: columns as wide as their texts, rounded figures."""
        text = re.sub(r"(?m)^((?:auroc|auroc_\w+|average_precision|train_s|score_s)  +)[\d.e-]+$", r"\1N", self.text(text))
        text = re.sub(r"(?m)^(?!held_out|hyperparameters).*", lambda line: DECIMAL.sub(zeroes, line[0]), text)
        text = re.sub(r"OpenBLAS \d[\w.]*|\d+ thread\(s\)", lambda match: re.sub(r"\d[\w.]*", "N", match[0]), text)
        text = re.sub(r"\bp = [\d.e-]+", "p = N", text)
        text = re.sub(r"(blas_core +|core type |\| OpenBLAS \| )\w+", r"\1Core", text)
        text = re.sub(r"\b(%s) \d\d:\d\d UTC" % "|".join(sorted(self.days)), "2026-01-01 00:00 UTC", text)
        return re.sub(r"  +", "  ", text)

    # ---- JSON

    def figure(self, key, token):
        value = float(token)
        if value in (0, 1) or value in self.kept_figures:
            return token
        if key in SINGLES:
            value = struct.unpack("f", struct.pack("f", value))[0]
        number = self.figures.setdefault("%.15g" % abs(value), len(self.figures) + 1)
        return "%s0.%04d" % ("-" if value < 0 else "", number)

    def number(self, path, token):
        real = any(c in token for c in ".eE")
        key = path[-1] if path else ""
        if float(token) in self.kept_figures:
            return token
        if any(name in REALS_BELOW for name in path[:-1]) and key != "epoch":
            return ("0.5" if real else "5") if float(token) else token
        if key in INTEGERS:
            return "1" if int(token) else token
        if real and key in FIGURES:
            return self.figure(key, token)
        if real and key in REALS:
            return "0.5"
        return MILLISECONDS.sub(self._ms, token)

    def string(self, path, token):
        key = path[-1] if path else ""
        value = json.loads(token)
        if key == "blas_core" and value not in ("", "Made-up"):
            return '"Core"'
        if key == "worker":
            return '"worker"'
        if key == "data" and value.startswith("iVBORw0KGgo"):
            return '"iVBORw0KGgo="'
        if value[:1] in "{[" and value[-1:] in "}]":
            try:
                json.loads(value)
            except ValueError:
                return self.text(token)
            return json.dumps(self.json(value, path))
        if key in ("dataset_digest", "training_digest", "test_digest", "images", "fingerprint"):
            self.kept_digests.update(DIGEST.findall(value))
        return self.text(token)

    def scalar(self, path, token):
        if token[0] == '"':
            return self.string(path, token)
        if token[0] in "-0123456789":
            # Whether a job had told its pace before it ended is chance.
            return "null" if path and path[-1] == "images_s" else self.number(path, token)
        return token

    def points(self, text, of_roc):
        """The inside of an array: as many points of a ROC curve as the processor makes of it, or counts."""
        values = json.loads("[%s]" % text)
        if not values or any(value in self.kept_figures for value in values):
            return text
        if of_roc:
            assert values == sorted(values) and values[0] == 0 and values[-1] == 1
            return "0.5"
        assert all(isinstance(value, int) for value in values)
        return str(len(values))

    def json(self, text, path=()):
        """A JSON document: its own spacing, order and forms of numbers stay."""
        if '"duplicates":' in text:  # of data sets: the same on every processor
            self.kept_digests.update(re.findall(r'"digest": "([0-9a-f]{64})"', text))
        out, at, stack, key, expects_key = [], 0, [], None, False
        path = list(path)
        while at < len(text):
            match = JSON_TOKEN.match(text, at)
            if not match:
                return self.text(text)
            token, at = match[0], match.end()
            if token == "{" or token == "[":
                stack.append((token, key))
                if key is not None:
                    path.append(key)
                key, expects_key = None, token == "{"
                out.append(token)
                if token == "[" and ("roc" in path or "histogram" in path):
                    end = text.index("]", at)
                    out.append(self.points(text[at:end], "roc" in path))
                    at = end
                continue
            if token == "}" or token == "]":
                key = stack.pop()[1]
                if key is not None:
                    path.pop()
            elif token == ",":
                expects_key = stack and stack[-1][0] == "{"
            elif token[0] == '"' and expects_key:
                key, expects_key = json.loads(token), False
                token = self.text(token)
            elif not token.isspace() and token != ":":
                token = self.scalar(path + ([key] if key is not None else []), token)
            out.append(token)
            if token in ("}", "]"):
                key = None
        return "".join(out)

    # ---- other bodies

    def csv(self, text):
        """Numbers by the names of their columns."""
        rows = text.split("\r\n")
        names = rows[0].split(",")
        for at, row in enumerate(rows[1:], 1):
            cells = split_csv(row)
            for i, cell in enumerate(cells):
                if cell[:1] == '"' and cell[1:2] == "{":
                    inner = cell[1:-1].replace('""', '"')
                    cells[i] = '"%s"' % self.json(inner).replace('"', '""')
                elif re.fullmatch(r"-?\d+(\.\d+)?(e[-+]?\d+)?", cell) and i < len(names) and names[i] != "class":
                    cells[i] = self.number([names[i]], cell)
                else:
                    cells[i] = self.text(cell)
            rows[at] = ",".join(cells)
        return "\r\n".join(rows)

    def events(self, text):
        """Server-sent events, but for how far a job had come: that is told as often as time allows."""
        out, last, number = [], 0, 0
        for event in text.split("\n\n"):
            match = re.fullmatch(r"id: (\d+)\nevent: (\w+)\ndata: (.*)", event)
            if not match:
                out.append(event)
                continue
            assert int(match[1]) > last, "events out of order"
            last = int(match[1])
            if match[2] == "progress":
                continue
            number += 1
            out.append("id: %d\nevent: %s\ndata: %s" % (number, match[2], self.json(match[3])))
        return "\n\n".join(out)

    def metrics(self, text):
        """The names, types, help and labels of metrics; their values are those of the moment."""
        out, seen = [], set()
        for line in text.splitlines():
            line = self.text(line if line.startswith("#") else line.rpartition(" ")[0])
            line = re.sub(r'(le|version|core|blas)="[^"]*"', r'\1="…"', line)
            if line not in seen and 'code="499"' not in line:
                seen.add(line)
                out.append(line)
        return "\n".join(out) + "\n"

    def body(self, media_type, text):
        kind = media_type.partition(";")[0]
        if kind in ("application/json", "application/problem+json"):
            return self.json(text)
        if kind == "text/csv":
            return self.csv(text)
        if kind == "text/event-stream":
            return self.events(text)
        if kind == "text/plain":
            return self.metrics(text)
        if kind == "text/markdown":
            return self.printed(text)
        return self.text(text)


class Exact(Mask):
    """For what is the same in every run, as all that a kept registry tells: masks what HTTP adds, and nothing else."""

    def text(self, text):
        return REQUEST_ID.sub("id", HTTP_DATE.sub(SOME_DATE, text))

    def body(self, media_type, text):
        return text


def split_csv(row):
    cells, cell, quoted = [], "", False
    for c in row:
        if c == "," and not quoted:
            cells.append(cell)
            cell = ""
            continue
        quoted ^= c == '"'
        cell += c
    return cells + [cell]
