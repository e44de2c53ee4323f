#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""Golden numbers of OCGAN at a tiny size from PyTorch, in doubles: run by hand, its output is committed.

    python3 tests/reference/ocgan.py > tests/reference/ocgan.json

Two whole steps by the paper's losses, each objective differentiated by itself: mining, the three judges, the
autoencoder; then the scores of the batch. Of both steps the losses, what the networks made and where mining ended; of
the last one the gradients and what it leaves. TensorFlow's SAME padding is spelled out. Every array is in this
project's layout: images n, h, w, c; kernels kernel, kernel, c, oc (of a transposed convolution: kernel, kernel, out,
in); dense weights in, out. Random numbers are those of stream.py: the images and the first weights by their names, the
starts of mining by the step, noise and codes by the graph's number and the sample's place in the graph.
"""
import json
import sys

import torch
import torch.nn as nn
import torch.nn.functional as F

from stream import as_float, normals, uniforms

SIDES, WIDTH, VISUAL, LATENT, BATCH, STEPS, SEED = (22, 11, 6, 3), 2, 3, 3, 5, 2, 1
W_MSE, W_VISUAL, W_LATENT, NOISE, MINING, MINING_RATE = 10, 1, 1, 0.2, 5, 0.5
LEVELS = len(SIDES) - 1
JUDGES, AUTOENCODER, PLACE_OF_NOISE, PLACE_OF_L2, PLACE_OF_L2_STAR, COUNTERS = 1, 2, 1, 25, 26, 16


def same(level):
    """Rows before and after, that a stride of 2 with a kernel of 5 goes from one side to the next."""
    total = (SIDES[level + 1] - 1) * 2 + 5 - SIDES[level]
    return total // 2, total - total // 2


class Normed(nn.Module):
    """A net in which batch norm goes by the batch, whose statistics are kept only where that is asked for."""
    keeps, scoring = False, False

    def norm(self, level, x):
        part = getattr(self, f"norm{level}")
        if self.scoring:
            return F.batch_norm(x, part.running_mean, part.running_var, part.weight, part.bias, eps=part.eps)
        if self.keeps:
            return part(x)
        return F.batch_norm(x, None, None, part.weight, part.bias, training=True, eps=part.eps)


class Contract(Normed):
    """En before its tanh, D_v and C."""

    def __init__(self, width, out):
        super().__init__()
        before = 1
        for i in range(LEVELS):
            self.add_module(f"conv{i}", nn.Conv2d(before, width << i, 5, 2, bias=i == 0))
            if i:
                self.add_module(f"norm{i - 1}", nn.BatchNorm2d(width << i))
            before = width << i
        self.dense0 = nn.Linear(SIDES[-1]**2 * before, out)

    def forward(self, x):
        for i in range(LEVELS):
            x = getattr(self, f"conv{i}")(F.pad(x, same(i) * 2))
            x = F.leaky_relu(self.norm(i - 1, x) if i else x, 0.2)
        return self.dense0(x.permute(0, 2, 3, 1).flatten(1))


class Encoder(Contract):
    def forward(self, x):
        return torch.tanh(super().forward(x))


class Decoder(Normed):
    def __init__(self):
        super().__init__()
        self.inner = WIDTH << LEVELS - 1
        self.dense0 = nn.Linear(LATENT, SIDES[-1]**2 * self.inner)
        for i in range(LEVELS):
            channels, last = self.inner >> i, i == LEVELS - 1
            self.add_module(f"norm{i}", nn.BatchNorm2d(channels))
            self.add_module(f"deconv{i}", nn.ConvTranspose2d(channels, 1 if last else channels // 2, 5, 2, bias=last))

    def forward(self, code):
        x = self.dense0(code).view(-1, SIDES[-1], SIDES[-1], self.inner).permute(0, 3, 1, 2)
        for i in range(LEVELS):
            x = getattr(self, f"deconv{i}")(F.relu(self.norm(i, x)))
            x = F.pad(x, tuple(-rows for rows in same(LEVELS - 1 - i)) * 2)
        return torch.tanh(x)


class Codes(nn.Sequential):
    """D_l."""

    def __init__(self):
        super().__init__()
        sizes = (LATENT, 128, 64, 32, 16, 1)
        for i in range(5):
            self.add_module(f"dense{i}", nn.Linear(sizes[i], sizes[i + 1]))
            if i < 4:
                self.add_module(f"relu{i}", nn.ReLU())


ROLES = {"weight": "gamma", "bias": "beta", "running_mean": "mean", "running_var": "variance"}


def ours(t):
    """A torch parameter in this project's layout, and back."""
    return t.permute(2, 3, 1, 0) if t.dim() == 4 else t.t() if t.dim() == 2 else t


def theirs(t):
    return t.permute(3, 2, 0, 1) if t.dim() == 4 else t.t() if t.dim() == 2 else t


def named(nets):
    """Every parameter and running statistic of the nets by its name in this project."""
    for net, module in nets.items():
        for layer, part in module.named_children():
            is_norm = isinstance(part, nn.BatchNorm2d)
            for key, t in list(part.named_parameters()) + [b for b in part.named_buffers() if b[0] in ROLES]:
                yield f"{net}/{layer}.{ROLES[key] if is_norm else key}", t


def digits(t):
    return [float(f"{v:.7g}") for v in t.detach().flatten().tolist()]


def rows(t):
    """Images and lists in this project's layout."""
    return digits(t.permute(0, 2, 3, 1) if t.dim() == 4 else t)


def bce(logits, label):
    return F.binary_cross_entropy_with_logits(logits, torch.full_like(logits, label))


class Reference:
    def __init__(self):
        self.en, self.de, self.c = Encoder(WIDTH, LATENT), Decoder(), Contract(WIDTH, 1)
        self.d_v, self.d_l = Contract(VISUAL, 1), Codes()
        self.nets = {"encoder": self.en, "decoder": self.de, "visual_discriminator": self.d_v,
                     "latent_discriminator": self.d_l, "classifier": self.c}
        for name, t in named(self.nets):
            role = name.rsplit(".", 1)[1]
            if role in ("weight", "gamma", "bias", "beta"):
                fresh = normals(SEED, f"start/{name}", 0, tuple(ours(t).shape))
                fresh = (role == "gamma") + (0.2 if role in ("weight", "gamma") else 0.1) * fresh
                with torch.no_grad():
                    t.copy_(theirs(as_float(fresh)))
        both = [*self.en.parameters(), *self.de.parameters()]
        self.adams = {name: torch.optim.Adam(parameters, lr=2e-4, betas=(0.5, 0.999)) for name, parameters in
                      (("visual", self.d_v.parameters()), ("latent", self.d_l.parameters()),
                       ("classifier", self.c.parameters()), ("autoencoder", both))}

    def descend(self, objectives):
        """All gradients, then all steps: no objective sees what another has moved."""
        for name, loss in objectives.items():
            weights = self.adams[name].param_groups[0]["params"]
            for w, slope in zip(weights, torch.autograd.grad(loss, weights, retain_graph=True)):
                w.grad = slope
        for name in objectives:
            self.adams[name].step()

    def keep(self, *nets):
        for net in self.nets.values():
            net.keeps = net in nets

    def noisy(self, x, graph, step):
        n = normals(SEED, f"draw/{graph}/{PLACE_OF_NOISE}", step * COUNTERS, (BATCH, SIDES[0], SIDES[0], 1))
        return x + NOISE * as_float(n).permute(0, 3, 1, 2)

    def code(self, place, step):
        return uniforms(SEED, f"draw/{JUDGES}/{place}", step * COUNTERS, -1, 1, (BATCH, LATENT))

    def mine(self, step):
        self.keep()
        v = uniforms(SEED, "ocgan/starts", step, -1, 1, (BATCH, LATENT))
        for _ in range(MINING):
            v.requires_grad_()
            loss = bce(self.c(self.de(torch.tanh(v))), 0.)
            (slope,) = torch.autograd.grad(BATCH * loss, v)
            v = (v - MINING_RATE * slope).detach()
        return v, {"v": rows(v), "gradient": rows(slope)}, {"loss.mining": loss}

    def judge(self, x, step):
        self.keep(self.d_v, self.c)
        with torch.no_grad():
            l1 = self.en(self.noisy(x, JUDGES, step))
            l2, l2_star = self.code(PLACE_OF_L2, step), self.code(PLACE_OF_L2_STAR, step)
            reconstructed, decoded = self.de(l1), self.de(l2)
        made = {"visual.real": self.d_v(x), "visual.decoded": self.d_v(decoded),
                "latent.uniform": self.d_l(l2_star), "latent.code": self.d_l(l1),
                "classifier.decoded": self.c(decoded), "classifier.reconstructed": self.c(reconstructed)}
        objectives = {name: (bce(made[f"{name}.{positive}"], 1.) + bce(made[f"{name}.{negative}"], 0.)) / 2
                      for name, positive, negative in (("visual", "real", "decoded"), ("latent", "uniform", "code"),
                                                       ("classifier", "reconstructed", "decoded"))}
        self.descend(objectives)
        losses = {f"loss.{name}_discriminator".replace("classifier_discriminator", "classifier"): loss
                  for name, loss in objectives.items()}
        return {f"judge.{k}": rows(t) for k, t in made.items()}, losses

    def autoencode(self, x, v, step):
        self.keep(self.en, self.de)
        l1 = self.en(self.noisy(x, AUTOENCODER, step))
        x_hat = self.de(l1)
        self.keep()
        mined = self.de(torch.tanh(v))
        made = {"code": l1, "reconstruction": x_hat, "mined": mined, "visual.mined": self.d_v(mined),
                "latent.code": self.d_l(l1)}
        mse, visual, latent = F.mse_loss(x_hat, x), bce(made["visual.mined"], 1.), bce(made["latent.code"], 1.)
        both = W_MSE * mse + W_VISUAL * visual + W_LATENT * latent
        self.descend({"autoencoder": both})
        spread = (x_hat - x_hat.mean(0)).flatten(1).norm(dim=1).mean()
        return {f"autoencode.{k}": rows(t) for k, t in made.items()}, {
            "loss.mse": mse, "loss.visual": visual, "loss.latent": latent, "loss.autoencoder": both,
            "spread.reconstruction": spread}

    def step(self, x, number):
        v, mined, numbers = self.mine(number)
        judged, more = self.judge(x, number)
        made, rest = self.autoencode(x, v, number)
        numbers = {k: float(f"{t.item():.9g}") for k, t in {**numbers, **more, **rest}.items()}
        return {"numbers": numbers, "mining": mined, "outputs": judged | made}

    def scores(self, x):
        for net in self.nets.values():
            net.scoring = True
        x_hat = self.de(self.en(x))
        return {"reconstruction": rows(x_hat), "score.reconstruction": rows((x_hat - x).square().mean((1, 2, 3))),
                "score.visual": rows(-self.d_v(x_hat))}


def main():
    torch.set_default_dtype(torch.float64)
    r = Reference()
    x = as_float(0.5 * normals(SEED, "images", 0, (BATCH, SIDES[0], SIDES[0], 1))).permute(0, 3, 1, 2)
    out = {"steps": [r.step(x, number) for number in range(STEPS)]}
    out["gradients"] = {name: digits(ours(t.grad)) for name, t in named(r.nets) if t.grad is not None}
    out["values"] = {name: digits(ours(t)) for name, t in named(r.nets)}
    out["scores"] = r.scores(x)
    json.dump(out, sys.stdout, separators=(",", ":"))
    print()


if __name__ == "__main__":
    main()
