#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""Golden numbers of AnoGAN at a tiny size from PyTorch, in doubles: run by hand, its output is committed.

    python3 tests/reference/anogan.py > tests/reference/anogan.json

Two training steps, the discriminator's loss and then the generator's with codes of its own; then, with the nets as they
are left, a search for each image of the batch by torch.optim.Adam; and two steps of an encoder beside those nets, with
the scores that its guesses give. Layers, generator, random numbers and layout are
those of alad.py, whose author's AnoGAN this is.
"""
import hashlib
import json
import math
import sys

import torch

from alad import (BATCH, LATENT, SIDE, STEPS, WIDTH, Adam, Net, as_float, bce, COUNTERS, digits, flat, generate,
                  leaky, normals, philox)

LAMBDA, ITERATIONS, RATE, KAPPA = 0.1, 25, 0.05, 0.5


def discriminate(n, x):
    x = leaky(n.conv(x, 2 * WIDTH, 4, spectral=False))
    f = flat(leaky(n.norm(n.conv(x, 4 * WIDTH, 4, spectral=False))))
    return n.dense(f, 1, spectral=False), f


def encode(n, x):
    x = leaky(n.norm(n.conv(x, 2 * WIDTH, 4, spectral=False)))
    x = leaky(n.norm(n.conv(x, 4 * WIDTH, 4, spectral=False)))
    return n.dense(flat(x), LATENT, spectral=False)


def prior(graph, step):
    """The codes are the first thing recorded in either graph."""
    return as_float(normals(f"draw/{graph}/0", step * COUNTERS, (BATCH, LATENT)))


def start_of_search():
    """For each value the first candidate within two deviations; four candidates are enough here."""
    digest = hashlib.blake2b((0).to_bytes(8, "little") + b"search", digest_size=32).digest()
    key = [int.from_bytes(digest[i:i + 4], "little") for i in (0, 4)]
    z = []
    for index in range(LATENT):
        words, found = philox(key, index, 0), []
        for i in (0, 2):
            radius = math.sqrt(-2 * math.log((words[i] + 1) / 2**32))
            angle = 2 * math.pi * words[i + 1] / 2**32
            found += [radius * math.cos(angle), radius * math.sin(angle)]
        z.append(next(v for v in found if abs(v) < 2))
    return as_float(torch.tensor(z, dtype=torch.float64)).repeat(BATCH, 1)


def train(g, d, x):
    adams = {n.name: Adam() for n in (g, d)}
    losses, gradients = [], {}
    for number in range(STEPS):
        fake = g(prior(0, number), moves=False)
        real, made = bce(d(x, moves=True)[0], 1.), bce(d(fake, moves=True)[0], 0.)
        of_g = None
        for net, loss in ((d, real + made), (g, None)):
            if net is g:
                loss = of_g = bce(d(g(prior(1, number), moves=True), moves=False)[0], 1.)
            weights = net.weights()
            found = dict(zip(weights, torch.autograd.grad(loss, list(weights.values()))))
            adams[net.name].step(weights, found)
            gradients.update({f"{net.name}/{k}": digits(v) for k, v in found.items()})
        of_step = {"discriminator_real": real, "discriminator_fake": made, "discriminator": real + made,
                   "generator": of_g}
        losses.append({k: float(f"{v.item():.9g}") for k, v in of_step.items()})
    return losses, gradients


def search(g, d, x):
    how = {"moves": False, "scoring": True}
    z = start_of_search().requires_grad_()
    adam = torch.optim.Adam([z], lr=RATE)
    f = d(x, **how)[1].detach()
    path = []
    for t in range(1, ITERATIONS + 2):
        made = g(z, **how)
        r, dl = (x - made).abs().sum((1, 2, 3)), (f - d(made, **how)[1]).abs().sum(1)
        loss = (1 - LAMBDA) * r + LAMBDA * dl
        path.append((loss, r, dl))
        done = t / ITERATIONS
        adam.param_groups[0]["lr"] = RATE * (1 if done <= 0.4 else 0.1 if done <= 0.6 else 0.05)
        z.grad = torch.autograd.grad(loss.sum(), z)[0]
        if t == 1:
            first = z.grad.clone()
        adam.step()
    least = torch.stack([p[0] for p in path]).min(0).values
    return {"first_loss": digits(path[0][0]), "first_residual": digits(path[0][1]),
            "first_discrimination": digits(path[0][2]), "first_gradient": digits(first), "least": digits(least)}


def remainder(e, g, d, x, **how):
    """What the encoder's guess leaves of each image; the finished nets normalise as in scoring."""
    finished = {"moves": False, "scoring": True}
    made = g(e(x, **how), **finished)
    f, f_made = d(x, **finished)[1], d(made, **finished)[1]
    return ((x - made)**2).mean((1, 2, 3)), ((f - f_made)**2).mean(1)


def train_encoder(g, d, x):
    e, adam, losses = Net("encoder", encode), Adam(), []
    for _ in range(STEPS):
        r, dl = (part.mean() for part in remainder(e, g, d, x, moves=True))
        loss, weights = r + KAPPA * dl, e.weights()
        found = dict(zip(weights, torch.autograd.grad(loss, list(weights.values()))))
        adam.step(weights, found)
        of_step = {"encoder_residual": r, "encoder_discrimination": dl, "encoder": loss}
        losses.append({k: float(f"{v.item():.9g}") for k, v in of_step.items()})
    r, dl = remainder(e, g, d, x, moves=False, scoring=True)
    return {"losses": losses, "gradients": {f"encoder/{k}": digits(v) for k, v in found.items()},
            "values": {f"encoder/{k}": digits(v) for k, v in e.values.items()}, "score": digits(r + KAPPA * dl)}


def main():
    g, d = Net("generator", generate), Net("discriminator", discriminate)
    x = as_float(0.5 * normals("images", 0, (BATCH, SIDE, SIDE, 1))).permute(0, 3, 1, 2)
    losses, gradients = train(g, d, x)
    values = {f"{n.name}/{k}": digits(v) for n in (g, d) for k, v in n.values.items()}
    json.dump({"losses": losses, "gradients": gradients, "values": values, "search": search(g, d, x),
               "encoder": train_encoder(g, d, x)}, sys.stdout, separators=(",", ":"))
    print()


if __name__ == "__main__":
    main()
