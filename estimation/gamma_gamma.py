"""Gamma-Gamma: what a customer's purchases are worth on average.

The value of a purchase is gamma-distributed around the customer's own mean. The means are
gamma-distributed over the customers, and do not depend on how often customers buy.

Fader and Hardie, "The Gamma-Gamma Model of Monetary Value" (2013 note); it is fitted to repeat
purchases, as in Fader, Hardie and Lee, "RFM and CLV: Using Iso-Value Curves for Customer Base
Analysis", Journal of Marketing Research 42 (2005). In many shops the first purchase is worth more
or less than the later ones.

In all functions `x` is the number of repeat purchases and `mean_value` their mean value. Both have
shape (rows,).

With p = 2, q = 3 and v = 10 the mean over all customers is 2 * 10 / (3 - 1) = 10. It is expected of
a customer who never came back. A customer who came back twice, for 25 each, is in between:

>>> parameters = {"p": 2.0, "q": 3.0, "v": 10.0}
>>> expected_value(parameters, x=[0, 2], mean_value=[np.nan, 25.0]).tolist()
[10.0, 20.0]
"""

from collections.abc import Mapping

import numpy as np
from numpy.typing import ArrayLike
from scipy.special import digamma, gammaln

from estimation.fit import MINIMUM_CUSTOMERS, Fit, counts, maximize, thinning


def fit(x: ArrayLike, mean_value: ArrayLike, weights: ArrayLike = 1) -> Fit:
    """Find p, q and v (in the unit of money) by maximum likelihood: the sum of logs of (1a).

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
        return Fit.too_few(customers)
    start = {"p": 1.0, "q": 2.0, "v": weights @ z / customers}
    if (step := thinning(x.size)) > 1:
        start = fit(x[::step], z[::step], weights[::step]).parameters or start
    total = x * z
    log_total, log_z = np.log(total), weights @ np.log(z)
    # Gamma functions cost most. They depend on x alone, and x has few different values.
    distinct_x, index = np.unique(x, return_inverse=True)
    distinct_weights = np.bincount(index, weights)

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
        slope = np.array(
            [
                distinct_x @ (distinct_weights * (digamma(shape + q) - digamma(shape)) + log_share),
                distinct_weights @ (digamma(shape + q) - digamma(q)) + log_rest,
                customers * q / v - weights @ ((p * x + q) / (v + total)),
            ]
        )
        return value, slope

    return maximize(log_likelihood, start, customers)


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
    p, q, v = (parameters[name] for name in ("p", "q", "v"))
    x = np.asarray(x, dtype=float)
    total = np.where(x > 0, x * mean_value, 0)
    denominator = p * x + q - 1
    has_answer = (denominator > 0) & (total >= 0)
    return np.where(has_answer, p * (v + total) / np.where(has_answer, denominator, 1), np.nan)
