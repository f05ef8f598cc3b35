"""Customers who live and buy as the papers assume, drawn purchase by purchase."""

from typing import NamedTuple

import numpy as np


class Customers(NamedTuple):
    """What the shop sees of simulated customers by T, and what becomes of them by T + horizon."""

    x: np.ndarray
    t_x: np.ndarray
    T: np.ndarray
    is_alive: np.ndarray
    later: np.ndarray

    @property
    def histories(self):
        return self.x, self.t_x, self.T


def simulate(model, parameters, T, seed, horizon=0.0):
    """Let customers live as the paper assumes, purchase by purchase."""
    random, customers = np.random.default_rng(seed), len(T)
    rate = random.gamma(parameters["r"], 1 / parameters["alpha"], customers)
    p = random.beta(parameters["a"], parameters["b"], customers)
    x, t_x, later, clock = np.zeros((4, customers))
    leaves = (random.random(customers) < p) & model.first_purchase_may_be_last
    left_at = np.where(leaves, 0, np.inf)
    buys = ~leaves
    while buys.any():
        clock += random.exponential(size=customers) / rate
        buys = buys & (clock <= T + horizon)
        is_seen = buys & (clock <= T)
        x += is_seen
        t_x[is_seen] = clock[is_seen]
        later += buys & ~is_seen
        leaves = buys & (random.random(customers) < p)
        left_at[leaves] = clock[leaves]
        buys &= ~leaves
    return Customers(x, t_x, T, left_at > T, later)
