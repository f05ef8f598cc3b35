"""Chance that repeats: the same seed gives the same numbers on every machine."""

from __future__ import annotations

import math
import random
from typing import TypeVar

SEED = 20230109

T = TypeVar("T")


class Dice:
    """One stream of chance. Each key has a stream of its own.

    A customer's id is part of the key, so a change to one customer moves no other customer. Only
    `random.Random.random()` is used: Python documents that its numbers stay the same.
    """

    def __init__(self, *key: str) -> None:
        """Open the stream of this key."""
        self.unit = random.Random(":".join((str(SEED), *key))).random

    def chance(self, probability: float) -> bool:
        """Return True with this probability."""
        return self.unit() < probability

    def between(self, low: int, high: int) -> int:
        """Return a whole number from low to high, both included."""
        return low + int(self.unit() * (high - low + 1))

    def pick(self, weights: dict[T, float]) -> T:
        """Return one of the keys, in proportion to its weight."""
        mark = self.unit() * sum(weights.values())
        for choice, weight in weights.items():
            mark -= weight
            if mark < 0:
                return choice
        return next(reversed(weights))

    def exponential(self, mean: float) -> float:
        """Return an exponential waiting time."""
        return -mean * math.log(1.0 - self.unit())

    def normal(self) -> float:
        """Return a standard normal number (Box and Muller)."""
        radius = math.sqrt(-2.0 * math.log(1.0 - self.unit()))
        return radius * math.cos(2.0 * math.pi * self.unit())

    def gamma(self, shape: float, scale: float) -> float:
        """Return a gamma number (Marsaglia and Tsang 2000)."""
        if shape < 1.0:
            boost = (1.0 - self.unit()) ** (1.0 / shape)
            return self.gamma(shape + 1.0, scale) * boost
        d = shape - 1.0 / 3.0
        c = 1.0 / math.sqrt(9.0 * d)
        while True:
            x = self.normal()
            v = (1.0 + c * x) ** 3
            if v > 0.0 and math.log(1.0 - self.unit()) < 0.5 * x * x + d - d * v + d * math.log(v):
                return d * v * scale

    def beta(self, a: float, b: float) -> float:
        """Return a beta number: the share of one gamma number in the sum of two."""
        x, y = self.gamma(a, 1.0), self.gamma(b, 1.0)
        return x / (x + y)
