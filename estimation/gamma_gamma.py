"""Gamma-Gamma: what a customer's purchases are worth on average.

The value of a purchase is gamma-distributed around the customer's own mean, which is
gamma-distributed over the customers and independent of how often they buy.

Fader and Hardie, "The Gamma-Gamma Model of Monetary Value" (2013 note); it is fitted to repeat
purchases, as in Fader, Hardie and Lee, "RFM and CLV: Using Iso-Value Curves for Customer Base
Analysis", Journal of Marketing Research 42 (2005): the first purchase is worth more or less than
the later ones in many shops.

Everywhere `x` is the number of repeat purchases and `mean_value` what they were worth on average.
"""

from collections.abc import Mapping

import numpy as np
from numpy.typing import ArrayLike
from scipy.special import digamma, gammaln

from estimation.fit import MINIMUM_CUSTOMERS, Fit, counts, maximize, thinning


def fit(x: ArrayLike, mean_value: ArrayLike, weights: ArrayLike = 1) -> Fit:
    """Find p, q and v (in the unit of money) by maximum likelihood: the sum of logs of (1a).

    All of shape (rows,); `weights` is how many customers share a row. Rows without repeat purchases
    or with a mean value that is not a number above 0 are left out: the model does not know them.
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
    # Gamma functions cost most and depend on x alone, of which there are few different ones.
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
    """Mean value of each customer's purchases, given the repeat purchases so far: (5).

    Of shape (rows,), as `x` and `mean_value`; without repeat purchases `mean_value` is not looked
    at and the result is the mean over all customers, p v / (q - 1). NaN where the model has no
    answer: the mean is infinite, which is so for p x + q <= 1, or `mean_value` is below 0 or NaN.
    """
    p, q, v = (parameters[name] for name in ("p", "q", "v"))
    x = np.asarray(x, dtype=float)
    total = np.where(x > 0, x * mean_value, 0)
    denominator = p * x + q - 1
    has_answer = (denominator > 0) & (total >= 0)
    return np.where(has_answer, p * (v + total) / np.where(has_answer, denominator, 1), np.nan)
