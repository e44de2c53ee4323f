#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""Golden numbers of ALAD at a tiny size from PyTorch, in doubles: run by hand, its output is committed.

    python3 tests/reference/alad.py > tests/reference/alad.json

Two training steps by the paper's losses, each objective differentiated by itself and with the pairs (x, x) and (z, z)
left in, then the four scores of the batch; of the steps, the losses of both and what the last one leaves. Every array is
in this project's layout: images n, h, w, c; kernels kernel, kernel, c, oc (of a transposed convolution: kernel, kernel,
out, in). Random numbers are those of stream.py: the images and the first weights by their names, the prior's samples by
the graph's number and the sample's place in the graph.
"""
import json
import sys

import torch
import torch.nn.functional as F

from stream import as_float, normals

SIDE, WIDTH, LATENT, BATCH, STEPS, SEED = 16, 4, 3, 5, 2, 1
RATE, BETA1, BETA2, EPSILON = 2e-4, 0.5, 0.999, 1e-8
MOMENTUM, NORM_EPSILON, LEAK = 0.01, 1e-3, 0.2
PLACE_OF_Z, COUNTERS = 1, 16


def prior(graph, step):
    return as_float(normals(SEED, f"draw/{graph}/{PLACE_OF_Z}", step * COUNTERS, (BATCH, LATENT)))


class Net:
    """Parameters by name in order of first use; layers of a forward pass are counted by kind."""

    def __init__(self, name, forward):
        self.name, self.architecture, self.values, self.count = name, forward, {}, {}

    def __call__(self, *inputs, moves, scoring=False):
        self.count, self.moves, self.scoring = {}, moves, scoring
        return self.architecture(self, *inputs)

    def weights(self):
        return {k: v for k, v in self.values.items() if v.requires_grad}

    def value(self, name, size, mean, deviation, trained=True):
        if name not in self.values:
            fresh = mean + deviation * normals(SEED, f"start/{self.name}/{name}", 0, size)
            self.values[name] = as_float(fresh).requires_grad_(trained)
        return self.values[name]

    def layer(self, kind):
        self.count[kind] = self.count.get(kind, -1) + 1
        return f"{kind}{self.count[kind]}"

    def kernel(self, name, size, spectral):
        w = self.value(f"{name}.weight", size, 0, 0.2)
        if not spectral:
            return w
        u = self.value(f"{name}.direction", (size[-1],), 0, 1, trained=False)
        matrix = w.reshape(-1, size[-1])
        with torch.no_grad():
            v = F.normalize(matrix @ u, dim=0)
            following = F.normalize(matrix.T @ v, dim=0)
        if self.moves:
            self.values[f"{name}.direction"] = following
        return w / (v @ matrix @ following)

    def bias(self, name, out):
        return self.value(f"{name}.bias", (out,), 0, 0.1)

    def conv(self, x, out, k, spectral=True):
        name = self.layer("conv")
        w = self.kernel(name, (k, k, x.shape[1], out), spectral).permute(3, 2, 0, 1)
        total = k - 2  # TensorFlow's SAME at stride 2 on even sides; the odd one goes to the end
        x = F.pad(x, (total // 2, total - total // 2) * 2)
        return F.conv2d(x, w, self.bias(name, out), stride=2)

    def deconv(self, x, out, stride, padding):
        name = self.layer("deconv")
        w = self.kernel(name, (4, 4, out, x.shape[1]), False).permute(3, 2, 0, 1)
        return F.conv_transpose2d(x, w, self.bias(name, out), stride=stride, padding=padding)

    def dense(self, x, out, spectral=True):
        name = self.layer("dense")
        return x @ self.kernel(name, (x.shape[1], out), spectral) + self.bias(name, out)

    def norm(self, x):
        name, c = self.layer("norm"), x.shape[1]
        gamma, beta = self.value(f"{name}.gamma", (c,), 1, 0.2), self.value(f"{name}.beta", (c,), 0, 0.1)
        mean = self.value(f"{name}.mean", (c,), 0, 0, trained=False)
        variance = self.value(f"{name}.variance", (c,), 1, 0, trained=False)
        if not self.scoring:
            batch = (x.mean((0, 2, 3)), x.var((0, 2, 3), unbiased=False))
            if self.moves:
                self.values[f"{name}.mean"] = mean + MOMENTUM * (batch[0].detach() - mean)
                self.values[f"{name}.variance"] = variance + MOMENTUM * (batch[1].detach() - variance)
            mean, variance = batch
        x = (x - mean[:, None, None]) / torch.sqrt(variance + NORM_EPSILON)[:, None, None]
        return gamma[:, None, None] * x + beta[:, None, None]


def flat(x):
    return x.permute(0, 2, 3, 1).flatten(1)


def leaky(x):
    return F.leaky_relu(x, LEAK)


def encode(n, x):
    x = leaky(n.norm(n.conv(x, 2 * WIDTH, 4)))
    x = leaky(n.norm(n.conv(x, 4 * WIDTH, 4)))
    return n.dense(flat(x), LATENT, spectral=False)


def generate(n, z):
    x = F.relu(n.norm(n.deconv(z[:, :, None, None], 4 * WIDTH, 1, 0)))
    x = F.relu(n.norm(n.deconv(x, 2 * WIDTH, 2, 1)))
    return torch.tanh(n.deconv(x, 1, 2, 1))


def judge_xz(n, x, z):
    x = leaky(n.conv(x, 2 * WIDTH, 4))
    x = leaky(n.norm(n.conv(x, 4 * WIDTH, 4)))
    z = leaky(n.dense(z, 8 * WIDTH))
    z = leaky(n.dense(z, 8 * WIDTH))
    return n.dense(leaky(n.dense(torch.cat((flat(x), z), 1), 16 * WIDTH)), 1, spectral=False)


def judge_xx(n, x, y):
    both = leaky(n.conv(torch.cat((x, y), 1), WIDTH, 5))
    both = flat(leaky(n.conv(both, 2 * WIDTH, 5)))
    return n.dense(both, 1, spectral=False), both


def judge_zz(n, z, y):
    both = leaky(n.dense(torch.cat((z, y), 1), WIDTH))
    return n.dense(leaky(n.dense(both, WIDTH // 2)), 1, spectral=False)


class Adam:
    def __init__(self):
        self.state, self.t = {}, 0

    def step(self, weights, gradients):
        self.t += 1
        for name, w in weights.items():
            m, v = self.state.get(name, (torch.zeros_like(w), torch.zeros_like(w)))
            m, v = BETA1 * m + (1 - BETA1) * gradients[name], BETA2 * v + (1 - BETA2) * gradients[name]**2
            self.state[name] = m, v
            m, v = m / (1 - BETA1**self.t), v / (1 - BETA2**self.t)
            with torch.no_grad():
                w -= RATE * m / (v.sqrt() + EPSILON)


def bce(logits, label):
    return F.binary_cross_entropy_with_logits(logits, torch.full_like(logits, label))


def digits(t):
    return [float(f"{v:.7g}") for v in t.detach().flatten().tolist()]


class Reference:
    def __init__(self):
        self.e, self.g = Net("encoder", encode), Net("generator", generate)
        self.xz, self.xx, self.zz = Net("d_xz", judge_xz), Net("d_xx", judge_xx), Net("d_zz", judge_zz)
        self.nets = {n.name: n for n in (self.e, self.g, self.xz, self.xx, self.zz)}
        self.adams = {name: Adam() for name in self.nets}

    def values(self):
        return {f"{net}/{k}": digits(v) for net, n in self.nets.items() for k, v in n.values.items()}

    def cycle(self, x, z, moves):
        x_new, z_new = self.g(z, moves=moves), self.e(x, moves=moves)
        return x_new, z_new, self.g(z_new, moves=moves), self.e(x_new, moves=moves)

    def losses_of_discriminators(self, x, z):
        x_new, z_new, x_hat, z_hat = self.cycle(x, z, False)
        return {"d_xz": bce(self.xz(x, z_new, moves=True), 1.) + bce(self.xz(x_new, z, moves=True), 0.),
                "d_xx": bce(self.xx(x, x, moves=True)[0], 1.) + bce(self.xx(x, x_hat, moves=True)[0], 0.),
                "d_zz": bce(self.zz(z, z, moves=True), 1.) + bce(self.zz(z, z_hat, moves=True), 0.)}

    def losses_of_generators(self, x, z):
        x_new, z_new, x_hat, z_hat = self.cycle(x, z, True)
        cycle = bce(self.xx(x, x_hat, moves=False)[0], 1.) + bce(self.zz(z, z_hat, moves=False), 1.)
        constant = bce(self.xx(x, x, moves=False)[0], 0.) + bce(self.zz(z, z, moves=False), 0.)
        return {"generator": bce(self.xz(x_new, z, moves=False), 1.) + cycle + constant,
                "encoder": bce(self.xz(x, z_new, moves=False), 0.) + cycle + constant}, constant

    def descend(self, losses):
        found = {}
        for net, loss in losses.items():
            weights = self.nets[net].weights()
            found[net] = dict(zip(weights, torch.autograd.grad(loss, list(weights.values()), retain_graph=True)))
        for net, gradients in found.items():
            self.adams[net].step(self.nets[net].weights(), gradients)
        return {f"{net}/{k}": digits(v) for net, gradients in found.items() for k, v in gradients.items()}

    def step(self, x, number):
        of_d = self.losses_of_discriminators(x, prior(0, number))
        gradients = self.descend(of_d)
        of_g, constant = self.losses_of_generators(x, prior(1, number))
        gradients.update(self.descend(of_g))
        losses = {k.replace("d_", "discriminator_"): v for k, v in of_d.items()} | {k: v - constant for k, v in of_g.items()}
        return {k: float(f"{v.item():.9g}") for k, v in losses.items()}, gradients

    def scores(self, x):
        how = {"moves": False, "scoring": True}
        x_hat = self.g(self.e(x, **how), **how)
        _, f = self.xx(x, x, **how)
        logit, f_hat = self.xx(x, x_hat, **how)
        return {"features": digits((f - f_hat).abs().sum(1)), "l1": digits((x - x_hat).abs().sum((1, 2, 3))),
                "l2": digits((x - x_hat).square().sum((1, 2, 3)).sqrt()), "logits": digits(-logit)}


def main():
    r = Reference()
    x = as_float(0.5 * normals(SEED, "images", 0, (BATCH, SIDE, SIDE, 1))).permute(0, 3, 1, 2)
    losses = []
    for number in range(STEPS):
        of_step, gradients = r.step(x, number)
        losses.append(of_step)
    json.dump({"losses": losses, "gradients": gradients, "values": r.values(), "scores": r.scores(x)}, sys.stdout,
              separators=(",", ":"))
    print()


if __name__ == "__main__":
    main()
