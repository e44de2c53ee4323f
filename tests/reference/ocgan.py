#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""Golden numbers of OCGAN at a tiny size from PyTorch: run by hand, its output is committed.

    python3 tests/reference/ocgan.py > tests/reference/ocgan.json

Two rounds of mining and of the autoencoder's step; the judges stay as they start, for their draws are this project's
own. TensorFlow's SAME padding is spelled out. Every array is in this project's layout: images n, h, w, c; kernels
kernel, kernel, c, oc (of a transposed convolution: kernel, kernel, out, in); dense weights in, out.
"""
import json
import sys

import torch
import torch.nn as nn
import torch.nn.functional as F

SIDES, WIDTH, VISUAL, LATENT, BATCH, ROUNDS, MINING = (18, 9, 5), 2, 2, 3, 5, 2, 5
W_MSE, W_VISUAL, W_LATENT = 10, 1, 1


def same(large, small):
    total = (small - 1) * 2 + 5 - large
    return total // 2, total - total // 2


def norm(part, x, moves):
    if moves:
        return part(x)
    return F.batch_norm(x, None, None, part.weight, part.bias, training=True, eps=part.eps)


class Contract(nn.Module):
    def __init__(self, width, out):
        super().__init__()
        self.conv0 = nn.Conv2d(1, width, 5, 2)
        self.conv1 = nn.Conv2d(width, 2 * width, 5, 2, bias=False)
        self.norm0 = nn.BatchNorm2d(2 * width)
        self.dense0 = nn.Linear(SIDES[2] ** 2 * 2 * width, out)

    def forward(self, x, moves=False):
        (a, b), (c, d) = same(SIDES[0], SIDES[1]), same(SIDES[1], SIDES[2])
        x = F.leaky_relu(self.conv0(F.pad(x, (a, b, a, b))), 0.2)
        x = F.leaky_relu(norm(self.norm0, self.conv1(F.pad(x, (c, d, c, d))), moves), 0.2)
        return self.dense0(x.permute(0, 2, 3, 1).flatten(1))


class Decoder(nn.Module):
    def __init__(self):
        super().__init__()
        self.dense0 = nn.Linear(LATENT, SIDES[2] ** 2 * 2 * WIDTH)
        self.norm0 = nn.BatchNorm2d(2 * WIDTH)
        self.deconv0 = nn.ConvTranspose2d(2 * WIDTH, WIDTH, 5, 2, bias=False)
        self.norm1 = nn.BatchNorm2d(WIDTH)
        self.deconv1 = nn.ConvTranspose2d(WIDTH, 1, 5, 2)

    def forward(self, l, moves=False):
        (a, b), (c, d) = same(SIDES[0], SIDES[1]), same(SIDES[1], SIDES[2])
        x = self.dense0(l).view(-1, SIDES[2], SIDES[2], 2 * WIDTH).permute(0, 3, 1, 2)
        x = self.deconv0(F.relu(norm(self.norm0, x, moves)))
        x = F.relu(norm(self.norm1, x[:, :, c:x.shape[2] - d, c:x.shape[3] - d], moves))
        x = self.deconv1(x)
        return torch.tanh(x[:, :, a:x.shape[2] - b, a:x.shape[3] - b])


class Codes(nn.Module):
    def __init__(self):
        super().__init__()
        sizes = (LATENT, 128, 64, 32, 16, 1)
        for i in range(5):
            setattr(self, f"dense{i}", nn.Linear(sizes[i], sizes[i + 1]))

    def forward(self, l):
        for i in range(4):
            l = F.relu(getattr(self, f"dense{i}")(l))
        return self.dense4(l)


ROLES = {"weight": "gamma", "bias": "beta", "running_mean": "mean", "running_var": "variance"}


def flat(t):
    t = t.detach()
    if t.dim() == 4:
        t = t.permute(2, 3, 1, 0)
    elif t.dim() == 2:
        t = t.t()
    return [round(v, 9) for v in t.flatten().tolist()]


def named(nets, of):
    """Every tensor of the nets under its name in this project, as a flat list."""
    found = {}
    for net, module in nets.items():
        for layer, part in module.named_children():
            tensors = dict(part.named_parameters())
            if of == "values":
                tensors.update((k, v) for k, v in part.named_buffers() if k in ROLES)
            for key, t in tensors.items():
                role = ROLES[key] if isinstance(part, nn.BatchNorm2d) else key
                found[f"{net}/{layer}.{role}"] = flat(t.grad if of == "gradients" else t)
    return found


def bce(logits, label):
    return F.binary_cross_entropy_with_logits(logits, torch.full_like(logits, label))


def main():
    torch.manual_seed(1)
    en, de, d_v, d_l, c = Contract(WIDTH, LATENT), Decoder(), Contract(VISUAL, 1), Codes(), Contract(WIDTH, 1)
    moved = {"encoder": en, "decoder": de}
    nets = dict(moved, visual_discriminator=d_v, latent_discriminator=d_l, classifier=c)
    for net in nets.values():
        for part in net.children():
            nn.init.normal_(part.weight, 1 if isinstance(part, nn.BatchNorm2d) else 0, 0.2)
    adam = torch.optim.Adam([p for n in moved.values() for p in n.parameters()], lr=2e-4, betas=(0.5, 0.999))
    x = torch.rand(BATCH, 1, SIDES[0], SIDES[0]) * 2 - 1
    start = torch.rand(BATCH, LATENT) * 2 - 1
    out = {"x": [round(v, 9) for v in x.flatten().tolist()], "v": [round(v, 9) for v in start.flatten().tolist()],
           "start": named(nets, "values"), "steps": []}
    for _ in range(ROUNDS):
        v = start.clone().requires_grad_()
        for _ in range(MINING):
            loss = bce(c(de(torch.tanh(v))), 0.0)
            (slope,) = torch.autograd.grad(BATCH * loss, v)
            v = (v - 2 * slope).detach().requires_grad_()
        l1 = torch.tanh(en(x, True))
        losses = {"mse": F.mse_loss(de(l1, True), x), "visual": bce(d_v(de(torch.tanh(v.detach()))), 1.0),
                  "latent": bce(d_l(l1), 1.0)}
        losses["autoencoder"] = W_MSE * losses["mse"] + W_VISUAL * losses["visual"] + W_LATENT * losses["latent"]
        adam.zero_grad()
        losses["autoencoder"].backward()
        gradients = named(moved, "gradients")
        adam.step()
        out["steps"].append({"mining": round(loss.item(), 9), "v": [round(a, 9) for a in v.flatten().tolist()],
                             "losses": {k: round(a.item(), 9) for k, a in losses.items()}, "gradients": gradients,
                             "values": named(moved, "values")})
    json.dump(out, sys.stdout, separators=(",", ":"))
    print()


if __name__ == "__main__":
    main()
