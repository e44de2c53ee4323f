# SPDX-License-Identifier: MIT
"""The project's random numbers, written anew: Philox4x32-10 under the key of a named stream of a seed."""
import hashlib
import math

import torch


def philox(key, index, counter):
    x = [index & 0xFFFFFFFF, index >> 32, counter & 0xFFFFFFFF, counter >> 32]
    k = list(key)
    for _ in range(10):
        p0, p1 = 0xD2511F53 * x[0], 0xCD9E8D57 * x[2]
        x = [(p1 >> 32) ^ x[1] ^ k[0], p1 & 0xFFFFFFFF, (p0 >> 32) ^ x[3] ^ k[1], p0 & 0xFFFFFFFF]
        k = [(k[0] + 0x9E3779B9) & 0xFFFFFFFF, (k[1] + 0xBB67AE85) & 0xFFFFFFFF]
    return x


def words(seed, name, counter, count):
    digest = hashlib.blake2b(seed.to_bytes(8, "little") + name.encode(), digest_size=32).digest()
    key = [int.from_bytes(digest[i:i + 4], "little") for i in (0, 4)]
    return [w for index in range(-(-count // 4)) for w in philox(key, index, counter)]


def as_float(t):
    return t.float().double()


def tensor_of(drawn, size):
    return torch.tensor(drawn[:math.prod(size)], dtype=torch.float64).reshape(size)


def normals(seed, name, counter, size):
    """Standard normals of a stream, not yet rounded to float."""
    drawn, w = [], words(seed, name, counter, math.prod(size))
    for i in range(0, len(w), 2):
        radius = math.sqrt(-2 * math.log((w[i] + 1) / 2**32))
        angle = 2 * math.pi * w[i + 1] / 2**32
        drawn += [radius * math.cos(angle), radius * math.sin(angle)]
    return tensor_of(drawn, size)


def uniforms(seed, name, counter, low, high, size):
    """Uniform numbers of a stream, rounded to float."""
    w = words(seed, name, counter, math.prod(size))
    return as_float(tensor_of([low + (high - low) * v / 2**32 for v in w], size))
