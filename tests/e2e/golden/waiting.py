# SPDX-License-Identifier: MIT
"""Requests to a daemon without workers, where what was accepted waits: every field of every body, wrongly typed or
missing; keys; cancelling and resuming; the limit of open jobs; runs of elsewhere; and what is answered while it stops."""
import copy
import itertools
import json
import os
import signal
import time

import images
from exchange import Connection

RUN = "00000000-0000-7000-8000-%012d"
JOB = "00000000-0000-7000-9000-%012d"


def made_up_run(digest):
    """A run with every field, as another registry would give it."""
    return {
        "id": RUN % 1, "created": "2024-02-29T12:00:00.250Z", "imported": None, "job": JOB % 1, "method": "pca",
        "dataset": "digits", "dataset_digest": digest, "protocol": "one-class", "class": "3", "seed": 4,
        "held_out": 0.2, "test_images": 100, "model": "elsewhere", "version": 3, "auroc": 0.8125,
        "auroc_low": 0.71875, "auroc_high": 0.90625, "auroc_deviation": 0.046875, "average_precision": 0.9765625,
        "images": {"train": 320, "validation": 40, "calibration": 40, "test_normals": 10, "test_anomalies": 90,
                   "duplicates_left_out": 2},
        "training_digest": "1" * 64, "epochs": 20, "chosen_epoch": 17, "train_s": 12.75, "score_s": 1e-06,
        "parameters": 12345678901, "weights_digest": "2" * 64, "code_version": "0.0.9+made.up",
        "hyperparameters": {"components": 16, "refine": "none", "old_option": 2.5, "old_flag": True},
        "blas_core": "Made-up", "threads": 3, "test_digest": "3" * 64,
        "scores": {"complexity": {"auroc": 0.6875, "auroc_low": 0.59375, "auroc_high": 0.78125,
                                  "average_precision": 0.84375}, "none": {"auroc": None}},
        "detail": {"roc": {"false_positive": [0, 0.53125, 1], "true_positive": [0, 0.78125, 1]},
                   "histogram": {"low": -1.53125, "high": 2.53125, "normal": [123457, 9], "anomalous": [123457, 30]},
                   "epochs": {"epoch": [1, 2], "loss": [0.53125, None]}}}


FIGURES = {0.8125, 0.71875, 0.90625, 0.046875, 0.9765625, 12.75, 1e-06, 0.6875, 0.59375, 0.78125, 0.84375, 0.53125,
           -1.53125, 2.53125, 123457}


# ---- every field

def others(value):
    """Values of other types, and beyond bounds."""
    if isinstance(value, bool):
        return ["yes", 1, None]
    if isinstance(value, int):
        return ["1", -1, 1.5, 99999999999999999, True, None]
    if isinstance(value, float):
        return ["0.1", -0.5, 1e300, None]
    if isinstance(value, str):
        return [7, "", "No Such Thing", "x" * 300, "a\0b", ["x"], None]
    if isinstance(value, list):
        return [{}, [], "x", [{}], [None], None]
    return [[], 7, None] if value is not None else [7, "x"]


def places(value, path=()):
    """The paths of all members of objects within a value."""
    if isinstance(value, dict):
        for key in value:
            yield path + (key,)
            yield from places(value[key], path + (key,))


def changed(body, path, value=None, delete=False):
    body = copy.deepcopy(body)
    at = body
    for key in path[:-1]:
        at = at[key]
    if delete:
        del at[path[-1]]
    else:
        at[path[-1]] = value
    return body


def brief(value):
    text = json.dumps(value, ensure_ascii=False)
    return text if len(text) <= 60 else text[:40] + "…"


def sweep(r, target, body, fresh=lambda body: body):
    """The body without each of its fields in turn, and with each of them wrong in every way. fresh: makes a body one that
    was not sent before."""
    for path in places(body):
        pointer = "/" + "/".join(path)
        r.post(target, changed(fresh(body), path, delete=True), shown=False, note="without %s" % pointer)
        for value in others(value_at(body, path)):
            r.post(target, changed(fresh(body), path, value), shown=False, note="%s is %s" % (pointer, brief(value)))
    for path in [()] + [path for path in places(body) if isinstance(value_at(body, path), dict)]:
        r.post(target, changed(fresh(body), path + ("no such/key~",), 1), shown=False,
               note="/%s has an unknown key" % "/".join(path))
    wrong = {key: [] if not isinstance(value, list) else 1 for key, value in body.items()}
    r.post(target, wrong, shown=False, note="every field is wrong")


def value_at(body, path):
    for key in path:
        body = body[key]
    return body


def not_json(r, target):
    for text in ("", "{", "[]", "7", "null", "nothing", '{"a": 1, "a": 2}', "[" * 33 + "]" * 33, "\xff", '{"a": 1} {}'):
        r.post(target, text.encode("latin-1"))
    r.post(target, b"{}", kind="text/plain")
    r.post(target, b"{}", kind="application/json; charset=utf-8", note="a parameter of the media type")
    r.ask("POST", target, b"{}", note="no Content-Type")
    r.ask("POST", target, note="no body")
    r.post(target + "?x=1", b"{}")


# ---- resources

def ask_jobs(r):
    r.to("fields-jobs.http")
    body = {"kind": "train", "method": "pca", "dataset": "digits", "protocol": "one-class", "class": "3", "seed": 1,
            "hyperparameters": {"components": 4, "refine": "none"}, "model": "mine", "held_out": 0.1, "test_images": 20,
            "trace": False}
    r.post("/jobs", body)
    sweep(r, "/jobs", body)
    not_json(r, "/jobs")
    for change in ({"class": 3}, {"class": "77"}, {"class": 3.5}, {"test_images": 19}, {"test_images": 1001},
                   {"test_images": 0}, {"held_out": 0.4}, {"held_out": 0}, {"seed": 9007199254740991},
                   {"seed": 9007199254740992}, {"protocol": "unlabelled"}, {"protocol": "unlabelled", "class": None},
                   {"protocol": "one-vs-rest"}, {"kind": "test"}, {"dataset": "letters"}, {"model": "x" * 63},
                   {"method": "kde", "hyperparameters": {"pca": 1, "bandwidth": "x", "variance_kept": 2, "size": 1}},
                   {"method": "ganomaly", "hyperparameters": {"epochs": 0, "rate": -1, "distance": "far", "batch": 1.5}}):
        r.post("/jobs", dict(body, **change), note=brief(change), shown=False)
    r.to("waiting.http")
    ask_keys(r, "/jobs", body)
    return r.peek("/jobs?limit=500").json()["items"]


def ask_keys(r, target, body):
    def key(text):
        return {"headers": [("Idempotency-Key", text)], "kind": "application/json"}

    data = json.dumps(body)
    first = r.ask("POST", target, data, **key("one"))
    again = r.ask("POST", target, data, **key("one"), note="the same again")
    assert first.json()["id"] == again.json()["id"]
    r.ask("POST", target, json.dumps(dict(body, trace=True)), **key("one"), note="another body")
    r.ask("POST", target, data, **key("two"))
    for text in ("", "x" * 255, "x" * 256, "with space", "\xe9"):
        r.ask("POST", target, data, **key(text))
    r.ask("POST", target, "{", **key("three"))


def ask_cancelling(r, jobs):
    queued = jobs[0]["id"]
    for query in ("?state=queued&limit=1", "?state=running", "?limit=1"):
        r.get("/jobs" + query)
    r.get("/jobs/" + queued)
    r.ask("DELETE", "/jobs/" + queued)
    r.ask("DELETE", "/jobs/" + queued, note="again")
    r.get("/jobs/" + queued)
    r.get("/jobs/%s/events" % queued)
    r.get("/jobs?state=cancelled")
    r.get("/metrics")


EXPERIMENT = {"name": "wide", "methods": ["pca", "kde"], "dataset": "digits", "protocol": "one-class",
              "classes": ["3", 8], "seeds": [0, 1], "held_out": 0.1, "test_images": 20, "trace": False,
              "hyperparameters": {"pca": {"components": 4}}, "overrides": {"kde": {"held_out": 0.2, "test_images": 30}},
              "reuse": False}


def cancel_all(r):
    for item in r.peek("/jobs?limit=500&state=queued").json()["items"]:
        r.send("DELETE", "/jobs/" + item["id"], [], None)


def ask_experiments(r):
    r.to("fields-experiments.http")
    r.post("/experiments", EXPERIMENT)
    cancel_all(r)
    sweep(r, "/experiments", EXPERIMENT)
    cancel_all(r)
    not_json(r, "/experiments")
    for change in ({"methods": ["pca", "pca"]}, {"methods": ["pca", "none"]}, {"methods": [1]}, {"classes": "all"},
                   {"classes": "some"}, {"classes": ["3", 3]}, {"classes": ["3", "3"]}, {"classes": ["77"]},
                   {"classes": [3.5]}, {"classes": [""]}, {"seeds": [1, 1]}, {"seeds": [-1]}, {"seeds": ["1"]},
                   {"seeds": list(range(251))}, {"seeds": list(range(1001))}, {"reuse": "any-version"}, {"reuse": True},
                   {"reuse": "some"}, {"reuse": 1}, {"protocol": "one-vs-rest"}, {"protocol": "unlabelled"},
                   {"hyperparameters": {"ganomaly": {}}}, {"overrides": {"ganomaly": {}}},
                   {"overrides": {"pca": {"seeds": [1]}}}, {"overrides": {"pca": 1}}, {"test_images": 19},
                   {"test_images": 1001}, {"dataset": "letters"}, {"name": None, "seeds": [3]}):
        r.post("/experiments", dict(EXPERIMENT, **change), note=brief(change), shown=False)
    cancel_all(r)
    r.to("waiting.http")
    small = dict(EXPERIMENT, classes=[3], seeds=[0], name="small")
    ask_keys(r, "/experiments", small)
    waiting = r.post("/experiments", small).json()["id"]
    target = "/experiments/" + waiting
    for path in ("", "/table", "/table?format=csv", "/table?format=markdown", "/table?score=complexity"):
        r.get(target + path)
    r.get("/experiments?limit=1")
    r.ask("DELETE", target)
    r.ask("DELETE", target, note="again")
    r.get(target)
    r.get(target + "/table?format=markdown")
    r.ask("POST", target + "/resume")
    r.ask("POST", target + "/resume", note="again")
    r.ask("POST", target + "/resume", b"{}", kind="application/json", note="with a body")
    r.ask("DELETE", "/jobs/" + r.peek(target).json()["cells"][0]["job"], note="one cell")
    r.get(target)


def ask_runs(r):
    digest = r.peek("/datasets/digits").json()["digest"]
    run = made_up_run(digest)
    r.mask.kept_digests.update(("1" * 64, "2" * 64, "3" * 64))
    r.mask.kept_figures.update(FIGURES)
    r.to("fields-runs.http")
    numbers = itertools.count(100)

    def fresh(body):
        number = next(numbers)
        return dict(body, id=RUN % number, job=JOB % number)

    sweep(r, "/runs", run, fresh)
    not_json(r, "/runs")
    for note, change in (
            ("another data set", {"dataset_digest": "0" * 64}), ("class 77", {"class": "77"}),
            ("no class", {"class": None, "protocol": "unlabelled"}), ("another's name", {"dataset": "figures"}),
            ("an unknown method", {"method": "svm"}), ("a time with an offset", {"id": RUN % 2, "job": JOB % 2,
                                                                                "created": "2024-02-29T14:00:00+02:00"}),
            ("no v7", {"id": "00000000-0000-4000-8000-000000000001"}), ("upper case", {"id": (RUN % 1).replace("-7000", "-7A00")}),
            ("a job of its own id", {"id": RUN % 3, "job": RUN % 3}),
            ("upper-case digest", {"training_digest": "A" * 64}),
            ("counts that do not agree", {"images": dict(run["images"], test_normals=0, test_anomalies=0)})):
        r.post("/runs", dict(run, **change), note=note, shown=False)
    for note, change in (("other lengths", {"roc": {"false_positive": [0], "true_positive": [0, 1]}}),
                         ("above 1", {"roc": {"false_positive": [0, 2], "true_positive": [0, 1]}}),
                         ("texts", {"histogram": {"low": 0, "high": 1, "normal": ["1"], "anomalous": [1]}}),
                         ("no epochs", {"epochs": {"loss": [1]}}), ("shorter", {"epochs": {"epoch": [1, 2], "loss": [1]}}),
                         ("nothing", {})):
        r.post("/runs", dict(run, id=RUN % 4, job=JOB % 4, detail=change), note="detail: " + note, shown=False)
    r.to("runs-imported.http")
    for number in (10, 11):
        r.post("/runs", dict(run, id=RUN % number, job=JOB % number, seed=number))
    bare = {key: value for key, value in run.items() if key not in (
        "scores", "detail", "auroc", "auroc_low", "auroc_high", "auroc_deviation", "average_precision", "blas_core",
        "threads", "test_digest", "training_digest", "imported", "version", "test_images", "epochs", "chosen_epoch",
        "parameters")}
    r.post("/runs", dict(bare, id=RUN % 12, job=JOB % 12), note="what must be there alone")
    for name in ("kde", "ganomaly"):
        with open(os.path.join(r.work, "run-%s.json" % name), encoding="utf-8") as file:
            text = file.read()
        r.post("/runs", text, shown=False, note="a run of the other daemon")
        r.post("/runs", text, shown=False, note="the same again")
    for query in ("", "?format=csv", "?model=elsewhere&order=auroc", "?min_auroc=0.8125&order=oldest", "?min_auroc=0.82",
                  "?since=2024-02-29T12:00:00.250Z&until=2024-02-29T12:00:00.250Z", "?until=2024-02-29T12:00:00Z"):
        r.get("/runs" + query)
    r.get("/runs/" + RUN % 10)
    r.get("/jobs/" + JOB % 10)
    r.get("/jobs/%s/events" % (JOB % 10))
    r.get("/compare?a=%s&b=%s" % (RUN % 10, RUN % 11))
    r.get("/models/elsewhere")
    reuse = {"methods": ["pca"], "dataset": "digits", "classes": [3], "seeds": [10, 11], "held_out": 0.2,
             "test_images": 100, "reuse": "any-version", "hyperparameters": {"pca": {"components": 16}}}
    r.post("/experiments", reuse)
    r.post("/experiments", dict(reuse, reuse=True))


def ask_datasets(r):
    r.to("fields-datasets.http")
    body = {"name": "digits", "path": r.data + "/mnist-sample"}
    r.post("/datasets", body)
    sweep(r, "/datasets", body)
    not_json(r, "/datasets")


def ask_limit(r):
    """A thousand jobs are open at most."""
    r.to("waiting.http")
    open_jobs = sum(1 for item in r.peek("/jobs?limit=500&state=queued").json()["items"])
    r.get("/score", note="no GET here")
    r.post("/score", images.pattern(0, 1), kind="image/png", note="there is no model yet")
    large = dict(EXPERIMENT, methods=["kde"], classes=["3"], seeds=list(range(1000 - open_jobs)), overrides={},
                 hyperparameters={}, name="large")
    answer = r.ask("POST", "/experiments", large, quiet=True)
    assert answer.status == 202, answer.body
    job = {"method": "kde", "dataset": "digits", "class": 3}
    r.post("/jobs", job, note="a thousand jobs are open")
    r.post("/experiments", dict(EXPERIMENT, name="more"), shown=False, note="a thousand jobs are open")
    cancelled = r.send("DELETE", "/experiments/" + answer.json()["id"], [], None).json()
    assert cancelled["progress"]["cancelled"] == 1000 - open_jobs
    r.post("/jobs", job, note="a thousand were open")


def ask_stopping(r, process, operations):
    """While the daemon stops. An upload that has not come to its end keeps it from having stopped; new connections it
    takes no more."""
    r.to("stopping.http")
    upload, asked = Connection(r.port), Connection(r.port)
    upload.send(b"POST /datasets?name=late HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/zip\r\n"
                b"Content-Length: 1000\r\n\r\nPK")
    while b"anomalyd_http_requests_in_progress 2" not in r.send("GET", "/metrics", [], None, over=asked).body:
        time.sleep(0.02)
    r.send("GET", "/readyz", [], None, over=asked)  # so that the metrics count one such answer in any case
    os.kill(process, signal.SIGTERM)
    while r.send("GET", "/readyz", [], None, over=asked).status != 503:
        time.sleep(0.02)
    for method, path in operations:
        target = path.replace("{version}", "1").replace("{id}", RUN % 1).replace("{name}", "digits")
        body = {"body": b"{}", "kind": "application/json"} if method == "POST" and path[-1] != "e" else {}
        if path == "/score":
            body = {"body": b"x", "kind": "image/png"}
        elide = "(openapi.yaml)" if path == "/openapi.yaml" else None
        r.ask(method, target, over=asked, elide=elide, **body)
    r.ask("GET", "/nothing", over=asked)
    r.ask("PUT", "/runs", over=asked)
    upload.send(b"x" * 998)
    r.put_request("POST", "/datasets?name=late", [("Content-Type", "application/zip")], "(binary)", "begun before")
    r.put_answer("POST", upload.answer("POST"))
    upload.close()
    asked.close()


def drive(r, process, operations, tell_registry):
    ask_datasets(r)
    jobs = ask_jobs(r)
    ask_cancelling(r, jobs)
    cancel_all(r)
    ask_experiments(r)
    ask_runs(r)
    tell_registry()  # before it holds a thousand jobs
    ask_limit(r)
    ask_stopping(r, process, operations)
