# SPDX-License-Identifier: MIT
"""A registry that an earlier program made: how it was made, and what is asked of a daemon that opens it."""
import os

import images
from trained import SMALL, await_experiment, await_job
from waiting import FIGURES, JOB, RUN, made_up_run


def make(r):
    """A little of everything, on images of 8 x 8; made by a daemon with one worker."""
    files = images.folders(["3", "8"], train=30, test=20)
    answer = r.send("POST", "/datasets?name=bars", [("Content-Type", "application/zip")], images.as_zip(files))
    assert answer.status == 201, answer.body
    digest = answer.json()["digest"]

    def post(target, body, **headers):
        answer = r.ask("POST", target, body, quiet=True, headers=[(k.replace("_", "-"), v) for k, v in headers.items()])
        assert answer.status in (201, 202), answer.body
        return answer.json()["id"]

    options = {"kde": {"pca": False}, "ganomaly": dict(SMALL, epochs=1, width=4, latent=2), "pca": {"components": 2}}
    await_job(r, post("/jobs", {"method": "pca", "dataset": "bars", "class": "3", "model": "bars",
                                "hyperparameters": options["pca"]}, Idempotency_Key="first"))
    await_job(r, post("/jobs", {"method": "ganomaly", "dataset": "bars", "class": 8, "trace": True, "held_out": 0.4,
                                "hyperparameters": options["ganomaly"]}))
    await_job(r, post("/jobs", {"method": "pca", "dataset": "bars", "class": "3",
                                "hyperparameters": {"components": 8000}}))
    await_experiment(r, post("/experiments", {
        "name": "both", "methods": ["kde", "pca"], "dataset": "bars", "seeds": [0, 1], "test_images": 30,
        "hyperparameters": {"kde": options["kde"], "pca": options["pca"]}, "overrides": {"pca": {"held_out": 0.2}}},
        Idempotency_Key="second"))
    await_experiment(r, post("/experiments", {
        "methods": ["pca"], "dataset": "bars", "reuse": True, "hyperparameters": {"pca": options["pca"]}}))
    run = dict(made_up_run(digest), dataset="bars")
    assert r.ask("POST", "/runs", dict(run, id=RUN % 1, job=JOB % 1), quiet=True).status == 201


def ask(r):
    """Every resource, and everything in each."""
    r.mask.kept_figures.update(FIGURES)
    r.to("kept.http")
    for target in ("/datasets", "/datasets/bars", "/jobs", "/experiments", "/models", "/runs", "/runs?format=csv"):
        r.get(target)
    for item in r.peek("/jobs").json()["items"]:
        r.get("/jobs/" + item["id"])
        r.get("/jobs/%s/events" % item["id"])
    for item in r.peek("/experiments").json()["items"]:
        r.get("/experiments/" + item["id"])
        for kind in ("json", "csv", "markdown"):
            r.get("/experiments/%s/table?format=%s" % (item["id"], kind))
    for item in r.peek("/models").json()["items"]:
        for version in r.get("/models/" + item["name"]).json()["versions"]:
            r.get("/models/%s/versions/%d" % (item["name"], version))
    runs = [item["id"] for item in r.peek("/runs").json()["items"]]
    for run in runs:
        r.get("/runs/" + run)
    for a in runs[:3]:
        r.get("/compare?a=%s&b=%s" % (a, runs[3]))
    for model in ("bars", "bars-ganomaly", "both-kde:4"):
        r.post("/score?model=" + model, images.pattern(1, 77), kind="image/png")


def folder(work):
    return os.path.join(work, "kept")
