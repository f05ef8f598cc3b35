"""Shifted beta-geometric: how long customers with a contract renew it.

At each renewal a customer leaves with a probability that stays the same for life. It is
beta-distributed over the customers (alpha, beta). Customers who leave easily leave early, so
retention rises with the renewals made.

Fader and Hardie, "How to Project Customer Retention", Journal of Interactive Marketing 21 (2007);
Fader and Hardie, "Customer-Base Valuation in a Contractual Setting: The Perils of Ignoring
Heterogeneity", Marketing Science 29 (2010).

Time is counted in whole billing intervals, and rates are per interval. The n-th renewal is due n
intervals after the start.

The "high end" segment of 2007: of 1,000 customers 869 made the first renewal, and 491 the seventh.
A customer who has made one renewal is expected to make 5.9 more, discounted by 10 % an interval:

>>> survivors = np.array([1000, 869, 743, 653, 593, 551, 517, 491])
>>> found = fit(intervals=range(1, 8), lost=-np.diff(survivors), running=[0] * 6 + [491])
>>> {name: round(value, 3) for name, value in found.parameters.items()}
{'alpha': 0.668, 'beta': 3.806}
>>> discounted_residual_lifetime(found.parameters, [0, 1], discount_rate=0.1).round(1).tolist()
[5.4, 5.9]

`survival`, `retention_rate` and `discounted_lifetime` have no caller but tests: these are the
numbers that the papers publish, so they are what the fit is compared with.
"""

from collections.abc import Mapping

import numpy as np
from numpy.typing import ArrayLike
from scipy.special import digamma, gammaln

from estimation.beta_expectation import beta_expectation
from estimation.fit import MINIMUM_CUSTOMERS, Fit, counts, maximize


def fit(
    intervals: ArrayLike, lost: ArrayLike, running: ArrayLike, before_entry: ArrayLike = 0
) -> Fit:
    """Find alpha and beta by maximum likelihood: (5) and (6) of 2007, with any censoring.

    All have shape (rows,). Of the customers of a row, `lost` left at renewal number `intervals`,
    which is 1 or more. `running` have made that many renewals, 0 or more, and wait for the next.
    Customers in their first interval know no renewal yet, and are left out.

    `before_entry` is the number of renewals that were due before the customers of a row were first
    observed: one number or shape (rows,). Who left at one of these renewals is not in the data. So
    the likelihood of all others is that of customers who made `before_entry` renewals (left
    truncation): it is divided by survival(before_entry). Customers who have come no further than
    the entry are left out.

    Raises ValueError for negative numbers of customers or renewals, and for a customer who left
    before the first renewal.
    """
    n, entry, lost, running = np.broadcast_arrays(
        np.asarray(intervals, dtype=float),
        np.asarray(before_entry, dtype=float),
        counts(lost),
        counts(running),
    )
    if not np.all((n >= 1) | ((n == 0) & (lost == 0))):
        raise ValueError("nobody can leave before the first renewal")
    if not np.all(entry >= 0):
        raise ValueError("nobody enters before the start")
    seen = n > entry
    n, entry, lost, running = n[seen], entry[seen], lost[seen], running[seen]
    customers = lost.sum() + running.sum()
    if customers < MINIMUM_CUSTOMERS:
        return Fit.too_few(customers, "subscribers who came to a renewal")
    if not lost.any():
        return Fit.failed(
            customers,
            "no subscriber has left so far, so nobody knows how long they stay."
            " Wait until some leave",
        )

    def log_likelihood(parameters: np.ndarray) -> tuple[float, np.ndarray]:
        alpha, beta = parameters
        made = lost + running
        value = lost.sum() * np.log(alpha) + (
            lost @ (gammaln(beta + n - 1) - gammaln(beta + entry))
            + running @ (gammaln(beta + n) - gammaln(beta + entry))
            + made @ (gammaln(alpha + beta + entry) - gammaln(alpha + beta + n))
        )
        both = made @ (digamma(alpha + beta + entry) - digamma(alpha + beta + n))
        stayed = lost @ (digamma(beta + n - 1) - digamma(beta + entry)) + running @ (
            digamma(beta + n) - digamma(beta + entry)
        )
        return value, np.array([lost.sum() / alpha + both, stayed + both])

    return maximize(log_likelihood, {"alpha": 1.0, "beta": 1.0}, customers)


def survival(parameters: Mapping[str, float], intervals: ArrayLike) -> np.ndarray:
    """Return the share of customers who make that many renewals: (6) of 2007."""
    alpha, beta = parameters["alpha"], parameters["beta"]
    n = np.asarray(intervals, dtype=float)
    return np.exp(
        gammaln(beta + n) - gammaln(beta) + gammaln(alpha + beta) - gammaln(alpha + beta + n)
    )


def retention_rate(parameters: Mapping[str, float], renewal: ArrayLike) -> np.ndarray:
    """Return the share of customers at a renewal (1 is the first) who make it: (8) of 2007."""
    alpha, beta = parameters["alpha"], parameters["beta"]
    stayed = beta + np.asarray(renewal, dtype=float) - 1
    return stayed / (alpha + stayed)


def discounted_lifetime(
    parameters: Mapping[str, float], discount_rate: float, horizon: float = np.inf
) -> float:
    """Return the discounted expected number of payments of a new customer, the first paid today.

    The sum of survival(n) / (1 + discount_rate)^n over 0 <= n < horizon.
    """
    [residual] = discounted_residual_lifetime(parameters, [0], discount_rate, horizon - 1)
    return 1 + float(residual) / (1 + discount_rate)


def discounted_residual_lifetime(
    parameters: Mapping[str, float],
    renewals: ArrayLike,
    discount_rate: float,
    horizon: ArrayLike = np.inf,
) -> np.ndarray:
    """Return the discounted expected payments to come, just before the next renewal: (6) of 2010.

    `renewals` is the number that each customer has made, shape (rows,). The renewal that is due
    next is not discounted. `horizon` is the largest number of renewals that count, one number or
    shape (rows,). Raises ValueError if there is neither a discount nor a horizon, because the sum
    may be infinite.

    The renewals of a customer who leaves with probability p are a geometric series. Given the
    renewals made, p is Beta(alpha, beta + renewals).
    """
    if discount_rate <= 0 and not np.all(np.isfinite(horizon)):
        raise ValueError("needs a discount rate above 0 or a horizon")
    pairs = np.stack(np.broadcast_arrays(np.asarray(renewals, dtype=float), horizon), axis=-1)
    distinct, index = np.unique(pairs, axis=0, return_inverse=True)

    def payments(p: np.ndarray, horizon: float) -> np.ndarray:
        log_ratio = np.log1p(-p) - np.log1p(discount_rate)
        return (1 - p) * np.expm1(horizon * log_ratio) / np.expm1(log_ratio)

    residuals = [
        beta_expectation(
            lambda p, limit=limit: payments(p, limit),
            parameters["alpha"],
            parameters["beta"] + made,
            steepness=1 + 1 / (discount_rate + 1 / (limit + 1)),
        )
        for made, limit in distinct
    ]
    return np.array(residuals)[index]
