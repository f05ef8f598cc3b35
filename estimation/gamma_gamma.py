"""Gamma-Gamma: what a customer's purchases are worth on average.

The value of a purchase is gamma-distributed around the customer's own mean. The means are
gamma-distributed over the customers, and do not depend on how often customers buy.

Fader and Hardie, "The Gamma-Gamma Model of Monetary Value" (2013 note); it is fitted to repeat
purchases, as in Fader, Hardie and Lee, "RFM and CLV: Using Iso-Value Curves for Customer Base
Analysis", Journal of Marketing Research 42 (2005). In many shops the first purchase is worth more
or less than the later ones.

In all functions `x` is the number of repeat purchases and `mean_value` their mean value. Both have
shape (rows,).

Some data are simpler than the model: the likelihood rises for ever, but what the model expects has
a limit. It has two parameters: the `mean` of all customers, and the `own_share` with which the own
mean of a customer who came back counts. Customers who do not differ (q and v go to infinity) have
an own share of 0. So have purchases that are all worth the same. Customers who always spend the
same, but each another amount (p goes to infinity), have an own share of 1.

With p = 2, q = 3 and v = 10 the mean over all customers is 2 * 10 / (3 - 1) = 10. It is expected of
a customer who never came back. A customer who came back twice, for 25 each, is in between:

>>> parameters = {"p": 2.0, "q": 3.0, "v": 10.0}
>>> expected_value(parameters, x=[0, 2], mean_value=[np.nan, 25.0]).tolist()
[10.0, 20.0]

Of 60 customers who always spend 10, every one will spend 10:

>>> fit(x=[3] * 60, mean_value=[10.0] * 60).parameters
{'mean': 10.0, 'own_share': 0.0}
"""

from collections.abc import Mapping

import numpy as np
from numpy.typing import ArrayLike
from scipy.special import digamma, gammaln

from estimation.fit import MINIMUM_CUSTOMERS, Fit, counts, maximize, thinning

# Mean values closer than this are equal: they come from division, which is not exact.
NOISE = 1e-9


def fit(x: ArrayLike, mean_value: ArrayLike, weights: ArrayLike = 1) -> Fit:
    """Find p, q and v (in the unit of money) by maximum likelihood: the sum of logs of (1a).

    Finds `mean` and `own_share` instead if the data are simpler than the model.
    `weights` is the number of customers with the values of the row: one number, or shape (rows,).
    The model knows only mean values above 0. Rows without repeat purchases, or with another mean
    value, are left out. Raises ValueError for negative weights.
    """
    x, z, weights = np.broadcast_arrays(
        np.asarray(x, dtype=float), np.asarray(mean_value, dtype=float), counts(weights)
    )
    used = (x > 0) & (z > 0) & np.isfinite(z)
    x, z, weights = x[used], z[used], weights[used]
    customers = weights.sum()
    if customers < MINIMUM_CUSTOMERS:
        return Fit.too_few(customers, "customers who paid for purchases on two days or more")
    if np.ptp(z) <= NOISE * z.max():
        return one_value(customers, z[0], "the purchases of every customer are worth")
    start = {"p": 1.0, "q": 2.0, "v": weights @ z / customers}
    if (step := thinning(x.size)) > 1:
        thinned = fit(x[::step], z[::step], weights[::step]).parameters or start
        start = thinned if "p" in thinned else start
    total = x * z
    log_total, log_z = np.log(total), weights @ np.log(z)
    # Gamma functions cost most. They depend on x alone, and x has few different values.
    distinct_x, index = np.unique(x, return_inverse=True)
    distinct_weights = np.bincount(index, weights)
    highest = -np.inf

    def log_likelihood(parameters: np.ndarray) -> tuple[float, np.ndarray]:
        p, q, v = parameters
        shape = p * distinct_x
        log_all = np.log(v + total)
        # Summed over the customers with the same x.
        log_share = np.bincount(index, weights * (log_total - log_all))
        log_rest = weights @ (np.log(v) - log_all)
        value = (
            distinct_weights @ (gammaln(shape + q) - gammaln(shape) - gammaln(q))
            + q * log_rest
            + shape @ log_share
            - log_z
        )
        nonlocal highest
        highest = max(highest, value)
        slope = np.array(
            [
                distinct_x @ (distinct_weights * (digamma(shape + q) - digamma(shape)) + log_share),
                distinct_weights @ (digamma(shape + q) - digamma(q)) + log_rest,
                customers * q / v - weights @ ((p * x + q) / (v + total)),
            ]
        )
        return value, slope

    found = maximize(log_likelihood, start, customers)
    if not found.converged:
        limits = [
            limit
            for limit in (_fit_of_one_mean(x, z, weights), _fit_of_own_values(x, z, weights))
            # Within 1 the data do not tell two models apart.
            if limit.converged and limit.log_likelihood > highest - 1
        ]
        if len(limits) == 1:
            return limits[0]
    return found


def one_value(customers: float, value: float, what: str) -> Fit:
    """Return the fit of purchases that are all worth `value`; `what` says what is worth so much."""
    return Fit(
        float(customers),
        converged=True,
        reason=f"{what} {value:.2f}, so this is expected of everyone",
        parameters={"mean": float(value), "own_share": 0.0},
    )


def _fit_of_one_mean(x: np.ndarray, z: np.ndarray, weights: np.ndarray) -> Fit:
    """Fit purchases that are gamma-distributed around one mean: the limit for q to infinity."""
    customers, purchases = weights.sum(), weights * x
    mean = float(purchases @ z / purchases.sum())
    log_z = np.log(z)

    def log_likelihood(parameters: np.ndarray) -> tuple[float, np.ndarray]:
        [p] = parameters
        shape = p * x
        value = weights @ (
            shape * np.log(shape / mean) - gammaln(shape) + (shape - 1) * log_z - shape * z / mean
        )
        slope = purchases @ (np.log(shape / mean) + 1 - digamma(shape) + log_z - z / mean)
        return value, np.array([slope])

    found = maximize(log_likelihood, {"p": 1.0}, customers)
    return found._replace(
        reason="customers do not differ in what they spend, so the mean of all purchases is"
        f" expected of everyone: {mean:.2f}",
        parameters={"mean": mean, "own_share": 0.0},
    )


def _fit_of_own_values(x: np.ndarray, z: np.ndarray, weights: np.ndarray) -> Fit:
    """Fit means that are inverse-gamma-distributed over the customers: the limit for p to infinity.

    Only customers who came back more than once show that they always spend the same.
    """
    customers, often = weights.sum(), weights[x > 1].sum()
    if often < MINIMUM_CUSTOMERS:
        return Fit.too_few(often, "customers who came back more than once")
    log_z, inverse = weights @ np.log(z), weights @ (1 / z)

    def log_likelihood(parameters: np.ndarray) -> tuple[float, np.ndarray]:
        q, scale = parameters
        value = customers * (q * np.log(scale) - gammaln(q)) - (q + 1) * log_z - scale * inverse
        slope = [
            customers * (np.log(scale) - digamma(q)) - log_z,
            customers * q / scale - inverse,
        ]
        return value, np.array(slope)

    found = maximize(log_likelihood, {"q": 2.0, "scale": weights @ z / customers}, customers)
    if not found.converged or found.parameters["q"] <= 1:
        return Fit.failed(customers, "the mean over all customers is not finite")
    mean = found.parameters["scale"] / (found.parameters["q"] - 1)
    return found._replace(
        reason="each customer always spends about the same, so that is expected again. Of a"
        f" customer who has not come back, {mean:.2f} is expected",
        parameters={"mean": mean, "own_share": 1.0},
    )


def expected_value(
    parameters: Mapping[str, float], x: ArrayLike, mean_value: ArrayLike
) -> np.ndarray:
    """Return the mean value of each customer's purchases, given the repeat purchases so far: (5).

    The result has shape (rows,). Without repeat purchases it is the mean over all customers,
    p v / (q - 1), and `mean_value` may be NaN. The result is NaN where the model has no answer: the
    mean is infinite (p x + q <= 1), or `mean_value` is negative or NaN.

    The production copy of this formula is SQL, in the model int_buyers_valued: there it needs no
    trip of all customers through Python. Tests compare both with the published values of the same
    ten customers (tests/python: test_estimation and test_cdnow).
    """
    x = np.asarray(x, dtype=float)
    if "mean" in parameters:
        mean, own_share = parameters["mean"], parameters["own_share"]
        return np.where(x > 0, mean + own_share * (np.asarray(mean_value) - mean), mean)
    p, q, v = (parameters[name] for name in ("p", "q", "v"))
    total = np.where(x > 0, x * mean_value, 0)
    denominator = p * x + q - 1
    has_answer = (denominator > 0) & (total >= 0)
    return np.where(has_answer, p * (v + total) / np.where(has_answer, denominator, 1), np.nan)
