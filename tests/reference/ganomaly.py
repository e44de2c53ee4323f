#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""Golden numbers of GANomaly at a tiny size from PyTorch: run by hand, its output is committed.

    python3 tests/reference/ganomaly.py > tests/reference/ganomaly.json

Two training steps of the released code's losses and schedule. Every array is in this project's layout: images
n, h, w, c; kernels kernel, kernel, c, oc (of a transposed convolution: kernel, kernel, out, in).
"""
import json
import sys

import torch
import torch.nn as nn
import torch.nn.functional as F

SIDE, CHANNELS, WIDTH, LATENT, BATCH, STEPS = 16, 1, 4, 3, 5, 2


class Encoder(nn.Module):
    def __init__(self, out):
        super().__init__()
        self.conv0 = nn.Conv2d(CHANNELS, WIDTH, 4, 2, 1, bias=False)
        self.conv1 = nn.Conv2d(WIDTH, 2 * WIDTH, 4, 2, 1, bias=False)
        self.norm0 = nn.BatchNorm2d(2 * WIDTH)
        self.conv2 = nn.Conv2d(2 * WIDTH, out, 4, 1, 0, bias=False)

    def forward(self, x):
        features = F.leaky_relu(self.norm0(self.conv1(F.leaky_relu(self.conv0(x), 0.2))), 0.2)
        return self.conv2(features), features


class Decoder(nn.Module):
    def __init__(self):
        super().__init__()
        self.deconv0 = nn.ConvTranspose2d(LATENT, 2 * WIDTH, 4, 1, 0, bias=False)
        self.norm0 = nn.BatchNorm2d(2 * WIDTH)
        self.deconv1 = nn.ConvTranspose2d(2 * WIDTH, WIDTH, 4, 2, 1, bias=False)
        self.norm1 = nn.BatchNorm2d(WIDTH)
        self.deconv2 = nn.ConvTranspose2d(WIDTH, CHANNELS, 4, 2, 1, bias=False)

    def forward(self, z):
        x = F.relu(self.norm0(self.deconv0(z)))
        return torch.tanh(self.deconv2(F.relu(self.norm1(self.deconv1(x)))))


ROLES = {"weight": "gamma", "bias": "beta", "running_mean": "mean", "running_var": "variance"}


def ours(t):
    t = t.detach()
    if t.dim() == 4:
        return t.permute(2, 3, 1, 0)
    return t


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
                t = t.grad if of == "gradients" else t
                found[f"{net}/{layer}.{role}"] = [round(v, 9) for v in ours(t).flatten().tolist()]
    return found


def main():
    torch.manual_seed(1)
    nets = {"encoder": Encoder(LATENT), "decoder": Decoder(), "encoder_hat": Encoder(LATENT), "discriminator": Encoder(1)}
    for net in nets.values():
        for part in net.children():
            nn.init.normal_(part.weight, 1 if isinstance(part, nn.BatchNorm2d) else 0, 0.2)
    encoder, decoder, encoder_hat, discriminator = nets.values()
    generator = [p for n in (encoder, decoder, encoder_hat) for p in n.parameters()]
    adam_gen = torch.optim.Adam(generator, lr=2e-4, betas=(0.5, 0.999))
    adam_dis = torch.optim.Adam(discriminator.parameters(), lr=2e-4, betas=(0.5, 0.999))
    x = torch.rand(BATCH, CHANNELS, SIDE, SIDE) * 2 - 1
    out = {"x": [round(v, 9) for v in x.permute(0, 2, 3, 1).flatten().tolist()], "start": named(nets, "values"), "steps": []}
    one, zero = torch.ones(BATCH), torch.zeros(BATCH)
    for _ in range(STEPS):
        z, _ = encoder(x)
        x_hat = decoder(z)
        z_hat, _ = encoder_hat(x_hat)
        real, f = discriminator(x)
        fake, f_hat = discriminator(x_hat)
        losses = {"adversarial": F.mse_loss(f_hat, f.detach()), "contextual": F.l1_loss(x_hat, x),
                  "encoder": F.mse_loss(z, z_hat)}
        losses["generator"] = losses["adversarial"] + 50 * losses["contextual"] + losses["encoder"]
        detached, _ = discriminator(x_hat.detach())
        losses["discriminator"] = 0.5 * (F.binary_cross_entropy_with_logits(real.flatten(), one) +
                                         F.binary_cross_entropy_with_logits(detached.flatten(), zero))
        adam_dis.zero_grad()
        adam_gen.zero_grad()
        losses["generator"].backward(retain_graph=True)
        adam_dis.zero_grad()
        losses["discriminator"].backward()
        gradients = named(nets, "gradients")
        adam_gen.step()
        adam_dis.step()
        out["steps"].append({"losses": {k: round(v.item(), 9) for k, v in losses.items()}, "gradients": gradients,
                             "values": named(nets, "values")})
    json.dump(out, sys.stdout, separators=(",", ":"))
    print()


if __name__ == "__main__":
    main()
