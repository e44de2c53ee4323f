# SPDX-License-Identifier: MIT
"""Requests to a daemon with one worker, which trains: every resource as it is when things have been made."""
import base64
import json
import os
import subprocess
import time

import images
from exchange import Connection, form

ENDED = ("succeeded", "failed", "cancelled")
SMALL = {"epochs": 2, "batch": 16, "width": 4, "latent": 8}
NOBODY = "00000000-0000-7000-8000-000000000000"


def await_job(r, job):
    while (state := r.peek("/jobs/" + job).json()["state"]) not in ENDED:
        time.sleep(0.05)
    return state


def await_experiment(r, experiment):
    while r.peek("/experiments/" + experiment).json()["state"] == "active":
        time.sleep(0.05)


# ---- the server

def ask_server(r, operations):
    r.to("server.http")
    for target in ("/", "/healthz", "/readyz", "/methods"):
        r.get(target)
    r.get("/", accept="text/html,application/xhtml+xml,*/*;q=0.8")
    r.get("/", accept="application/json, text/html;q=0.5")
    answer = r.get("/openapi.yaml", elide="(openapi.yaml)")
    with open(os.path.join(r.root, "openapi.yaml"), "rb") as contract:
        assert answer.body == contract.read(), "another contract"
    r.get("/metrics", note="before anything was asked for")
    r.get("/nothing")
    r.get("/jobs/")
    r.get("//")
    r.get("/healthz?verbose=1")
    r.get("/runs?limit=1&limit=2")
    r.get("/runs?class=%zz")
    r.get("/runs?class=%01")
    r.get("/runs?class=" + "x" * 300, note="a value that is too long")
    r.get("/jobs/%2e%2e")
    r.ask("GET", "/healthz", headers=[("X-Request-Id", "mine-1._")])
    r.ask("GET", "/healthz", headers=[("X-Request-Id", "not sane")])
    r.ask("GET", "/healthz", headers=[("X-Request-Id", "x" * 65)])
    r.ask("GET", "/healthz", b"{}", kind="application/json", note="a body where none is")
    r.ask("OPTIONS", "*")
    ask_malformed(r)
    ask_other_methods(r, operations)


def ask_malformed(r):
    """What two servers could read in two ways."""
    host = "Host: localhost\r\n"
    r.raw(("GET /healthz HTTP/1.1\r\n%sHost: other\r\n\r\n" % host).encode())
    r.raw(("POST /jobs HTTP/1.1\r\n%sContent-Type: application/json\r\nContent-Length: 2\r\nContent-Length: 3\r\n\r\n{}" %
           host).encode())
    r.raw(("POST /jobs HTTP/1.1\r\n%sContent-Type: application/json\r\nContent-Length: 2\r\n"
           "Transfer-Encoding: chunked\r\n\r\n2\r\n{}\r\n0\r\n\r\n" % host).encode())
    r.raw(("POST /jobs HTTP/1.1\r\n%sContent-Type: application/json\r\nTransfer-Encoding: gzip\r\n\r\n" %
           host).encode())
    r.raw(("POST /jobs HTTP/1.1\r\n%sContent-Type: application/json\r\nTransfer-Encoding: chunked\r\n\r\n"
           "2\r\n{}\r\n0\r\n\r\n" % host).encode(), note="chunked, which is understood")
    r.raw(("POST /jobs HTTP/1.1\r\n%sContent-Type: application/json\r\nContent-Length: 2\r\nExpect: wonders\r\n\r\n{}" %
           host).encode())
    r.raw(("GET /healthz HTTP/1.1\r\n%sX-Odd: a\0b\r\n\r\n" % host).encode())
    r.raw(("GET /healthz HTTP/1.1\r\n%sX-Odd: a\x01b\r\n\r\n" % host).encode())
    r.raw(("GET /healthz HTTP/1.1\r\n%sX Odd: a\r\n\r\n" % host).encode())
    r.raw(("GET /healthz HTTP/1.1\r\n%s%s\r\n" % (host, "".join("X-%d: a\r\n" % i for i in range(64)))).encode(),
          note="too many headers")
    r.raw(("GET /caf\xe9 HTTP/1.1\r\n%s\r\n" % host).encode("latin-1"))
    r.post("/jobs", b" " * (1024 * 1024 + 1), shown=False, note="more than is accepted")
    r.raw(("POST /jobs HTTP/1.1\r\n%sContent-Type: application/json\r\nContent-Length: 1000000000\r\n\r\n" %
           host).encode(), note="more than is worth reading")


def ask_other_methods(r, operations):
    """Every method that a path does not have, and HEAD wherever GET is."""
    paths = sorted({path for _, path in operations})
    for path in paths:
        target = path.replace("{version}", "1").replace("{id}", NOBODY).replace("{name}", "none")
        for method in ("GET", "POST", "PUT", "PATCH", "DELETE", "OPTIONS"):
            if (method, path) not in operations:
                r.ask(method, target)
        if ("GET", path) in operations:
            r.ask("HEAD", target)


# ---- data sets

def ask_datasets(r):
    r.to("datasets.http")
    r.get("/datasets")
    r.get("/datasets/digits")
    digits = {"name": "digits", "path": r.data + "/mnist-sample"}
    r.post("/datasets", digits)
    r.post("/datasets", digits, note="the same again")
    pair, bars = images.folders(["left", "right, \"a\""]), images.folders(["0", "1", "2"], train=50, test=20)
    r.post("/datasets?name=bars", images.as_zip(pair), kind="application/zip")
    r.post("/datasets?name=tarred", images.as_tar(pair), kind="application/x-tar")
    r.post("/datasets?name=zipped", images.as_tar(pair, "w:gz"), kind="application/gzip", note="tar.gz")
    r.post("/datasets?name=other", images.as_zip(bars), kind="application/octet-stream")
    r.post("/datasets?name=bars", images.as_zip(bars), kind="application/zip", note="other images under the same name")
    only = {name: data for name, data in bars.items() if name.startswith("train/0/")}
    only["0/00.png"] = only.pop("train/0/00.png")
    r.post("/datasets?name=mixed", images.as_zip(only), kind="application/zip")
    copies = dict(pair)
    copies["train/left/00.png"] = copies["test/left/00.png"]
    copies["train/left/01.png"] = copies["test/right, \"a\"/00.png"]
    copies["train/left/03.png"] = copies["train/left/02.png"]
    r.post("/datasets?name=copies", images.as_zip(copies), kind="application/zip")
    for target in ("/datasets", "/datasets?limit=2", "/datasets/digits", "/datasets/bars", "/datasets/none"):
        r.get(target)
    cursor = r.get("/datasets?limit=2").json()["next_cursor"]
    r.get("/datasets?limit=2&cursor=" + cursor)
    for query in ("limit=0", "limit=501", "limit=x", "limit=", "cursor=x", "cursor=", "cursor=r.0." + NOBODY, "name=x"):
        r.get("/datasets?" + query)
    refuse_datasets(r, pair)


def refuse_datasets(r, pair):
    whole = images.as_zip(pair)
    r.post("/datasets", whole, kind="application/zip", note="an upload without a name")
    r.post("/datasets?name=No", whole, kind="application/zip")
    r.post("/datasets?name=x", {"name": "x", "path": "/"})
    r.post("/datasets?name=cut", whole[:300], kind="application/zip", note="cut off")
    r.post("/datasets?name=noise", b"no archive at all", kind="application/octet-stream")
    r.post("/datasets?name=empty", images.as_zip({}), kind="application/zip")
    r.post("/datasets?name=texts", images.as_zip({"a/b.png": b"text"}), kind="application/zip")
    r.post("/datasets?name=x", b"", kind="application/zip")
    r.post("/datasets?name=x", b"x", kind="text/plain")
    r.ask("POST", "/datasets?name=x", b"x", note="no Content-Type")
    r.ask("POST", "/datasets?name=x", whole, kind="application/zip", headers=[("Content-Encoding", "gzip")])
    r.raw(b"POST /datasets?name=x HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/zip\r\n"
          b"Content-Length: 1073741825\r\n\r\n")
    r.post("/datasets", {"name": "x", "path": "/etc"})
    r.post("/datasets", {"name": "x", "path": r.data + "/none"})
    r.post("/datasets", {"name": "x", "path": r.data + "/README.md"})
    r.post("/datasets", {"name": "x", "path": "mnist-sample"})
    r.post("/datasets", {"name": "x", "path": r.data + "/../../.."})


# ---- jobs

JOBS = [
    {"method": "kde", "dataset": "digits", "class": 3, "test_images": 300},
    {"method": "pca", "dataset": "digits", "class": "3", "test_images": 300, "seed": 0,
     "hyperparameters": {"components": 4, "refine": "fusion"}, "held_out": 0.2, "model": "threes"},
    {"kind": "train", "method": "ganomaly", "dataset": "digits", "protocol": "one-vs-rest", "class": 8, "seed": 7,
     "hyperparameters": SMALL, "trace": True, "held_out": 0.2},
    {"method": "pca", "dataset": "bars", "class": "left", "model": "threes", "seed": 9007199254740991,
     "hyperparameters": {"components": 2}},
    {"method": "kde", "dataset": "digits", "protocol": "unlabelled", "held_out": 0, "hyperparameters":
     {"pca": False, "bandwidth": 5}},
    {"method": "pca", "dataset": "copies", "class": "left", "held_out": 0.4, "hyperparameters": {"components": 3}},
    {"method": "pca", "dataset": "bars", "class": "left", "hyperparameters": {"components": 8192}},
    {"method": "kde", "dataset": "digits", "class": 8, "test_images": 300, "seed": 0},
    {"method": "pca", "dataset": "digits", "class": 3, "test_images": 300, "seed": 0, "hyperparameters": {"components": 5}},
]


def ask_jobs(r):
    """Jobs one after another; their ids by position."""
    r.to("jobs.http")
    r.get("/jobs")
    ids = []
    for body in JOBS:
        answer = r.ask("POST", "/jobs", body, quiet=True)  # it may run already: recorded when it has ended
        assert answer.status == 202, answer.body
        ids.append(answer.json()["id"])
        assert answer.header("Location") == "/jobs/" + ids[-1]
        await_job(r, ids[-1])
        r.get("/jobs/" + ids[-1], note=json.dumps(body))
        r.get("/jobs/%s/events" % ids[-1])
    for query in ("", "?limit=2", "?state=succeeded&limit=1", "?state=failed", "?state=cancelled", "?method=ganomaly",
                  "?dataset=bars&method=pca", "?dataset=none", "?state=done", "?state=", "?model=x"):
        r.get("/jobs" + query)
    cursor = r.get("/jobs?limit=2&method=pca").json()["next_cursor"]
    r.get("/jobs?limit=2&method=pca&cursor=" + cursor)
    r.get("/jobs?limit=2&cursor=j.0." + NOBODY)
    r.get("/jobs?cursor=m.0.x")
    r.get("/jobs/none")
    r.get("/jobs/" + NOBODY)
    r.ask("DELETE", "/jobs/" + ids[0])
    r.ask("DELETE", "/jobs/none")
    r.get("/jobs/none/events")
    for last in ("1", "999999", "x", "-1", "", "12345678901234567890"):
        target = "/jobs/%s/events" % ids[0]
        answer = r.ask("GET", target, headers=[("Last-Event-ID", last)])
        assert answer.status == 204 or last != "999999"
    r.ask("HEAD", "/jobs/%s/events" % ids[0])
    r.ask("HEAD", "/jobs/" + ids[0])
    return ids


# ---- experiments

def ask_experiments(r):
    r.to("experiments.http")
    r.get("/experiments")
    first = {"name": "small", "methods": ["kde", "pca"], "dataset": "digits", "classes": [3, "8"], "seeds": [0, 1],
             "test_images": 300, "hyperparameters": {"pca": {"components": 4}}, "overrides": {"pca": {"held_out": 0.2}}}
    second = {"methods": ["pca", "kde", "ganomaly"], "dataset": "digits", "classes": ["3", "8"], "seeds": [1],
              "test_images": 300, "reuse": True, "trace": True,
              "hyperparameters": {"pca": {"components": 4}, "ganomaly": dict(SMALL, epochs=1)},
              "overrides": {"pca": {"held_out": 0.2}, "ganomaly": {"test_images": 200, "held_out": 0.25}}}
    third = dict(first, name="again", reuse="any-version", methods=["kde"], overrides={}, hyperparameters={})
    fourth = {"methods": ["pca"], "dataset": "bars", "protocol": "one-vs-rest", "seeds": [5],
              "hyperparameters": {"pca": {"components": 60}}}
    fifth = {"methods": ["pca"], "dataset": "copies", "hyperparameters": {"pca": {"components": 2}}}
    ids = []
    for body in (first, second, third, fourth, fifth):
        answer = r.ask("POST", "/experiments", body, quiet=True)
        assert answer.status == 202, answer.body
        ids.append(answer.json()["id"])
        await_experiment(r, ids[-1])
        r.get("/experiments/" + ids[-1], note=json.dumps(body))
    r.post("/experiments", third, note="all of it is there already")
    for target in ("/experiments", "/experiments?limit=2", "/experiments?limit=x", "/experiments/none",
                   "/experiments/" + NOBODY):
        r.get(target)
    cursor = r.get("/experiments?limit=2").json()["next_cursor"]
    r.get("/experiments?limit=2&cursor=" + cursor)
    r.get("/experiments?cursor=r.0." + NOBODY)
    r.ask("DELETE", "/experiments/" + ids[0], note="it has ended")
    r.ask("DELETE", "/experiments/none")
    r.ask("POST", "/experiments/%s/resume" % ids[0], note="nothing is left to do")
    r.ask("POST", "/experiments/none/resume")
    ask_tables(r, ids)
    return ids


def ask_tables(r, ids):
    r.to("tables.http")
    for experiment in ids:
        for kind in ("json", "csv", "markdown"):
            r.get("/experiments/%s/table?format=%s" % (experiment, kind))
    target = "/experiments/%s/table" % ids[1]
    for accept in (None, "text/csv", "text/markdown", "text/markdown;q=0.5, text/csv;q=0.7", "image/png", "*/*",
                   "application/json;q=0.1, text/*;q=0.9"):
        r.get(target, accept=accept)
    for query in ("format=yaml", "format=", "score=none", "score=complexity", "score=complexity&format=csv",
                  "score=complexity&format=markdown", "score=", "limit=1"):
        r.get(target + "?" + query)
    r.get("/experiments/none/table")
    r.get("/experiments/none/table?format=yaml")


def ask_failures(r):
    """Jobs whose images are gone."""
    r.to("failures.http")
    folder = os.path.join(r.work, "state", "datasets")
    for name in os.listdir(folder):
        if name.startswith("zipped-"):
            os.remove(os.path.join(folder, name))
    body = {"method": "pca", "dataset": "zipped", "class": "left", "hyperparameters": {"components": 2}}
    job = r.ask("POST", "/jobs", body, quiet=True).json()["id"]
    await_job(r, job)
    for target in ("/jobs/" + job, "/jobs/%s/events" % job, "/jobs?state=failed"):
        r.get(target)
    r.ask("DELETE", "/jobs/" + job)
    body = {"methods": ["pca", "kde"], "dataset": "zipped", "hyperparameters": {"pca": {"components": 2}}, "name": "gone"}
    experiment = r.ask("POST", "/experiments", body, quiet=True).json()["id"]
    target = "/experiments/" + experiment
    for _ in range(2):
        await_experiment(r, experiment)
        for path in ("", "/table", "/table?format=csv", "/table?format=markdown", "/table?score=complexity"):
            r.get(target + path)
        r.ask("POST", target + "/resume", quiet=True)
    await_experiment(r, experiment)
    r.get("/experiments?limit=1")
    return experiment


# ---- models and runs

def ask_models(r):
    r.to("models.http")
    for target in ("/models", "/models?limit=2", "/models/threes", "/models/threes/versions/1",
                   "/models/threes/versions/2", "/models/threes/versions/3", "/models/threes/versions/0",
                   "/models/threes/versions/01", "/models/threes/versions/x", "/models/none",
                   "/models/none/versions/1", "/models/No", "/models/digits-ganomaly", "/models?cursor=j.0.x",
                   "/models?name=x"):
        r.get(target)
    cursor = r.get("/models?limit=3").json()["next_cursor"]
    r.get("/models?limit=3&cursor=" + cursor)


def ask_runs(r):
    r.to("runs.http")
    items = r.get("/runs?order=oldest").json()["items"]
    for item in items:
        r.get("/runs/" + item["id"])
    a = items[0]["id"]
    for query in ("limit=2", "method=kde", "method=none", "dataset=bars", "protocol=one-vs-rest", "protocol=unlabelled",
                  "class=3&method=kde", "class=left", "seed=9007199254740991", "seed=1&class=8", "model=threes",
                  "since=2020-01-01T00:00:00Z&limit=1", "until=2020-01-01T00:00:00Z", "since=2100-01-01T00:00:00%2B02:00",
                  "min_auroc=0&limit=1", "order=auroc&limit=1&protocol=unlabelled", "limit=1&format=json",
                  "format=csv", "format=csv&limit=2", "format=csv&method=none"):
        r.get("/runs?" + query)
    for query in ("limit=0", "limit=x", "cursor=x", "cursor=", "cursor=j.0." + NOBODY, "protocol=one", "seed=-1", "seed=x",
                  "seed=99999999999999999999", "since=now", "until=2026-01-31", "min_auroc=2", "min_auroc=x",
                  "min_auroc=", "order=best", "format=yaml", "format=csv&order=x", "state=x", "limit=1%20"):
        r.get("/runs?" + query)
    for order in ("newest", "oldest", "auroc"):
        cursor = r.ask("GET", "/runs?limit=2&method=kde&class=3&order=" + order, quiet=True).json()["next_cursor"]
        options = {} if order != "auroc" else {"quiet": True}  # two may change places on another processor
        r.get("/runs?limit=2&method=kde&class=3&order=%s&cursor=%s" % (order, cursor), **options)
        wrong = {"newest": "auroc", "oldest": "auroc", "auroc": "newest"}[order]
        r.get("/runs?order=%s&cursor=%s" % (wrong, cursor))
    r.get("/runs?limit=1", accept="text/csv")
    r.get("/runs?limit=1", accept="text/csv;q=0.2, application/json")
    r.get("/runs/none")
    r.get("/runs/" + NOBODY)
    r.post("/runs", items[0], shown=False, note="a run of a list, of this registry")
    whole = r.peek("/runs/" + a).json()
    r.post("/runs", whole, shown=False, note="the same run, whole")
    r.post("/runs", dict(whole, weights_digest="0" * 64), shown=False, note="another run of the same id")
    r.post("/runs", dict(whole, id=NOBODY), shown=False, note="another run of the same job")
    for name, item in (("kde", items[0]), ("ganomaly", next(i for i in items if i["method"] == "ganomaly"))):
        with open(os.path.join(r.work, "run-%s.json" % name), "wb") as file:
            file.write(r.peek("/runs/" + item["id"]).body)
    return [item["id"] for item in items]


def ask_compare(r, runs):
    r.to("compare.http")
    facts = {run: r.peek("/runs/" + run).json() for run in runs}

    def find(**wanted):
        return next(run for run, fact in facts.items() if all(fact[key] == value for key, value in wanted.items()))

    a = find(method="kde", dataset="digits", seed=0, **{"class": "3"})
    b = find(method="pca", dataset="digits", seed=0, **{"class": "3"})
    others = [find(method="kde", **{"class": "8"}), find(dataset="bars"), find(protocol="one-vs-rest"),
              find(method="kde", seed=1, **{"class": "3"}), find(protocol="unlabelled")]
    r.get("/compare?a=%s&b=%s" % (a, b))
    r.get("/compare?a=%s&b=%s" % (b, a))
    r.get("/compare?a=%s&b=%s" % (a, a))
    for other in others:
        r.get("/compare?a=%s&b=%s" % (a, other))
    for query in ("", "?a=" + a, "?b=" + b, "?a=%s&b=none" % a, "?a=none&b=" + b, "?a=&b=" + b, "?a=%s&c=x" % a):
        r.get("/compare" + query)
    return a, b


# ---- scores

def ask_scores(r, pictures):
    r.to("score.http")
    three, eight = pictures
    encoded = [base64.b64encode(data).decode() for data in pictures]
    small = images.pattern(0, 3)
    for query in ("", "?model=digits-kde", "?model=digits-kde:1", "?model=threes:1", "?model=digits-ganomaly"):
        r.post("/score" + query, three, kind="image/png")
    with open(os.path.join(r.data, "png", "rgb.png"), "rb") as file:
        colours = file.read()
    r.post("/score?model=digits-kde", form(("a", "three.png", three), ("b", "eight.png", eight), ("c", None, small),
                                           ("d", "cut.png", three[:100]), ("e", "colours.png", colours)),
           kind="multipart/form-data; boundary=edge")
    r.post("/score?model=digits-kde", {"images": [{"id": "three", "data": encoded[0]}, {"data": encoded[1]},
                                                  {"id": "é\"\\", "data": "AAAA"}]}, shown=False)
    r.post("/score?model=digits-kde", {"images": [{"id": "three", "data": encoded[0]}]}, shown=False)
    for explain in ("none", "reconstruction", "heatmap"):
        for model in ("digits-kde", "threes:1", "digits-ganomaly"):
            r.post("/score?model=%s&explain=%s" % (model, explain), three, kind="image/png")
    picture = [("Accept", "image/png")]
    heat = "/score?model=digits-ganomaly&explain=heatmap"
    r.post(heat, three, kind="image/png", headers=picture)
    r.post("/score?model=digits-ganomaly", three, kind="image/png", headers=picture)
    two = form(("a", "a.png", three), ("b", "b.png", eight))
    r.post(heat, two, kind="multipart/form-data; boundary=edge", headers=picture)
    r.post(heat, two, kind="multipart/form-data; boundary=edge")
    many = form(*[("a", "%d.png" % i, small) for i in range(65)])
    r.post(heat, many, kind="multipart/form-data; boundary=edge")
    refuse_scores(r, three, encoded[0])
    fill_queue(r)


def fill_queue(r):
    """An image is refused while others wait: images of the largest size keep the model busy."""
    large, small = images.png(4096, 4096, bytes(4096 * 4096)), images.pattern(0, 1)
    body, kind = form(*[("a", "%d.png" % i, large) for i in range(12)]), "multipart/form-data; boundary=edge"
    while True:
        busy = Connection(r.port)
        busy.send(("POST /score?model=digits-kde HTTP/1.1\r\nHost: localhost\r\nContent-Type: %s\r\n"
                   "Content-Length: %d\r\n\r\n" % (kind, len(body))).encode() + body)
        answer = None
        while not busy.ready() and (not answer or answer.status != 429):
            answer = r.post("/score?model=digits-kde", small, kind="image/png", quiet=True)
        busy.answer("POST")  # which may be the one that is refused: then again
        busy.close()
        if answer and answer.status == 429:
            break
    r.put_request("POST", "/score?model=digits-kde", [("Content-Type", "image/png")], "(binary)", "while others wait")
    r.put_answer("POST", answer)


def refuse_scores(r, three, encoded):
    r.post("/score?model=none", three, kind="image/png")
    r.post("/score?model=threes:9", three, kind="image/png")
    r.post("/score?model=No", three, kind="image/png")
    r.post("/score?model=threes:", three, kind="image/png")
    r.post("/score?model=threes:0", three, kind="image/png")
    r.post("/score?model=threes:x", three, kind="image/png")
    r.post("/score?explain=why", three, kind="image/png")
    r.post("/score?name=x", three, kind="image/png")
    for data, note in ((b"", None), (three[:60], "cut off"), (b"GIF89a", None), (three[:8], "a signature alone"),
                       (images.header_only(40000, 40000), "40000 x 40000"), (images.header_only(0, 0), "0 x 0"),
                       (three[:40] + b"\xff" + three[41:], "damaged")):
        r.post("/score?model=digits-kde", data, kind="image/png", note=note)
    r.post("/score", three, kind="image/jpeg")
    r.ask("POST", "/score", three)
    r.post("/score", three, kind="image")
    r.raw(b"POST /score HTTP/1.1\r\nHost: localhost\r\nContent-Type: image/png\r\nContent-Length: 1000000000\r\n\r\n")
    r.post("/score", b"x", kind="multipart/form-data")
    r.post("/score", b"no form", kind="multipart/form-data; boundary=edge")
    r.post("/score", b"--edge--\r\n", kind="multipart/form-data; boundary=edge")
    r.post("/score", form(("a", "a.png", three))[:-40], kind="multipart/form-data; boundary=edge", note="cut off")
    r.post("/score", form(("a", "a.png", b""), ("b", "b.png", b"x")), kind="multipart/form-data; boundary=edge")
    for body in ({}, [], {"images": []}, {"images": {}}, {"images": [1]}, {"images": [{}]}, {"images": [{"data": 1}]},
                 {"images": [{"data": "x"}]}, {"images": [{"data": ""}]}, {"images": [{"data": "%%%%"}, {"data": "AA"}]},
                 {"images": [{"id": 5, "data": "AAAA"}]}, {"images": [{"data": "AAAA", "name": "x"}]}, {"image": []},
                 {"images": [{"id": "x" * 300, "data": "AAAA"}]}, {"images": None}):
        r.post("/score?model=digits-kde", body)
    r.post("/score?model=digits-kde", {"images": [{"data": encoded}] * 1025}, shown=False, note="1025 images")
    for text in ("{", "", "nothing", '{"images": [], "images": []}', "[" * 100, '{"a": "\\ud800"}', "\xff"):
        r.post("/score", text.encode("latin-1"))


# ---- commands

def run_command(r, arguments, note=None):
    """Records what a command prints and its status."""
    shown = [r.mask.text(argument) for argument in arguments]
    done = subprocess.run([r.binary] + arguments, env=dict(os.environ, ANOMALYD_SERVER=r.url), cwd=r.work,
                          capture_output=True, stdin=subprocess.DEVNULL, check=False)
    r.file.write("\n" + ("# %s\n" % note if note else "") + "$ anomalyd %s\n" % " ".join(shown))
    show = r.mask.json if "json" in arguments else r.mask.csv if "csv" in arguments else r.mask.printed
    out = show(done.stdout.decode())
    for sign, text in (("|", out), ("!", r.mask.printed(done.stderr.decode()))):
        if text:
            r.put_lines(sign, text.removesuffix("\n"))
    r.file.write("status %d\n" % done.returncode)
    r.file.flush()


def ask_commands(r, experiments, pair):
    r.to("commands.txt")
    a, b = pair
    for arguments in (["runs", "list"], ["runs", "list", "--limit", "2"], ["runs", "list", "--method", "none"],
                      ["runs", "list", "--format", "csv", "--limit", "3", "--order", "oldest"],
                      ["runs", "list", "--format", "json", "--limit", "1", "--order", "oldest"],
                      ["runs", "list", "--dataset", "bars", "--seed", "5"], ["runs", "show", a], ["runs", "show", b],
                      ["runs", "show", a, "--format", "json"], ["runs", "show", "none"], ["runs", "compare", a, b],
                      ["runs", "compare", a, b, "--format", "json"], ["runs", "import", "run-kde.json", "none.json"],
                      ["runs", "list", "--order", "best"], ["experiment", "list"],
                      ["experiment", "list", "--format", "json"], ["experiment", "table", "none"]):
        run_command(r, arguments)
    for experiment in experiments[:4]:
        run_command(r, ["experiment", "show", experiment])
        run_command(r, ["experiment", "table", experiment])
    run_command(r, ["experiment", "table", experiments[1], "--format", "csv"])
    run_command(r, ["experiment", "table", experiments[1], "--format", "json"])
    run_command(r, ["experiment", "show", experiments[0], "--format", "json"])
    run_command(r, ["experiment", "table", experiments[1], "--score", "complexity"])
    run_command(r, ["version"])
    record_report(r, experiments[1])


def record_report(r, experiment):
    run_command(r, ["report", experiment, "-o", "report", "--state", "state", "--sheets", "1"])
    folder = os.path.join(r.work, "report")
    names = sorted(os.path.relpath(os.path.join(at, name), folder) for at, _, files in os.walk(folder) for name in files)
    r.file.write("\n# files of the report\n" + "\n".join(names) + "\n")
    for name, show in (("README.md", r.mask.printed), ("table.md", r.mask.printed), ("table.json", r.mask.json)):
        with open(os.path.join(folder, name), encoding="utf-8") as file:
            r.file.write("\n# report/%s\n" % name)
            r.put_lines("|", show(file.read()).removesuffix("\n"))
    for name in names:
        if name.startswith("runs/"):
            with open(os.path.join(folder, name), "rb") as file:
                text = file.read()
            assert text == r.peek("/runs/" + json.loads(text)["id"]).body, name
    with open(os.path.join(folder, "table.csv"), "rb") as file:
        assert file.read() == r.peek("/experiments/%s/table?format=csv" % experiment).body, "table.csv"


def test_images(r):
    """A three and an eight of the sample's test images."""
    folder = os.path.join(r.work, "pictures")
    subprocess.run([r.binary, "images", r.data + "/mnist-sample", "--split", "test", "--limit", "1", "-o", folder],
                   check=True, capture_output=True)
    pictures = []
    for digit in "38":
        with open(os.path.join(folder, "test-%s-00000.png" % digit), "rb") as file:
            pictures.append(file.read())
    return pictures


def drive(r, operations):
    ask_server(r, operations)
    ask_datasets(r)
    ask_jobs(r)
    experiments = ask_experiments(r)
    ask_models(r)
    runs = ask_runs(r)
    pair = ask_compare(r, runs)
    ask_scores(r, test_images(r))
    r.to("models.http").get("/models/digits-kde", note="resident since it scored")
    ask_commands(r, experiments, pair)
    failed = ask_failures(r)
    r.to("commands.txt")
    for action in ("show", "table", "follow"):
        run_command(r, ["experiment", action, failed])
    r.to("server.http").get("/metrics", note="when all is done")
