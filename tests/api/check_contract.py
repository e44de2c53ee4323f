#!/usr/bin/python3
# SPDX-License-Identifier: MIT
"""check_contract.py CONTRACT RECORD… — validates recorded exchanges against an OpenAPI 3.1 contract, by JSON Schema
2020-12. Fails on an answer of an undeclared status or media type, on a body that its schema refuses, on a request that
was accepted though the contract refuses it, and on what the contract declares and no record shows. Only a key that a
schema lists may stand in an object, unless the schema says otherwise.

A record holds exchanges, as tests/api/record.c and tests/e2e/golden.sh write them; other lines are notes:
  = METHOD TARGET   an exchange begins
  > NAME: VALUE     a header of the request
  } TEXT            a line of its body
  < HTTP/1.1 CODE   the status, then headers as NAME: VALUE
  | TEXT            a line of the answer's body
"""
import datetime
import json
import re
import sys
import urllib.parse

import jsonschema
import yaml

# What is declared and cannot be shown, (METHOD, PATH, STATUS): why.
EXCEPTIONS = {}
# What is accepted though the contract asks for more: (METHOD, PATH, the beginning of the complaint).
TOLERATED = {
    ("GET", "/jobs", "?state=: /: '' is not one of"),  # an empty filter is none
    ("POST", "/runs", "/scores/none: "),  # of a score without a test, "auroc": null is enough
}

FORMATS = jsonschema.FormatChecker()


@FORMATS.checks("date-time", raises=ValueError)
def is_time(value):
    if isinstance(value, str):
        if not re.fullmatch(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d+)?(Z|[+-]\d\d:\d\d)", value):
            raise ValueError("not a time of RFC 3339")
        datetime.datetime.fromisoformat(value[:19])
    return True


def close(schema):
    """Refuses the keys that a schema with properties does not list."""
    if isinstance(schema, dict):
        if isinstance(schema.get("properties"), dict):
            schema.setdefault("additionalProperties", False)
        for inner in schema.values():
            close(inner)
    elif isinstance(schema, list):
        for inner in schema:
            close(inner)


class Contract:
    def __init__(self, path):
        with open(path, encoding="utf-8") as file:
            self.document = yaml.safe_load(file)
        close(self.document["components"]["schemas"])
        self.validators = {}
        self.operations = {(verb.upper(), path): operation for path, verbs in self.document["paths"].items()
                           for verb, operation in verbs.items()}

    def resolve(self, value):
        while "$ref" in value:
            at = self.document
            for part in value["$ref"].removeprefix("#/").split("/"):
                at = at[part]
            value = at
        return value

    def find(self, verb, target):
        """The operation's key; None where the contract has none."""
        verb, path = "GET" if verb == "HEAD" else verb, target.partition("?")[0]
        if (verb, path) in self.operations:
            return verb, path
        for known in self.operations:
            if known[0] == verb and re.fullmatch(re.sub(r"{\w+}", "[^/]+", known[1]), path):
                return known
        return None

    def complaints(self, schema, value):
        if id(schema) not in self.validators:
            whole = {"components": self.document["components"], **schema}
            self.validators[id(schema)] = jsonschema.Draft202012Validator(whole, format_checker=FORMATS)
        for error in self.validators[id(schema)].iter_errors(value):
            for inner in error.context or [error]:
                yield "/" + "/".join(str(part) for part in inner.absolute_path) + ": " + inner.message

    def body_complaints(self, contents, kind, body):
        kind = kind.partition(";")[0].strip()
        if kind not in contents:
            yield f'the media type "{kind}" is not declared'
        elif kind.endswith("json"):
            yield from self.complaints(contents[kind]["schema"], json.loads(body))

    def query_complaints(self, operation, target):
        known = {p["name"]: p for p in map(self.resolve, operation.get("parameters", [])) if p["in"] == "query"}
        for name, text in urllib.parse.parse_qsl(target.partition("?")[2], keep_blank_values=True):
            if name not in known:
                yield f"?{name}= is not declared"
                continue
            schema = self.resolve(known[name]["schema"])
            value = json.loads(text) if schema.get("type") in ("integer", "number") else text
            yield from (f"?{name}=: {why}" for why in self.complaints(schema, value))


class Exchange:
    def __init__(self, where, verb, target):
        self.where, self.verb, self.target, self.status = where, verb, target, 0
        self.request_kind = self.kind = ""
        self.request_lines, self.lines = [], []


def read(path):
    exchanges = []
    with open(path, encoding="utf-8", errors="surrogateescape", newline="\n") as file:
        for number, line in enumerate(file, 1):
            sign, rest = line[:2], line[2:].rstrip("\n")
            name, _, value = rest.partition(": ")
            if sign == "= ":
                exchanges.append(Exchange(f"{path}:{number}", *rest.split(" ", 1)))
            elif sign == "> " and name.lower() == "content-type":
                exchanges[-1].request_kind = value
            elif sign == "} ":
                exchanges[-1].request_lines.append(rest)
            elif sign == "< " and rest.startswith("HTTP/1.1 "):
                exchanges[-1].status = int(rest.split(" ")[1])
            elif sign == "< " and name.lower() == "content-type":
                exchanges[-1].kind = value
            elif sign == "| ":
                exchanges[-1].lines.append(rest)
    return [x for x in exchanges if x.status]


def request_complaints(contract, operation, x):
    """Of a request that was accepted."""
    yield from contract.query_complaints(operation, x.target)
    body = "\n".join(x.request_lines)
    if "requestBody" not in operation:
        if body:
            yield "the request has a body, and none is declared"
    elif body and not (x.request_kind.endswith("json") and body.startswith("(")):  # which a note stands for
        yield from contract.body_complaints(operation["requestBody"]["content"], x.request_kind, body)


def complaints(contract, x, shown):
    key = contract.find(x.verb, x.target)
    operation = contract.operations.get(key, {"responses": {}})
    responses = operation["responses"]
    problem = contract.document["components"]["responses"]["problem"] if key is None else responses.get("default")
    response = responses.get(str(x.status)) or (problem if x.status >= 400 else None)
    if response is None:
        yield f"the status {x.status} is not declared"
        return
    contents = contract.resolve(response).get("content", {})
    shown |= {(key, str(x.status)), (key, str(x.status), x.kind.partition(";")[0])}
    if x.status < 300 and key:
        yield from ("accepted, " + why for why in request_complaints(contract, operation, x)
                    if not any(key == known[:2] and why.startswith(known[2]) for known in TOLERATED))
    if x.verb == "HEAD" or x.status == 204:
        if x.lines:
            yield "the answer has a body"
    else:
        yield from contract.body_complaints(contents, x.kind, "\n".join(x.lines))


def declared(contract):
    for key, operation in contract.operations.items():
        for status, response in operation["responses"].items():
            if status != "default":
                yield key, status
                yield from ((key, status, kind) for kind in contract.resolve(response).get("content", {}))


def main(path, records):
    contract, shown, failures, count = Contract(path), set(), [], 0
    for schema in contract.document["components"]["schemas"].values():
        jsonschema.Draft202012Validator.check_schema(schema)
    for record in records:
        for x in read(record):
            count += 1
            failures += [f"{x.where}: {x.verb} {x.target} {x.status}: {why}" for why in complaints(contract, x, shown)]
    for item in declared(contract):
        (verb, pattern), status = item[:2]
        if (item in shown) == ((verb, pattern, status) in EXCEPTIONS):
            failures.append(f"{verb} {pattern} {' '.join(item[1:])} "
                            + ("is shown: no exception any more" if item in shown else "is declared and never shown"))
    print("\n".join(failures + [f"check_contract: {count} exchanges, {len(failures)} complaint(s)"]))
    return bool(failures) or not count


if __name__ == "__main__":
    if len(sys.argv) < 3:
        sys.exit(__doc__.partition("\n\n")[0])
    sys.exit(main(sys.argv[1], sys.argv[2:]))
