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

from estimation.fit import MINIMUM_CUSTOMERS, Fit, counts, maximize


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
    log_total = np.log(x * z)

    def log_likelihood(parameters: np.ndarray) -> tuple[float, np.ndarray]:
        p, q, v = parameters
        shape = p * x
        log_share = log_total - np.log(v + x * z)
        log_rest = np.log(v) - np.log(v + x * z)
        value = (
            gammaln(shape + q)
            - gammaln(shape)
            - gammaln(q)
            + q * log_rest
            + shape * log_share
            - np.log(z)
        )
        slope = np.array(
            [
                x * (digamma(shape + q) - digamma(shape) + log_share),
                digamma(shape + q) - digamma(q) + log_rest,
                q / v - (shape + q) / (v + x * z),
            ]
        )
        return weights @ value, slope @ weights

    return maximize(log_likelihood, {"p": 1.0, "q": 2.0, "v": weights @ z / customers}, customers)


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
