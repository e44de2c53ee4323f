#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""PyTorch doing the work that `anomalyd bench` measures: the same networks, losses and batch, as its users write them.

    python3 tests/bench/peers.py WORK [--batch N] [--threads N] [--seconds S]

Prints one JSON object in the form of `anomalyd bench`: {"work", "threads", "batch", "ms", "images_per_s", ...}; ms is the
median. scripts/bench-peers.sh runs this and the product in turn.
"""
import argparse
import json
import statistics
import time

import torch
import torch.nn as nn
import torch.nn.functional as F
from torch.nn.utils import spectral_norm


def bce(logits, label):
    return F.binary_cross_entropy_with_logits(logits, torch.full_like(logits, label))


def adam(*modules, rate=2e-4):
    return torch.optim.Adam([p for m in modules for p in m.parameters()], lr=rate, betas=(0.5, 0.999))


def descend(optimiser, loss):
    optimiser.zero_grad(set_to_none=True)
    loss.backward()
    optimiser.step()


def images(batch, channels, side):
    return torch.rand(batch, channels, side, side) * 2 - 1


class Judge(nn.Module):
    """DCGAN's discriminator, whose last features are an encoder's code where it has more than one output."""

    def __init__(self, channels, outputs, width=64):
        super().__init__()
        layers = [nn.Conv2d(channels, width, 4, 2, 1, bias=False), nn.LeakyReLU(0.2, True)]
        for c in (width, 2 * width):
            layers += [nn.Conv2d(c, 2 * c, 4, 2, 1, bias=False), nn.BatchNorm2d(2 * c), nn.LeakyReLU(0.2, True)]
        self.features, self.head = nn.Sequential(*layers), nn.Conv2d(4 * width, outputs, 4, bias=False)

    def forward(self, x):
        f = self.features(x)
        return self.head(f), f


def generator(channels, latent=100, width=64):
    layers = [nn.ConvTranspose2d(latent, 4 * width, 4, 1, 0, bias=False), nn.BatchNorm2d(4 * width), nn.ReLU(True)]
    for c in (4 * width, 2 * width):
        layers += [nn.ConvTranspose2d(c, c // 2, 4, 2, 1, bias=False), nn.BatchNorm2d(c // 2), nn.ReLU(True)]
    return nn.Sequential(*layers, nn.ConvTranspose2d(width, channels, 4, 2, 1, bias=False), nn.Tanh())


class Ganomaly:
    def __init__(self, batch):
        self.encoder, self.again, self.judge, self.decoder = Judge(3, 100), Judge(3, 100), Judge(3, 1), generator(3)
        self.x = images(batch, 3, 32)

    def train(self):
        of_g, of_d = adam(self.encoder, self.again, self.decoder), adam(self.judge)

        def step():
            z, _ = self.encoder(self.x)
            x_hat = self.decoder(z)
            z_hat, _ = self.again(x_hat)
            real, fake = self.judge(self.x)[1], self.judge(x_hat)[1]
            descend(of_g, F.mse_loss(real.detach(), fake) + 50 * F.l1_loss(self.x, x_hat) + F.mse_loss(z, z_hat))
            descend(of_d, 0.5 * (bce(self.judge(self.x)[0], 1.) + bce(self.judge(x_hat.detach())[0], 0.)))
        return step

    def score(self):
        for net in (self.encoder, self.again, self.decoder):
            net.eval()

        @torch.no_grad()
        def score():
            z, _ = self.encoder(self.x)
            return (z - self.again(self.decoder(z))[0]).square().mean((1, 2, 3))
        return score


class AnoGan:
    """The DCGAN, with batch norm in both networks."""

    def __init__(self, batch):
        self.g, self.d, self.x, self.batch = generator(1), Judge(1, 1), images(batch, 1, 32), batch

    def train(self):
        of_g, of_d = adam(self.g), adam(self.d)

        def step():
            fake = self.g(torch.randn(self.batch, 100, 1, 1))
            descend(of_d, bce(self.d(self.x)[0], 1.) + bce(self.d(fake.detach())[0], 0.))
            descend(of_g, bce(self.d(fake)[0], 1.))
        return step

    def score(self, iterations=100):
        for net in (self.g, self.d):
            net.eval().requires_grad_(False)

        def score():
            z = torch.randn(self.batch, 100, 1, 1, requires_grad=True)
            of_z = torch.optim.Adam([z], lr=0.02, betas=(0.5, 0.999))
            f = self.d(self.x)[1]
            for _ in range(iterations):
                x_hat = self.g(z)
                descend(of_z, 0.9 * (self.x - x_hat).abs().sum() + 0.1 * (f - self.d(x_hat)[1]).abs().sum())
        return score


class PairsOfImageAndCode(nn.Module):
    """ALAD's D_xz."""

    def __init__(self, width=64):
        super().__init__()
        layers, before = [], 3
        for i in range(3):
            layers.append(spectral_norm(nn.Conv2d(before, (2 << i) * width, 4, 2, 1)))
            layers += [nn.BatchNorm2d((2 << i) * width)] if i else []
            layers.append(nn.LeakyReLU(0.2, True))
            before = (2 << i) * width
        self.of_x = nn.Sequential(*layers, nn.Flatten())
        self.of_z = nn.Sequential(*self.dense(100, 8 * width), *self.dense(8 * width, 8 * width))
        self.both = nn.Sequential(*self.dense(16 * before + 8 * width, 16 * width), nn.Linear(16 * width, 1))

    @staticmethod
    def dense(inputs, outputs):
        return spectral_norm(nn.Linear(inputs, outputs)), nn.LeakyReLU(0.2, True), nn.Dropout(0.2)

    def forward(self, x, z):
        return self.both(torch.cat((self.of_x(x), self.of_z(z)), 1))


class Alad:
    def __init__(self, batch, width=64):
        self.x, self.batch = images(batch, 3, 32), batch
        layers, before = [], 3
        for i in range(3):
            c = (2 << i) * width
            layers += [spectral_norm(nn.Conv2d(before, c, 4, 2, 1)), nn.BatchNorm2d(c), nn.LeakyReLU(0.2, True)]
            before = c
        self.e = nn.Sequential(*layers, nn.Flatten(), nn.Linear(16 * before, 100))
        self.g = generator(3, width=2 * width)
        self.xz = PairsOfImageAndCode(width)
        self.xx = nn.Sequential(*self.pair(6, width), *self.pair(width, 2 * width), nn.Flatten(),
                                nn.Linear(128 * width, 1))
        dense = PairsOfImageAndCode.dense
        self.zz = nn.Sequential(*dense(200, width), *dense(width, width // 2), nn.Linear(width // 2, 1))

    @staticmethod
    def pair(inputs, outputs):
        return (spectral_norm(nn.Conv2d(inputs, outputs, 5, 2, 2)), nn.LeakyReLU(0.2, True), nn.Dropout(0.2))

    def cycle(self):
        z = torch.randn(self.batch, 100)
        x_new, z_new = self.g(z[:, :, None, None]), self.e(self.x)
        return z, x_new, z_new, self.g(z_new[:, :, None, None]), self.e(x_new)

    def judge_discriminators(self):
        with torch.no_grad():
            z, x_new, z_new, x_hat, z_hat = self.cycle()
        x = self.x
        return (bce(self.xz(x, z_new), 1.) + bce(self.xz(x_new, z), 0.) +
                bce(self.xx(torch.cat((x, x), 1)), 1.) + bce(self.xx(torch.cat((x, x_hat), 1)), 0.) +
                bce(self.zz(torch.cat((z, z), 1)), 1.) + bce(self.zz(torch.cat((z, z_hat), 1)), 0.))

    def judge_generators(self):
        z, x_new, z_new, x_hat, z_hat = self.cycle()
        x = self.x
        return (bce(self.xz(x_new, z), 1.) + bce(self.xz(x, z_new), 0.) +
                bce(self.xx(torch.cat((x, x_hat), 1)), 1.) + bce(self.zz(torch.cat((z, z_hat), 1)), 1.))

    def train(self):
        judges = (self.xz, self.xx, self.zz)
        of_d, of_g = adam(*judges), adam(self.e, self.g)

        def step():
            descend(of_d, self.judge_discriminators())
            for net in judges:
                net.requires_grad_(False)
            descend(of_g, self.judge_generators())
            for net in judges:
                net.requires_grad_(True)
        return step


def contract(width, outputs):
    """OCGAN's encoder before its tanh, visual discriminator and classifier, of 28x28 grey images."""
    layers, before = [], 1
    for i in range(3):
        layers.append(nn.Conv2d(before, width << i, 5, 2, 2, bias=i == 0))
        layers += [nn.BatchNorm2d(width << i)] if i else []
        layers.append(nn.LeakyReLU(0.2, True))
        before = width << i
    return nn.Sequential(*layers, nn.Flatten(), nn.Linear(16 * before, outputs))


class Ocgan:
    """With the paper's five steps of mining before each step of training."""

    def __init__(self, batch, width=64, visual=12, latent=16):
        self.x, self.batch, self.latent = images(batch, 1, 28), batch, latent
        self.en = nn.Sequential(contract(width, latent), nn.Tanh())
        layers = [nn.Linear(latent, 64 * width), nn.Unflatten(1, (4 * width, 4, 4)), nn.BatchNorm2d(4 * width), nn.ReLU()]
        for c, more in ((4 * width, 0), (2 * width, 1)):
            layers += [nn.ConvTranspose2d(c, c // 2, 5, 2, 2, more, bias=False), nn.BatchNorm2d(c // 2), nn.ReLU()]
        self.de = nn.Sequential(*layers, nn.ConvTranspose2d(width, 1, 5, 2, 2, 1), nn.Tanh())
        self.d_v, self.c = contract(visual, 1), contract(width, 1)
        units = (latent, 128, 64, 32, 16)
        dense = [part for i in range(4) for part in (nn.Linear(units[i], units[i + 1]), nn.ReLU())]
        self.d_l = nn.Sequential(*dense, nn.Linear(16, 1))

    def codes(self):
        return torch.rand(self.batch, self.latent) * 2 - 1

    def noisy(self):
        return self.x + 0.2 * torch.randn_like(self.x)

    def mine(self):
        v = self.codes()
        for _ in range(5):
            v.requires_grad_()
            (slope,) = torch.autograd.grad(self.batch * bce(self.c(self.de(torch.tanh(v))), 0.), v)
            v = (v - 2 * slope).detach()
        return v

    def judge(self):
        with torch.no_grad():
            l1, l2 = self.en(self.noisy()), self.codes()
            of_l1, of_l2 = self.de(l1), self.de(l2)
        return (bce(self.d_v(self.x), 1.) + bce(self.d_v(of_l2), 0.) + bce(self.d_l(self.codes()), 1.) +
                bce(self.d_l(l1), 0.) + bce(self.c(of_l2), 0.) + bce(self.c(of_l1), 1.)) / 2

    def autoencode(self, v):
        l1 = self.en(self.noisy())
        return (10 * F.mse_loss(self.de(l1), self.x) + bce(self.d_v(self.de(torch.tanh(v))), 1.) +
                bce(self.d_l(l1), 1.))

    def train(self):
        judges, both = (self.d_v, self.d_l, self.c), (self.en, self.de)
        of_judges, of_both = adam(*judges), adam(*both)

        def step():
            for net in judges + both:
                net.requires_grad_(False)
            v = self.mine()
            for net in judges:
                net.requires_grad_(True)
            descend(of_judges, self.judge())
            for net in judges + both:
                net.requires_grad_(net in both)
            descend(of_both, self.autoencode(v))
        return step


WORKS = {"ganomaly-train-32x32x3": (Ganomaly, "train"), "ganomaly-score-32x32x3": (Ganomaly, "score"),
         "anogan-train-32x32x1": (AnoGan, "train"), "anogan-score-100-iterations-32x32x1": (AnoGan, "score"),
         "alad-train-32x32x3": (Alad, "train"), "ocgan-train-28x28x1": (Ocgan, "train")}


def measure(work, seconds, warm=2, least=3):
    for _ in range(warm):
        work()
    took, end = [], time.perf_counter() + seconds
    while len(took) < least or time.perf_counter() < end:
        start = time.perf_counter()
        work()
        took.append(time.perf_counter() - start)
    return took


def main():
    ap = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    ap.add_argument("work", choices=WORKS)
    ap.add_argument("--batch", type=int, default=64)
    ap.add_argument("--threads", type=int, default=2)
    ap.add_argument("--seconds", type=float, default=6)
    a = ap.parse_args()
    torch.set_num_threads(a.threads)
    torch.manual_seed(1)
    peer, kind = WORKS[a.work]
    took = measure(getattr(peer(a.batch), kind)(), a.seconds)
    median = statistics.median(took)
    print(json.dumps({"work": a.work, "threads": a.threads, "batch": a.batch, "ms": round(1e3 * median, 3),
                      "images_per_s": round(a.batch / median, 1), "ms_min": round(1e3 * min(took), 3),
                      "ms_max": round(1e3 * max(took), 3), "runs": len(took), "torch": torch.__version__}))


if __name__ == "__main__":
    main()
