#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""The steps of ../golden.sh, each called by it: see there."""
import argparse
import os
import sys

import compare
import contract
import exchange
import kept
import registry
import trained
import waiting
from mask import Mask

HERE = os.path.dirname(os.path.abspath(__file__))
ROOT = os.path.realpath(os.path.join(HERE, "..", "..", ".."))


def version_of(url):
    connection = exchange.Connection(int(url.rpartition(":")[2]))
    connection.send(b"GET /healthz HTTP/1.1\r\nHost: localhost\r\n\r\n")
    version = connection.answer("GET").json()["version"]
    connection.close()
    return version


def recorder(options):
    literals = [(options.work, "/test"), (options.data, "/data"), (options.url, "http://127.0.0.1:8080"),
                (version_of(options.url), "VERSION")]
    os.makedirs(options.out, exist_ok=True)
    r = exchange.Recorder(options.url, options.out, Mask(literals))
    r.root, r.work, r.data, r.url, r.binary = ROOT, options.work, options.data, options.url, options.binary
    return r


def tell_registry(r, options):
    text = registry.tell(os.path.join(options.work, "state", "anomalyd.db"), r.mask)
    with open(os.path.join(options.out, "registry-%s.txt" % options.step), "w", encoding="utf-8") as file:
        file.write(text)


def coverage(folder):
    """Which operations and statuses of the contract the recorded answers are of."""
    found, seen = contract.operations(os.path.join(ROOT, "openapi.yaml")), {}
    for name in sorted(os.listdir(folder)):
        if not name.endswith(".http"):
            continue
        with open(os.path.join(folder, name), encoding="utf-8") as file:
            for method, target, status, _, _ in exchange.parse(file.read()):
                path = contract.pattern_of(found, target)
                if path:
                    seen[method, path, status] = seen.get((method, path, status), 0) + 1
    for (method, path), statuses in found.items():
        all_of = sorted({s for m, p, s in seen if (m, p) == (method, path)} | set(statuses))
        told = ["%d (%d)" % (s, seen[method, path, s]) if (method, path, s) in seen else "%d NEVER" % s for s in all_of]
        print("%-6s %-34s %s" % (method, path, ", ".join(told)))
    declared = sum(len(statuses) for statuses in found.values())
    missing = [(m, p, s) for (m, p), statuses in found.items() for s in statuses if (m, p, s) not in seen]
    print("%d exchanges; %d of %d declared statuses exercised" %
          (sum(seen.values()), declared - len(missing), declared))


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("step", choices=["trained", "waiting", "make-kept", "make-waiting", "save-kept", "restore-kept", "kept",
                                         "compare-kept", "compare", "coverage"])
    for name in ("url", "work", "data", "out", "binary", "pid"):
        parser.add_argument("--" + name, default="")
    options = parser.parse_args()
    database = os.path.join(options.work, "state", "anomalyd.db")
    sql = os.path.join(HERE, "registry.sql")
    if options.step == "coverage":
        coverage(options.out)
    elif options.step == "compare":
        return 1 if compare.print_differences(os.path.join(HERE, "recorded"), options.out) else 0
    elif options.step == "save-kept":
        registry.save(database, sql)
    elif options.step == "restore-kept":
        registry.restore(sql, database)
        registry.restore(sql, os.path.join(options.work, "before.db"))
    elif options.step == "compare-kept":
        found = registry.differences(os.path.join(options.work, "before.db"), database)
        print("\n".join(found), file=sys.stderr)
        return 1 if found else 0
    else:
        r, operations = recorder(options), contract.operations(os.path.join(ROOT, "openapi.yaml"))
        if options.step == "trained":
            trained.drive(r, operations)
            tell_registry(r, options)
        elif options.step == "waiting":
            waiting.drive(r, int(options.pid), operations, lambda: tell_registry(r, options))
        elif options.step == "make-kept":
            kept.make(r)
        elif options.step == "make-waiting":
            kept.make_waiting(r)
        else:
            kept.ask(r)
    return 0


if __name__ == "__main__":
    sys.exit(main())
