#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""Reference numbers of the paired DeLong test: run by hand, its output stands in tests/core/test_metric.c.

    python3 tests/reference/delong.py

Two correlated scorings of the same images, with many ties. By definition and in exact fractions: placements by a double
loop over pairs, their two covariance matrices, and the variance of the difference as V[0][0] + V[1][1] - 2 V[0][1]. Then
the standard deviation of the difference over images drawn anew, each kind by itself, which shares nothing with the above
but the areas.
"""
import math
import random
from fractions import Fraction

IMAGES, ROUNDS = 200, 20000


def draw():
    """The stream and the images of paired_images in test_metric.c."""
    state = 9

    def following():
        nonlocal state
        state = (state * 1664525 + 1013904223) % 2**32
        return state >> 8

    rows = []
    for _ in range(IMAGES):
        anomalous = following() % 3 == 0
        common = following() % 30
        rows.append((anomalous, common + following() % 15 + 9 * anomalous, common + following() % 25 + 7 * anomalous))
    return rows


def wins(anomaly, normal):
    return Fraction((anomaly > normal) - (anomaly < normal) + 1, 2)


def covariance(x, y):
    mean_x, mean_y = sum(x) / len(x), sum(y) / len(y)
    return sum((a - mean_x) * (b - mean_y) for a, b in zip(x, y)) / (len(x) - 1)


def area(anomalies, normals):
    return sum(wins(p, q) for p in anomalies for q in normals) / (len(anomalies) * len(normals))


def quick_area(anomalies, normals):
    """From midranks, for the many rounds of the bootstrap."""
    order = sorted([(s, 1) for s in anomalies] + [(s, 0) for s in normals])
    total = below = first = 0
    while first < len(order):
        end, kinds = first, [0, 0]
        while end < len(order) and order[end][0] == order[first][0]:
            kinds[order[end][1]] += 1
            end += 1
        total += kinds[1] * (below + kinds[0] / 2)
        below += kinds[0]
        first = end
    return total / (len(anomalies) * len(normals))


def main():
    rows = draw()
    anomalies = [r[1:] for r in rows if r[0]]
    normals = [r[1:] for r in rows if not r[0]]
    of_anomalies = [[sum(wins(p[k], q[k]) for q in normals) / len(normals) for p in anomalies] for k in (0, 1)]
    of_normals = [[sum(wins(p[k], q[k]) for p in anomalies) / len(anomalies) for q in normals] for k in (0, 1)]
    areas = [area([p[k] for p in anomalies], [q[k] for q in normals]) for k in (0, 1)]
    matrix = [[covariance(of_anomalies[j], of_anomalies[k]) / len(anomalies) +
               covariance(of_normals[j], of_normals[k]) / len(normals) for k in (0, 1)] for j in (0, 1)]
    difference = areas[0] - areas[1]
    deviation = math.sqrt(matrix[0][0] + matrix[1][1] - 2 * matrix[0][1])
    z = difference / deviation
    print(f"{len(normals)} normals, {len(anomalies)} anomalies, areas {float(areas[0])!r} and {float(areas[1])!r}")
    print(f"difference {float(difference)!r}, deviation {deviation!r}, z {z!r}, p {math.erfc(abs(z) / math.sqrt(2))!r}")
    again = random.Random(1)
    found = []
    for _ in range(ROUNDS):
        p, q = again.choices(anomalies, k=len(anomalies)), again.choices(normals, k=len(normals))
        found.append(quick_area([s[0] for s in p], [s[0] for s in q]) - quick_area([s[1] for s in p], [s[1] for s in q]))
    mean = sum(found) / ROUNDS
    print(f"bootstrap deviation {math.sqrt(sum((f - mean)**2 for f in found) / (ROUNDS - 1))!r}")


if __name__ == "__main__":
    main()
