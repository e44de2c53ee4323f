#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""Golden numbers of Fence GAN at a tiny size from PyTorch: run by hand, its output is committed.

    python3 tests/reference/fencegan.py > tests/reference/fencegan.json

Two iterations (real, fake, generator) with the dense and the conv network; draws of z and the dropout masks are this
project's, made anew here from its generator's definition. Every array is in this project's layout: images n, h, w, c;
kernels kernel, kernel, c, oc (of a transposed convolution: kernel, kernel, out, in); dense weights in, out.
"""
import hashlib
import json
import math
import struct
import sys

import torch
import torch.nn.functional as F

SIDE, WIDTH, LATENT, BATCH, STEPS, SEED = 16, 2, 3, 5, 2, 1
ALPHA, BETA, GAMMA, RATE = 0.3, 2.0, 0.25, 1e-3
REAL, FAKE, GENERATOR, DRAW = range(4)  # graphs, in the order they are made


def philox(key, index, counter):
    x = [index & 0xFFFFFFFF, index >> 32, counter & 0xFFFFFFFF, counter >> 32]
    k0, k1 = key
    for _ in range(10):
        p0, p1 = 0xD2511F53 * x[0], 0xCD9E8D57 * x[2]
        x = [(p1 >> 32) ^ x[1] ^ k0, p1 & 0xFFFFFFFF, (p0 >> 32) ^ x[3] ^ k1, p0 & 0xFFFFFFFF]
        k0, k1 = (k0 + 0x9E3779B9) & 0xFFFFFFFF, (k1 + 0xBB67AE85) & 0xFFFFFFFF
    return x


def words(graph, place, step, count):
    """What the tensor at that place of a graph draws in a step."""
    name = f"draw/{graph}/{place}".encode()
    key = struct.unpack("<2I", hashlib.blake2b(struct.pack("<Q", SEED) + name, digest_size=32).digest()[:8])
    blocks = [philox(key, i, step * 16) for i in range((count + 3) // 4)]
    return [w for b in blocks for w in b]


def normal(graph, place, step):
    w = words(graph, place, step, BATCH * LATENT)
    out = []
    for a, b in zip(w[::2], w[1::2]):
        radius, angle = math.sqrt(-2 * math.log((a + 1) / 2**32)), 2 * math.pi * b / 2**32
        out += [radius * math.cos(angle), radius * math.sin(angle)]
    return torch.tensor(out[:BATCH * LATENT]).reshape(BATCH, LATENT)


def dropout(x, rate, graph, place, step):
    """x is n, h, w, c, flattened."""
    kept = [float(w / 2**32 >= rate) / (1 - rate) for w in words(graph, place, step, x.numel())[:x.numel()]]
    return x * torch.tensor(kept).reshape(x.shape)


class Net:
    """Parameters by this project's names, made at first use."""

    def __init__(self):
        self.params, self.statistics, self.graph, self.step, self.moves = {}, {}, None, 0, True

    def enter(self, graph, step, moves):
        self.counts, self.graph, self.step, self.moves = {}, graph, step, moves

    def next(self, layer):
        self.counts[layer] = self.counts.get(layer, -1) + 1
        return f"{layer}{self.counts[layer]}"

    def param(self, name, shape, mean=0.0):
        if name not in self.params:
            self.params[name] = (mean + 0.3 * torch.randn(shape)).requires_grad_()
        return self.params[name]

    def dense(self, x, out):
        name = self.next("dense")
        return x @ self.param(name + ".weight", (x.shape[1], out)) + self.param(name + ".bias", (out,))

    def conv(self, x, out, kernel):
        """TensorFlow's SAME at stride 2."""
        name, total = self.next("conv"), kernel - 2
        w = self.param(name + ".weight", (kernel, kernel, x.shape[1], out)).permute(3, 2, 0, 1)
        x = F.pad(x, [total // 2, total - total // 2] * 2)
        return F.conv2d(x, w, self.param(name + ".bias", (out,)), 2)

    def deconv(self, x, out, kernel):
        name, total, side = self.next("deconv"), kernel - 2, 2 * x.shape[2]
        w = self.param(name + ".weight", (kernel, kernel, out, x.shape[1])).permute(3, 2, 0, 1)
        y = F.conv_transpose2d(x, w, None, 2)[:, :, total // 2:, total // 2:][:, :, :side, :side]
        return y + self.param(name + ".bias", (out,)).reshape(1, -1, 1, 1)

    def norm(self, x):
        name, c = self.next("norm"), x.shape[1]
        axes, shape = ([0], (1, c)) if x.dim() == 2 else ([0, 2, 3], (1, c, 1, 1))
        gamma, beta = self.param(name + ".gamma", (c,), 1.0), self.param(name + ".beta", (c,))
        mean, variance = x.mean(axes), x.var(axes, unbiased=False)
        if self.moves:
            for role, start, now in (("mean", 0.0, mean), ("variance", 1.0, variance)):
                old = self.statistics.get(f"{name}.{role}", torch.full((c,), start))
                self.statistics[f"{name}.{role}"] = 0.99 * old + 0.01 * now.detach()
        x = (x - mean.reshape(shape)) / (variance.reshape(shape) + 1e-3).sqrt()
        return gamma.reshape(shape) * x + beta.reshape(shape)


def rows(x):
    return x.permute(0, 2, 3, 1).flatten(1)


class Dense:
    CHANNELS = 1

    @staticmethod
    def generate(n, z):
        x = n.norm(F.relu(n.dense(z, 16 * WIDTH)))
        x = n.norm(F.relu(n.dense(x, 16 * 2 * WIDTH))).reshape(-1, 4, 4, 2 * WIDTH).permute(0, 3, 1, 2)
        return torch.tanh(n.deconv(n.norm(F.relu(n.deconv(x, WIDTH, 4))), 1, 4))

    @staticmethod
    def discriminate(n, x):
        for _ in range(2):
            x = F.leaky_relu(n.conv(x, WIDTH, 4), 0.1)
        return n.dense(F.leaky_relu(n.dense(rows(x), 16 * WIDTH), 0.1), 1)


class Conv:
    CHANNELS = 3
    DROPOUT = {REAL: 20, FAKE: 20, GENERATOR: 47}  # the mask's place in each graph

    @staticmethod
    def generate(n, z):
        x = n.dense(z, 4 * 4 * WIDTH).reshape(-1, 2, 2, 4 * WIDTH).permute(0, 3, 1, 2)
        x = F.leaky_relu(n.norm(x), 0.2)
        for channels in (2 * WIDTH, WIDTH):
            x = F.leaky_relu(n.norm(n.deconv(x, channels, 5)), 0.2)
        return torch.tanh(n.deconv(x, 3, 5))

    @staticmethod
    def discriminate(n, x):
        for channels in (WIDTH, 2 * WIDTH):
            x = F.leaky_relu(n.norm(n.conv(x, channels, 5)), 0.2)
        x = F.leaky_relu(n.conv(x, 4 * WIDTH, 5), 0.2)
        return n.dense(dropout(rows(x), 0.2, n.graph, Conv.DROPOUT[n.graph], n.step), 1)


def flat(t):
    return [round(v, 9) for v in t.detach().flatten().tolist()]


def values(nets):
    return {f"{net}/{name}": flat(t) for net, n in nets.items() for name, t in {**n.params, **n.statistics}.items()}


def gradients(name, n):
    return {f"{name}/{key}": flat(t.grad) for key, t in n.params.items()}


def iterate(kind, nets, adams, x, step):
    g, d = nets["generator"], nets["discriminator"]
    out, bce = {"losses": {}, "gradients": []}, F.binary_cross_entropy_with_logits

    def judge(images, graph):
        d.enter(graph, step, graph != GENERATOR)
        return kind.discriminate(d, images).flatten()

    def make(graph):
        g.enter(graph, step, graph == GENERATOR)
        return kind.generate(g, normal(graph, 0, step))

    def move(name, loss):
        for n in nets.values():
            for p in n.params.values():
                p.grad = None
        loss.backward()
        out["gradients"].append(gradients(name, nets[name]))
        adams[name].step()

    real = bce(judge(x, REAL), torch.ones(BATCH))
    move("discriminator", real)
    fake = bce(judge(make(DRAW).detach(), FAKE), torch.zeros(BATCH))
    move("discriminator", GAMMA * fake)
    fakes = make(GENERATOR)
    encirclement = bce(judge(fakes, GENERATOR), torch.full((BATCH,), ALPHA))
    from_centre = (fakes - fakes.mean(0, keepdim=True)).flatten(1)
    dispersion = 1 / ((from_centre**2).sum(1) + 1e-12).sqrt().mean()
    move("generator", encirclement + BETA * dispersion)
    losses = {"discriminator_real": real, "discriminator_fake": fake, "encirclement": encirclement,
              "dispersion": dispersion, "generator": encirclement + BETA * dispersion}
    out["losses"] = {k: round(v.item(), 9) for k, v in losses.items()}
    out["values"] = values(nets)
    return out


def run(kind):
    torch.manual_seed(1)
    nets = {"generator": Net(), "discriminator": Net()}
    nets["generator"].enter(DRAW, 0, False)
    nets["discriminator"].enter(REAL, 0, False)
    x = torch.rand(BATCH, kind.CHANNELS, SIDE, SIDE) * 2 - 1
    kind.generate(nets["generator"], torch.zeros(BATCH, LATENT))
    kind.discriminate(nets["discriminator"], x)
    adams = {k: torch.optim.Adam(n.params.values(), lr=RATE, betas=(0.5, 0.999), eps=1e-7) for k, n in nets.items()}
    out = {"x": flat(x.permute(0, 2, 3, 1)), "start": values(nets)}
    out["steps"] = [iterate(kind, nets, adams, x, step) for step in range(STEPS)]
    return out


json.dump({"dense": run(Dense), "conv": run(Conv)}, sys.stdout, separators=(",", ":"))
print()
