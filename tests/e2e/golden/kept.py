# SPDX-License-Identifier: MIT
"""A registry that an earlier program made: how it was made, and what is asked of a daemon that opens it."""
import os

import images
from mask import Exact
from trained import SMALL, await_experiment, await_job
from waiting import JOB, RUN, made_up_run


def post(r, target, body, *headers):
    answer = r.ask("POST", target, body, quiet=True, headers=headers)
    assert answer.status in (201, 202), answer.body
    return answer.json()["id"]


OPTIONS = {"kde": {"pca": False}, "ganomaly": dict(SMALL, epochs=1, latent=2), "pca": {"components": 2}}


def make(r):
    """A little of everything, on images of 8 x 8; made by a daemon with one worker."""
    files = images.folders(["3", "8"], train=30, test=20, depth=10)
    for name in ("bars", "gone"):
        answer = r.send("POST", "/datasets?name=" + name, [("Content-Type", "application/zip")], images.as_zip(files))
        assert answer.status == 201, answer.body
        files.pop("train/3/29.png", None)  # the other's images are other ones
    await_job(r, post(r, "/jobs", {"method": "pca", "dataset": "bars", "class": "3", "model": "bars",
                                   "hyperparameters": OPTIONS["pca"]}, ("Idempotency-Key", "first")))
    await_job(r, post(r, "/jobs", {"method": "ganomaly", "dataset": "bars", "class": 8, "trace": True, "held_out": 0.4,
                                   "hyperparameters": OPTIONS["ganomaly"]}))
    folder = os.path.join(r.work, "state", "datasets")
    os.remove(os.path.join(folder, next(name for name in os.listdir(folder) if name.startswith("gone-"))))
    await_job(r, post(r, "/jobs", {"method": "pca", "dataset": "gone", "class": "3"}))
    await_experiment(r, post(r, "/experiments", {
        "name": "both", "methods": ["kde", "pca"], "dataset": "bars", "seeds": [0, 1], "test_images": 30,
        "hyperparameters": {"kde": OPTIONS["kde"], "pca": OPTIONS["pca"]}, "overrides": {"pca": {"held_out": 0.2}}},
        ("Idempotency-Key", "second")))
    await_experiment(r, post(r, "/experiments", {
        "methods": ["pca"], "dataset": "bars", "reuse": True, "hyperparameters": {"pca": OPTIONS["pca"]}}))
    run = made_up_run(r.peek("/datasets/bars").json()["digest"])
    post(r, "/runs", dict(run, id=RUN % 1, job=JOB % 1, dataset="bars"))


def make_waiting(r):
    """What was accepted and has not run, or never will; by a daemon without workers."""
    job = {"method": "kde", "dataset": "bars", "class": "3", "seed": 7}
    post(r, "/jobs", job, ("Idempotency-Key", "third"))
    r.send("DELETE", "/jobs/" + post(r, "/jobs", dict(job, seed=8)), [], None)
    cells = r.peek("/experiments/" + post(r, "/experiments", {"methods": ["kde"], "dataset": "bars", "name": "late"}))
    r.send("DELETE", "/jobs/" + cells.json()["cells"][0]["job"], [], None)


def ask(r):
    """Every resource, and everything in each."""
    masked, r.mask = r.mask, Exact([])
    r.to("kept.http")
    for target in ("/datasets", "/datasets/bars", "/jobs", "/experiments", "/models", "/runs", "/runs?format=csv",
                   "/runs?order=auroc&limit=3"):
        r.get(target)
    for item in r.peek("/jobs").json()["items"]:
        r.get("/jobs/" + item["id"])
        if item["state"] != "queued":
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
    r.mask = masked  # scores depend on the processor
    for model in ("bars", "bars-ganomaly", "both-kde:4"):
        r.post("/score?model=" + model, images.pattern(1, 77), kind="image/png")
